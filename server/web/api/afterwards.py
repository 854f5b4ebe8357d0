"""What follows an opinion: reassessment and its rounds, the visit in person, and asking back."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from server.access.action import Action
from server.access.permissions import Account, Holder, Program
from server.answers import actions as answers
from server.answers.queries import addenda_of, point, points_of
from server.answers.records import AnswerPoint, OpinionAddendum
from server.cases.aftercare import actions as aftercare_actions
from server.cases.aftercare import in_person, reassessing
from server.cases.aftercare.actions import Planned
from server.cases.aftercare.in_person import Standing
from server.cases.aftercare.queries import assessments_of, plans_of
from server.cases.aftercare.records import InPersonAssessment, ReassessmentPlan
from server.opinions.queries import opinions_of_case
from server.web import telling_after
from server.web.api.cases import done
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import (
    AN_ID,
    AT,
    DAY,
    NUMBER,
    Day,
    Done,
    Id,
    Line,
    Moment,
    Reason,
    Said,
    Text,
    Version,
    Word,
)
from server.web.pages.answer import signed_opinion
from server.web.visit import Visit

TAG = "Afterwards"
ShortLine = Annotated[str, Meta(max_length=300)]


class PlanRead(Given):
    """When the case is looked at again, and at what."""

    id: Id
    state: Annotated[str, Meta(description="planned, begun or cancelled")]
    after_round: int
    due_on: Day
    cycles: int | None
    cycle_days: int | None
    starts_on: Day | None
    strategy: Text
    remeasure: list[str]
    remind: list[str]
    remind_days: int


class VisitInPerson(Given):
    """That the team which would operate sees the patient."""

    id: Id
    state: Word
    label: Line
    on_day: Day | None
    centre: Line
    place: Line
    conditions: Text
    investigations: list[str]
    requested_at: Moment


class Afterwards(Given):
    """The rounds of the case and what is planned."""

    round: int
    version: int
    plans: list[PlanRead]
    in_person: list[VisitInPerson]


class PlanSent(Sent):
    """A reassessment on a day, or after a number of cycles of so many days."""

    version: Version
    due_on: Day | None = None
    cycles: Annotated[int, Meta(ge=1, le=reassessing.MOST_CYCLES)] | None = None
    cycle_days: Annotated[int, Meta(ge=1, le=366)] | None = None
    starts_on: Day | None = None
    strategy: Annotated[str, Meta(max_length=4000)] = ""
    remeasure: Annotated[list[ShortLine], Meta(max_length=20)] = []  # noqa: RUF012
    remind: Annotated[
        list[Word], Meta(max_length=5, description=f"Some of {', '.join(reassessing.REMINDED)}.")
    ] = msgspec.field(default_factory=lambda: ["hospital", "coordinator"])
    remind_days: Annotated[int, Meta(ge=0, le=365)] = reassessing.USUAL_REMIND_DAYS


class PlanGivenUp(Sent):
    """Why the reassessment is not made."""

    why: Reason
    version: Version


class RoundBegun(Sent):
    """Begin the next round now, without waiting for images."""

    version: Version


class PointRead(Given):
    """A reason of the local team, and what the second opinion says to it."""

    id: Id
    place: int
    local: Text
    second: Text
    standing: Annotated[str, Meta(description="How the two stand to each other; empty: not said.")]


class AddendumRead(Given):
    """What was added to an opinion after it was signed. It changes no finding."""

    number: Word
    signed_at: Moment
    signed_by: Line


class Comparison(Given):
    """The two opinions beside each other, point by point."""

    local_verdict: Text
    verdict: Annotated[str, Meta(description="Of the second opinion; empty before it is signed.")]
    points: list[PointRead]
    addenda: list[AddendumRead]


class AskedBack(Sent):
    """A question of the local team on a point; it is answered in an addendum."""

    question: Said


def read_afterwards(visit: Visit) -> Afterwards:
    """What is planned and what was."""
    case, session = visit.case, visit.session
    return Afterwards(
        round=case.round,
        version=case.version,
        plans=[_plan(one) for one in plans_of(session, case.id)],
        in_person=[_visit(one) for one in assessments_of(session, case.id)],
    )


def plan(visit: Visit, body: PlanSent) -> Afterwards:
    """Keep when the case is looked at again; a plan that stands is replaced."""
    opinion = next(iter(opinions_of_case(visit.session, visit.case.id)), None)
    kept = aftercare_actions.plan_reassessment(
        visit.session,
        visit.case,
        Planned(
            due_on=body.due_on,
            cycles=body.cycles,
            cycle_days=body.cycle_days,
            starts_on=body.starts_on,
            strategy=body.strategy,
            remeasure=body.remeasure,
            remind=body.remind,
            remind_days=body.remind_days,
            opinion_number=opinion.number if opinion else "",
        ),
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(due_on=kept.due_on.isoformat(), cycles=kept.cycles or 0)
    return read_afterwards(visit)


def cancel(visit: Visit, body: PlanGivenUp) -> Afterwards:
    """Give the planned reassessment up."""
    aftercare_actions.cancel_reassessment(
        visit.session,
        visit.case,
        why=body.why,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    return read_afterwards(visit)


def begin_round(visit: Visit, body: RoundBegun) -> Done:
    """Begin the next round now."""
    aftercare_actions.begin_round(
        visit.session,
        visit.case,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(round=visit.case.round)
    return done(visit.case)


def read_comparison(visit: Visit) -> Comparison:
    """The local verdict and the second opinion beside each other."""
    _, signed = signed_opinion(visit)
    return Comparison(
        local_verdict=visit.case.local_verdict,
        verdict=signed.verdict if signed else "",
        points=[_point(one) for one in points_of(visit.session, visit.case.id)],
        addenda=[_addendum(one) for one in addenda_of(visit.session, visit.case.id)],
    )


def ask_back(visit: Visit, point_id: str, body: AskedBack) -> Comparison:
    """The local team asks back on a point."""
    kept = point(visit.session, visit.case.id, point_id)
    actor = visit.actor
    asked = answers.ask_back(
        visit.session,
        visit.case,
        kept,
        body.question,
        by=actor.name if isinstance(actor, Account | Holder | Program) else actor.text,
        now=visit.now,
    )
    _, signed = signed_opinion(visit)
    if signed is not None:
        telling_after.asked_back(visit, asked, signed)
    visit.note(point=kept.place)
    return read_comparison(visit)


def _plan(one: ReassessmentPlan) -> PlanRead:
    return PlanRead(
        id=one.id,
        state=one.state,
        after_round=one.after_round,
        due_on=one.due_on,
        cycles=one.cycles,
        cycle_days=one.cycle_days,
        starts_on=one.starts_on,
        strategy=one.strategy,
        remeasure=list(one.remeasure),
        remind=list(one.remind),
        remind_days=one.remind_days,
    )


def _visit(one: InPersonAssessment) -> VisitInPerson:
    return VisitInPerson(
        id=one.id,
        state=one.state,
        label=in_person.LABELS[Standing(one.state)],
        on_day=one.on_day,
        centre=one.centre,
        place=one.place,
        conditions=one.conditions,
        investigations=list(one.investigations),
        requested_at=one.requested_at,
    )


def _point(one: AnswerPoint) -> PointRead:
    return PointRead(
        id=one.id,
        place=one.place,
        local=one.local_text,
        second=one.second_text,
        standing=one.standing,
    )


def _addendum(one: OpinionAddendum) -> AddendumRead:
    return AddendumRead(number=one.number, signed_at=one.signed_at, signed_by=one.signed_by)


_PLAN = PlanRead(
    id=AN_ID, state="planned", after_round=1, due_on=DAY, cycles=4, cycle_days=14, starts_on=DAY,
    strategy="FOLFIRINOX", remeasure=["Contact with the SMA"], remind=["hospital"], remind_days=7,
)  # fmt: skip
_AFTER = Afterwards(round=1, version=9, plans=[_PLAN], in_person=[])
_COMPARED = Comparison(
    local_verdict="Unresectable",
    verdict="resectable_after_conversion",
    points=[
        PointRead(
            id=AN_ID,
            place=1,
            local="The SMA is encased.",
            second="Contact of 90° after chemotherapy.",
            standing="differs",
        )
    ],
    addenda=[AddendumRead(number=f"{NUMBER}-O1-A1", signed_at=AT, signed_by="Dr Lena Hoffmann")],
)
_AT = "/cases/<number>/afterwards"
_CHANGED = ("case_changed_meanwhile", "event_not_possible")

ENDPOINTS = (
    Endpoint(
        "GET", _AT, read_afterwards, Action.AFTERCARE_READ, TAG, "Rounds and what is planned",
        Afterwards, _AFTER,
    ),
    Endpoint(
        "PUT", f"{_AT}/plan", plan, Action.AFTERCARE_CHANGE, TAG, "Plan a reassessment",
        Afterwards, _AFTER,
        body=PlanSent, sent=PlanSent(version=8, cycles=4, cycle_days=14, starts_on=DAY),
        refusals=_CHANGED,
    ),
    Endpoint(
        "POST", f"{_AT}/plan/cancellation", cancel, Action.AFTERCARE_CHANGE, TAG,
        "Give a planned reassessment up", Afterwards, _AFTER,
        body=PlanGivenUp, sent=PlanGivenUp(why="The patient was operated on.", version=9),
        refusals=(*_CHANGED, "no_reassessment_planned"),
    ),
    Endpoint(
        "POST", f"{_AT}/rounds", begin_round, Action.CASE_ADVANCE, TAG, "Begin the next round",
        Done, Done(number=NUMBER, state="awaiting_records", version=10),
        body=RoundBegun, sent=RoundBegun(version=9), status=201, creates=True, refusals=_CHANGED,
    ),
    Endpoint(
        "GET", "/cases/<number>/comparison", read_comparison, Action.ANSWER_READ, TAG,
        "The two opinions beside each other", Comparison, _COMPARED,
    ),
    Endpoint(
        "POST", "/cases/<number>/comparison/points/<point_id>/questions", ask_back,
        Action.ANSWER_ASK, TAG, "Ask back on a point", Comparison, _COMPARED,
        body=AskedBack, sent=AskedBack(question="Which sequence shows the fat plane?"),
        status=201, creates=True,
    ),
)  # fmt: skip
