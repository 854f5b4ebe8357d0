"""Files sent by hand: beginning an upload, having it whole, giving it up.

An upload belongs to its case. Whoever may send to the case may go on with it, so that a page that was
closed, a link that ran out and a second computer all continue where the first one stopped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from server.cases.lifecycle import Event, State, possible
from server.cases.records import Case
from server.foundation import jobs
from server.foundation.db import new_id
from server.foundation.errors import BadRequest, Conflict, TooLarge
from server.foundation.settings import Settings
from server.intake.uploads.records import Upload, UploadEntry

TAKE_UPLOADS = "take_uploads"
LONGEST_NAME = 255
LONGEST_FINGERPRINT = 64
MB = 1_000_000
# A folder of 100,000 pictures is somebody's whole disk.
MOST_UNFINISHED = 20_000


class CaseTakesNoFiles(Conflict):
    """The case is over: nothing more is taken for it."""


class FileTooLarge(TooLarge):
    """One file is larger than the settings allow."""


class CaseTooLarge(TooLarge):
    """The case has as much as the settings allow."""


class TooManyUploads(TooLarge):
    """More files are on their way than anybody sends."""


class UploadIncomplete(BadRequest):
    """Something that only a whole upload can have was asked of half a one."""


@dataclass(frozen=True)
class Limits:
    """How much is taken, in bytes, and how long half a file waits."""

    file_bytes: int
    case_bytes: int
    keep: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(
            settings.upload_file_mb * MB,
            settings.upload_case_mb * MB,
            timedelta(days=settings.upload_keep_days),
        )


def begin(
    session: Session,
    case: Case,
    *,
    name: str,
    size_bytes: int,
    sender: str,
    limits: Limits,
    now: datetime,
    fingerprint: str = "",
    upload_id: str = "",
) -> Upload:
    """Note that somebody sends a file of `size_bytes` to the case.

    Raises CaseTakesNoFiles, FileTooLarge, CaseTooLarge or TooManyUploads.
    """
    if not possible(State(case.state), Event.STUDY_ATTACHED):
        raise CaseTakesNoFiles(
            "Nothing more is taken for this case.", remedy="Ask the coordinator what to do."
        )
    if size_bytes > limits.file_bytes:
        raise FileTooLarge(
            f"This file is larger than {limits.file_bytes // MB} MB.",
            remedy="Send it in parts, or by DICOM.",
        )
    if used_bytes(session, case.id) + size_bytes > limits.case_bytes:
        raise CaseTooLarge(
            f"This case would hold more than {limits.case_bytes // MB} MB of uploads.",
            remedy="Ask the coordinator; an administrator can raise the limit.",
        )
    unfinished = select(func.count(Upload.id)).where(
        Upload.case_id == case.id, Upload.state == "receiving"
    )
    if (session.scalar(unfinished) or 0) >= MOST_UNFINISHED:
        raise TooManyUploads(
            f"More than {MOST_UNFINISHED} files are on their way to this case.",
            remedy="Send them as a zip file.",
        )
    upload = Upload(
        id=upload_id or new_id(),
        case_id=case.id,
        name=shown_name(name),
        size_bytes=size_bytes,
        fingerprint=fingerprint[:LONGEST_FINGERPRINT],
        sender=sender[:200],
        begun_at=now,
        expires_at=now + limits.keep,
    )
    session.add(upload)
    session.flush()
    return upload


def note_unsent(
    session: Session,
    case: Case,
    *,
    name: str,
    size_bytes: int,
    outcome: str,
    reason: str,
    sender: str,
    now: datetime,
) -> None:
    """List a file that was not even sent, because its first bytes said that it is not taken."""
    upload = Upload(
        id=new_id(),
        case_id=case.id,
        state="done",
        name=shown_name(name),
        size_bytes=size_bytes,
        sender=sender[:200],
        begun_at=now,
        expires_at=now,
        completed_at=now,
        finished_at=now,
        position=1,
        **{outcome: 1},
    )
    session.add(upload)
    session.flush()
    entry = UploadEntry(
        upload_id=upload.id,
        place=0,
        name=upload.name,
        outcome=outcome,
        reason=reason,
        size_bytes=size_bytes,
        at=now,
    )
    session.add(entry)
    session.flush()


def used_bytes(session: Session, case_id: str) -> int:
    """How many bytes of the case's allowance are used: on their way, and unpacked of what came."""
    wanted = select(
        func.sum(Upload.size_bytes).filter(Upload.state.in_(("receiving", "complete"))),
        func.sum(Upload.unpacked_bytes),
    ).where(Upload.case_id == case_id)
    on_their_way, unpacked = session.execute(wanted).one()
    return int(on_their_way or 0) + int(unpacked or 0)


