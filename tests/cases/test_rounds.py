"""A case is looked at again: planned, begun by new images or by hand, and taken back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.annotations import actions as writing
from server.annotations.queries import annotation_of, prior_revisions, time_point_of
from server.cases import actions as cases
from server.cases.actions import CaseChangedMeanwhile
from server.cases.aftercare import actions as aftercare_actions
from server.cases.aftercare import reassessing
from server.cases.aftercare.actions import NoReassessmentPlanned, Planned
from server.cases.aftercare.queries import plans_of, standing_plan, to_be_reminded_of
from server.cases.assigning import NotAsked, require_part
from server.cases.lifecycle import Event, EventNotPossible, State
from server.cases.records import Case
from server.foundation.errors import Invalid
from tests.opined import with_sma
from tests.world import INSIDE_STUDY, World

NEW_STUDY = f"{INSIDE_STUDY}.7"
ON_A_DAY = Planned(due_on=date(2027, 1, 15), remeasure=("Contact of the SMA", " "))


def sign(world: World, degrees: int, now: datetime) -> Any:
    """The surgeon's signature on the round that the case is in."""
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        answers = with_sma(degrees)
        draft = writing.draft_of(
            session, case.id, "pancreas", reviewer_id=world.surgeon.id, reviewer_name="Lena"
        )
        writing.save(session, draft, answers, seen_version=draft.version, now=now)
        writing.sign(
            session,
            draft,
            seen_version=draft.version,
            restated_verdict=answers["verdict"],
            signed_by="Lena",
            now=now,
        )
        cases.complete(session, case, now)
        return draft.annotation


@pytest.fixture
def opined(world: World, now: datetime) -> World:
    sign(world, 200, now)
    return world


def plan(world: World, planned: Planned, now: datetime, **more: Any) -> Case:
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        seen = more.get("seen_version", case.version)
        aftercare_actions.plan_reassessment(
            session, case, planned, seen_version=seen, by="Clara", now=now
        )
        return case


def test_a_plan_waits_until_its_day(opined: World, now: datetime) -> None:
    case = plan(opined, ON_A_DAY, now)
    assert (case.state, case.round) == (State.REASSESSMENT, 1)
    with opined.db.reading() as session:
        kept = standing_plan(session, case.id)
        assert kept is not None
        assert (kept.due_on, kept.remeasure) == (date(2027, 1, 15), ["Contact of the SMA"])


def test_a_plan_by_cycles_counts_them_from_the_first_day(opined: World, now: datetime) -> None:
    case = plan(opined, Planned(cycles=4, cycle_days=14, starts_on=date(2026, 12, 1)), now)
    with opined.db.reading() as session:
        kept = standing_plan(session, case.id)
        assert kept is not None
        assert kept.due_on == date(2027, 1, 26)


def test_cycles_over_a_leap_day_are_days_of_the_calendar() -> None:
    assert reassessing.due_on(date(2028, 2, 15), 1, 14) == date(2028, 2, 29)
    assert reassessing.due_on(date(2027, 2, 15), 1, 14) == date(2027, 3, 1)


