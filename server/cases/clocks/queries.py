"""Reading a case's time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.clocks.business_days import Calendars, ClosedDay
from server.cases.clocks.clock import Clock, Times, calendar_of, read_clock
from server.cases.clocks.pauses import Pause
from server.cases.clocks.records import CasePause, CaseStep, SentReminder, ServiceDays
from server.cases.clocks.stages import Step
from server.cases.clocks.tiers import default_tier, tiers
from server.cases.lifecycle import Event, State
from server.cases.records import Case

GIVEN = frozenset({State.OPINED.value, State.CLOSED.value, State.REASSESSMENT.value})


def calendars_of(session: Session) -> Calendars:
    """The days of the service; UTC without closed days where nobody said otherwise."""
    kept = session.get(ServiceDays, 1)
    if kept is None:
        return _calendars("UTC", ())
    closed = tuple((one["on"], one["country"], one["name"]) for one in kept.closed)
    return _calendars(kept.time_zone, closed)


@lru_cache(maxsize=4)
def _calendars(time_zone: str, closed: tuple[tuple[str, str, str], ...]) -> Calendars:
    """Made once for each way of counting: a country's days are counted year by year."""
    days = [ClosedDay(date.fromisoformat(on), name, country) for on, country, name in closed]
    return Calendars(time_zone, days)


def open_pause(session: Session, case_id: str) -> CasePause | None:
    """The pause of the case that stands now, or None."""
    return session.scalar(
        select(CasePause).where(CasePause.case_id == case_id, CasePause.ended_at.is_(None))
    )


def open_pauses(session: Session, case_ids: Sequence[str]) -> dict[str, Pause]:
    """The pauses of these cases that stand now, by the case's id."""
    wanted = select(CasePause).where(CasePause.case_id.in_(case_ids), CasePause.ended_at.is_(None))
    return {one.case_id: _pause(one) for one in session.scalars(wanted)}


def pauses_of(session: Session, case_id: str) -> list[Pause]:
    """Every pause of the case, the oldest first."""
    kept = session.scalars(
        select(CasePause).where(CasePause.case_id == case_id).order_by(CasePause.begun_at)
    )
    return [_pause(one) for one in kept]


def _pause(kept: CasePause) -> Pause:
    return Pause(kept.begun_at, kept.ended_at, kept.reason, kept.waits_for, kept.cause)


def steps_of(session: Session, case_id: str) -> list[CaseStep]:
    """What happened to the case, in order; nothing for the time before steps were kept."""
    wanted = select(CaseStep).where(CaseStep.case_id == case_id)
    return list(session.scalars(wanted.order_by(CaseStep.at, CaseStep.id)))


def reminders_of(session: Session, case_id: str) -> list[SentReminder]:
    """What was reminded of, the newest first."""
    wanted = select(SentReminder).where(SentReminder.case_id == case_id)
    return list(session.scalars(wanted.order_by(SentReminder.at.desc(), SentReminder.key)))


def plain_steps(steps: Sequence[CaseStep]) -> list[Step]:
    """The same as the rules of stages read them."""
    return [Step(one.at, one.to_state, one.event, one.by) for one in steps]


def clock_of(session: Session, case: Case, now: datetime) -> Clock:
    """How the clock of the case stands at `now`."""
    tier = tiers().get(case.tier) or tiers()[default_tier()]
    calendar = calendar_of(tier, case.calendar or case.hospital.country, calendars_of(session))
    return read_clock(tier, calendar, times_of(session, case), now)


def times_of(session: Session, case: Case) -> Times:
    """The moments by which the clock of the case's present round goes."""
    complete_at, pauses = case.records_complete_at, pauses_of(session, case.id)
    if case.state not in (*GIVEN, State.WITHDRAWN):
        return Times(complete_at, pauses)
    last = session.scalars(
        select(CaseStep)
        .where(CaseStep.case_id == case.id)
        .order_by(CaseStep.at.desc(), CaseStep.id.desc())
    ).all()
    signed = next((one.at for one in last if one.event == Event.OPINION_SIGNED), None)
    if not last:
        signed = _signed_before_steps(case)
    if (
        signed is not None
        and case.state in GIVEN
        and (complete_at is None or signed >= complete_at)
    ):
        return Times(complete_at, pauses, done_at=signed)
    ended = last[0].at if last else signed or complete_at or case.opened_at
    return Times(complete_at, pauses, ended_at=ended)


def _signed_before_steps(case: Case) -> datetime | None:
    """When the opinion was signed, of a case from before steps were kept: with its assignment."""
    ended = [one.ended_at for one in case.assignments if one.state == "completed" and one.ended_at]
    return max(ended, default=None)
