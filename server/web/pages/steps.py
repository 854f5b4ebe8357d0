"""What a coordinator lets happen to a case: complete, hold, assign. One of two at once wins."""

from __future__ import annotations

from flask import Response

from server.access.door import Route
from server.access.permissions import Action
from server.cases import actions
from server.cases.lifecycle import Event
from server.dossier.actions import declare_complete
from server.foundation.errors import BadRequest, Invalid
from server.people.queries import person
from server.web.forms import AdvanceForm, show_problems
from server.web.pages.cases import OFFERED, assign_form, show_case
from server.web.pages.layout import FORM_REFUSED, go
from server.web.visit import Visit

SAID = {
    Event.RECORDS_COMPLETE: "The records are complete and the clock runs.",
    Event.RECORDS_WANTED: "The case waits for more records.",
    Event.HOLD: "The case is on hold.",
    Event.RESUME: "The case goes on where it was held.",
    Event.SURGEON_WITHDRAWN: "The case is taken back; assign it to somebody else.",
    Event.CLOSE: "The case is closed.",
    Event.WITHDRAW: "The case is withdrawn.",
}


class EventUnknown(BadRequest):
    """A form asked for something that cannot be asked for by hand."""


def advance(visit: Visit) -> Response:
    """Let an event happen to the case that the coordinator had before their eyes."""
    form = AdvanceForm()
    if not form.validate() or form.event.data not in [event.value for event in OFFERED]:
        raise EventUnknown("This step is not known.", remedy="Reload the case and try again.")
    event = Event(form.event.data)
    reason = (form.reason.data or "").strip()
    try:
        _let_happen(visit, event, reason, form.version.data or 0)
    except Invalid as error:
        visit.session.rollback()
        show_problems(form, error)
        return show_case(visit, refused=error, advance_form=form)
    visit.note(event=event.value, **({"why": reason} if reason else {}))
    return go(f"/cases/{visit.case.number}", SAID[event])


def _let_happen(visit: Visit, event: Event, reason: str, seen_version: int) -> None:
    session, one, now = visit.session, visit.case, visit.now
    match event:
        case Event.RECORDS_COMPLETE:
            missing = declare_complete(
                session,
                one,
                seen_version=seen_version,
                by=visit.actor.text,
                now=now,
                override=reason,
            )
            visit.note(**({"missing": list(missing)} if missing else {}))
        case Event.HOLD:
            actions.hold(session, one, reason=reason, seen_version=seen_version, now=now)
        case Event.WITHDRAW:
            actions.withdraw(session, one, reason=reason, seen_version=seen_version, now=now)
        case Event.RESUME:
            actions.resume(session, one, seen_version=seen_version, now=now)
        case Event.SURGEON_WITHDRAWN:
            actions.take_back(session, one, seen_version=seen_version, now=now)
        case _:
            actions.happen(session, one, event, seen_version=seen_version)


def assign(visit: Visit) -> Response:
    """Ask one surgeon to review the case."""
    form = assign_form(visit)
    if not form.validate():
        return show_case(visit, refused=FORM_REFUSED, assign_form=form)
    surgeon = person(visit.session, form.person_id.data)
    actions.assign(
        visit.session,
        visit.case,
        surgeon,
        seen_version=form.version.data or 0,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(surgeon=surgeon.name)
    return go(
        f"/cases/{visit.case.number}",
        f"{surgeon.name} was asked. Issue a link below unless they sign in with an account.",
    )


ROUTES = [
    Route("/cases/<number>/advance", advance, Action.CASE_ADVANCE, ("POST",)),
    Route("/cases/<number>/assign", assign, Action.CASE_ASSIGN, ("POST",)),
]