@pytest.mark.parametrize(
    ("planned", "pointer"),
    [
        (Planned(), "/due_on"),
        (Planned(due_on=date(2026, 11, 19)), "/due_on"),
        (Planned(due_on=date(2036, 1, 1)), "/due_on"),
        (Planned(cycles=0, cycle_days=14, due_on=date(2027, 1, 1)), "/cycles"),
        (Planned(cycles=99, cycle_days=14, starts_on=date(2026, 12, 1)), "/cycles"),
        (Planned(cycles=2, cycle_days=1, starts_on=date(2026, 12, 1)), "/cycle_days"),
        (Planned(cycles=2, starts_on=date(2026, 12, 1)), "/cycle_days"),
        (Planned(cycles=2, cycle_days=14), "/starts_on"),
        (Planned(due_on=date(2027, 1, 1), preset="whenever"), "/preset"),
        (Planned(due_on=date(2027, 1, 1), remind=("everybody",)), "/remind"),
        (Planned(due_on=date(2027, 1, 1), remind_days=365), "/remind_days"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused_at_its_field(
    opined: World, now: datetime, planned: Planned, pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        plan(opined, planned, now)
    assert pointer in [problem.pointer for problem in refused.value.problems]
    with opined.db.reading() as session:
        assert session.get_one(Case, opined.inside.id).state == State.OPINED


def test_of_two_who_plan_at_once_the_first_wins(opined: World, now: datetime) -> None:
    with opined.db.reading() as session:
        seen = session.get_one(Case, opined.inside.id).version
    plan(opined, ON_A_DAY, now, seen_version=seen)
    with pytest.raises(CaseChangedMeanwhile):
        plan(opined, Planned(due_on=date(2027, 2, 1)), now, seen_version=seen)
    with opined.db.reading() as session:
        kept = standing_plan(session, opined.inside.id)
        assert kept is not None
        assert kept.due_on == date(2027, 1, 15)


def test_planning_anew_replaces_the_plan_and_keeps_the_old_one(
    opined: World, now: datetime
) -> None:
    plan(opined, ON_A_DAY, now)
    plan(opined, Planned(due_on=date(2027, 3, 1)), now + timedelta(minutes=1))
    with opined.db.reading() as session:
        states = [(one.due_on.month, one.state) for one in plans_of(session, opined.inside.id)]
    assert states == [(3, "planned"), (1, "cancelled")]


def test_nothing_is_planned_before_an_opinion(world: World, now: datetime) -> None:
    with pytest.raises(EventNotPossible):
        plan(world, ON_A_DAY, now)


def test_the_first_new_study_begins_the_round(opined: World, now: datetime) -> None:
    plan(opined, ON_A_DAY, now)
    with opined.db.writing() as session:
        case = session.get_one(Case, opined.inside.id)
        cases.attach_study(session, case, NEW_STUDY, by="feed", reason="matched", now=now)
        assert (case.state, case.round) == (State.AWAITING_RECORDS, 2)
        assert case.records_complete_at is None
        assert case.due_on is None
        assert {one.StudyInstanceUID: one.round for one in case.studies} == {
            INSIDE_STUDY: 1,
            NEW_STUDY: 2,
        }
        assert standing_plan(session, case.id) is None
        with pytest.raises(EventNotPossible):
            cases.detach_study(session, case, INSIDE_STUDY)
        cases.detach_study(session, case, NEW_STUDY)


def test_who_signed_the_last_round_has_no_part_in_the_next_until_asked(
    opined: World, now: datetime
) -> None:
    plan(opined, ON_A_DAY, now)
    with opined.db.writing() as session:
        case = session.get_one(Case, opined.inside.id)
        assert require_part(case, opined.surgeon.id).state == "completed"
        aftercare_actions.begin_round(session, case, seen_version=case.version, by="C", now=now)
        with pytest.raises(NotAsked, match="earlier round"):
            require_part(case, opined.surgeon.id)


def test_a_round_is_begun_by_hand_and_taken_back_with_its_plan(
    opined: World, now: datetime
) -> None:
    case = plan(opined, ON_A_DAY, now)
    with opined.db.writing() as session:
        case = session.get_one(Case, case.id)
        aftercare_actions.begin_round(session, case, seen_version=case.version, by="C", now=now)
        cases.attach_study(session, case, NEW_STUDY, by="C", reason="", now=now)
        with pytest.raises(Invalid):
            aftercare_actions.give_up_round(
                session, case, why="", seen_version=case.version, by="C", now=now
            )
        aftercare_actions.give_up_round(
            session, case, why="an old study", seen_version=case.version, by="C", now=now
        )
        assert (case.state, case.round) == (State.REASSESSMENT, 1)
        assert standing_plan(session, case.id) is not None
        assert {study.round for study in case.studies} == {1}


def test_the_first_round_is_not_given_up(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        with pytest.raises(EventNotPossible):
            aftercare_actions.give_up_round(
                session, case, why="x", seen_version=case.version, by="C", now=now
            )


def test_a_plan_given_up_leaves_the_opinion_as_it_was(opined: World, now: datetime) -> None:
    case = plan(opined, ON_A_DAY, now)
    with opined.db.writing() as session:
        case = session.get_one(Case, case.id)
        aftercare_actions.cancel_reassessment(
            session, case, why="The patient declined.", seen_version=case.version, by="C", now=now
        )
        assert case.state == State.OPINED
        with pytest.raises(NoReassessmentPlanned):
            aftercare_actions.cancel_reassessment(
                session, case, why="again", seen_version=case.version, by="C", now=now
            )


def test_each_round_has_its_own_annotation_and_the_one_before_beside_it(
    opined: World, now: datetime
) -> None:
    first = sign_again(opined, 90, now)
    assert (first.round, first.time_point) == (2, 2)
    with opined.db.reading() as session:
        case_id = opined.inside.id
        assert time_point_of(session, case_id) == 2
        (before,) = prior_revisions(session, case_id, "pancreas", reviewer_id=opined.surgeon.id)
        assert before.answers["vessels"]["sma"]["contact_deg"] == 200
        assert before.annotation.round == 1
        own = annotation_of(session, case_id, opined.surgeon.id)
        assert own is not None
        assert own.round == 2
    third = sign_again(opined, 45, now)
    assert (third.round, third.time_point) == (3, 3)
    with opined.db.reading() as session:
        before_that = prior_revisions(session, opined.inside.id, "pancreas")
        degrees = [one.answers["vessels"]["sma"]["contact_deg"] for one in before_that]
    assert degrees == [90, 200]


def sign_again(world: World, degrees: int, now: datetime) -> Any:
    """The next round, begun by hand, with the same surgeon, up to the signature."""
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        aftercare_actions.begin_round(session, case, seen_version=case.version, by="C", now=now)
        study = f"{NEW_STUDY}.{case.round}"
        cases.attach_study(session, case, study, by="C", reason="", now=now)
        cases.declare_records_complete(session, case, case.version, now)
        cases.happen(session, case, Event.SURGEON_ASSIGNED, now=now)
    return sign(world, degrees, now)


def test_a_link_to_an_earlier_case_counts_its_rounds_too(opined: World, now: datetime) -> None:
    with opined.db.writing() as session:
        later = cases.open_case(
            session,
            organ="pancreas",
            hospital=session.merge(opined.hospital),
            question="And now?",
            opened_by="test",
            now=now,
        )
        writing.link_earlier_case(session, later.id, opined.inside.id, by="C", now=now)
        assert time_point_of(session, later.id) == 2
        draft = writing.draft_of(
            session, later.id, "pancreas", reviewer_id=opined.surgeon.id, reviewer_name="Lena"
        )
        assert (draft.annotation.time_point, draft.annotation.round) == (2, 1)


def test_reminders_are_due_once_and_never_for_a_case_that_went_on(
    opined: World, now: datetime
) -> None:
    plan(opined, Planned(due_on=date(2027, 1, 15), remind_days=7), now)
    with opined.db.writing() as session:
        assert to_be_reminded_of(session, date(2027, 1, 7)) == []
        ((kept, case),) = to_be_reminded_of(session, date(2027, 1, 8))
        assert case.id == opined.inside.id
        assert aftercare_actions.note_reminded(session, kept, now)
        assert not aftercare_actions.note_reminded(session, kept, now)
        assert to_be_reminded_of(session, date(2027, 2, 1)) == []
        kept.reminded_at = None
        cases.happen(session, case, Event.CLOSE, now=now)
        assert to_be_reminded_of(session, date(2027, 2, 1)) == []


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 24), st.integers(7, 56))
def test_a_reminder_comes_before_the_day_and_stays_due(
    starts: date, cycles: int, days: int
) -> None:
    due = reassessing.due_on(starts, cycles, days)
    assert (due - starts).days == cycles * days
    assert reassessing.is_to_remind(due, 7, due)
    assert reassessing.is_to_remind(due, 7, due + timedelta(days=100))
    assert not reassessing.is_to_remind(due, 7, due - timedelta(days=8))


def test_every_preset_says_whose_words_it_is() -> None:
    for preset in reassessing.PRESETS:
        assert "source text" in preset.source
        assert 1 <= preset.cycles <= reassessing.MOST_CYCLES
