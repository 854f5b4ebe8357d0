"""What a coordinator lets happen to a case: complete, hold, assign. One of two at once wins."""

from __future__ import annotations

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.cases import actions
from server.cases.lifecycle import Event
from server.dossier.actions import declare_complete
from server.foundation.errors import BadRequest, Invalid
from server.panel import actions as panels
from server.people.queries import person
from server.web import telling
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
    who = form.waits_for.data or "coordinator"
    try:
        with visit.attempt():
            let_happen(visit, event, reason, form.version.data or 0, who)
    except Invalid as error:
        show_problems(form, error)
        return show_case(visit, refused=error, advance_form=form)
    visit.note(event=event.value, **({"why": reason} if reason else {}))
    return go(f"/cases/{visit.case.number}", SAID[event])


def let_happen(visit: Visit, event: Event, reason: str, seen_version: int, waits_for: str) -> None:
    """Let a step happen that a coordinator asked for: on the page, or through the API."""
    session, one, now, by = visit.session, visit.case, visit.now, visit.actor.text
    asked = telling.standing(one)
    match event:
        case Event.RECORDS_COMPLETE:
            missing = declare_complete(
                session,
                one,
                seen_version=seen_version,
                by=by,
                now=now,
                override=reason,
            )
            visit.note(**({"missing": list(missing)} if missing else {}))
        case Event.HOLD:
            actions.hold(
                session,
                one,
                reason=reason,
                waits_for=waits_for,
                seen_version=seen_version,
                now=now,
                by=by,
            )
        case Event.WITHDRAW:
            actions.withdraw(session, one, reason=reason, seen_version=seen_version, now=now, by=by)
            panels.dissolve(session, one)
        case Event.RESUME:
            actions.resume(session, one, seen_version=seen_version, now=now, by=by)
        case Event.SURGEON_WITHDRAWN:
            panels.dissolve(session, one)
            actions.take_back(session, one, seen_version=seen_version, now=now, by=by)
        case _:
            actions.happen(
                session, one, event, seen_version=seen_version, now=now, by=by, detail=reason
            )
    telling.step(visit, event, asked)


def assign(visit: Visit) -> Response:
    """Ask one surgeon to review the case."""
    form = assign_form(visit)
    if not form.validate():
        return show_case(visit, refused=FORM_REFUSED, assign_form=form)
    surgeon = person(visit.session, form.person_id.data)
    before = telling.standing(visit.case)
    panels.dissolve(visit.session, visit.case)
    made = actions.assign(
        visit.session,
        visit.case,
        surgeon,
        seen_version=form.version.data or 0,
        by=visit.actor.text,
        now=visit.now,
    )
    telling.assigned(visit, made, before)
    visit.note(surgeon=surgeon.name)
    return go(
        f"/cases/{visit.case.number}",
        f"{surgeon.name} was asked. Issue a link below unless they sign in with an account.",
    )


ROUTES = [
    Route("/cases/<number>/advance", advance, Action.CASE_ADVANCE, ("POST",)),
    Route("/cases/<number>/assign", assign, Action.CASE_ASSIGN, ("POST",)),
]
