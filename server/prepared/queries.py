"""Reading how far the preparation is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.prepared.records import PreparedSeries


@dataclass(frozen=True)
class StudyPreparation:
    """One study: `done` of `total` slices prepared, how many frames cannot be read, and which."""

    done: int = 0
    total: int = 0
    under_way: bool = False
    unreadable_frames: int = 0
    unreadable: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def series_record(
    session: Session, StudyInstanceUID: str, SeriesInstanceUID: str
) -> PreparedSeries | None:
    """What is known of one series, or None."""
    return session.scalar(
        select(PreparedSeries).where(
            PreparedSeries.StudyInstanceUID == StudyInstanceUID,
            PreparedSeries.SeriesInstanceUID == SeriesInstanceUID,
        )
    )


def series_after(session: Session, record_id: str) -> PreparedSeries | None:
    """The next of all series in the order of their records' ids; None behind the last."""
    later = select(PreparedSeries).where(PreparedSeries.id > record_id)
    return session.scalar(later.order_by(PreparedSeries.id).limit(1))


def preparations(session: Session, study_uids: Collection[str]) -> dict[str, StudyPreparation]:
    """How far these studies are, by StudyInstanceUID; those never asked for are left out."""
    found: dict[str, list[PreparedSeries]] = {}
    wanted = select(PreparedSeries).where(PreparedSeries.StudyInstanceUID.in_(study_uids))
    for one in session.scalars(wanted.order_by(PreparedSeries.SeriesInstanceUID)):
        found.setdefault(one.StudyInstanceUID, []).append(one)
    return {uid: _together(series) for uid, series in found.items()}


def _together(series: list[PreparedSeries]) -> StudyPreparation:
    counted = [one for one in series if one.state != "failed"]
    return StudyPreparation(
        done=sum(one.done for one in counted),
        total=sum(one.total for one in counted),
        under_way=any(one.state in ("waiting", "preparing") for one in series),
        unreadable_frames=sum(one.unreadable_frames for one in series),
        unreadable=[item for one in series for item in one.unreadable],
        failures=[one.reason for one in series if one.state == "failed"],
    )
