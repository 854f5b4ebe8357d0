"""Arrivals: the studies that came in, who sent them, and where they belong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.cases.records import Case
from server.foundation.db import Base, new_id


class Arrival(Base):
    """One study in the archive. `state` is receiving, unmatched, matched or set_aside.

    `case_id` is set once the study belongs to a case. The identity is kept as the sender wrote it,
    because matching needs it; it never appears in an address, a log or a file name.
    """

    __tablename__ = "arrival"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    orthanc_id: Mapped[str] = mapped_column(String(44), unique=True)
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64), index=True)
    state: Mapped[str] = mapped_column(String(12), default="receiving", index=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey(Case.id), index=True)
    match_reason: Mapped[str] = mapped_column(Text, default="")
    guesses: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    PatientID: Mapped[str] = mapped_column("patient_id", String(64), default="")
    PatientName: Mapped[str] = mapped_column("patient_name", String(330), default="")
    PatientSex: Mapped[str] = mapped_column("patient_sex", String(16), default="")
    PatientBirthDate: Mapped[str] = mapped_column("patient_birth_date", String(16), default="")
    AccessionNumber: Mapped[str] = mapped_column("accession_number", String(64), default="")
    StudyDate: Mapped[str] = mapped_column("study_date", String(16), default="")
    StudyDescription: Mapped[str] = mapped_column("study_description", String(64), default="")
    StudyID: Mapped[str] = mapped_column("study_id", String(16), default="")
    calling_aet: Mapped[str] = mapped_column(String(64), default="")
    called_aet: Mapped[str] = mapped_column(String(64), default="")
    remote_address: Mapped[str] = mapped_column(String(64), default="")
    series: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    instance_count: Mapped[int] = mapped_column(default=0)
    first_seen_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    last_update: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    case: Mapped[Case | None] = relationship()
    senders: Mapped[list[ArrivalSender]] = relationship(order_by="ArrivalSender.first_seen_at")


class ArrivalSender(Base):
    """Who sent instances of an arrival, and how many. More than one sender is shown, never merged."""

    __tablename__ = "arrival_sender"
    __table_args__ = (UniqueConstraint("arrival_id", "calling_aet", "remote_address"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    arrival_id: Mapped[str] = mapped_column(ForeignKey("arrival.id"), index=True)
    calling_aet: Mapped[str] = mapped_column(String(64))
    remote_address: Mapped[str] = mapped_column(String(64))
    first_seen_at: Mapped[datetime]
    instances: Mapped[int] = mapped_column(default=0)


class ReceivedInstance(Base):
    """One instance that Margin has taken note of, with its origin and the MD5 of what is stored."""

    __tablename__ = "received_instance"

    orthanc_id: Mapped[str] = mapped_column(String(44), primary_key=True)
    arrival_id: Mapped[str] = mapped_column(ForeignKey("arrival.id"), index=True)
    SOPInstanceUID: Mapped[str] = mapped_column("sop_instance_uid", String(64), index=True)
    SOPClassUID: Mapped[str] = mapped_column("sop_class_uid", String(64), default="")
    calling_aet: Mapped[str] = mapped_column(String(64), default="")
    remote_address: Mapped[str] = mapped_column(String(64), default="")
    md5: Mapped[str] = mapped_column(String(32), default="")
    received_at: Mapped[datetime]


class FeedCursor(Base):
    """How far the archive's change feed has been read."""

    __tablename__ = "feed_cursor"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    swept_at: Mapped[datetime | None]
    archive_ok: Mapped[bool] = mapped_column(default=True)
    checked_at: Mapped[datetime | None]
