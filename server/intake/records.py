"""Arrivals: the studies that came in, who sent them, and where they belong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.cases.records import Case
from server.foundation.db import Base, new_id


class Arrival(Base):
    """One study in the archive. `state` is receiving, unmatched, matched, held, set_aside, split,
    refused or deleted.

    `case_id` is set once the study belongs to a case. The identity is kept as the sender wrote it,
    because matching needs it; it never appears in an address, a log or a file name. `name_key` is the
    name as matching compares it. `held_for` says why a person has to look before anything else happens;
    what was `allowed` was looked at and is not asked again. `not_cases` are cases to which somebody
    said it does not belong. `split_from` is the arrival of which it is a part.
    """

    __tablename__ = "arrival"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    orthanc_id: Mapped[str] = mapped_column(String(44), unique=True)
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64), index=True)
    state: Mapped[str] = mapped_column(String(12), default="receiving", index=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey(Case.id), index=True)
    match_reason: Mapped[str] = mapped_column(Text, default="")
    guesses: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    PatientID: Mapped[str] = mapped_column("patient_id", String(64), default="", index=True)
    PatientName: Mapped[str] = mapped_column("patient_name", String(330), default="")
    PatientSex: Mapped[str] = mapped_column("patient_sex", String(16), default="")
    PatientBirthDate: Mapped[str] = mapped_column(
        "patient_birth_date", String(16), default="", index=True
    )
    name_key: Mapped[str] = mapped_column(String(120), default="", server_default="", index=True)
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
    held_for: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    allowed: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    not_cases: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    split_from: Mapped[str | None] = mapped_column(String(32), index=True)
    decided_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    decided_at: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(Text, default="", server_default="")
    refused_for: Mapped[str | None] = mapped_column(String(32), index=True)
    case: Mapped[Case | None] = relationship()
    senders: Mapped[list[ArrivalSender]] = relationship(order_by="ArrivalSender.first_seen_at")


class ArrivalSender(Base):
    """Who sent instances of an arrival, and how many. More than one sender is shown, never merged."""

    __tablename__ = "arrival_sender"
    __table_args__ = (UniqueConstraint("arrival_id", "calling_aet", "remote_address"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    arrival_id: Mapped[str] = mapped_column(ForeignKey("arrival.id"), index=True)
    calling_aet: Mapped[str] = mapped_column(String(64), index=True)
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


class RepeatedInstance(Base):
    """An instance that was refused on its way in: it came again with other content under the same UIDs,
    and the archive kept the first; or it has a `fault`, one of those of `lines.orthanc_log`.

    `md5` is of the file that was not taken, as far as it is known; `study_id` is Orthanc's.
    """

    __tablename__ = "repeated_instance"
    __table_args__ = (UniqueConstraint("orthanc_id", "sender", "md5"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    orthanc_id: Mapped[str] = mapped_column(String(44))
    study_id: Mapped[str] = mapped_column(String(44), index=True)
    sender: Mapped[str] = mapped_column(String(200))
    md5: Mapped[str] = mapped_column(String(32), default="")
    fault: Mapped[str] = mapped_column(String(20), default="", server_default="")
    times: Mapped[int] = mapped_column(default=1)
    at: Mapped[datetime]


class LineState(Base):
    """What is known of the line under one AE title: when it last spoke, and how its last test ended."""

    __tablename__ = "line_state"

    ae_title: Mapped[str] = mapped_column(String(16), primary_key=True)
    associated_at: Mapped[datetime | None]
    associated_from: Mapped[str] = mapped_column(String(64), default="")
    associations: Mapped[int] = mapped_column(default=0)
    echoed_at: Mapped[datetime | None]
    test_asked_at: Mapped[datetime | None]
    tested_at: Mapped[datetime | None]
    test_passed: Mapped[bool | None]
    test_seconds: Mapped[float | None]
    test_detail: Mapped[str] = mapped_column(Text, default="")


class RefusedAssociation(Base):
    """Associations that came to nothing, counted by reason, by what they called themselves and us, and
    by where they came from."""

    __tablename__ = "refused_association"
    __table_args__ = (UniqueConstraint("reason", "calling_aet", "called_aet", "address"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    reason: Mapped[str] = mapped_column(String(20))
    calling_aet: Mapped[str] = mapped_column(String(64), default="", index=True)
    called_aet: Mapped[str] = mapped_column(String(64), default="")
    address: Mapped[str] = mapped_column(String(64), default="", index=True)
    detail: Mapped[str] = mapped_column(Text, default="")
    times: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime] = mapped_column(index=True)


class FeedCursor(Base):
    """How far the archive's change feed has been read."""

    __tablename__ = "feed_cursor"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    swept_at: Mapped[datetime | None]
    archive_ok: Mapped[bool] = mapped_column(default=True)
    checked_at: Mapped[datetime | None]
