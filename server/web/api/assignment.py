"""Who looks at a case: one surgeon, an offer to several, a panel, an observer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.cases import actions as cases
from server.cases import assigning
from server.cases.asking import Role, Standing
from server.cases.records import Assignment
from server.foundation.errors import FieldProblem
from server.panel import actions as panels
from server.panel import telling
from server.panel.deciding import SINGLE, rules
from server.panel.queries import panel_of, seats_of
from server.people.queries import PersonNotFound
from server.people.queries import person as person_of
from server.people.records import Person
from server.web import telling as case_telling
from server.web.api.cases import done
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import (
    AN_ID,
    AT,
    NUMBER,
    Choice,
    Done,
    Id,
    Line,
    Moment,
    Reason,
    Version,
    Word,
)
from server.web.api.fitting import RequestRefused
from server.web.pages.assignment import follow
from server.web.visit import Visit

TAG = "Assignment"
Hours = Annotated[
    int,
    Meta(ge=1, le=panels.LONGEST_ANSWER_HOURS, description="How long they have to answer."),
]
People = Annotated[list[Id], Meta(max_length=assigning.MOST_AT_ONCE)]


class PartRead(Given):
    """Somebody's part in the case."""

    id: Id
    person_id: Id
    name: Line
    role: Role
    state: Standing
    asked_at: Moment
    answer_by: Moment | None
    reason: str


class SeatRead(Given):
    """A seat of the panel: who has it and whether they voted, never what."""

    person_id: Id
    name: Line
    chair: bool
    voted: bool


class PanelRead(Given):
    """The panel of the round that the case is in."""

    rule: Word
    state: Annotated[str, Meta(description="voting, open, concluded")]
    votes_wanted: int
    seats: list[SeatRead]


class AssignmentRead(Given):
    """Who looks at the case."""

    version: int
    parts: list[PartRead]
    panel: PanelRead | None
    rules: Annotated[list[Choice], Meta(description="The ways in which a panel can work.")]


class SurgeonNamed(Sent):
    """One surgeon who is to review the case, without being asked first."""

    person_id: Id
    version: Version


class OfferMade(Sent, kw_only=True):
    """An offer: the first to accept has the case."""

    person_ids: Annotated[People, Meta(min_length=1)]
    answer_hours: Hours = 48
    version: Version


class PanelWanted(Sent, kw_only=True):
    """A panel of surgeons who vote without seeing each other's votes."""

    rule: Annotated[Word, Meta(description="One of `rules`.")]
    members: People
    chair: Annotated[str, Meta(max_length=32, description="Id of the chair; empty: none.")] = ""
    chair_votes: bool = False
    standby: Annotated[People, Meta(description="Who is asked next, in this order.")] = []  # noqa: RUF012
    answer_hours: Annotated[
        Hours | None, Meta(description="Null gives the seats without asking.")
    ] = 48
    version: Version


class PartReleased(Sent):
    """Why somebody is taken off the case. What they entered is kept."""

    reason: Reason
    version: Version


def read_assignment(visit: Visit) -> AssignmentRead:
    """Who looks at the case."""
    case, panel = visit.case, panel_of(visit.session, visit.case)
    return AssignmentRead(
        version=case.version,
        parts=[_part(one) for one in case.assignments],
        panel=PanelRead(
            rule=panel.rule,
            state=panel.state,
            votes_wanted=panel.wanted,
            seats=[
                SeatRead(person_id=one.person_id, name=one.name, chair=one.chair, voted=one.voted)
                for one in seats_of(panel, case)
            ],
        )
        if panel is not None
        else None,
        rules=[
            Choice(value=one.id, label=one.title) for one in rules().values() if one.id != SINGLE
        ],
    )


def _part(one: Assignment) -> PartRead:
    return PartRead(
        id=one.id,
        person_id=one.person_id,
        name=one.person.name,
        role=Role(one.role),
        state=Standing(one.state),
        asked_at=one.assigned_at,
        answer_by=one.answer_by,
        reason=one.reason,
    )


