"""Noting who writes an object beside the images of a case."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.records import Case
from server.panel.records import WrittenObject


def is_begun_by(session: Session, SeriesInstanceUID: str, author_id: str) -> bool:
    """Whether all that is known to have been written into a series beside the images is of this author."""
    authors = session.scalars(
        select(WrittenObject.author_id).where(WrittenObject.SeriesInstanceUID == SeriesInstanceUID)
    )
    return set(authors) == {author_id}


def note_written(
    session: Session,
    case: Case,
    *,
    SOPInstanceUID: str,
    SeriesInstanceUID: str,
    author_id: str,
    now: datetime,
) -> None:
    """Note who writes an object beside the images, before it is stored. The first to write it counts."""
    if session.get(WrittenObject, SOPInstanceUID) is None:
        session.add(
            WrittenObject(
                SOPInstanceUID=SOPInstanceUID,
                SeriesInstanceUID=SeriesInstanceUID,
                case_id=case.id,
                case_round=case.round,
                author_id=author_id,
                written_at=now,
            )
        )
        session.flush()
