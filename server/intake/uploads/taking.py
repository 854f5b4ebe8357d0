"""Looking through uploads: what is taken goes to the archive or to the case's documents, once.

Done in a process of its own that may die at any moment. What became of each file is committed in small
batches together with how far the upload is; whoever begins again goes on from there. Storing a file a
second time changes nothing, so nothing that was answered for is lost and nothing is there twice.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Delete, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from server.cases.queries import case_by_id
from server.foundation import audit
from server.foundation.clock import Clock
from server.foundation.db import Database, DatabaseFull
from server.foundation.errors import MarginError
from server.intake.uploads.actions import Limits, ask_to_take, used_bytes
from server.intake.uploads.disc_notes import keep_listing, note_missing
from server.intake.uploads.judging import Judge, Judged
from server.intake.uploads.kinds import ZIP
from server.intake.uploads.queries import whole
from server.intake.uploads.records import Upload, UploadEntry
from server.intake.uploads.resumable import UploadFolder, UploadNotFound
from server.intake.uploads.unpacking import Found, sniff, walk
from server.intake.uploads.unpacking import Limits as Unpacked

log = logging.getLogger("margin.uploads")
BATCH: Final = 25
BATCH_S: Final = 1.0
# Beginnings that got nowhere, after which every file is noted before it is looked at.
CAREFUL_FROM: Final = 3
# An archive of 100,000 notes is not a hundred thousand rows: beyond these only the count goes on.
MOST_ROWS_NOT_TAKEN: Final = 2_000
# A reason that was not heard so often is listed beyond them too, up to so many reasons.
ALWAYS_LISTED: Final = 20
MOST_REASONS: Final = 200
# A long upload makes room for another case's after so long.
TURN_S: Final = 30.0
DIED = (
    "Looking at this file ended the program twice: it is damaged, or made to do harm. "
    "Everything else was looked at."
)
LOST = "The server lost this file before it was looked at. Send it again."


class MakesRoom(Exception):
    """Another case's uploads wait."""


@dataclass(frozen=True)
class Means:
    """What looking through uploads works with.

    `alive` is called again and again, at least once for each file; `others_wait` says whether another
    case's uploads are due.
    """

    db: Database
    folder: UploadFolder
    judge: Judge
    limits: Limits
    clock: Clock
    alive: Callable[[], None]
    others_wait: Callable[[str], bool]

    def judged(self, found: Found, upload: Upload, *, is_repeat: bool) -> Judged:
        """What becomes of a file. What no rule foresaw in it is its own fault and not the upload's."""
        self.alive()
        try:
            return self.judge.judge(found, upload.case_id, upload.sender, is_repeat=is_repeat)
        except (MarginError, SQLAlchemyError, OSError):
            raise
        except Exception as problem:
            log.warning("a file of an upload could not be judged: %s", type(problem).__name__)
            return Judged("refused", reason="It cannot be read: it is damaged, or made to do harm.")


def take_uploads(means: Means, case_id: str) -> None:
    """Look through every whole upload of a case, oldest first.

    Raises ArchiveUnavailable when the archive does not answer: nothing is refused for that.
    """
    until = time.monotonic() + TURN_S
    while True:
        with means.db.reading() as session:
            uploads = whole(session, case_id)
        if not uploads:
            note_missing(means.db, means.folder, means.clock(), case_id)
            return
        try:
            for group in _groups(means, uploads):
                if len(group) > 1 or _is_loose(means, group[0]):
                    _take_loose(means, group)
                else:
                    _Archive(means, group[0]).run(until)
                _give_way(means, case_id, until)
        except MakesRoom:
            with means.db.writing() as session:
                ask_to_take(session, case_id, means.clock())
            return


def _give_way(means: Means, case_id: str, until: float) -> None:
    if time.monotonic() >= until and means.others_wait(case_id):
        raise MakesRoom


def _is_loose(means: Means, upload: Upload) -> bool:
    """Whether it is one file and no archive, and nobody has died over it again and again."""
    if upload.attempts + 1 >= CAREFUL_FROM:
        return False
    with contextlib.suppress(UploadNotFound):
        return sniff(means.folder.path(upload.id), upload.name) != ZIP
    return True


