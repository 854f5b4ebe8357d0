"""Noting who writes an object beside the images of a case."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from server.cases.records import Case
from server.panel.records import WrittenObject


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
