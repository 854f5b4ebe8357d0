"""Keeping the figures' rows up to date.

Which cases changed is read from the audit trail, whose lines name their case and are never altered:
whatever a person did stands there. What the worker changes by itself stands there as a rule; and once a
day a walk over all cases makes every row again, so that nothing stays wrong for longer. The same walk
happens when the rules that make a row change.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from server.cases.clocks.queries import calendars_of
from server.cases.records import Case
from server.figures.blocks import packed
from server.figures.loading import facts_of
from server.figures.queries import standing
from server.figures.records import FigureBlock, FigureRow, FigureState
from server.figures.rows import RULES_VERSION, values_of
from server.foundation.audit import AuditLine

WALK_EVERY: Final = timedelta(hours=24)
AT_ONCE: Final = 500
BLOCKS_AT_ONCE: Final = 30
# "Before every case number": numbers begin with a letter.
FROM_THE_START: Final = ""


def compute(session: Session, case_ids: Collection[str], now: datetime) -> int:
    """Make the rows of these cases again; gives how many there are now."""
    calendars = calendars_of(session)
    values = [values_of(facts, calendars, now) for facts in facts_of(session, case_ids)]
    before = session.execute(
        select(FigureRow.hospital_id, FigureRow.opinion_on).where(FigureRow.case_id.in_(case_ids))
    ).all()
    session.execute(delete(FigureRow).where(FigureRow.case_id.in_(case_ids)))
    if values:
        # Into the table: through the records, rows that lack different values go one statement each.
        session.connection().execute(insert(FigureRow.__table__), values)  # type: ignore[arg-type]
    after = [(one["hospital_id"], one["opinion_on"]) for one in values]
    _make_stale(session, {(key, day.year) for key, day in (*before, *after) if day is not None})
    return len(values)


def _make_stale(session: Session, keys: Collection[tuple[str, int]]) -> None:
    if not keys:
        return
    there = tuple_(FigureBlock.hospital_id, FigureBlock.year).in_(sorted(keys))
    session.execute(
        update(FigureBlock)
        .where(there, FigureBlock.stale.is_(False))
        .values(stale=True)
        .execution_options(synchronize_session=False)
    )
    known = session.execute(select(FigureBlock.hospital_id, FigureBlock.year).where(there))
    missing = set(keys) - {(hospital_id, year) for hospital_id, year in known}
    session.add_all(FigureBlock(hospital_id=key[0], year=key[1]) for key in sorted(missing))
    session.flush()


def _pack(session: Session) -> bool:
    """Pack some of the blocks that are not as their rows are."""
    stale = session.scalars(
        select(FigureBlock)
        .where(FigureBlock.stale.is_(True))
        .order_by(FigureBlock.hospital_id, FigureBlock.year)
        .limit(BLOCKS_AT_ONCE)
    ).all()
    for block in stale:
        days = (date(block.year, 1, 1), date(block.year, 12, 31))
        rows = session.execute(
            select(FigureRow.__table__).where(
                FigureRow.hospital_id == block.hospital_id, FigureRow.opinion_on.between(*days)
            )
        )
        made = packed([row._asdict() for row in rows])
        block.rows, block.stale = made.rows, False
        block.names = {name: list(known) for name, known in made.names.items()}
    session.flush()
    return bool(stale)


def catch_up(session: Session, now: datetime, *, at_once: int = AT_ONCE) -> bool:
    """One step towards rows that are up to date, of at most `at_once` cases.

    Gives whether there may be more to do. Several processes may call it: the line of `FigureState` is
    locked, and a row made twice is the same row.
    """
    state = session.get(FigureState, 1, with_for_update=True)
    if state is None:
        state = FigureState(id=1, rules_version=RULES_VERSION, walked_to=FROM_THE_START)
        state.walk_begun_at = now
        session.add(state)
        session.flush()
    _begin_walk_when_due(state, now)
    followed = _follow(session, state, now, at_once)
    walked = state.walked_to is not None and _walk(session, now, at_once)
    # While all rows are made again, the figures stay as they were.
    packing = not walked and _pack(session)
    more = followed or walked or packing
    if not more:
        session.get_one(FigureState, 1).caught_up_at = now
    session.flush()
    return more


def is_due(session: Session, now: datetime) -> bool:
    """Whether `catch_up` has anything to do; asking takes no lock."""
    state = session.get(FigureState, 1)
    if state is None or state.walk_begun_at is None:
        return True
    newest = session.scalar(select(func.max(AuditLine.sequence))) or 0
    unread, walk_is_due = newest > state.followed_to, now - state.walk_begun_at >= WALK_EVERY
    return unread or walk_is_due or standing(session).behind


def walk_again(session: Session, now: datetime) -> None:
    """Have every row made again by the steps that follow."""
    state = session.get(FigureState, 1, with_for_update=True)
    if state is not None:
        state.walked_to, state.walk_begun_at = FROM_THE_START, now
        session.flush()


def _begin_walk_when_due(state: FigureState, now: datetime) -> None:
    if state.rules_version != RULES_VERSION:
        state.rules_version, state.walked_to, state.walk_begun_at = RULES_VERSION, "", now
    elif state.walked_to is None and (
        state.walk_begun_at is None or now - state.walk_begun_at >= WALK_EVERY
    ):
        state.walked_to, state.walk_begun_at = FROM_THE_START, now


def _follow(session: Session, state: FigureState, now: datetime, at_once: int) -> bool:
    """Compute the cases of the next lines of the trail."""
    lines = session.execute(
        select(AuditLine.sequence, AuditLine.case_number, AuditLine.outcome)
        .where(AuditLine.sequence > state.followed_to)
        .order_by(AuditLine.sequence)
        .limit(at_once)
    ).all()
    if not lines:
        return False
    state.followed_to = lines[-1].sequence
    session.flush()
    numbers = {line.case_number for line in lines if line.case_number and line.outcome == "done"}
    if numbers:
        ids = session.scalars(select(Case.id).where(Case.number.in_(numbers))).all()
        compute(session, ids, now)
    return len(lines) == at_once


def _walk(session: Session, now: datetime, at_once: int) -> bool:
    """Compute the next cases by number; the walk ends when there are none."""
    state = session.get_one(FigureState, 1)
    cases = session.execute(
        select(Case.id, Case.number)
        .where(Case.number > state.walked_to)
        .order_by(Case.number)
        .limit(at_once)
    ).all()
    if not cases:
        state.walked_to, state.walked_at = None, now
        session.flush()
        return False
    state.walked_to = cases[-1].number
    session.flush()
    compute(session, [case_id for case_id, _ in cases], now)
    return True