def _groups(means: Means, uploads: Iterable[Upload]) -> Iterable[list[Upload]]:
    """Single files together, each archive by itself."""
    group: list[Upload] = []
    for upload in uploads:
        is_loose = _is_loose(means, upload)
        if group and (not is_loose or len(group) >= BATCH):
            yield group
            group = []
        if is_loose:
            group.append(upload)
        else:
            yield [upload]
    if group:
        yield group


def _take_loose(means: Means, uploads: list[Upload]) -> None:
    """Single files: noted together before they are looked at, and together when they are dealt with."""
    ids = [upload.id for upload in uploads]
    _count_beginning(means, ids, 1)
    try:
        found = [_single(means, upload) for upload in uploads]
    except BaseException:
        # Only a process that dies without a word counts as a beginning that got nowhere.
        with contextlib.suppress(SQLAlchemyError, DatabaseFull):
            _count_beginning(means, ids, -1)
        raise
    with means.db.writing() as session:
        for upload, (one, judged) in zip(uploads, found, strict=True):
            kept = session.get_one(Upload, upload.id)
            if kept.state == "complete":
                _count(means, session, kept, one, judged, is_listed=True)
                kept.position = 1
                _finish(session, kept, means.clock())
    for upload_id in ids:
        means.folder.remove(upload_id)


def _single(means: Means, upload: Upload) -> tuple[Found, Judged]:
    try:
        path = means.folder.path(upload.id)
    except UploadNotFound:
        return Found(0, upload.name, ""), Judged("refused", reason=LOST)
    limits = Unpacked(means.limits.file_bytes, means.limits.case_bytes)
    (found,) = walk(path, upload.name, path.parent, limits)
    return found, means.judged(found, upload, is_repeat=upload.attempts > 0)


def _count_beginning(means: Means, ids: list[str], by: int) -> None:
    with means.db.writing() as session:
        session.execute(
            update(Upload).where(Upload.id.in_(ids)).values(attempts=Upload.attempts + by)
        )


class _Archive:
    """One archive being looked through, or a file over which the process died before."""

    def __init__(self, means: Means, upload: Upload) -> None:
        self._means = means
        self._upload = upload
        self._position = upload.position
        self._attempts = upload.attempts + 1
        self._batch: list[tuple[Found, Judged]] = []
        self._kept_at = time.monotonic()
        self._not_taken = 0
        self._reasons: Counter[str] = Counter()

    @property
    def _is_careful(self) -> bool:
        return self._attempts >= CAREFUL_FROM

    def run(self, until: float) -> None:
        """Raises MakesRoom once `until` is over and somebody else waits."""
        try:
            path = self._means.folder.path(self._upload.id)
        except UploadNotFound:
            lost = Found(self._position, self._upload.name, "")
            self._batch = [(lost, Judged("refused", reason=LOST))]
            self._conclude()
            return
        self._begin()
        try:
            self._look_through(path, until)
        except BaseException:
            self._take_back_beginning()
            raise
        self._conclude()

    def _look_through(self, path: Path, until: float) -> None:
        means, upload = self._means, self._upload
        scratch = means.folder.scratch(upload.id)
        for found in walk(path, upload.name, scratch, self._limits(), self._position):
            if self._is_careful:
                self._note_reading(found)
            # An earlier attempt may have stored these and died before it said so.
            is_repeat = self._attempts > 1 and found.place < self._position + BATCH
            self._batch.append((found, means.judged(found, upload, is_repeat=is_repeat)))
            if self._is_time():
                self._keep()
                _give_way(means, upload.case_id, until)

    def _limits(self) -> Unpacked:
        with self._means.db.reading() as session:
            used = used_bytes(session, self._upload.case_id)
        limits = self._means.limits
        return Unpacked(limits.file_bytes, max(0, limits.case_bytes - used))

    def _is_time(self) -> bool:
        full = len(self._batch) >= BATCH or self._is_careful
        return full or time.monotonic() - self._kept_at >= BATCH_S

    def _begin(self) -> None:
        """Count this beginning, and refuse the file over which the last one died."""
        with self._means.db.writing() as session:
            upload = session.get_one(Upload, self._upload.id)
            upload.attempts = self._attempts
            died = select(UploadEntry).where(
                UploadEntry.upload_id == upload.id, UploadEntry.outcome == "reading"
            )
            for entry in session.scalars(died).all():
                entry.outcome, entry.reason, entry.at = "refused", DIED, self._means.clock()
                upload.refused += 1
                upload.position = entry.place + 1
            self._position = upload.position
            self._not_taken = upload.refused + upload.left_out
            told = (
                select(UploadEntry.reason, func.count())
                .where(
                    UploadEntry.upload_id == upload.id,
                    UploadEntry.outcome.in_(("refused", "left_out")),
                )
                .group_by(UploadEntry.reason)
            )
            for reason, times in session.execute(told):
                self._reasons[reason] = times

    def _take_back_beginning(self) -> None:
        with (
            contextlib.suppress(SQLAlchemyError, DatabaseFull),
            self._means.db.writing() as session,
        ):
            session.execute(_reading_of(self._upload.id))
            upload = session.get_one(Upload, self._upload.id)
            upload.attempts = max(0, upload.attempts - 1)

    def _note_reading(self, found: Found) -> None:
        with self._means.db.writing() as session:
            session.add(_row(self._upload.id, found, Judged("reading"), self._means.clock()))

    def _keep(self) -> None:
        """Commit what became of the batch, and how far the upload is."""
        with self._means.db.writing() as session:
            self._keep_in(session)

    def _keep_in(self, session: Session) -> Upload:
        batch, self._batch = self._batch, []
        self._kept_at = time.monotonic()
        session.execute(_reading_of(self._upload.id))
        upload = session.get_one(Upload, self._upload.id)
        for found, judged in batch:
            is_listed = judged.outcome not in ("refused", "left_out") or self._is_listed(judged)
            _count(self._means, session, upload, found, judged, is_listed=is_listed)
            upload.position = found.place + 1
        if batch and not self._is_careful:
            # Only beginnings that got no further count towards being careful.
            upload.attempts = 1
        return upload

    def _is_listed(self, judged: Judged) -> bool:
        """Whether a file that is not taken has a line of its own."""
        self._not_taken += 1
        known = judged.reason in self._reasons or len(self._reasons) < MOST_REASONS
        self._reasons[judged.reason] += known
        is_rare = known and self._reasons[judged.reason] <= ALWAYS_LISTED
        return self._not_taken <= MOST_ROWS_NOT_TAKEN or is_rare

    def _conclude(self) -> None:
        with self._means.db.writing() as session:
            _finish(session, self._keep_in(session), self._means.clock())
        self._means.folder.remove(self._upload.id)


