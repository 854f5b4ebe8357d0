"""Issuing a case's access links, shown once, and withdrawing them."""

from __future__ import annotations

from flask import Response, request

from server.access import actions
from server.access.action import Action, Permit
from server.access.door import Route
from server.access.queries import grant
from server.foundation.errors import FieldProblem, Invalid
from server.people.queries import person
from server.web.forms import GrantForm, RevokeForm, show_problems
from server.web.pages.cases import grant_form, show_case
from server.web.pages.layout import FORM_REFUSED, go
from server.web.visit import Visit


def issue(visit: Visit) -> Response:
    """Issue a link for a surgeon or for somebody at the hospital, and show it this once."""
    kind = "surgeon" if request.form.get("kind") == "surgeon" else "hospital"
    form = grant_form(visit, kind)
    if not form.validate():
        return _again(visit, kind, form, FORM_REFUSED)
    surgeon = None
    if kind == "surgeon":
        if not form.person_id.data:
            wanted = FieldProblem("/person_id", "Choose the surgeon for whom the link is.")
            return _again(visit, kind, form, Invalid("No link was issued.", [wanted]))
        surgeon = person(visit.session, form.person_id.data)
    try:
        with visit.attempt():
            issued = actions.issue_grant(
                visit.session,
                case=visit.case,
                for_whom=surgeon.name if surgeon else form.for_whom.data or "",
                permits=frozenset(Permit(permit) for permit in form.permits.data or []),
                days=form.days.data or 0,
                pseudonymised=bool(form.pseudonymised.data),
                issued_by=visit.actor.text,
                person=surgeon,
                now=visit.now,
            )
    except Invalid as error:
        return _again(visit, kind, form, error)
    visit.note(
        grant=issued.grant.id[:8],
        permits=list(issued.grant.permits),
        pseudonymised=issued.grant.pseudonymised,
    )
    link = f"{visit.services.settings.public_url}/open#{issued.token}"
    return show_case(visit, link=link, link_grant=issued.grant)


def _again(visit: Visit, kind: str, form: GrantForm, error: Invalid) -> Response:
    show_problems(form, error) if error is not FORM_REFUSED else None
    return show_case(visit, refused=error, **{f"{kind}_grant": form}, grant_kind=kind)


def revoke(visit: Visit, grant_id: str) -> Response:
    """Withdraw a link of this case, and every visit begun with it."""
    withdrawn = grant(visit.session, grant_id, case_id=visit.case.id)
    form = RevokeForm()
    if not form.validate():
        return show_case(visit, refused=FORM_REFUSED, revoke_form=form, revoke_id=withdrawn.id)
    why = (form.why.data or "").strip()
    actions.revoke_grant(visit.session, withdrawn, by=visit.actor.text, why=why, now=visit.now)
    visit.note(grant=withdrawn.id[:8], why=why)
    return go(
        f"/cases/{visit.case.number}#access",
        f"The link for {withdrawn.for_whom} is withdrawn; it stops working within 5 seconds.",
    )


ROUTES = [
    Route("/cases/<number>/grants", issue, Action.GRANT_ISSUE, ("POST",)),
    Route("/cases/<number>/grants/<grant_id>/revoke", revoke, Action.GRANT_REVOKE, ("POST",)),
]
