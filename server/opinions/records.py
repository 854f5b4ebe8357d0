"""Opinions that were issued."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from server.annotations.records import Revision
from server.cases.records import Case
from server.foundation.db import Base, new_id


class IssuedOpinion(Base):
    """The document made from one signed revision. `state` is issuing, issued or archived.

    `issued` means that the hospital can read the PDF; `archived` that it also lies in the study in
    the archive, under a SOPInstanceUID that was fixed at signing so that storing can be repeated.
    """

    __tablename__ = "issued_opinion"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(30), unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    revision_id: Mapped[str] = mapped_column(ForeignKey(Revision.id), unique=True)
    state: Mapped[str] = mapped_column(String(10), default="issuing")
    SOPInstanceUID: Mapped[str] = mapped_column("sop_instance_uid", String(64), unique=True)
    SeriesInstanceUID: Mapped[str] = mapped_column("series_instance_uid", String(64))
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64), default="")
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    requested_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    first_read_at: Mapped[datetime | None]
