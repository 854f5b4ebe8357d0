"""Every running clock anew, some cases at a time, and what is to be said about them.

A case that somebody changes at the same moment is left alone: the change itself has set its clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Table, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from server.cases.clocks.business_days import Calendars
from server.cases.clocks.clock import Clock, Times, calendar_of, read_clock
from server.cases.clocks.pauses import Pause
from server.cases.clocks.queries import calendars_of
from server.cases.clocks.records import CasePause, CaseStep, SentReminder
from server.cases.clocks.reminders import Reminder, Situation, due_reminders
from server.cases.clocks.stages import Stage, promised
from server.cases.clocks.tiers import default_tier, stage_targets, tiers
from server.cases.lifecycle import State
from server.cases.records import NO_DAY, Case
from server.foundation import jobs
from server.foundation.db import new_id
from server.people.records import Hospital

RECOMPUTE_CLOCKS: Final = "recompute_clocks"
AT_ONCE: Final = 5000
# Before the working day begins, where the service is; the house's own choice.
AT_HOUR: Final = 6
LIVE: Final = tuple(
    one.value
    for one in (
        State.OPEN,
        State.AWAITING_RECORDS,
        State.READY,
        State.ASSIGNED,
        State.IN_REVIEW,
        State.ON_HOLD,
    )
)
WAITING: Final = frozenset({State.OPEN.value, State.AWAITING_RECORDS.value})


@dataclass(frozen=True)
class Due:
    """A reminder that is to be said now, about which case."""

    case_id: str
    reminder: Reminder


@dataclass
class Recomputed:
    """What became of some cases. `last` is the id to go on after, None when there are no more."""

    last: str | None = None
    seen: int = 0
    changed: int = 0
    due: list[Due] = field(default_factory=list)


def ask_for_round(session: Session, now: datetime) -> None:
    """Have all clocks recomputed once on each day of the service, in its morning."""
    local = now.astimezone(calendars_of(session).zone)
    if local.hour < AT_HOUR:
        return
    key = f"{RECOMPUTE_CLOCKS} {local.date().isoformat()}"
    jobs.enqueue(session, RECOMPUTE_CLOCKS, {}, key=key, now=now)


def ask_for_round_now(session: Session, now: datetime) -> None:
    """Have all clocks recomputed because the days are counted differently from now on."""
    key = f"{RECOMPUTE_CLOCKS} at {now.isoformat()}"
    jobs.enqueue(session, RECOMPUTE_CLOCKS, {}, key=key, now=now)


def recompute_some(
    session: Session, now: datetime, *, after: str = "", most: int = AT_ONCE
) -> Recomputed:
    """The next cases in the order of their ids: their clocks are kept where they changed, and the
    reminders that are due are kept as said; whoever called posts them in the same transaction.
    """
    rows: Sequence[Any] = session.execute(
        select(
            Case.id,
            Case.version,
            Case.state,
            Case.round,
            Case.tier,
            Case.calendar,
            Hospital.country,
            Case.opened_at,
            Case.records_complete_at,
            Case.due_on,
            Case.limit_on,
            Case.soon_on,
            Case.listed_on,
        )
        .join(Hospital, Hospital.id == Case.hospital_id)
        .where(Case.state.in_(LIVE), Case.id > after)
        .order_by(Case.id)
        .limit(most)
    ).all()
    if not rows:
        return Recomputed()
    beside = _Beside(session, after, rows[-1].id)
    found = Recomputed(last=rows[-1].id if len(rows) == most else None, seen=len(rows))
    changes = []
    for row in rows:
        clock = _clock(row, beside, now)
        days = _days(clock)
        if days != (row.due_on, row.limit_on, row.soon_on, row.listed_on):
            changes.append({"of_id": row.id, "of_version": row.version, **_named(days)})
        found.due += [Due(row.id, one) for one in _reminders(row, clock, beside, now)]
    found.changed = len(changes)
    _keep(session, changes)
    _note(session, found.due, now)
    return found


class _Beside:
    """What is kept of some cases in other tables, read together."""

    def __init__(self, session: Session, after: str, until: str) -> None:
        self.calendars: Calendars = calendars_of(session)
        self.pauses: dict[str, list[Pause]] = {}
        kept = select(
            CasePause.case_id,
            CasePause.begun_at,
            CasePause.ended_at,
            CasePause.reason,
            CasePause.waits_for,
            CasePause.cause,
        ).where(CasePause.case_id > after, CasePause.case_id <= until)
        for row in session.execute(kept):
            pause = Pause(row.begun_at, row.ended_at, row.reason, row.waits_for, row.cause)
            self.pauses.setdefault(row.case_id, []).append(pause)
        moved = (
            select(CaseStep.case_id, func.max(CaseStep.at))
            .where(
                CaseStep.case_id > after,
                CaseStep.case_id <= until,
                CaseStep.from_state != CaseStep.to_state,
            )
            .group_by(CaseStep.case_id)
        )
        self.since: dict[str, datetime] = {one[0]: one[1] for one in session.execute(moved)}
        said_of = select(SentReminder.case_id, SentReminder.key).where(
            SentReminder.case_id > after, SentReminder.case_id <= until
        )
        self.said: dict[str, set[str]] = {}
        for case_id, key in session.execute(said_of):
            self.said.setdefault(case_id, set()).add(key)
        self.routing_days = {
            key: promised(tier, stage_targets())[Stage.ROUTING] for key, tier in tiers().items()
        }


def _clock(row: Any, beside: _Beside, now: datetime) -> Clock:
    tier = tiers().get(row.tier) or tiers()[default_tier()]
    calendar = calendar_of(tier, row.calendar or row.country, beside.calendars)
    times = Times(row.records_complete_at, beside.pauses.get(row.id, ()))
    return read_clock(tier, calendar, times, now)


_Days = tuple[date | None, date | None, date | None, date]


def _days(clock: Clock) -> _Days:
    return clock.target_on, clock.limit_on, clock.soon_on, clock.target_on or NO_DAY


def _named(days: _Days) -> dict[str, date | None]:
    return dict(zip(("due_on", "limit_on", "soon_on", "listed_on"), days, strict=True))


def _reminders(row: Any, clock: Clock, beside: _Beside, now: datetime) -> list[Reminder]:
    pause = clock.pause
    waits_for = pause.waits_for if pause else "hospital" if row.state in WAITING else ""
    situation = Situation(row.state, row.round, beside.since.get(row.id, row.opened_at), waits_for)
    return due_reminders(
        clock,
        situation,
        beside.routing_days[clock.tier.id],
        beside.calendars.every_day,
        now,
        beside.said.get(row.id, ()),
    )


def _keep(session: Session, changes: Sequence[dict[str, Any]]) -> None:
    if not changes:
        return
    table = Case.__table__
    assert isinstance(table, Table)
    session.connection().execute(
        update(table)
        .where(table.c.id == bindparam("of_id"), table.c.version == bindparam("of_version"))
        .values({name: bindparam(name) for name in ("due_on", "limit_on", "soon_on", "listed_on")}),
        list(changes),
    )


def _note(session: Session, due: Iterable[Due], now: datetime) -> None:
    rows = [
        {
            "id": new_id(),
            "case_id": one.case_id,
            "key": one.reminder.key,
            "kind": one.reminder.kind,
            "to_role": one.reminder.to_role,
            "due_on": one.reminder.due_on,
            "at": now,
        }
        for one in due
    ]
    table = SentReminder.__table__
    assert isinstance(table, Table)
    if rows:
        session.connection().execute(insert(table), rows)
