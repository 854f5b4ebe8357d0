"""Access links of a case: who has one, making one, withdrawing one."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access import actions
from server.access.action import Action, Permit
from server.access.actions import LONGEST_GRANT_DAYS
from server.access.permissions import SHARED_PERMITS
from server.access.queries import grant, grants_of_case
from server.access.records import Grant
from server.foundation.errors import FieldProblem
from server.people.queries import PersonNotFound, person
from server.people.records import Person
from server.web.api.endpoint import BASE, Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, NUMBER, Href, Id, Line, Moment, Reason
from server.web.api.fitting import RequestRefused
from server.web.visit import Visit

TAG = "Access links"


class AccessLink(Given):
    """A link to the case. Its token is known to its holder only."""

    href: Href
    id: Id
    for_whom: Line
    permits: list[str]
    pseudonymised: bool
    issued_at: Moment
    expires_at: Moment
    uses: int
    last_used_at: Moment | None
    revoked_at: Moment | None


class AccessLinks(Given):
    """Every link that was ever made to the case, the newest first."""

    links: list[AccessLink]


class AccessLinkWanted(Sent):
    """A link for a surgeon, named by their id, or for somebody at the hospital, by name."""

    permits: Annotated[
        list[Permit], Meta(min_length=1, max_length=10, description="What the link allows.")
    ]
    person_id: Annotated[str, Meta(max_length=32)] = ""
    for_whom: Line = ""
    days: Annotated[int, Meta(ge=1, le=LONGEST_GRANT_DAYS)] = 14
    pseudonymised: Annotated[bool, Meta(description="It hides who the patient is.")] = False


class AccessLinkMade(Given):
    """A new link. `link` is shown this once; `token` is what programs send as a bearer."""

    href: Href
    link: str
    token: str
    grant: AccessLink


class LinkWithdrawn(Sent):
    """Why the link is withdrawn."""

    why: Reason


def list_links(visit: Visit) -> AccessLinks:
    """The links of the case."""
    known = grants_of_case(visit.session, visit.case.id)
    return AccessLinks(
        links=[_read(visit, one) for one in known if not SHARED_PERMITS & set(one.permits)]
    )


def make_link(visit: Visit, body: AccessLinkWanted) -> AccessLinkMade:
    """Make a link."""
    who = _surgeon(visit, body.person_id) if body.person_id else None
    issued = actions.issue_grant(
        visit.session,
        case=visit.case,
        for_whom=who.name if who else body.for_whom,
        permits=frozenset(body.permits),
        days=body.days,
        pseudonymised=body.pseudonymised,
        issued_by=visit.actor.text,
        person=who,
        now=visit.now,
    )
    visit.note(grant=issued.grant.id[:8], permits=list(issued.grant.permits))
    read = _read(visit, issued.grant)
    link = f"{visit.services.settings.public_url}/open#{issued.token}"
    return AccessLinkMade(href=read.href, link=link, token=issued.token, grant=read)


def _surgeon(visit: Visit, person_id: str) -> Person:
    try:
        return person(visit.session, person_id)
    except PersonNotFound as error:
        wanted = FieldProblem("/person_id", "Name a surgeon by the ids of the ranking.")
        raise RequestRefused("No link was made.", [wanted]) from error


def withdraw_link(visit: Visit, link_id: str, body: LinkWithdrawn) -> AccessLink:
    """Withdraw a link, and every visit begun with it."""
    found = grant(visit.session, link_id, case_id=visit.case.id)
    actions.revoke_grant(visit.session, found, by=visit.actor.text, why=body.why, now=visit.now)
    visit.note(grant=found.id[:8], why=body.why)
    return _read(visit, found)


def _read(visit: Visit, one: Grant) -> AccessLink:
    return AccessLink(
        href=f"{BASE}/cases/{visit.case.number}/links/{one.id}",
        id=one.id,
        for_whom=one.for_whom,
        permits=list(one.permits),
        pseudonymised=one.pseudonymised,
        issued_at=one.issued_at,
        expires_at=one.expires_at,
        uses=one.uses,
        last_used_at=one.last_used_at,
        revoked_at=one.revoked_at,
    )


_LINK = AccessLink(
    href=f"{BASE}/cases/{NUMBER}/links/{AN_ID}", id=AN_ID, for_whom="Dr Lena Hoffmann",
    permits=["annotate", "sign", "view"], pseudonymised=True, issued_at=AT, expires_at=AT, uses=3,
    last_used_at=AT, revoked_at=None,
)  # fmt: skip
_PLACE = "/cases/<number>/links"

ENDPOINTS = (
    Endpoint(
        "GET", _PLACE, list_links, Action.GRANT_ISSUE, TAG, "List access links",
        AccessLinks, AccessLinks(links=[_LINK]),
    ),
    Endpoint(
        "POST", _PLACE, make_link, Action.GRANT_ISSUE, TAG, "Make an access link",
        AccessLinkMade,
        AccessLinkMade(
            href=_LINK.href, link="https://margin.example/open#mgn_…", token="mgn_…",  # noqa: S106
            grant=_LINK,
        ),
        body=AccessLinkWanted,
        sent=AccessLinkWanted(permits=[Permit.UPLOAD, Permit.DOWNLOAD], for_whom="Riverside office"),
        status=201, creates=True, secret=True,
    ),
    Endpoint(
        "POST", f"{_PLACE}/<link_id>/withdrawal", withdraw_link, Action.GRANT_REVOKE, TAG,
        "Withdraw an access link", AccessLink, _LINK,
        body=LinkWithdrawn, sent=LinkWithdrawn(why="It was sent to the wrong address."),
    ),
)  # fmt: skip
