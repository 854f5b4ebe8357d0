"""Work to be done later: rows written in the same transaction as the change that needs them.

A job is claimed by a conditional update and held for a short lease, which whoever has it done renews for
as long as it lives. A worker that dies lets the lease run out and the job is done again, so every job must
be repeatable. Each claim has a name of its own: whoever lost its job meanwhile, because it stood still or
did not reach the database, is told so when it renews, and changes nothing by noting how it ended.

Leases are counted by the database's clock: several servers share one database, and their own clocks differ.

A job that keeps failing comes to rest in the dead-letter state, where a person sees it and can send it
round again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, String, Text, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.foundation.db import Base, clock_of, new_id
from server.foundation.errors import NotFound

LEASE = timedelta(seconds=30)
FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=10)
ATTEMPTS = 12


class JobNotFound(NotFound):
    """There is no such piece of work."""


class Job(Base):
    """One piece of work. `state` is waiting, running, done or dead.

    Of two that are due, the one of higher `urgency` is done first. `holder` names the claim under which it
    is being done.
    """

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_due", "state", "urgency", "run_at", unique=False),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(60))
    key: Mapped[str | None] = mapped_column(String(200), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    urgency: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    holder: Mapped[str | None] = mapped_column(String(32))
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(Text, default="")


def enqueue(
    session: Session,
    name: str,
    payload: dict[str, Any],
    *,
    now: datetime,
    key: str | None = None,
    run_at: datetime | None = None,
) -> Job:
    """Ask for `name` to be done. A job with the same `key` is asked for only once."""
    if key is not None:
        known = session.scalar(select(Job).where(Job.key == key))
        if known is not None:
            return known
    job = Job(name=name, key=key, payload=payload, created_at=now, run_at=run_at or now)
    session.add(job)
    session.flush()
    return job


def urge(job: Job, now: datetime, urgency: int = 1) -> None:
    """Have a job done before those of lower urgency; one that is done is done once more.

    One that was given up stays so: a person has to look at it.
    """
    if job.state == "done":
        job.state, job.attempts, job.finished_at = "waiting", 0, None
    if job.state == "waiting":
        job.urgency, job.run_at = max(job.urgency, urgency), min(job.run_at, now)


def _due(
    session: Session, now: datetime, only: Collection[str], but: Collection[str]
) -> ColumnElement[bool]:
    leased_at = clock_of(session)
    # A lease that reaches beyond any lease was begun before the database's clock was set back.
    too_far = Job.lease_until > leased_at + 2 * LEASE
    due = or_(
        (Job.state == "waiting") & (Job.run_at <= now),
        (Job.state == "running") & or_(Job.lease_until <= leased_at, too_far),
    )
    if only:
        due = and_(due, Job.name.in_(only))
    return and_(due, Job.name.not_in(but)) if but else due


def is_due(
    session: Session, now: datetime, *, only: Collection[str] = (), but: Collection[str] = ()
) -> bool:
    """Whether there is anything to claim of these names; asking takes no lock."""
    due = _due(session, now, only, but)
    return session.scalar(select(Job.id).where(due).limit(1)) is not None


def claim(
    session: Session, now: datetime, *, only: Collection[str] = (), but: Collection[str] = ()
) -> Job | None:
    """Take the most urgent job, of equals the one due longest, or None. Two never both get one.

    `only` and `but` are the names of the jobs that whoever asks can do, and cannot. What is claimed is
    lost after a LEASE, unless it is renewed.
    """
    due = _due(session, now, only, but)
    next_first = select(Job).where(due).order_by(Job.urgency.desc(), Job.run_at)
    for seen in session.scalars(next_first.limit(5)):
        if seen.attempts >= ATTEMPTS:
            _note_failure(seen, "Whoever did it died each time.", now)
            continue
        taken = session.execute(
            update(Job)
            # Whoever did it may have renewed its lease since the job was seen.
            .where(Job.id == seen.id, Job.attempts == seen.attempts, due)
            .values(
                state="running",
                attempts=seen.attempts + 1,
                lease_until=clock_of(session) + LEASE,
                holder=new_id(),
            )
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount == 1:  # type: ignore[attr-defined]
            session.refresh(seen)
            return seen
    return None


def _held(job_id: str, holder: str | None) -> ColumnElement[bool]:
    return and_(Job.id == job_id, Job.state == "running", Job.holder == holder)


def renew(session: Session, job_id: str, holder: str | None) -> bool:
    """Whoever has the job done is alive: its lease begins anew. False when somebody else has it by now."""
    renewed = session.execute(
        update(Job).where(_held(job_id, holder)).values(lease_until=clock_of(session) + LEASE)
    )
    if renewed.rowcount == 1:  # type: ignore[attr-defined]
        return True
    job = session.get(Job, job_id, populate_existing=True)
    return job is None or job.state != "running"


def note_advance(session: Session, job_id: str) -> None:
    """The job got further than any attempt before: only failures from here on count against it."""
    doing = (Job.id == job_id) & (Job.state == "running")
    session.execute(update(Job).where(doing).values(attempts=1))


def gives_way(session: Session, job_id: str, now: datetime) -> bool:
    """Whether a more urgent job of the same name is due while this one is being done."""
    doing = session.get_one(Job, job_id)
    more_urgent = select(Job.id).where(
        Job.state == "waiting",
        Job.urgency > doing.urgency,
        Job.run_at <= now,
        Job.name == doing.name,
    )
    return session.scalar(more_urgent.limit(1)) is not None


def finish(session: Session, job_id: str, holder: str | None, now: datetime) -> None:
    """Record that the work is done; nothing when somebody else holds the job by now."""
    session.execute(
        update(Job)
        .where(_held(job_id, holder))
        .values(state="done", finished_at=now, lease_until=None, holder=None)
    )


def fail(
    session: Session,
    job_id: str,
    holder: str | None,
    error: str,
    now: datetime,
    *,
    gives_up: bool = True,
) -> None:
    """Record a failure: wait twice as long each time, and rest in `dead` after the last attempt.

    Nothing is recorded when somebody else holds the job by now. `gives_up` False is for a job that only
    waits for something else to come back: it waits on.
    """
    job = session.scalar(select(Job).where(_held(job_id, holder)).with_for_update())
    if job is None:
        return
    if not gives_up:
        job.attempts = min(job.attempts, ATTEMPTS - 1)
    _note_failure(job, error, now)


def _note_failure(job: Job, error: str, now: datetime) -> None:
    job.last_error, job.lease_until, job.holder = error[:2000], None, None
    if job.attempts >= ATTEMPTS:
        job.state, job.finished_at = "dead", now
        return
    wait = min(FIRST_RETRY * 2 ** (job.attempts - 1), LONGEST_RETRY)
    job.state, job.run_at = "waiting", now + wait


def dead(session: Session) -> list[Job]:
    """The jobs that were given up, oldest first."""
    return list(session.scalars(select(Job).where(Job.state == "dead").order_by(Job.created_at)))


def dead_count(session: Session) -> int:
    """How many jobs were given up."""
    return session.scalar(select(func.count(Job.id)).where(Job.state == "dead")) or 0


def under_way(session: Session, limit: int = 200) -> list[Job]:
    """The jobs that run or wait, next first."""
    wanted = select(Job).where(Job.state.in_(("running", "waiting")))
    return list(session.scalars(wanted.order_by(Job.urgency.desc(), Job.run_at).limit(limit)))


def lately_done(session: Session, limit: int = 30) -> list[Job]:
    """The jobs that were done last, newest first."""
    wanted = select(Job).where(Job.state == "done")
    return list(session.scalars(wanted.order_by(Job.finished_at.desc()).limit(limit)))


def send_round_again(session: Session, job_id: str, now: datetime) -> None:
    """Give a dead job all its attempts back; raises JobNotFound."""
    job = session.get(Job, job_id)
    if job is None:
        raise JobNotFound("There is no such job.", remedy="Look at the list of jobs.")
    if job.state == "dead":
        job.state, job.attempts, job.run_at, job.finished_at = "waiting", 0, now, None
