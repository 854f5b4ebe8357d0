"""When the archive's files are looked over, and how far that got: the job's own record says it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.foundation import jobs

LOOK_OVER: Final = "look_over_archive"
AT_UTC: Final = time(1, tzinfo=UTC)
FIRST: Final = ""
_REACHED: Final = "reached"
_NIGHTS: Final = 30  # looked back over, in which no job may have got anywhere


def ask_to_look_over(session: Session, now: datetime) -> None:
    """Have the next night's share looked over."""
    begins = datetime.combine(now.astimezone(UTC).date(), AT_UTC)
    if begins <= now:
        begins += timedelta(days=1)
    key = f"{LOOK_OVER} {begins.date().isoformat()}"
    jobs.enqueue(session, LOOK_OVER, {}, key=key, now=now, run_at=begins)


def reached_last(session: Session) -> str:
    """Where looking over ended: the id of the record of the last series, FIRST to begin with the first."""
    lately = select(jobs.Job).where(jobs.Job.name == LOOK_OVER).order_by(jobs.Job.run_at.desc())
    for job in session.scalars(lately.limit(_NIGHTS)):
        if _REACHED in job.payload:
            return str(job.payload[_REACHED])
    return FIRST


def note_reached(session: Session, job_id: str, where: str) -> None:
    """Everything up to this series was looked over."""
    session.get_one(jobs.Job, job_id).payload = {_REACHED: where}
