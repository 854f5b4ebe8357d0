"""What a coordinator lets happen to a case: complete, hold, assign. One of two at once wins."""

from __future__ import annotations

from flask import Response

from server.access.door import Route
from server.access.permissions import Action
from server.cases import actions
from server.cases.lifecycle import Event
from server.foundation.errors import BadRequest, FieldProblem, Invalid
from server.people.queries import person
from server.web.forms import AdvanceForm, show_problems
from server.web.pages.cases import OFFERED, assign_form, show_case
from server.web.pages.layout import FORM_REFUSED, go
from server.web.visit import Visit

REASON_WANTED = {
    Event.HOLD: "Say why the case is held and who must act.",
    Event.WITHDRAW: "Say why the case is withdrawn.",
}
SAID = {
    Event.RECORDS_COMPLETE: "The records are complete and the clock runs.",
    Event.RECORDS_WANTED: "The case waits for more records.",
    Event.HOLD: "The case is on hold.",
    Event.RESUME: "The case goes on; check the records.",
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
    event, reason = Event(form.event.data), (form.reason.data or "").strip()
    if event in REASON_WANTED and not reason:
        error = Invalid("Nothing was changed.", [FieldProblem("/reason", REASON_WANTED[event])])
        show_problems(form, error)
        return show_case(visit, refused=error, advance_form=form)
    seen_version = form.version.data or 0
    if event is Event.RECORDS_COMPLETE:
        actions.declare_records_complete(visit.session, visit.case, seen_version, visit.now)
    elif event is Event.HOLD:
        actions.hold(visit.session, visit.case, reason=reason, seen_version=seen_version)
    else:
        actions.happen(visit.session, visit.case, event, seen_version=seen_version)
        visit.case.held_reason = reason
    visit.note(event=event.value, **({"why": reason} if reason else {}))
    return go(f"/cases/{visit.case.number}", SAID[event])


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
