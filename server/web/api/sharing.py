"""With whom an opinion is shared: consents, links with a PIN, and the end of both."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access import sharing as rules
from server.access import sharing_actions
from server.access.action import Action
from server.access.sharing_actions import LONGEST_NAME, Agreed
from server.access.sharing_queries import (
    consent_to_share,
    consents_to_share,
    openings,
    share_of_case,
)
from server.access.sharing_records import Share, ShareConsent
from server.web import telling_after
from server.web.api.endpoint import BASE, Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, DAY, NUMBER, Day, Href, Id, Line, Moment, Reason, Word
from server.web.visit import Visit

TAG = "Sharing"
Name = Annotated[str, Meta(max_length=LONGEST_NAME)]


class LinkRead(Given):
    """A link that rests on a consent. Its token and PIN are known to the recipient only."""

    id: Id
    made_at: Moment
    expires_at: Moment
    ended_at: Moment | None
    wrong_pins: int


class ShareConsentRead(Given):
    """That one recipient may read the opinion, and the links made for them."""

    href: Href
    id: Id
    standing: Annotated[str, Meta(description="stands, over or withdrawn")]
    recipient: Line
    recipient_kind: Word
    what: Word
    pseudonymised: bool
    given_by: Word
    given_on: Day
    how: Word
    valid_until: Day
    revoked_at: Moment | None
    links: list[LinkRead]


class OpeningRead(Given):
    """Something that a recipient did."""

    link_id: Id
    at: Moment
    what: str
    refused: bool


class Sharing(Given):
    """Every consent to share, and what was opened, the newest first."""

    consents: list[ShareConsentRead]
    openings: list[OpeningRead]


class ShareConsentSent(Sent):
    """The patient's consent that one recipient reads the opinion."""

    recipient: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    recipient_kind: Annotated[Word, Meta(description=f"One of {', '.join(rules.RECIPIENTS)}.")]
    given_on: Day
    how: Annotated[Word, Meta(description="One of `consent_ways` of the vocabulary.")]
    valid_until: Day
    what: Annotated[Word, Meta(description=f"One of {', '.join(rules.WHAT)}.")] = rules.OPINION
    pseudonymised: Annotated[
        bool, Meta(description="The recipient learns neither patient nor hospital.")
    ] = False
    given_by: Annotated[Word, Meta(description=f"One of {', '.join(rules.GIVEN_BY)}.")] = "patient"
    given_by_name: Name = ""
    given_by_relation: Name = ""
    document_id: Annotated[str, Meta(max_length=32)] = ""


class LinkMade(Given):
    """A new link. `link` and `pin` are shown this once; send them by different ways."""

    href: Href
    link: str
    pin: str
    consent: ShareConsentRead


class Ended(Sent):
    """Why it ends."""

    why: Reason


def list_sharing(visit: Visit) -> Sharing:
    """Consents with their links, and what was opened."""
    consents = consents_to_share(visit.session, visit.case.id)
    shares = [share for consent in consents for share in consent.shares]
    return Sharing(
        consents=[_read(visit, one) for one in consents],
        openings=[
            OpeningRead(link_id=one.share_id, at=one.at, what=one.words, refused=one.refused)
            for one in openings(visit.session, visit.case.number, shares)
        ],
    )


def record_consent(visit: Visit, body: ShareConsentSent) -> ShareConsentRead:
    """Keep a consent of the patient for one recipient."""
    agreed = Agreed(
        recipient=body.recipient,
        recipient_kind=body.recipient_kind,
        what=body.what,
        pseudonymised=body.pseudonymised,
        given_by=body.given_by,
        given_by_name=body.given_by_name,
        given_by_relation=body.given_by_relation,
        given_on=body.given_on.isoformat(),
        how=body.how,
        document_id=body.document_id,
        valid_until=body.valid_until.isoformat(),
    )
    kept = sharing_actions.record_consent(
        visit.session, visit.case, agreed, by=visit.actor.text, now=visit.now
    )
    visit.note(consent=kept.id[:8], what=kept.what, pseudonymised=kept.pseudonymised)
    return _read(visit, kept)


def make_link(visit: Visit, consent_id: str) -> LinkMade:
    """Make a link on a consent."""
    consent = consent_to_share(visit.session, visit.case.id, consent_id)
    made = sharing_actions.share(
        visit.session, visit.case, consent, by=visit.actor.text, now=visit.now
    )
    visit.note(consent=consent.id[:8], grant=made.share.grant_id[:8])
    read = _read(visit, consent)
    return LinkMade(
        href=read.href,
        link=f"{visit.services.settings.public_url}/open#{made.token}",
        pin=made.pin,
        consent=read,
    )


