"""The nightly round: every clock anew, reminders once, and nobody's change overwritten."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import func, select, update

from server.cases import actions
from server.cases.clocks import nightly
from server.cases.clocks.business_days import ClosedDay
from server.cases.clocks.nightly import ask_for_round, ask_for_round_now, recompute_some
from server.cases.clocks.queries import reminders_of
from server.cases.clocks.records import SentReminder
from server.cases.clocks.timekeeping import choose_tier, keep_service_days
from server.cases.queries import case_by_number
from server.cases.records import Case
from server.foundation.jobs import Job
from server.notices.records import Notice
from server.notices.reminding import recompute_clocks
from tests.world import World

DAY = timedelta(days=1)


def test_a_round_changes_nothing_that_is_right_already(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        found = recompute_some(session, now)
    assert (found.seen, found.changed, found.last, found.due) == (2, 0, None, [])


def test_rounds_go_on_where_the_one_before_ended(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        first = recompute_some(session, now, most=1)
        assert first.last is not None
        second = recompute_some(session, now, after=first.last, most=1)
        assert (first.seen, second.seen) == (1, 1)
        assert second.last is not None
        assert recompute_some(session, now, after=second.last, most=1).seen == 0


def test_the_promise_of_a_paused_case_moves_with_every_day(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        actions.hold(session, case, reason="away", seen_version=case.version, now=now)
    with world.db.writing() as session:
        assert recompute_some(session, now + 2 * DAY).changed == 1
    with world.db.reading() as session:
        assert case_by_number(session, world.inside.number).due_on == date(2026, 11, 29)


def test_a_day_on_which_the_service_is_closed_moves_promises_in_business_days(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_by_number(session, world.inside.number)
        choose_tier(
            session,
            case,
            "video",
            calendar="",
            reason="asked",
            seen_version=case.version,
            by="Clara",
            now=now,
        )
        before = case.due_on
        keep_service_days(session, "UTC", [ClosedDay(date(2026, 11, 24), "storm")], now)
    with world.db.writing() as session:
        assert recompute_some(session, now).changed == 1
    with world.db.reading() as session:
        assert before is not None
        assert case_by_number(session, world.inside.number).due_on == before + DAY


def test_a_case_that_somebody_changes_meanwhile_is_left_to_them(
    world: World, now: datetime
) -> None:
    wrong = date(2027, 1, 1)
    with world.db.writing() as session:
        session.execute(
            update(Case).where(Case.id == world.inside.id).values(due_on=wrong, version=90)
        )
        changes = [
            {
                "of_id": world.inside.id,
                "of_version": 89,
                "due_on": now.date(),
                "limit_on": now.date(),
                "soon_on": now.date(),
                "listed_on": now.date(),
            }
        ]
        nightly._keep(session, changes)
    with world.db.reading() as session:
        assert case_by_number(session, world.inside.number).due_on == wrong


def test_reminders_are_said_once_and_become_notices(world: World, now: datetime) -> None:
    later = now + 8 * DAY
    first = recompute_clocks(world.db, later)
    assert {(one.reminder.kind, one.reminder.to_role) for one in first.due} == {
        ("overdue", "surgeon"),
        ("overdue", "coordinator"),
    }
    assert recompute_clocks(world.db, later).due == []
    with world.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(SentReminder)) == 4
        notices = session.scalars(select(Notice).where(Notice.case_id == world.inside.id)).all()
        assert {one.kind for one in notices} == {"clock.overdue"}
        assert notices[0].facts["days"] == 1
        assert [one.kind for one in reminders_of(session, world.inside.id)] == ["overdue"] * 2


def test_a_round_is_asked_for_once_each_morning(world: World, now: datetime) -> None:
    def asked() -> int:
        with world.db.reading() as session:
            wanted = select(func.count()).where(Job.name == nightly.RECOMPUTE_CLOCKS)
            return session.scalar(wanted) or 0

    for moment in (now.replace(hour=5), now, now + timedelta(hours=3)):
        with world.db.writing() as session:
            ask_for_round(session, moment)
    assert asked() == 1
    with world.db.writing() as session:
        ask_for_round(session, now + DAY)
        ask_for_round_now(session, now + DAY)
    assert asked() == 3


def test_the_morning_is_the_service_s_own(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        keep_service_days(session, "America/Los_Angeles", [], now)
        ask_for_round(session, now)
        assert session.scalar(select(func.count()).select_from(Job)) == 0
