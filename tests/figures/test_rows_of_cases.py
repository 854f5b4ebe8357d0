"""From a case's records to what is counted of it, and how the rows follow what happens."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases import actions as cases
from server.cases.lifecycle import Event
from server.cases.local_category import state_local_category
from server.cases.records import Case
from server.figures.actions import catch_up, compute, is_due, walk_again
from server.figures.filters import Filters
from server.figures.queries import counts, durations, rows_of, standing, without_opinion
from server.figures.records import FigureRow
from server.figures.rows import RULES_VERSION
from server.foundation import audit
from server.foundation.db import Database
from server.outcomes.actions import enter_outcome
from server.outcomes.entered import Outcome
from server.people.records import Person
from tests.figures.lives import BEGUN, DAY, Lived, live
from tests.world import World

OPERATED = Outcome(course="operated", operated_on=date(2026, 4, 20), resection_margin="R0")
NOW = BEGUN + 300 * DAY


def caught_up(db: Database, now: datetime = NOW) -> None:
    more = True
    while more:
        with db.writing() as session:
            more = catch_up(session, now)


def row_of(session: Session, case: Case) -> FigureRow:
    return session.scalars(select(FigureRow).where(FigureRow.case_id == case.id)).one()


def test_a_case_gives_its_verdicts_stages_and_outcome(world: World) -> None:
    with world.db.writing() as session:
        life = Lived(outcome=OPERATED, findings=("resectable", "trial"))
        case = live(session, world.hospital, world.surgeon, life)
        compute(session, [case.id], NOW)
        row = row_of(session, case)
    assert (row.local_category, row.verdict, row.verdict_change) == (
        "unresectable",
        "resectable_now",
        "changed",
    )
    assert (row.intake_h, row.records_h, row.routing_h, row.review_h) == (24, 24, 24, 96)
    assert (row.opinion_h, row.promise_h, row.kept_promise) == (24, 120, True)
    assert (row.opened_on, row.opinion_on) == (date(2026, 3, 2), date(2026, 3, 9))
    assert (row.course, row.resection_margin, row.findings_mask) == ("operated", "R0", 0b10001)
    assert row.reviewer_id == world.surgeon.id
    assert row.imaging_inconclusive is False


def test_a_pause_belongs_to_no_stage_and_the_promise_moves_with_it(world: World) -> None:
    with world.db.writing() as session:
        case = cases.open_case(
            session,
            organ="pancreas",
            hospital=world.hospital,
            question="?",
            opened_by="test",
            now=BEGUN,
        )
        for event, day in (
            (Event.STUDY_ATTACHED, 1),
            (Event.RECORDS_COMPLETE, 2),
            (Event.SURGEON_ASSIGNED, 3),
            (Event.HOLD, 4),
            (Event.RESUME, 14),
        ):
            cases.happen(session, case, event, now=BEGUN + day * DAY, by="test", detail="why")
        compute(session, [case.id], NOW)
        assert row_of(session, case).promise_h is None
        assert row_of(session, case).routing_h == 24
    assert durations_of(world)["review"] is None


def durations_of(world: World) -> dict[str, float | None]:
    caught_up(world.db)
    with world.db.reading() as session:
        found = durations(rows_of(session, Filters()))
        return {name: one.median_days for name, one in found.items()}


def test_late_is_late_and_a_case_without_an_opinion_is_not_counted(world: World) -> None:
    with world.db.writing() as session:
        late = live(session, world.hospital, world.surgeon, Lived(signed_day=11.0))
        compute(session, [late.id], NOW)
        assert row_of(session, late).kept_promise is False
    caught_up(world.db)
    with world.db.reading() as session:
        found = counts(rows_of(session, Filters()))
        assert (found.opinions, found.kept_promise, found.broken_promise) == (1, 0, 1)
        # The world's own two cases have a surgeon and no opinion.
        assert without_opinion(session, Filters()) == {"assigned": 2}


def test_insufficient_imaging_is_inconclusive_and_not_comparable(world: World) -> None:
    with world.db.writing() as session:
        case = live(session, world.hospital, world.surgeon, Lived(example="neck-stent-limits"))
        compute(session, [case.id], NOW)
        row = row_of(session, case)
        assert (row.imaging_inconclusive, row.verdict_change) == (True, "not_comparable")


def test_the_next_round_of_a_case_leaves_the_figures_of_the_first_alone(world: World) -> None:
    with world.db.writing() as session:
        case = live(session, world.hospital, world.surgeon, Lived(closes=False))
        compute(session, [case.id], NOW)
        before = row_of(session, case)
        kept = (before.opinion_on, before.promise_h, before.review_h, before.verdict_change)
        cases.happen(session, case, Event.ROUND_BEGUN, now=BEGUN + 90 * DAY, by="test")
        cases.happen(session, case, Event.STUDY_ATTACHED, now=BEGUN + 91 * DAY, by="test")
        session.expire_all()
        compute(session, [case.id], NOW)
        after = row_of(session, case)
        assert (after.opinion_on, after.promise_h, after.review_h, after.verdict_change) == kept


def test_the_rows_follow_what_the_trail_says_was_done(world: World) -> None:
    with world.db.writing() as session:
        case = live(session, world.hospital, world.surgeon, Lived())
    caught_up(world.db)
    with world.db.reading() as session:
        assert not is_due(session, NOW)
        assert counts(rows_of(session, Filters())).course == {"": 1}
    with world.db.writing() as session:
        enter_outcome(
            session,
            case,
            OPERATED,
            seen_number=0,
            by="Clara",
            entered_as="coordinator",
            now=NOW,
        )
        audit.append(
            session,
            actor="coordinator Clara",
            action="outcome.enter",
            object_="case",
            outcome="done",
            now=NOW,
            case_number=case.number,
        )
    with world.db.reading() as session:
        assert is_due(session, NOW)
        assert standing(session).behind
    caught_up(world.db)
    with world.db.reading() as session:
        assert counts(rows_of(session, Filters())).course == {"operated": 1}
        assert not standing(session).behind


def test_what_no_line_of_the_trail_tells_is_found_by_the_daily_walk(world: World) -> None:
    with world.db.writing() as session:
        case = live(session, world.hospital, world.surgeon, Lived())
    caught_up(world.db)
    with world.db.writing() as session:
        state_local_category(session, case, "resectable", by="a script", now=NOW)
    caught_up(world.db, NOW + timedelta(hours=23))
    with world.db.reading() as session:
        assert ("pancreas", "unresectable", "changed") in counts(
            rows_of(session, Filters())
        ).compared
    caught_up(world.db, NOW + timedelta(hours=25))
    with world.db.reading() as session:
        found = counts(rows_of(session, Filters())).compared
        assert dict(found) == {("pancreas", "resectable", "confirmed"): 1}


def test_changed_rules_make_every_row_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    caught_up(world.db)
    with world.db.reading() as session:
        assert not standing(session).behind
    monkeypatch.setattr("server.figures.actions.RULES_VERSION", RULES_VERSION + 1)
    with world.db.writing() as session:
        assert catch_up(session, NOW)


def test_a_walk_over_many_goes_in_pieces_and_ends(world: World) -> None:
    with world.db.writing() as session:
        for _ in range(3):
            live(session, world.hospital, world.surgeon, Lived())
    pieces = 0
    with world.db.writing() as session:
        while catch_up(session, NOW, at_once=2):
            pieces += 1
        assert pieces >= 3
        walk_again(session, NOW)
        assert catch_up(session, NOW, at_once=2)
    caught_up(world.db)
    with world.db.reading() as session:
        assert counts(rows_of(session, Filters())).opinions == 3


@pytest.fixture
def several(world: World) -> World:
    """Two hospitals, two surgeons of two centres, two organs, over two years."""
    with world.db.writing() as session:
        lena = session.get_one(Person, world.surgeon.id)
        otto = session.get_one(Person, world.other_surgeon.id)
        lena.centre, otto.centre = "North", "South"
        year = timedelta(days=365)
        for hospital, surgeon, life in (
            (world.hospital, lena, Lived()),
            (world.hospital, otto, Lived(example="head-borderline-sma")),
            (world.other_hospital, otto, Lived(organ="liver", example="crlm-right-adequate")),
            (world.other_hospital, lena, Lived(opened_at=BEGUN - year)),
        ):
            live(session, hospital, surgeon, life)
    caught_up(world.db)
    return world


def test_filters_narrow_by_each_dimension_and_together(several: World) -> None:
    expected = {
        Filters(): 4,
        Filters(cancer="pancreas"): 3,
        Filters(cancer="liver"): 1,
        Filters(cancer="lung"): 0,
        Filters(centre="North"): 2,
        Filters(centre="Nowhere"): 0,
        Filters(reviewer=several.other_surgeon.id): 2,
        Filters(centre="North", reviewer=several.other_surgeon.id): 0,
        Filters(hospital=several.hospital.id): 2,
        Filters(since=date(2026, 1, 1)): 3,
        Filters(until=date(2025, 12, 31)): 1,
        Filters(since=date(2026, 3, 9), until=date(2026, 3, 9)): 3,
        Filters(since=date(2026, 3, 10)): 0,
        Filters(hospital_ids=frozenset()): 0,
        Filters(hospital_ids=frozenset({several.hospital.id})): 2,
        Filters(
            hospital=several.other_hospital.id, hospital_ids=frozenset({several.hospital.id})
        ): 0,
    }
    with several.db.reading() as session:
        assert {one: len(rows_of(session, one)) for one in expected} == expected
