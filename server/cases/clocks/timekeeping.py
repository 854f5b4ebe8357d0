"""Keeping a case's time: its steps, its pauses, and what its clock says, stored for lists.

`actions.happen` calls `keep_time` with every event, so no door has to think of the clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import update
from sqlalchemy.orm import Session

from server.cases.clocks.business_days import ClosedDay, has_holidays
from server.cases.clocks.clock import Clock
from server.cases.clocks.pauses import Cause
from server.cases.clocks.queries import GIVEN, calendars_of, clock_of, open_pause
from server.cases.clocks.records import CasePause, CaseStep, ServiceDays
from server.cases.clocks.tiers import tier_named
from server.cases.countries import country_in_sentence
from server.cases.lifecycle import Event, State
from server.cases.records import NO_DAY, Case
from server.foundation.errors import Conflict, FieldProblem, Invalid

LONGEST_REASON = 2000
TIER_CHANGED = "tier_changed"


class TierNotChangeable(Conflict):
    """The opinion was given, or somebody changed the case meanwhile."""


def note_step(
    session: Session,
    case: Case,
    *,
    from_state: str,
    event: str,
    now: datetime,
    by: str,
    detail: str = "",
) -> None:
    """Keep that something happened to the case, which stands in its new state already."""
    session.add(
        CaseStep(
            case_id=case.id,
            at=now,
            from_state=from_state,
            to_state=case.state,
            event=event,
            by=by[:200],
            detail=detail[:LONGEST_REASON],
        )
    )


def keep_time(
    session: Session,
    case: Case,
    event: Event,
    *,
    from_state: str,
    now: datetime,
    by: str,
    detail: str,
    waits_for: str,
) -> None:
    """After an event: its step, the start of the clock, the pause that begins or ends, the promise.

    A held case is paused; so is one whose clock has started and that awaits records again.
    """
    note_step(
        session, case, from_state=from_state, event=event.value, now=now, by=by, detail=detail
    )
    if event is Event.RECORDS_COMPLETE and case.records_complete_at is None:
        case.records_complete_at = now
    started = case.records_complete_at is not None and event is not Event.ROUND_BEGUN
    wanted: Cause | None = None
    if case.state == State.ON_HOLD:
        wanted = Cause.HOLD
    elif case.state == State.AWAITING_RECORDS and started:
        wanted, waits_for = Cause.RECORDS, "hospital"
        detail = detail or "More records are needed."
    _let_pause(session, case, wanted, now=now, by=by, reason=detail, waits_for=waits_for)
    recompute(session, case, now)


def _let_pause(
    session: Session,
    case: Case,
    cause: Cause | None,
    *,
    now: datetime,
    by: str,
    reason: str,
    waits_for: str,
) -> None:
    """Make the pause of that cause the one that stands; None ends whichever stands."""
    standing = open_pause(session, case.id)
    if standing is not None and standing.cause == cause:
        return
    if standing is not None:
        standing.ended_at, standing.ended_by = max(now, standing.begun_at), by[:200]
        session.flush()
    if cause is not None:
        session.add(
            CasePause(
                case_id=case.id,
                begun_at=now,
                cause=cause.value,
                reason=reason[:LONGEST_REASON],
                waits_for=waits_for,
                by=by[:200],
            )
        )
        session.flush()


def recompute(session: Session, case: Case, now: datetime) -> Clock:
    """Keep what the clock of the case says now."""
    clock = clock_of(session, case, now)
    case.due_on, case.limit_on, case.soon_on = clock.target_on, clock.limit_on, clock.soon_on
    case.listed_on = NO_DAY if case.state in GIVEN else clock.target_on or NO_DAY
    session.flush()
    return clock


def choose_tier(
    session: Session,
    case: Case,
    tier: str,
    *,
    calendar: str,
    reason: str,
    seen_version: int,
    by: str,
    now: datetime,
) -> None:
    """Change what is promised, or by which country's days, saying why.

    Raises TierUnknown, Invalid without a reason or for a country without a calendar, and
    TierNotChangeable.
    """
    named, calendar, reason = tier_named(tier), calendar.strip().upper(), reason.strip()
    _check_tier_change(case, calendar, reason)
    # A change of state in the same moment wins; whoever changes the tier looks again.
    changed = session.execute(
        update(Case)
        .where(Case.id == case.id, Case.version == seen_version)
        .values(tier=named.id, calendar=calendar, version=seen_version + 1)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise TierNotChangeable(
            f"Case {case.number} was changed by somebody else while you were looking at it.",
            remedy="Reload the case, look at what changed, and decide again.",
        )
    session.refresh(case)
    days = f", days of {country_in_sentence(calendar)}" if calendar else ""
    said = f"{named.title}{days}: {reason}"
    note_step(session, case, from_state=case.state, event=TIER_CHANGED, now=now, by=by, detail=said)
    recompute(session, case, now)


def _check_tier_change(case: Case, calendar: str, reason: str) -> None:
    problems = []
    if not reason:
        problems.append(FieldProblem("/reason", "Say why the promise changes."))
    if calendar and not has_holidays(calendar):
        problems.append(FieldProblem("/calendar", "The holidays of this country are not known."))
    if problems:
        raise Invalid("The tier was not changed.", problems)
    if is_over(case):
        raise TierNotChangeable(
            "What was promised stands: the case is over, or its opinion is signed.",
            remedy="Reload the case.",
        )


def is_over(case: Case) -> bool:
    """Whether the opinion was given or never will be: then what was promised stands."""
    return case.state in GIVEN or case.state == State.WITHDRAWN


def agree_tier(session: Session, case: Case, tier: str, now: datetime) -> None:
    """Choose what is promised while the case is being opened. Raises TierUnknown."""
    case.tier = tier_named(tier).id
    recompute(session, case, now)


def keep_service_days(
    session: Session, time_zone: str, closed: Iterable[ClosedDay], now: datetime
) -> bool:
    """Count by this time zone and without these days from now on; whether that changes anything.

    Raises Invalid for a zone that is not in the IANA data base.
    """
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(
            f"There is no time zone {time_zone[:60]}.",
            [FieldProblem("/time_zone", "Name one as Europe/Berlin.")],
        ) from None
    said = [
        {"on": one.on.isoformat(), "country": one.country, "name": one.name}
        for one in sorted(closed, key=lambda day: (day.on, day.country))
    ]
    kept = session.get(ServiceDays, 1)
    if kept is None:
        kept = ServiceDays(id=1, time_zone="", closed=[], kept_at=now)
        session.add(kept)
    if (kept.time_zone, kept.closed) == (time_zone, said):
        return False
    kept.time_zone, kept.closed, kept.kept_at = time_zone, said, now
    session.flush()
    calendars_of(session)
    return True
