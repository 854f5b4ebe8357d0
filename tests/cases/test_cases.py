"""Cases change by conditional update: one wins, the other is told."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from server.cases import actions
from server.cases.actions import CaseChangedMeanwhile, StudyBelongsElsewhere
from server.cases.lifecycle import Event, EventNotPossible
from server.cases.queries import case_by_number, holder
from server.foundation.errors import Invalid
from tests.world import INSIDE_STUDY, World


def test_two_coordinators_assigning_at_once_one_wins_and_the_other_is_told(
    world: World, now: datetime
) -> None:
    with world.db.reading() as session:
        seen = case_by_number(session, world.inside.number).version
    with world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.assign(session, case, world.other_surgeon, seen_version=seen, by="one", now=now)
    with pytest.raises(CaseChangedMeanwhile), world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.assign(session, case, world.surgeon, seen_version=seen, by="two", now=now)
    with world.db.reading() as session:
        held = holder(case_by_number(session, world.inside.number))
        assert held is not None
        assert held.person_id == world.other_surgeon.id


def test_assigning_somebody_else_withdraws_the_first(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.assign(
            session, case, world.other_surgeon, seen_version=case.version, by="one", now=now
        )
        states = {a.person_id: a.state for a in case.assignments}
    assert states == {world.surgeon.id: "withdrawn", world.other_surgeon.id: "active"}


def test_a_coordinator_cannot_be_assigned(world: World, now: datetime) -> None:
    with pytest.raises(Invalid) as refused, world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.assign(
            session, case, world.coordinator, seen_version=case.version, by="one", now=now
        )
    assert refused.value.problems[0].pointer == "/person_id"


def test_a_study_belongs_to_one_case(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.attach_study(session, case, INSIDE_STUDY, by="x", reason="again", now=now)
        assert len(case.studies) == 1
    with pytest.raises(StudyBelongsElsewhere), world.db.writing() as session:
        case = case_by_number(session, world.outside.number)
        actions.attach_study(session, case, INSIDE_STUDY, by="x", reason="wrong", now=now)


def test_complete_records_start_the_clock(world: World) -> None:
    assert world.inside.due_on == date(2026, 11, 27)


def test_case_numbers_count_on_within_the_year(world: World) -> None:
    assert (world.inside.number, world.outside.number) == ("M-2026-00001", "M-2026-00002")


def test_a_case_without_a_question_is_not_opened(world: World, now: datetime) -> None:
    with pytest.raises(Invalid) as refused, world.db.writing() as session:
        actions.open_case(
            session, organ="liver", hospital=world.hospital, question=" ", opened_by="x", now=now
        )
    assert refused.value.problems[0].pointer == "/question"


def test_a_hold_needs_a_reason(world: World, now: datetime) -> None:
    with pytest.raises(Invalid), world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.hold(session, case, reason=" ", seen_version=case.version, now=now)


def test_a_signed_case_cannot_be_put_on_hold(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        actions.complete(session, case_by_number(session, world.inside.number), now)
    with pytest.raises(EventNotPossible), world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.happen(session, case, Event.HOLD, seen_version=case.version, now=now)


def test_a_held_case_goes_on_where_it_was_and_later_by_the_days_it_stood_still(
    world: World, now: datetime
) -> None:
    number = world.inside.number
    with world.db.writing() as session:
        case = case_by_number(session, number)
        actions.hold(session, case, reason="MRI wanted", seen_version=case.version, now=now)
        assert case.state == "on_hold"
    with world.db.writing() as session:
        case = case_by_number(session, number)
        actions.resume(
            session, case, seen_version=case.version, now=now + timedelta(days=3, hours=5)
        )
        assert (case.state, case.due_on, case.held_reason) == ("assigned", date(2026, 11, 30), "")


def test_a_surgeon_has_the_case_again_once_the_wanted_records_came(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.happen(session, case, Event.RECORDS_WANTED, seen_version=case.version, now=now)
        actions.declare_records_complete(session, case, case.version, now)
        assert case.state == "assigned"


def test_a_case_taken_back_is_ready_for_somebody_else(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.take_back(session, case, seen_version=case.version, now=now)
        assert case.state == "ready"
        assert holder(case) is None


def test_a_withdrawn_case_needs_a_reason_and_ends_its_assignment(
    world: World, now: datetime
) -> None:
    with pytest.raises(Invalid), world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.withdraw(session, case, reason="", seen_version=case.version, now=now)
    with world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.withdraw(session, case, reason="moved", seen_version=case.version, now=now)
        assert (case.state, holder(case)) == ("withdrawn", None)
