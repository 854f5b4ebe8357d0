"""Forgetting what was needed only for a while: finished jobs and answers kept under idempotency keys;
and asking whether a record still names what is about to be forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from server.foundation import jobs
from server.foundation.jobs import Job
from server.foundation.kept_answers import KEPT_FOR, KeptAnswer

FORGET_OLD: Final = "forget_old"


def ask_to_forget(session: Session, now: datetime) -> None:
    """Have what is old forgotten, once a day."""
    jobs.enqueue(session, FORGET_OLD, {}, key=f"{FORGET_OLD} {now.date().isoformat()}", now=now)


def forget_jobs(session: Session, before: datetime, most: int) -> int:
    """Delete at most so many jobs that were done before that moment; how many.

    What waits, runs or was given up stays, however old it is.
    """
    done = select(Job.id).where(Job.state == "done", Job.finished_at < before)
    ids = session.scalars(done.order_by(Job.finished_at).limit(most)).all()
    # Asked again while deleting: one that was sent round meanwhile is not done any more.
    session.execute(delete(Job).where(Job.id.in_(ids), Job.state == "done"))
    return len(ids)


def forget_answers(session: Session, now: datetime) -> int:
    """Delete the answers whose idempotency keys hold no longer; how many."""
    old = delete(KeptAnswer).where(KeptAnswer.kept_at < now - KEPT_FOR)
    return int(session.execute(old).rowcount)  # type: ignore[attr-defined]


def still_named(
    session: Session, columns: Iterable[InstrumentedAttribute[str]], values: Collection[str]
) -> set[str]:
    """Those of the values that stand in any of these columns."""
    return {
        value
        for column in columns
        for value in session.scalars(select(column).where(column.in_(values)))
    }