def assign(visit: Visit, body: SurgeonNamed) -> AssignmentRead:
    """Give the case to one surgeon."""
    (surgeon,) = people_named(visit, [body.person_id], "/person_id")
    panels.dissolve(visit.session, visit.case)
    before = case_telling.standing(visit.case)
    made = cases.assign(
        visit.session,
        visit.case,
        surgeon,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    case_telling.assigned(visit, made, before)
    visit.note(surgeon=surgeon.name)
    return read_assignment(visit)


def offer(visit: Visit, body: OfferMade) -> AssignmentRead:
    """Offer the case to several; the first to accept has it."""
    made = assigning.offer(
        visit.session,
        visit.case,
        people_named(visit, body.person_ids, "/person_ids"),
        answer_by=visit.now + timedelta(hours=body.answer_hours),
        by=visit.actor.text,
        now=visit.now,
        first_takes=True,
        seen_version=body.version,
    )
    telling.asked(visit.session, visit.case, made, visit.now)
    visit.note(offered=[one.person.name for one in made])
    return read_assignment(visit)


def convene(visit: Visit, body: PanelWanted) -> AssignmentRead:
    """Put a panel on the case."""
    chair = people_named(visit, [body.chair], "/chair")[0] if body.chair else None
    wanted = panels.Wanted(
        rule_id=body.rule,
        members=people_named(visit, body.members, "/members"),
        chair=chair,
        chair_votes=body.chair_votes,
        standby=people_named(visit, body.standby, "/standby"),
        answer_hours=body.answer_hours,
    )
    panel = panels.convene(
        visit.session,
        visit.case,
        wanted,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    under_way = [
        one
        for one in visit.case.assignments
        if one.assigned_at >= panel.convened_at and one.state in ("offered", "active")
    ]
    telling.asked(visit.session, visit.case, under_way, visit.now)
    telling.convened(visit.session, panel, visit.case, visit.now)
    visit.note(rule=panel.rule, members=[one.person.name for one in under_way])
    return read_assignment(visit)


def add_observer(visit: Visit, body: SurgeonNamed) -> AssignmentRead:
    """Let somebody look on, without voting or signing."""
    made = assigning.give(
        visit.session,
        visit.case,
        people_named(visit, [body.person_id], "/person_id"),
        role=Role.OBSERVER,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    telling.asked(visit.session, visit.case, made, visit.now)
    visit.note(observer=[one.person.name for one in made])
    return read_assignment(visit)


def release(visit: Visit, part_id: str, body: PartReleased) -> Done:
    """Take one offer or one part back."""
    found = next((one for one in visit.case.assignments if one.id == part_id), None)
    if found is not None:
        panels.refuse_leaving(visit.session, visit.case, found.person_id)
    gone = assigning.release(
        visit.session,
        visit.case,
        part_id,
        reason=body.reason,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    telling.taken(visit.session, visit.case, gone, visit.now)
    follow(visit)
    visit.note(released=gone.person.name)
    return done(visit.case)


def people_named(visit: Visit, ids: Sequence[str], pointer: str) -> list[Person]:
    """The people of these ids; raises RequestRefused where one is not known."""
    try:
        return [person_of(visit.session, one) for one in ids]
    except PersonNotFound as error:
        wanted = FieldProblem(pointer, "Name surgeons by the ids of the ranking.")
        raise RequestRefused("Nothing was changed.", [wanted]) from error


_PART = PartRead(
    id=AN_ID,
    person_id=AN_ID,
    name="Dr Lena Hoffmann",
    role=Role.REVIEWER,
    state=Standing.OFFERED,
    asked_at=AT,
    answer_by=AT,
    reason="",
)
EXAMPLE = AssignmentRead(
    version=5,
    parts=[_PART],
    panel=None,
    rules=[Choice(value="majority-3-then-5", label="Three blinded votes, two more if needed")],
)
_AT = "/cases/<number>/assignment"
_CHANGED = ("case_changed_meanwhile", "event_not_possible")

ENDPOINTS = (
    Endpoint(
        "GET", _AT, read_assignment, Action.CASE_ASSIGN, TAG, "Who looks at the case",
        AssignmentRead, EXAMPLE,
    ),
    Endpoint(
        "PUT", _AT, assign, Action.CASE_ASSIGN, TAG, "Give the case to one surgeon",
        AssignmentRead, EXAMPLE,
        body=SurgeonNamed, sent=SurgeonNamed(person_id=AN_ID, version=4), refusals=_CHANGED,
    ),
    Endpoint(
        "POST", f"{_AT}/offers", offer, Action.CASE_ASSIGN, TAG, "Offer the case to several",
        AssignmentRead, EXAMPLE,
        body=OfferMade, sent=OfferMade(person_ids=[AN_ID], version=4),
        status=201, creates=True, refusals=_CHANGED,
    ),
    Endpoint(
        "POST", f"{_AT}/panel", convene, Action.CASE_ASSIGN, TAG, "Put a panel on the case",
        AssignmentRead, EXAMPLE,
        body=PanelWanted,
        sent=PanelWanted(rule="majority-3-then-5", members=[AN_ID], chair=AN_ID, version=4),
        status=201, creates=True, refusals=(*_CHANGED, "panel_under_way"),
    ),
    Endpoint(
        "POST", f"{_AT}/observers", add_observer, Action.CASE_ASSIGN, TAG, "Let somebody look on",
        AssignmentRead, EXAMPLE,
        body=SurgeonNamed, sent=SurgeonNamed(person_id=AN_ID, version=4),
        status=201, creates=True, refusals=_CHANGED,
    ),
    Endpoint(
        "POST", f"{_AT}/parts/<part_id>/release", release, Action.CASE_ASSIGN, TAG,
        "Take an offer or a part back", Done, Done(number=NUMBER, state="ready", version=6),
        body=PartReleased, sent=PartReleased(reason="On leave until December.", version=5),
        refusals=(*_CHANGED, "has_voted"),
    ),
)  # fmt: skip
