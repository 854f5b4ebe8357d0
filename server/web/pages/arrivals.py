"""The arrivals inbox: what came in, who sent it, to which case it belongs, and what is held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Response, request

from server.access.action import Action
from server.access.door import Route, facts
from server.access.permissions import Allowed, may
from server.cases.queries import CaseNotFound, case_by_number, open_cases
from server.cases.records import Case
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.intake import queries
from server.intake.arrivals import decisions
from server.intake.records import Arrival
from server.people.queries import hospitals
from server.people.records import Hospital
from server.web.forms import AttachForm, Form, RefuseForm, show_problems
from server.web.pages.layout import go, page
from server.web.pages.worklist import archive_status
from server.web.visit import Visit

LATELY_SHOWN = 30
MOST_SHOWN = 50


@dataclass(frozen=True)
class Proposal:
    """A case to which an arrival may belong, with how well it fits and why."""

    case: Case
    reason: str
    score: int
    doubts: list[str]

    @property
    def fit(self) -> str:
        """In a word."""
        return "likely" if self.score >= 60 else "possible" if self.score >= 30 else "unlikely"


@dataclass(frozen=True)
class Waiting:
    """An arrival that waits for a person, with the hospital that sent it and the guesses."""

    arrival: Arrival
    hospital: Hospital | None
    proposals: list[Proposal]
    form: Form
    refusing: bool


@dataclass(frozen=True)
class Decided:
    """An arrival that was decided about, what can still be done, and until when it is kept."""

    arrival: Arrival
    can_undo: bool
    kept_until: datetime | None


def inbox(visit: Visit) -> Response:
    return _inbox(visit)


def _inbox(
    visit: Visit, form: Form | None = None, at: str = "", error: Invalid | Conflict | None = None
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
    waiting = queries.arrivals(visit.session, allowed, queries.WAITING, MOST_SHOWN)
    settled = queries.arrivals(
        visit.session, allowed, ("matched", *queries.PUT_AWAY), LATELY_SHOWN, by_decision=True
    )
    return page(
        visit,
        "arrivals.html",
        refused=error,
        waiting=[
            Waiting(
                arrival,
                by_title.get(arrival.calling_aet),
                _proposals(arrival, cases),
                form if form is not None and arrival.id == at else AttachForm(formdata=None),
                isinstance(form, RefuseForm) and arrival.id == at,
            )
            for arrival in sorted(waiting, key=lambda one: one.state != "held")
        ],
        waiting_in_all=queries.unmatched_count(visit.session, allowed),
        receiving=queries.arrivals(visit.session, allowed, ("receiving",)),
        settled=[_decided(visit, arrival) for arrival in settled],
        cases=list(cases.values()),
        by_title=by_title,
        archive=archive_status(visit),
    )


def _proposals(arrival: Arrival, cases: dict[str, Case]) -> list[Proposal]:
    return [
        Proposal(
            cases[guess["case_id"]],
            guess["reason"],
            int(guess.get("score", 0)),
            guess.get("doubts", []),
        )
        for guess in arrival.guesses
        if guess.get("case_id") in cases
    ]


def _decided(visit: Visit, arrival: Arrival) -> Decided:
    days = visit.services.settings.refused_keep_days
    is_refused = arrival.state == "refused"
    return Decided(
        arrival,
        can_undo=visit.may(Action.ARRIVAL_ATTACH),
        kept_until=decisions.kept_until(arrival, days) if is_refused else None,
    )


def attach(visit: Visit, arrival_id: str) -> Response:
    """Say to which case an arrival belongs."""
    arrival = _arrival(visit, arrival_id)
    form = AttachForm()
    number = (form.case_number.data or "").strip() or (form.other_number.data or "").strip()
    if not number:
        error = Invalid(
            "Nothing was attached.", [FieldProblem("/case_number", "Choose the case first.")]
        )
        show_problems(form, error)
        return _inbox(visit, form, arrival.id, error)
    case = _reachable_case(visit, number)
    decisions.attach(visit.session, arrival, case, by=visit.actor.text, now=visit.now)
    visit.note(case_number=case.number, arrival=arrival.id)
    return go("/arrivals", f"The study was attached to case {case.number}.")


def _arrival(visit: Visit, arrival_id: str) -> Arrival:
    return queries.arrival(visit.session, arrival_id, visit.account.hospital_ids)


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
    arrival = _arrival(visit, arrival_id)
    decisions.set_aside(visit.session, arrival, by=visit.actor.text, now=visit.now)
    visit.note(arrival=arrival.id)
    return go(
        "/arrivals", "The study was set aside. It stays in the archive and can still be attached."
    )


def let_pass(visit: Visit, arrival_id: str) -> Response:
    """Say that what an arrival is held for is in order."""
    arrival = _arrival(visit, arrival_id)
    decisions.let_pass(visit.session, arrival, by=visit.actor.text, now=visit.now)
    visit.note(arrival=arrival.id)
    if arrival.case is not None and arrival.state == "matched":
        return go("/arrivals", f"The study goes on in case {arrival.case.number}.")
    return go("/arrivals", "The study is no longer held.")


def take_apart(visit: Visit, arrival_id: str) -> Response:
    """Make a study of its own of chosen series."""
    arrival = _arrival(visit, arrival_id)
    try:
        with visit.attempt():
            decisions.take_apart(
                visit.session,
                arrival,
                request.form.getlist("series"),
                by=visit.actor.text,
                now=visit.now,
            )
    except Invalid as error:
        form = AttachForm(formdata=None)
        form.form_errors.extend(problem.message for problem in error.problems)
        return _inbox(visit, form, arrival.id, error)
    visit.note(arrival=arrival.id)
    return go(
        "/arrivals",
        "The chosen series become a study of their own; it appears here within a minute.",
    )


def refuse(visit: Visit, arrival_id: str) -> Response:
    """Turn an arrival down, with a reason that the hospital reads."""
    arrival = _arrival(visit, arrival_id)
    form = RefuseForm()
    number = (form.refuse_number.data or "").strip()
    case = _reachable_case(visit, number) if number else None
    try:
        with visit.attempt():
            decisions.refuse(
                visit.session,
                arrival,
                form.reason.data or "",
                by=visit.actor.text,
                now=visit.now,
                case=case,
            )
    except Invalid as error:
        show_problems(form, error)
        return _inbox(visit, form, arrival.id, error)
    visit.note(arrival=arrival.id, **({"case_number": case.number} if case else {}))
    days = visit.services.settings.refused_keep_days
    return go("/arrivals", f"The study was refused. It is kept for {days} days.")


def undo(visit: Visit, arrival_id: str) -> Response:
    """Take the last decision about an arrival back."""
    arrival = _arrival(visit, arrival_id)
    left = arrival.case
    decisions.undo(visit.session, arrival, by=visit.actor.text, now=visit.now)
    visit.note(arrival=arrival.id, **({"case_number": left.number} if left else {}))
    where = f" It is no longer part of case {left.number}." if left else ""
    return go("/arrivals", f"That was taken back.{where}")


def delete(visit: Visit, arrival_id: str) -> Response:
    """Have a refused study deleted from the archive, once it was kept long enough."""
    arrival = _arrival(visit, arrival_id)
    days = visit.services.settings.refused_keep_days
    decisions.delete_refused(visit.session, arrival, kept_days=days, now=visit.now)
    visit.note(arrival=arrival.id)
    return go("/arrivals", "The refused study is being deleted from the archive.")


_AT = "/arrivals/<arrival_id>"
ROUTES = [
    Route("/arrivals", inbox, Action.ARRIVALS_READ),
    Route(f"{_AT}/attach", attach, Action.ARRIVAL_ATTACH, ("POST",)),
    Route(f"{_AT}/set-aside", set_aside, Action.ARRIVAL_ATTACH, ("POST",)),
    Route(f"{_AT}/let-pass", let_pass, Action.ARRIVAL_ATTACH, ("POST",)),
    Route(f"{_AT}/take-apart", take_apart, Action.ARRIVAL_ATTACH, ("POST",)),
    Route(f"{_AT}/refuse", refuse, Action.ARRIVAL_ATTACH, ("POST",)),
    Route(f"{_AT}/undo", undo, Action.ARRIVAL_ATTACH, ("POST",)),
    Route(f"{_AT}/delete", delete, Action.ARRIVAL_DELETE, ("POST",)),
]
