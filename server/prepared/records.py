"""How far the preparation of each series is, for people: what is served is what lies on the shelf."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.foundation.db import Base, new_id


class PreparedSeries(Base):
    """One series. `state` is waiting, preparing, prepared or failed.

    `done` of `total` instances are prepared. `unreadable` lists the first instances with frames
    that cannot be read: SOPInstanceUID, place in the series (from 1), numbers of the frames, reason;
    `unreadable_frames` counts all such frames. `reason` says why a series failed.
    """

    __tablename__ = "prepared_series"
    __table_args__ = (UniqueConstraint("study_instance_uid", "series_instance_uid"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64))
    SeriesInstanceUID: Mapped[str] = mapped_column("series_instance_uid", String(64))
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    unreadable_frames: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text, default="")
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
    at: Mapped[datetime]