def complete(session: Session, upload_id: str, now: datetime) -> bool:
    """Every byte is on disk: have it looked through. Gives whether this call was the one."""
    changed = session.execute(
        update(Upload)
        .where(Upload.id == upload_id, Upload.state == "receiving")
        .values(state="complete", completed_at=now)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    ask_to_take(session, session.get_one(Upload, upload_id).case_id, now)
    return True


def ask_to_take(session: Session, case_id: str, now: datetime) -> None:
    """Have the case's whole uploads looked through, by one job that has not begun yet.

    The row of a waiting job is held until this transaction ends, so that nobody can begin it without
    seeing what is new.
    """
    begun = f"{TAKE_UPLOADS} {case_id} "
    waiting = (
        select(jobs.Job.id)
        .where(
            jobs.Job.name == TAKE_UPLOADS,
            jobs.Job.state == "waiting",
            jobs.Job.key.startswith(begun, autoescape=True),
        )
        .limit(1)
        .with_for_update()
    )
    if session.scalar(waiting) is None:
        stamp = f"{now:%Y%m%d%H%M%S%f}"
        jobs.enqueue(session, TAKE_UPLOADS, {"case_id": case_id}, now=now, key=begun + stamp)


def others_wait(session: Session, case_id: str, now: datetime) -> bool:
    """Whether uploads of another case wait to be looked through."""
    due = select(jobs.Job.id).where(
        jobs.Job.name == TAKE_UPLOADS,
        jobs.Job.state == "waiting",
        jobs.Job.run_at <= now,
        jobs.Job.key.not_like(f"{TAKE_UPLOADS} {case_id} %"),
    )
    return session.scalar(due.limit(1)) is not None


def end(session: Session, upload: Upload, now: datetime) -> bool:
    """Give up an upload that is not whole yet; gives whether it was one."""
    changed = session.execute(
        update(Upload)
        .where(Upload.id == upload.id, Upload.state == "receiving")
        .values(state="ended", finished_at=now)
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]


def sweep(session: Session, now: datetime) -> None:
    """Give up the uploads whose time is over, and ask again for whole ones that nobody looks at."""
    session.execute(
        update(Upload)
        .where(Upload.state == "receiving", Upload.expires_at <= now)
        .values(state="ended", finished_at=now)
    )
    waiting = select(Upload.case_id).where(Upload.state == "complete").distinct()
    for case_id in session.scalars(waiting):
        under_way = select(jobs.Job.id).where(
            jobs.Job.name == TAKE_UPLOADS,
            jobs.Job.state.in_(("waiting", "running")),
            jobs.Job.key.startswith(f"{TAKE_UPLOADS} {case_id} ", autoescape=True),
        )
        if session.scalar(under_way.limit(1)) is None:
            ask_to_take(session, case_id, now)


def shown_name(name: str) -> str:
    """A file's name for showing, with its folders; never used as a path."""
    parts = [part for part in re.split(r"[/\\]+", name) if part not in ("", ".", "..")]
    text = "".join(c for c in "/".join(parts) if c.isprintable())
    return text[-LONGEST_NAME:] or "unnamed file"
