"""Steps, pauses and promises as they are kept while a case is worked on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.cases import actions
from server.cases.clocks import timekeeping
from server.cases.clocks.business_days import ClosedDay
from server.cases.clocks.clock import Standing
from server.cases.clocks.queries import calendars_of, clock_of, open_pause, pauses_of, steps_of
from server.cases.clocks.records import CasePause
from server.cases.clocks.tiers import TierUnknown
from server.cases.clocks.timekeeping import TierNotChangeable
from server.cases.lifecycle import Event
from server.cases.queries import case_by_number
from server.cases.records import NO_DAY, Case
from server.foundation.errors import Invalid
from tests.world import World

DAY = timedelta(days=1)


def case_of(session: Session, world: World) -> Case:
    return case_by_number(session, world.inside.number)


def test_everything_that_happened_is_kept_with_who_and_when(world: World, now: datetime) -> None:
    with world.db.reading() as session:
        found = [
            (one.from_state, one.to_state, one.event, one.by)
            for one in steps_of(session, world.inside.id)
        ]
    assert found == [
        ("", "open", "opened", "test"),
        ("open", "awaiting_records", "study_attached", "test"),
        ("awaiting_records", "ready", "records_complete", ""),
        ("ready", "assigned", "surgeon_assigned", "test"),
    ]


def test_a_hold_says_who_must_act_and_moves_the_promise(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        actions.hold(
            session,
            case,
            reason="MRI",
            seen_version=case.version,
            now=now,
            by="Clara",
            waits_for="hospital",
        )
        standing = open_pause(session, case.id)
        assert standing is not None
        assert (standing.waits_for, standing.reason, standing.by) == ("hospital", "MRI", "Clara")
        later = now + 4 * DAY
        assert clock_of(session, case, later).standing is Standing.PAUSED
        actions.resume(session, case, seen_version=case.version, now=later, by="Clara")
        assert case.due_on == date(2026, 12, 1)
        assert case.limit_on == date(2026, 12, 8)
        assert steps_of(session, case.id)[-1].to_state == "assigned"
        assert open_pause(session, case.id) is None


def test_who_must_act_is_one_of_four(world: World, now: datetime) -> None:
    with pytest.raises(Invalid) as refused, world.db.writing() as session:
        case = case_of(session, world)
        actions.hold(
            session, case, reason="x", seen_version=case.version, now=now, waits_for="somebody"
        )
    assert refused.value.problems[0].pointer == "/waits_for"


def test_records_wanted_again_pause_the_clock_that_then_goes_on(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        actions.happen(session, case, Event.RECORDS_WANTED, now=now + DAY, detail="CT is missing")
        assert pauses_of(session, case.id)[0].reason == "CT is missing"
        actions.declare_records_complete(session, case, case.version, now + 3 * DAY)
        assert case.records_complete_at == now
        assert case.due_on == date(2026, 11, 29)


def test_a_hold_while_records_are_wanted_is_one_pause_after_the_other(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        actions.happen(session, case, Event.RECORDS_WANTED, now=now)
        actions.hold(session, case, reason="away", seen_version=case.version, now=now + DAY)
        actions.resume(session, case, seen_version=case.version, now=now + 2 * DAY)
        found = [(one.cause, one.ended_at) for one in pauses_of(session, case.id)]
    assert found == [("records", now + DAY), ("hold", now + 2 * DAY), ("records", None)]


def test_two_pauses_of_a_case_never_stand_at_once(world: World, now: datetime) -> None:
    def pause() -> CasePause:
        return CasePause(
            case_id=world.inside.id, begun_at=now, cause="hold", reason="", waits_for="hospital"
        )

    with pytest.raises(IntegrityError), world.db.writing() as session:
        session.add_all([pause(), pause()])


def test_signing_stops_the_clock_and_takes_the_case_out_of_what_is_due(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        actions.complete(session, case, now + 3 * DAY)
        clock = clock_of(session, case, now + 90 * DAY)
        assert (clock.standing, clock.elapsed_days) == (Standing.IN_TIME, 3)
        assert (case.due_on, case.listed_on) == (date(2026, 11, 27), NO_DAY)


def test_a_withdrawn_case_ends_its_pause_and_its_clock(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        actions.hold(session, case, reason="away", seen_version=case.version, now=now)
        actions.withdraw(session, case, reason="moved", seen_version=case.version, now=now + DAY)
        assert open_pause(session, case.id) is None
        assert clock_of(session, case, now + 9 * DAY).standing is Standing.ENDED


def test_the_next_round_has_a_clock_of_its_own(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        actions.complete(session, case, now + DAY)
        actions.begin_round(session, case, now=now + 60 * DAY, by="Clara")
        assert clock_of(session, case, now + 61 * DAY).standing is Standing.NOT_RUNNING
        assert open_pause(session, case.id) is None
        actions.declare_records_complete(session, case, case.version, now + 62 * DAY)
        assert case.due_on == (now + 69 * DAY).date()


def test_another_tier_promises_another_day_with_a_reason(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        timekeeping.choose_tier(
            session,
            case,
            "video",
            calendar="de",
            reason="The family asked.",
            seen_version=case.version,
            by="Clara",
            now=now,
        )
        assert (case.tier, case.calendar, case.due_on) == ("video", "DE", date(2026, 12, 1))
        last = steps_of(session, case.id)[-1]
        assert (last.event, last.from_state, last.to_state) == (
            "tier_changed",
            "assigned",
            "assigned",
        )
        assert "The family asked." in last.detail


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"tier": "gold"}, TierUnknown),
        ({"reason": " "}, Invalid),
        ({"calendar": "XX"}, Invalid),
        ({"seen_version": 1}, TierNotChangeable),
    ],
)
def test_a_promise_is_not_changed_without_sense(
    sqlite_world: World, now: datetime, changed: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error), sqlite_world.db.writing() as session:
        case = case_of(session, sqlite_world)
        fields: dict[str, object] = {
            "tier": "video",
            "calendar": "",
            "reason": "asked",
            "seen_version": case.version,
            **changed,
        }
        timekeeping.choose_tier(session, case, by="Clara", now=now, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("waits", [False, True], ids=["answered", "waiting for new images"])
def test_what_was_promised_stands_once_the_opinion_is_given(
    sqlite_world: World, now: datetime, waits: bool
) -> None:
    with sqlite_world.db.writing() as session:
        case = case_of(session, sqlite_world)
        actions.complete(session, case, now)
        if waits:
            actions.happen(session, case, Event.REASSESSMENT_PLANNED, now=now)
        with pytest.raises(TierNotChangeable):
            timekeeping.choose_tier(
                session,
                case,
                "video",
                calendar="",
                reason="late",
                seen_version=case.version,
                by="Clara",
                now=now,
            )


def test_the_days_of_the_service_are_the_same_for_every_process(
    world: World, now: datetime
) -> None:
    closed = [ClosedDay(date(2026, 11, 23), "move")]
    with world.db.writing() as session:
        assert timekeeping.keep_service_days(session, "Asia/Kolkata", closed, now)
        assert not timekeeping.keep_service_days(session, "Asia/Kolkata", closed, now)
    with world.db.reading() as session:
        calendars = calendars_of(session)
        assert calendars.zone.key == "Asia/Kolkata"
        assert calendars.closed == tuple(closed)
        assert calendars.today(datetime(2026, 11, 20, 20, tzinfo=UTC)) == date(2026, 11, 21)


def test_a_zone_that_does_not_exist_is_refused(sqlite_world: World, now: datetime) -> None:
    with pytest.raises(Invalid), sqlite_world.db.writing() as session:
        timekeeping.keep_service_days(session, "Mars/Olympus", [], now)


def test_a_case_without_steps_says_what_its_assignment_says(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        actions.complete(session, case, now + DAY)
        for one in steps_of(session, case.id):
            session.delete(one)
        session.flush()
        clock = clock_of(session, case, now + 30 * DAY)
        assert (clock.standing, clock.elapsed_days) == (Standing.IN_TIME, 1)
        assert session.scalars(select(CasePause)).all() == []