def _count(
    means: Means,
    session: Session,
    upload: Upload,
    found: Found,
    judged: Judged,
    *,
    is_listed: bool,
) -> None:
    """Add what became of one file to its upload, and list it."""
    if judged.document is not None:
        case = case_by_id(session, upload.case_id)
        judged = means.judge.keep(session, case, judged, upload.sender)
    keep_listing(means.folder, upload.id, found.place, judged.listed)
    setattr(upload, judged.outcome, getattr(upload, judged.outcome) + 1)
    if judged.outcome == "taken":
        upload.unpacked_bytes += found.size_bytes
    if is_listed or judged.outcome not in ("refused", "left_out"):
        session.add(_row(upload.id, found, judged, means.clock()))


def _row(upload_id: str, found: Found, judged: Judged, now: datetime) -> UploadEntry:
    name = "".join(c for c in found.name.replace("\\", "/") if c.isprintable())
    return UploadEntry(
        upload_id=upload_id,
        place=found.place,
        name=name[-255:] or "unnamed file",
        outcome=judged.outcome,
        kind=judged.kind,
        reason=judged.reason,
        size_bytes=found.size_bytes,
        SOPInstanceUID=judged.SOPInstanceUID,
        md5=judged.md5,
        at=now,
    )


def _reading_of(upload_id: str) -> Delete:
    return delete(UploadEntry).where(
        UploadEntry.upload_id == upload_id, UploadEntry.outcome == "reading"
    )


def _finish(session: Session, upload: Upload, now: datetime) -> None:
    """The upload is looked through; its line in the trail says how many of what, and no name."""
    upload.state, upload.finished_at = "done", now
    audit.append(
        session,
        actor=upload.sender,
        action="upload.taken",
        object_=f"upload {upload.id}",
        outcome="done",
        now=now,
        case_number=case_by_id(session, upload.case_id).number,
        details={
            "bytes": upload.size_bytes,
            "taken": upload.taken,
            "known": upload.known,
            "left_out": upload.left_out,
            "refused": upload.refused,
        },
    )
