"""Reading uploads: what is on its way to a case, and what became of what came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from server.intake.uploads.discs import missing_words
from server.intake.uploads.records import Upload, UploadEntry
from server.intake.uploads.resumable import UploadNotFound

MOST_SHOWN = 500
MOST_MARKS = 50_000
NOT_TAKEN = ("refused", "left_out")


@dataclass(frozen=True)
class Progress:
    """How far a case's uploads are: counts of files, and when anything last changed."""

    receiving: int
    waiting: int
    taken: int
    known: int
    left_out: int
    refused: int

    @property
    def dealt_with(self) -> int:
        return self.taken + self.known + self.left_out + self.refused


@dataclass(frozen=True)
class Outcome:
    """One file that was not taken, or was here already, with the upload in which it came.

    `more` counts the files of the same upload for which the same was noted and which are not listed; it
    stands with the last of them that is.
    """

    name: str
    upload: str
    outcome: str
    reason: str
    at: datetime
    more: int = 0


@dataclass(frozen=True)
class Mark:
    """By what a page finds a file of its own again: the mark it gave, and how it stands."""

    id: str
    fingerprint: str
    size_bytes: int
    state: str


def upload_of_case(session: Session, upload_id: str, case_id: str) -> Upload:
    """One upload of this case; raises UploadNotFound for another's too."""
    found = session.get(Upload, upload_id)
    if found is None or found.case_id != case_id:
        raise UploadNotFound("There is no such upload.", remedy="Reload the page.")
    return found


def uploads_of_case(session: Session, case_id: str, limit: int = MOST_SHOWN) -> list[Upload]:
    """What was sent to a case, newest first; what was given up half-way is left out."""
    wanted = (
        select(Upload)
        .where(Upload.case_id == case_id, Upload.state != "ended")
        .order_by(Upload.begun_at.desc(), Upload.id)
        .limit(limit)
    )
    return list(session.scalars(wanted))


def progress(session: Session, case_id: str) -> Progress:
    """How far the uploads of a case are."""
    counted = select(
        func.count(Upload.id).filter(Upload.state == "receiving"),
        func.count(Upload.id).filter(Upload.state == "complete"),
        *(func.coalesce(func.sum(column), 0) for column in _COUNTS),
    ).where(Upload.case_id == case_id)
    return Progress(*(int(one) for one in session.execute(counted).one()))


_COUNTS = (Upload.taken, Upload.known, Upload.left_out, Upload.refused)


def outcomes(
    session: Session, case_id: str, wanted: tuple[str, ...] = NOT_TAKEN, limit: int = MOST_SHOWN
) -> list[Outcome]:
    """What was not taken and why, newest first.

    Where there is more than `limit`, each reason has its turn: an archive of 20,000 notes must not hide
    the one examination that was refused. Files that came loose count as one archive there.
    """
    alike = (
        UploadEntry.outcome,
        UploadEntry.reason,
        UploadEntry.missing_files,
        UploadEntry.missing_named,
        case((UploadEntry.name == Upload.name, ""), else_=Upload.id),
    )
    newest = (UploadEntry.at.desc(), UploadEntry.upload_id, UploadEntry.place)
    rows = session.execute(
        select(
            UploadEntry,
            Upload.name,
            func.row_number().over(partition_by=alike, order_by=newest).label("nth"),
            func.count().over(partition_by=alike).label("times"),
        )
        .join(Upload, Upload.id == UploadEntry.upload_id)
        .where(Upload.case_id == case_id, UploadEntry.outcome.in_(wanted))
        .order_by("nth", *newest)
        .limit(limit)
    ).all()
    listed = Counter(_group(entry, name) for entry, name, _, _ in rows)
    found = [
        Outcome(
            entry.name,
            name if name != entry.name else "",
            entry.outcome,
            f"{entry.reason} {_missing(entry)}".strip(),
            entry.at,
            times - nth if nth == listed[_group(entry, name)] else 0,
        )
        for entry, name, nth, times in rows
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def missing_of_discs(session: Session, case_id: str, limit: int = 20) -> list[Outcome]:
    """The tables of contents of discs that list files which did not come, newest first; the reason is
    that alone."""
    rows = session.execute(
        select(UploadEntry, Upload.name)
        .join(Upload, Upload.id == UploadEntry.upload_id)
        .where(
            Upload.case_id == case_id,
            UploadEntry.outcome == "left_out",
            UploadEntry.missing_files > 0,
        )
        .order_by(UploadEntry.at.desc(), UploadEntry.id)
        .limit(limit)
    )
    return [
        Outcome(
            entry.name,
            name if name != entry.name else "",
            entry.outcome,
            _missing(entry),
            entry.at,
        )
        for entry, name in rows
    ]


def _missing(entry: UploadEntry) -> str:
    return missing_words(entry.missing_files, entry.missing_named.splitlines())


def _group(entry: UploadEntry, upload: str) -> tuple[str, str, str, str]:
    return (
        entry.outcome,
        entry.reason,
        _missing(entry),
        entry.upload_id if entry.name != upload else "",
    )


def marks(session: Session, case_id: str) -> list[Mark]:
    """The marks that pages gave to their files, of all that were not given up, oldest first."""
    rows = session.execute(
        select(Upload.id, Upload.fingerprint, Upload.size_bytes, Upload.state)
        .where(Upload.case_id == case_id, Upload.state != "ended", Upload.fingerprint != "")
        .order_by(Upload.begun_at)
        .limit(MOST_MARKS)
    )
    return [Mark(*row) for row in rows]


def whole(session: Session, case_id: str, limit: int = 100) -> list[Upload]:
    """The uploads that are whole and not looked through, in the order in which they came."""
    wanted = (
        select(Upload)
        .where(Upload.case_id == case_id, Upload.state == "complete")
        .order_by(Upload.completed_at, Upload.id)
        .limit(limit)
    )
    return list(session.scalars(wanted))


def active_ids(session: Session) -> set[str]:
    """The ids of all uploads whose bytes are still needed."""
    wanted = select(Upload.id).where(Upload.state.in_(("receiving", "complete")))
    return set(session.scalars(wanted))
