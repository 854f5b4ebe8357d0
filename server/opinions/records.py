"""Opinions that are being written, that were issued, and who asked whether one is genuine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.annotations.records import Revision
from server.cases.records import Case
from server.foundation.db import Base, new_id


class IssuedOpinion(Base):
    """The document made from one signed revision. `state` is issuing, issued or archived.

    `issued` means that the hospital can read the PDF; `archived` that it also lies in the study in
    the archive, under a SOPInstanceUID that was fixed at signing so that storing can be repeated.
    `content_sha256` is the hash of `content` in canonical JSON (`server.opinions.stored`), printed in
    the document; `verify_code` is printed beside it. `replaces` is the number of the opinion that this
    one amends or makes final, empty for a first one.
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
    status: Mapped[str] = mapped_column(String(12), default="preliminary")
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    content_sha256: Mapped[str] = mapped_column(String(64), default="")
    verify_code: Mapped[str] = mapped_column(String(16), default="")
    replaces: Mapped[str] = mapped_column(String(30), default="", index=True)
    sha256: Mapped[str] = mapped_column(String(64), default="", index=True)
    sealed: Mapped[bool] = mapped_column(default=False)
    requested_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    first_read_at: Mapped[datetime | None]


class OpinionDraft(Base):
    """What one reviewer wrote beside the annotation: the texts that are not as generated, and how the
    opinion is to be issued. `content` is as `server.opinions.drafts` reads it; `version` counts saves.
    """

    __tablename__ = "opinion_draft"
    __table_args__ = (UniqueConstraint("case_id", "reviewer_id", "time_point"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    reviewer_id: Mapped[str] = mapped_column(String(32))
    time_point: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=0)
    content: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    saved_at: Mapped[datetime | None]
    saved_by: Mapped[str] = mapped_column(String(200), default="")


class FailedVerification(Base):
    """One question at `/verify` that named no opinion of ours, kept to slow down guessing. Where it
    came from is kept as a hash only.
    """

    __tablename__ = "failed_verification"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    source_sha256: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
