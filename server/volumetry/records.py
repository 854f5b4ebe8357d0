"""Volumes measured from segmentations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.records import Case
from server.foundation.db import Base, new_id


class VolumeMeasurement(Base):
    """What one DICOM SEG gave, or why it was refused. `state` is measuring, measured or refused."""

    __tablename__ = "volume_measurement"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    SOPInstanceUID: Mapped[str] = mapped_column("sop_instance_uid", String(64), unique=True)
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64))
    state: Mapped[str] = mapped_column(String(10), default="measuring")
    label: Mapped[str] = mapped_column(String(200), default="")
    refusal: Mapped[str] = mapped_column(Text, default="")
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    noticed_at: Mapped[datetime]
    measured_at: Mapped[datetime | None]