def end_link(visit: Visit, link_id: str, body: Ended) -> ShareConsentRead:
    """End one link; the consent stands."""
    kept = share_of_case(visit.session, visit.case.id, link_id)
    sharing_actions.end_share(visit.session, kept, why=body.why, by=visit.actor.text, now=visit.now)
    visit.note(grant=kept.grant_id[:8], why=body.why)
    return _read(visit, kept.consent)


def withdraw_consent(visit: Visit, consent_id: str, body: Ended) -> ShareConsentRead:
    """The patient takes a consent back: everything shared on it ends at once."""
    consent = consent_to_share(visit.session, visit.case.id, consent_id)
    sharing_actions.withdraw_consent(
        visit.session, consent, why=body.why, by=visit.actor.text, now=visit.now
    )
    telling_after.consent_withdrawn(visit, consent)
    visit.note(consent=consent.id[:8])
    return _read(visit, consent)


def _read(visit: Visit, one: ShareConsent) -> ShareConsentRead:
    return ShareConsentRead(
        href=f"{BASE}/cases/{visit.case.number}/sharing/consents/{one.id}",
        id=one.id,
        standing=rules.standing(one.valid_until, one.revoked_at, visit.now),
        recipient=one.recipient,
        recipient_kind=one.recipient_kind,
        what=one.what,
        pseudonymised=one.pseudonymised,
        given_by=one.given_by,
        given_on=one.given_on,
        how=one.how,
        valid_until=one.valid_until,
        revoked_at=one.revoked_at,
        links=[_link(share) for share in one.shares],
    )


def _link(share: Share) -> LinkRead:
    return LinkRead(
        id=share.id,
        made_at=share.grant.issued_at,
        expires_at=share.grant.expires_at,
        ended_at=share.grant.revoked_at,
        wrong_pins=share.failures,
    )


_CONSENT = ShareConsentRead(
    href=f"{BASE}/cases/{NUMBER}/sharing/consents/{AN_ID}",
    id=AN_ID,
    standing="stands",
    recipient="Dr Mehta, Hillcrest Oncology",
    recipient_kind=next(iter(rules.RECIPIENTS)),
    what=rules.OPINION,
    pseudonymised=False,
    given_by="patient",
    given_on=DAY,
    how="written",
    valid_until=DAY,
    revoked_at=None,
    links=[LinkRead(id=AN_ID, made_at=AT, expires_at=AT, ended_at=None, wrong_pins=0)],
)
_PLACE = "/cases/<number>/sharing"

ENDPOINTS = (
    Endpoint(
        "GET", _PLACE, list_sharing, Action.SHARING_READ, TAG, "With whom the opinion is shared",
        Sharing, Sharing(consents=[_CONSENT], openings=[]),
    ),
    Endpoint(
        "POST", f"{_PLACE}/consents", record_consent, Action.SHARING_CHANGE, TAG,
        "Note a consent to share", ShareConsentRead, _CONSENT,
        body=ShareConsentSent,
        sent=ShareConsentSent(
            recipient=_CONSENT.recipient, recipient_kind=_CONSENT.recipient_kind, given_on=DAY,
            how="written", valid_until=DAY,
        ),
        status=201, creates=True,
    ),
    Endpoint(
        "POST", f"{_PLACE}/consents/<consent_id>/links", make_link, Action.SHARING_CHANGE, TAG,
        "Make a link for the recipient", LinkMade,
        LinkMade(
            href=_CONSENT.href, link="https://margin.example/open#mgn_…", pin="402731",
            consent=_CONSENT,
        ),
        status=201, creates=True, secret=True,
        refusals=("nothing_to_share", "consent_does_not_stand", "care_without_consent"),
    ),
    Endpoint(
        "POST", f"{_PLACE}/consents/<consent_id>/withdrawal", withdraw_consent,
        Action.CONSENT_WITHDRAW, TAG, "Note that the patient takes a consent back",
        ShareConsentRead, _CONSENT, body=Ended, sent=Ended(why="The patient said so in writing."),
    ),
    Endpoint(
        "POST", f"{_PLACE}/links/<link_id>/end", end_link, Action.SHARING_CHANGE, TAG,
        "End a link", ShareConsentRead, _CONSENT,
        body=Ended, sent=Ended(why="It was sent to the wrong address."),
    ),
)  # fmt: skip
