"""Outcomes: what can be entered, what contradicts itself, corrections with their history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.foundation.errors import Invalid
from server.outcomes import value_sets
from server.outcomes.actions import OutcomeChangedMeanwhile, choose_findings, enter_outcome
from server.outcomes.entered import LONGEST_NOTE, NAMES, Outcome, problems_of, read
from server.outcomes.queries import corrections, outcome_entries, outcome_of, updates_due
from tests.world import World

OPENED, TODAY = date(2026, 6, 1), date(2026, 11, 20)
OPERATED = Outcome(
    course="operated",
    operated_on=date(2026, 8, 3),
    resection_margin="R0",
    complication_grade="II",
    vital_status="alive",
    vital_on=date(2026, 11, 1),
)


def pointers(outcome: Outcome) -> list[str]:
    return [problem.pointer for problem in problems_of(outcome, OPENED, TODAY)]


def changed(**values: object) -> Outcome:
    return Outcome(**{**{name: getattr(OPERATED, name) for name in NAMES}, **values})


def test_an_outcome_that_can_be_true_has_no_problem() -> None:
    assert pointers(OPERATED) == []
    assert pointers(Outcome(course="pending", next_update_on=date(2027, 1, 1))) == []


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ({"course": ""}, ["/course"]),
        ({"operated_on": None}, ["/operated_on"]),
        ({"operated_on": date(2026, 12, 1)}, ["/operated_on", "/vital_on"]),
        ({"operated_on": date(2026, 5, 31)}, ["/operated_on"]),
        ({"vital_on": None}, ["/vital_on"]),
        ({"vital_on": date(2026, 8, 2)}, ["/vital_on"]),
        ({"vital_on": date(2026, 11, 21)}, ["/vital_on"]),
        ({"complication_grade": "V"}, ["/complication_grade"]),
        ({"complication_grade": "V", "vital_status": "dead"}, []),
        ({"complication_grade": "V", "vital_status": "unknown"}, ["/complication_grade"]),
        ({"vital_status": ""}, ["/vital_status"]),
        ({"conversion_therapy": "chemotherapy"}, ["/converted"]),
        ({"conversion_therapy": "other", "converted": "not_tried"}, ["/conversion_therapy"]),
        ({"conversion_therapy": "other", "converted": "no"}, []),
        ({"flr_after_ml": 700.0}, ["/flr_method"]),
        ({"flr_measured_on": date(2026, 8, 2)}, ["/flr_measured_on"]),
        ({"next_update_on": TODAY}, ["/next_update_on"]),
    ],
)
def test_what_contradicts_itself_or_the_calendar_is_said_at_its_field(
    values: dict[str, object], at: list[str]
) -> None:
    assert pointers(changed(**values)) == at


def test_nobody_died_or_was_last_seen_before_the_case_was_opened() -> None:
    for status in ("alive", "dead"):
        known = Outcome(
            course="not_operated",
            not_operated_reason="unfit",
            vital_status=status,
            vital_on=OPENED,
        )
        assert pointers(known) == []
        before = replace(known, vital_on=OPENED - timedelta(days=1))
        assert pointers(before) == ["/vital_on"]


def test_a_note_that_is_too_long_is_refused_and_never_cut_off() -> None:
    outcome, problems = read({"course": "pending", "note": "x" * (LONGEST_NOTE + 1)}, "liver")
    assert [problem.pointer for problem in problems] == ["/note"]
    assert outcome.note == ""
    assert read({"course": "pending", "note": "x" * LONGEST_NOTE}, "liver")[1] == []


def test_no_operation_needs_its_reason_and_another_reason_its_words() -> None:
    assert pointers(Outcome(course="not_operated")) == ["/not_operated_reason"]
    other = Outcome(course="not_operated", not_operated_reason="other")
    assert pointers(other) == ["/note"]
    assert pointers(Outcome(course="not_operated", not_operated_reason="other", note="x")) == []


def test_what_a_form_sends_of_the_other_course_is_left_out() -> None:
    typed = {
        "course": "not_operated",
        "not_operated_reason": "unfit",
        "operated_on": "2026-08-03",
        "resection_margin": "R0",
    }
    outcome, problems = read(typed, "liver")
    assert problems == []
    assert outcome == Outcome(course="not_operated", not_operated_reason="unfit")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("course", "perhaps"),
        ("operation", "pancreatoduodenectomy"),
        ("operated_on", "3.8.2026"),
        ("operated_on", "2026-02-30"),
        ("flr_after_ml", "much"),
        ("flr_after_ml", "nan"),
        ("flr_after_ml", "inf"),
        ("flr_after_ml", "0.7"),
        ("flr_after_ml", "612000"),
    ],
)
def test_what_cannot_be_read_is_said_and_never_kept(name: str, text: str) -> None:
    outcome, problems = read({"course": "operated", name: text}, "liver")
    assert [problem.pointer for problem in problems] == [f"/{name}"]
    assert getattr(outcome, name) in ("", None)


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_whatever_is_typed_is_answered_and_never_fails(typed: dict[str, str]) -> None:
    outcome, _ = read(typed, "liver")
    for problem in problems_of(outcome, OPENED, TODAY):
        assert problem.pointer.strip("/") in NAMES


@pytest.mark.parametrize("organ", ["pancreas", "liver", "perihilar", "rectum", "lung", "generic"])
def test_every_organ_offers_operations_and_another_one(organ: str) -> None:
    offered = value_sets.operations(organ)
    assert len(offered) > 1
    assert list(offered)[-1] == "other"


@pytest.fixture
def enter(world: World) -> Callable[..., object]:
    moment = datetime(2027, 3, 1, 12, tzinfo=UTC)

    def do(outcome: Outcome, seen: int, by: str = "Clara") -> object:
        with world.db.writing() as session:
            return enter_outcome(
                session,
                world.inside,
                outcome,
                seen_number=seen,
                by=by,
                entered_as="coordinator",
                now=moment,
            )

    return do


LATER = changed(operated_on=date(2027, 1, 4), vital_on=date(2027, 2, 1))


def test_a_correction_is_a_new_entry_and_says_what_it_changed(
    world: World, enter: Callable[..., object]
) -> None:
    enter(LATER, 0)
    with_r1 = Outcome(**{**vars(LATER), "resection_margin": "R1", "note": "after pathology"})
    enter(with_r1, 1, by="Omar")
    with world.db.reading() as session:
        first, second = outcome_entries(session, world.inside.id)
        assert outcome_of([first, second]) == with_r1
        assert (first.entered_by, second.entered_by) == ("Clara", "Omar")
        said = [(one.name, one.before, one.after) for one in corrections(first, second)]
        assert said == [("resection_margin", "R0", "R1"), ("note", "", "after pathology")]


def test_the_same_again_is_kept_once(world: World, enter: Callable[..., object]) -> None:
    enter(LATER, 0)
    enter(LATER, 1)
    with world.db.reading() as session:
        assert len(outcome_entries(session, world.inside.id)) == 1


def test_of_two_who_enter_at_once_the_second_is_told(enter: Callable[..., object]) -> None:
    enter(LATER, 0)
    with pytest.raises(OutcomeChangedMeanwhile):
        enter(Outcome(course="pending"), 0)


def test_updates_are_due_by_the_newest_entry_only(
    world: World, enter: Callable[..., object]
) -> None:
    enter(Outcome(course="pending", next_update_on=date(2027, 4, 1)), 0)
    with world.db.reading() as session:
        assert updates_due(session, date(2027, 4, 2)) == [(world.inside.number, date(2027, 4, 1))]
        assert updates_due(session, date(2027, 3, 31)) == []
        elsewhere = frozenset({world.other_hospital.id})
        assert updates_due(session, date(2027, 4, 2), elsewhere) == []
    enter(Outcome(course="pending", next_update_on=date(2027, 9, 1)), 1)
    with world.db.reading() as session:
        assert updates_due(session, date(2027, 4, 2)) == []


def test_findings_are_chosen_from_the_list_and_none_is_an_answer(world: World) -> None:
    with world.db.writing() as session:
        now = world.inside.opened_at + timedelta(days=1)
        case = world.inside
        first = choose_findings(session, case, [], seen_number=0, by="Clara", now=now)
        assert first.categories == []
        both = ["trial", "convertible"]
        second = choose_findings(session, case, both, seen_number=1, by="Clara", now=now)
        assert second.categories == ["convertible", "trial"]
        with pytest.raises(OutcomeChangedMeanwhile):
            choose_findings(session, case, both, seen_number=0, by="Omar", now=now)
        with pytest.raises(Invalid):
            choose_findings(session, case, ["miracle"], seen_number=2, by="Clara", now=now)
