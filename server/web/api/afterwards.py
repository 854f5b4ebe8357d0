"""What follows an opinion: reassessment and its rounds, and the visit in person."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from server.access.action import Action
from server.cases.aftercare import in_person, in_person_actions, reassessing
from server.cases.aftercare.actions import Planned
from server.cases.aftercare.in_person import Standing
from server.cases.aftercare.in_person_actions import Noted, Wanted
from server.cases.aftercare.lines import MOST_LINES
from server.cases.aftercare.queries import assessments_of, plans_of
from server.cases.aftercare.records import InPersonAssessment, ReassessmentPlan
from server.web import following_up
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
    Text,
    Version,
    Word,
)
from server.web.following_up import newest_opinion
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
    state: Annotated[in_person.Standing, Meta(description="How it stands.")]
    label: Line
    version: int
    on_day: Day | None
    centre: Line
    place: Line
    conditions: Text
    investigations: Annotated[list[str], Meta(description="What is to be examined before.")]
    needs: Annotated[list[str], Meta(description="What the visit needs.")]
    note: Text
    document_id: Id | None
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


class RoundGivenUp(Sent):
    """Why a round that was begun by mistake is taken back."""

    why: Reason
    version: Version


class VisitWanted(Sent):
    """The patient is to be seen: under which conditions, what is examined first, what it needs."""

    conditions: Annotated[str, Meta(max_length=in_person_actions.LONGEST_TEXT)] = ""
    investigations: Annotated[list[ShortLine], Meta(max_length=MOST_LINES)] = []  # noqa: RUF012
    needs: Annotated[
        list[Word],
        Meta(max_length=len(in_person.NEEDS), description=f"Some of {', '.join(in_person.NEEDS)}."),
    ] = []  # noqa: RUF012
    centre: Line = ""


class VisitNoted(Sent):
    """How the assessment in person stands now. What is left out stays as it was."""

    standing: Annotated[
        in_person.Standing,
        Meta(description="scheduled and done want `on_day`, not_needed and declined a `note`."),
    ]
    version: Annotated[
        int, Meta(ge=0, le=1_000_000, description="`version` of the assessment that you saw.")
    ]
    on_day: Day | None = None
    centre: Line = ""
    place: Line = ""
    note: Annotated[str, Meta(max_length=in_person_actions.LONGEST_TEXT)] = ""
    document_id: Annotated[str, Meta(max_length=32, description="The report, if there is one.")] = (
        ""
    )


class RoundBegun(Sent):
    """Begin the next round now, without waiting for images."""

    version: Version


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
    opinion = newest_opinion(visit)
    planned = Planned(
        due_on=body.due_on,
        cycles=body.cycles,
        cycle_days=body.cycle_days,
        starts_on=body.starts_on,
        strategy=body.strategy,
        remeasure=body.remeasure,
        remind=body.remind,
        remind_days=body.remind_days,
        opinion_number=opinion.number if opinion else "",
    )
    following_up.plan_reassessment(visit, planned, body.version)
    return read_afterwards(visit)


def cancel(visit: Visit, body: PlanGivenUp) -> Afterwards:
    """Give the planned reassessment up."""
    following_up.cancel_reassessment(visit, body.why, body.version)
    return read_afterwards(visit)


def begin_round(visit: Visit, body: RoundBegun) -> Done:
    """Begin the next round now."""
    following_up.begin_round(visit, body.version)
    return done(visit.case)


def give_up_round(visit: Visit, body: RoundGivenUp) -> Done:
    """Take back a round that was begun by mistake; the opinion stands."""
    following_up.give_up_round(visit, body.why, body.version)
    return done(visit.case)


def request_visit(visit: Visit, body: VisitWanted) -> VisitInPerson:
    """Ask that the team which would operate sees the patient."""
    opinion = newest_opinion(visit)
    wanted = Wanted(
        conditions=body.conditions,
        investigations=body.investigations,
        needs=body.needs,
        centre=body.centre,
        opinion_number=opinion.number if opinion else "",
    )
    return _visit(following_up.request_in_person(visit, wanted))


def note_visit(visit: Visit, assessment_id: str, body: VisitNoted) -> VisitInPerson:
    """Note how the assessment in person stands now."""
    noted = Noted(
        standing=body.standing,
        on_day=body.on_day,
        centre=body.centre,
        place=body.place,
        note=body.note,
        document_id=body.document_id,
    )
    return _visit(following_up.note_in_person(visit, assessment_id, noted, body.version))


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
        state=Standing(one.state),
        label=in_person.LABELS[Standing(one.state)],
        version=one.version,
        on_day=one.on_day,
        centre=one.centre,
        place=one.place,
        conditions=one.conditions,
        investigations=list(one.investigations),
        needs=list(one.needs),
        note=one.note,
        document_id=one.document_id or None,
        requested_at=one.requested_at,
    )


_PLAN = PlanRead(
    id=AN_ID, state="planned", after_round=1, due_on=DAY, cycles=4, cycle_days=14, starts_on=DAY,
    strategy="FOLFIRINOX", remeasure=["Contact with the SMA"], remind=["hospital"], remind_days=7,
)  # fmt: skip
_VISIT = VisitInPerson(
    id=AN_ID, state=Standing.SCHEDULED, label="Scheduled", version=2, on_day=DAY,
    centre="University Hospital North", place="Outpatient clinic 3",
    conditions="If the CA 19-9 falls below 100 U/mL.", investigations=["PET-CT"],
    needs=["interpreter"], note="", document_id=None, requested_at=AT,
)  # fmt: skip
_AFTER = Afterwards(round=1, version=9, plans=[_PLAN], in_person=[_VISIT])
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
        "POST", f"{_AT}/in-person", request_visit, Action.AFTERCARE_CHANGE, TAG,
        "Ask that the patient be seen in person", VisitInPerson, _VISIT,
        body=VisitWanted,
        sent=VisitWanted(conditions=_VISIT.conditions, needs=["interpreter"]),
        status=201, creates=True, refusals=("assessment_stands",),
    ),
    Endpoint(
        "PUT", f"{_AT}/in-person/<assessment_id>", note_visit, Action.AFTERCARE_CHANGE, TAG,
        "Note how an assessment in person stands", VisitInPerson, _VISIT,
        body=VisitNoted, sent=VisitNoted(standing=Standing.SCHEDULED, version=1, on_day=DAY),
        refusals=("assessment_changed_meanwhile", "assessment_over"),
    ),
    Endpoint(
        "POST", f"{_AT}/rounds/return", give_up_round, Action.CASE_ADVANCE, TAG,
        "Take back a round that was begun by mistake", Done,
        Done(number=NUMBER, state="opined", version=11),
        body=RoundGivenUp, sent=RoundGivenUp(why="The images were of another day.", version=10),
        creates=True, refusals=_CHANGED,
    ),
    Endpoint(
        "POST", f"{_AT}/rounds", begin_round, Action.CASE_ADVANCE, TAG, "Begin the next round",
        Done, Done(number=NUMBER, state="awaiting_records", version=10),
        body=RoundBegun, sent=RoundBegun(version=9), status=201, creates=True, refusals=_CHANGED,
    ),
)  # fmt: skip
