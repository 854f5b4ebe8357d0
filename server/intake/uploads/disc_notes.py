"""Noting what the tables of contents of a case's discs list and what did not come.

Images come in any order, in one archive or as thousands of single files, and a DICOMDIR may come first. So
what it lists is kept beside the uploads for some days and compared again whenever all that came was looked
through, until it is whole. It is a note and nothing waits for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from server.foundation.db import Database
from server.intake.records import Arrival, ReceivedInstance
from server.intake.uploads.discs import MOST_NAMED, Listed, not_here
from server.intake.uploads.records import Upload, UploadEntry
from server.intake.uploads.resumable import UploadFolder

# While files of the case have begun to come so lately, nobody says yet that others are missing.
STILL_COMING: Final = timedelta(hours=1)


@dataclass(frozen=True)
class _Compared:
    """What did not come of one table of contents: how many files, the first of them, and whether that is
    to be noted anew."""

    upload_id: str
    place: int
    entry_id: str
    files: int
    named: str
    is_news: bool


def keep_listing(
    folder: UploadFolder, upload_id: str, place: int, listed: tuple[Listed, ...]
) -> None:
    """Keep what the DICOMDIR at `place` of an upload lists. Repeatable."""
    if listed:
        rows = [[one.path, one.SOPInstanceUID] for one in listed]
        folder.keep_listing(upload_id, place, json.dumps(rows))


def note_missing(db: Database, folder: UploadFolder, now: datetime, case_id: str = "") -> None:
    """Say of each table of contents that is kept, of one case or of all, what of it did not come. One that
    is whole is not kept any longer."""
    kept = folder.listed_ids()
    if not kept:
        return
    with db.reading() as session:
        wanted = select(Upload).where(Upload.id.in_(kept))
        if case_id:
            wanted = wanted.where(Upload.case_id == case_id)
        compared = [
            one
            for upload in session.scalars(wanted).all()
            if not _is_coming(session, upload.case_id, now)
            for one in _compared(session, folder, upload)
        ]
    changed = [one for one in compared if one.is_news]
    if changed:
        with db.writing() as session:
            for one in changed:
                entry = session.get_one(UploadEntry, one.entry_id)
                entry.missing_files, entry.missing_named = one.files, one.named
    for one in compared:
        if not one.files:
            folder.forget_listing(one.upload_id, one.place)


def _is_coming(session: Session, case_id: str, now: datetime) -> bool:
    coming = select(Upload.id).where(
        Upload.case_id == case_id,
        or_(
            Upload.state == "complete",
            (Upload.state == "receiving") & (Upload.begun_at > now - STILL_COMING),
        ),
    )
    return session.scalar(coming.limit(1)) is not None


def _compared(session: Session, folder: UploadFolder, upload: Upload) -> Iterator[_Compared]:
    uids: set[str] = set()
    for place, text in folder.listings(upload.id):
        entry = session.scalar(
            select(UploadEntry).where(
                UploadEntry.upload_id == upload.id, UploadEntry.place == place
            )
        )
        if entry is None:
            continue
        uids = uids or set(_uids_of_case(session, upload.case_id))
        listed = [Listed(*row) for row in json.loads(text)]
        missing = not_here(listed, entry.name, uids, _names_beside(session, upload))
        files, named = len(missing), "\n".join(missing[:MOST_NAMED])
        is_news = (entry.missing_files, entry.missing_named) != (files, named)
        yield _Compared(upload.id, place, entry.id, files, named, is_news)


def _uids_of_case(session: Session, case_id: str) -> Iterator[str]:
    """SOPInstanceUID of all that the case has, uploaded and sent."""
    yield from session.scalars(
        select(UploadEntry.SOPInstanceUID)
        .join(Upload, Upload.id == UploadEntry.upload_id)
        .where(Upload.case_id == case_id, UploadEntry.SOPInstanceUID != "")
    )
    yield from session.scalars(
        select(ReceivedInstance.SOPInstanceUID)
        .join(Arrival, Arrival.id == ReceivedInstance.arrival_id)
        .where(Arrival.case_id == case_id)
    )


def _names_beside(session: Session, upload: Upload) -> set[str]:
    """The names of the files that came in the same archive, or loose as the DICOMDIR, in small letters."""
    wanted = (
        select(UploadEntry.name)
        .join(Upload, Upload.id == UploadEntry.upload_id)
        .where(
            Upload.case_id == upload.case_id,
            or_(UploadEntry.upload_id == upload.id, UploadEntry.name == Upload.name),
        )
    )
    return {name.lower() for name in session.scalars(wanted)}
