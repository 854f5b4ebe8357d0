"""The arrivals inbox: what came in, who sent it, and to which case it belongs."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response

from server.access.door import Route, facts
from server.access.permissions import Action, Allowed, may
from server.cases.queries import CaseNotFound, case_by_number, open_cases
from server.cases.records import Case
from server.foundation.errors import FieldProblem, Invalid
from server.intake import actions, queries
from server.intake.records import Arrival
from server.people.queries import hospitals
from server.people.records import Hospital
from server.web.forms import AttachForm, show_problems
from server.web.pages.layout import go, page
from server.web.pages.worklist import archive_status
from server.web.visit import Visit

LATELY_SHOWN = 30


@dataclass(frozen=True)
class Proposal:
    """A case to which an arrival may belong, with the reason for the guess."""

    case: Case
    reason: str


@dataclass(frozen=True)
class Waiting:
    """An arrival that waits for a person, with the hospital that sent it and the guesses."""

    arrival: Arrival
    hospital: Hospital | None
    proposals: list[Proposal]
    form: AttachForm


def inbox(visit: Visit) -> Response:
    return _inbox(visit)


def _inbox(
    visit: Visit, form: AttachForm | None = None, at: str = "", error: Invalid | None = None
) -> Response:
    allowed = visit.account.hospital_ids
    by_title = {
        line.ae_title: hospital for hospital in hospitals(visit.session) for line in hospital.lines
    }
    cases = {
        case.id: case
        for case in open_cases(visit.session)
        if allowed is None or case.hospital_id in allowed
    }
    unmatched = queries.arrivals(visit.session, allowed, ("unmatched",))
    settled = queries.arrivals(visit.session, allowed, ("matched", "set_aside"), LATELY_SHOWN)
    return page(
        visit,
        "arrivals.html",
        refused=error,
        waiting=[
            Waiting(
                arrival,
                by_title.get(arrival.calling_aet),
                [
                    Proposal(cases[guess["case_id"]], guess["reason"])
                    for guess in arrival.guesses
                    if guess.get("case_id") in cases
                ],
                form if form is not None and arrival.id == at else AttachForm(formdata=None),
            )
            for arrival in unmatched
        ],
        receiving=queries.arrivals(visit.session, allowed, ("receiving",)),
        settled=settled,
        cases=list(cases.values()),
        by_title=by_title,
        archive=archive_status(visit),
    )


def attach(visit: Visit, arrival_id: str) -> Response:
    """Say to which case an arrival belongs."""
    arrival = queries.arrival(visit.session, arrival_id, visit.account.hospital_ids)
    form = AttachForm()
    number = (form.case_number.data or "").strip() or (form.other_number.data or "").strip()
    if not number:
        error = Invalid(
            "Nothing was attached.", [FieldProblem("/case_number", "Choose the case first.")]
        )
        show_problems(form, error)
        return _inbox(visit, form, arrival.id, error)
    case = _reachable_case(visit, number)
    actions.attach(visit.session, arrival, case, by=visit.actor.text, now=visit.now)
    visit.note(case_number=case.number, arrival=arrival.id)
    return go("/arrivals", f"The study was attached to case {case.number}.")


def _reachable_case(visit: Visit, number: str) -> Case:
    """The case that a form names, for those who may attach to it; raises CaseNotFound."""
    case = case_by_number(visit.session, number)
    if not isinstance(may(visit.actor, Action.ARRIVAL_ATTACH, facts(case)), Allowed):
        raise CaseNotFound(
            f"There is no case {number[:40]}.", remedy="Choose a case from the list."
        )
    return case


def set_aside(visit: Visit, arrival_id: str) -> Response:
    """Say that an arrival belongs to no case."""
    arrival = queries.arrival(visit.session, arrival_id, visit.account.hospital_ids)
    actions.set_aside(visit.session, arrival)
    visit.note(arrival=arrival.id)
    return go(
        "/arrivals", "The study was set aside. It stays in the archive and can still be attached."
    )


ROUTES = [
    Route("/arrivals", inbox, Action.ARRIVALS_READ),
    Route("/arrivals/<arrival_id>/attach", attach, Action.ARRIVAL_ATTACH, ("POST",)),
    Route("/arrivals/<arrival_id>/set-aside", set_aside, Action.ARRIVAL_ATTACH, ("POST",)),
]
