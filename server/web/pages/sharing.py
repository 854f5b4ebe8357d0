"""With whom a case's opinion is shared: consents, links with a PIN, what was opened, and the end of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response

from server.access import sharing, sharing_actions
from server.access.action import Action
from server.access.door import Route
from server.access.sharing_actions import Agreed
from server.access.sharing_queries import (
    consent_to_share,
    consents_to_share,
    openings,
    share_of_case,
)
from server.dossier.value_sets import CONSENT_WAYS
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.opinions.queries import opinions_of_case
from server.web.languages import say
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.typed_forms import came_back, typed_fields
from server.web.telling_after import consent_withdrawn
from server.web.visit import Visit


def sharing_page(
    visit: Visit, refused: Invalid | Conflict | None = None, at: str = "", **fresh: Any
) -> Response:
    """Consents with their links and openings, and the form for another consent."""
    case, session, now = visit.case, visit.session, visit.now
    consents = consents_to_share(session, case.id)
    shares = [share for consent in consents for share in consent.shares]
    shown: dict[str, Any] = {
        "case": case,
        "base": base_of(visit),
        "consents": [
            (one, sharing.standing(one.valid_until, one.revoked_at, now)) for one in consents
        ],
        "openings": openings(session, case.number, shares),
        "by_share": {
            share.id: consent.recipient for consent in consents for share in consent.shares
        },
        "opinion": next((one for one in opinions_of_case(session, case.id) if one.sha256), None),
        "recipients": sharing.RECIPIENTS,
        "what": sharing.WHAT,
        "given_by": sharing.GIVEN_BY,
        "ways": CONSENT_WAYS,
        "is_shut": sharing.is_shut,
        "usual_until": now.date() + timedelta(days=sharing.USUAL_CONSENT_DAYS),
        "may_change": visit.may(Action.SHARING_CHANGE),
        "may_withdraw": visit.may(Action.CONSENT_WITHDRAW),
        "fresh": None,
    }
    return page(
        visit, "sharing.html", refused=refused, **{**shown, **came_back(refused, at), **fresh}
    )


def record(visit: Visit) -> Response:
    """Keep a consent of the patient for one recipient."""
    typed = typed_fields()
    names = (
        *("recipient", "recipient_kind", "what", "given_by", "given_by_name", "given_by_relation"),
        *("given_on", "how", "document_id", "valid_until"),
    )
    agreed = Agreed(
        pseudonymised=bool(typed.get("pseudonymised")),
        **{name: typed.get(name, "") for name in names},
    )
    try:
        kept = sharing_actions.record_consent(
            visit.session, visit.case, agreed, by=visit.actor.text, now=visit.now
        )
    except Invalid as error:
        return sharing_page(visit, error, "consent")
    visit.note(consent=kept.id[:8], what=kept.what, pseudonymised=kept.pseudonymised)
    return go(
        f"{base_of(visit)}/sharing#consent-{kept.id}",
        "The consent is kept. Now make the link for the recipient.",
    )


def make_link(visit: Visit, consent_id: str) -> Response:
    """Make a link on a consent, and show it and its PIN this once."""
    consent = consent_to_share(visit.session, visit.case.id, consent_id)
    try:
        with visit.attempt():
            made = sharing_actions.share(
                visit.session, visit.case, consent, by=visit.actor.text, now=visit.now
            )
    except Conflict as error:
        return sharing_page(visit, error, f"link-{consent.id}")
    visit.note(consent=consent.id[:8], grant=made.share.grant_id[:8])
    link = f"{visit.services.settings.public_url}/open#{made.token}"
    return sharing_page(
        visit, fresh={"link": link, "pin": made.pin, "recipient": consent.recipient}
    )


def new_pin(visit: Visit, share_id: str) -> Response:
    """Give a link another PIN, shown this once; the count of wrong ones begins anew."""
    kept = share_of_case(visit.session, visit.case.id, share_id)
    pin = sharing_actions.renew_pin(visit.session, kept, now=visit.now)
    visit.note(grant=kept.grant_id[:8], renewed="pin")
    fresh = {"link": "", "pin": pin, "recipient": kept.consent.recipient}
    return sharing_page(visit, fresh=fresh)


def end_link(visit: Visit, share_id: str) -> Response:
    """End one link; the consent stands."""
    kept = share_of_case(visit.session, visit.case.id, share_id)
    why = typed_fields().get("why", "").strip()
    if not why:
        error = Invalid("The link stands.", [FieldProblem("/why", "Say why the link is ended.")])
        return sharing_page(visit, error, f"end-{kept.id}")
    sharing_actions.end_share(visit.session, kept, why=why, by=visit.actor.text, now=visit.now)
    visit.note(grant=kept.grant_id[:8], why=why)
    return go(
        f"{base_of(visit)}/sharing",
        f"The link for {kept.consent.recipient} is ended; it stops working within 5 seconds.",
    )


def withdraw(visit: Visit, consent_id: str) -> Response:
    """Note that the patient takes a consent back: everything shared on it ends at once."""
    consent = consent_to_share(visit.session, visit.case.id, consent_id)
    try:
        sharing_actions.withdraw_consent(
            visit.session,
            consent,
            why=typed_fields().get("why", ""),
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return sharing_page(visit, error, f"withdraw-{consent.id}")
    consent_withdrawn(visit, consent)
    visit.note(consent=consent.id[:8])
    return go(
        f"{base_of(visit)}/sharing",
        say("The consent for {whom} is withdrawn.", whom=consent.recipient)
        + " "
        + say("What was shared on it stops within 5 seconds."),
    )


CASE, LINK = "/cases/<number>/sharing", "/r/<launch>/sharing"
ROUTES = [
    Route(CASE, sharing_page, Action.SHARING_READ),
    Route(LINK, sharing_page, Action.SHARING_READ),
    Route(f"{CASE}/consents", record, Action.SHARING_CHANGE, ("POST",)),
    Route(f"{CASE}/consents/<consent_id>/link", make_link, Action.SHARING_CHANGE, ("POST",)),
    Route(f"{CASE}/consents/<consent_id>/withdraw", withdraw, Action.CONSENT_WITHDRAW, ("POST",)),
    Route(f"{LINK}/consents/<consent_id>/withdraw", withdraw, Action.CONSENT_WITHDRAW, ("POST",)),
    Route(f"{CASE}/links/<share_id>/pin", new_pin, Action.SHARING_CHANGE, ("POST",)),
    Route(f"{CASE}/links/<share_id>/end", end_link, Action.SHARING_CHANGE, ("POST",)),
]
