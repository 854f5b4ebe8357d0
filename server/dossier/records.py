"""What is kept of a case's records besides the files themselves."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.cases.records import Case, CaseDocument
from server.foundation.db import Base, new_id


class DocumentFacts(Base):
    """What a person said of a document: its kind, date and language, and of what it is a translation.

    `also` are further checklist items that the same document covers.
    """

    __tablename__ = "document_facts"

    document_id: Mapped[str] = mapped_column(ForeignKey(CaseDocument.id), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    also: Mapped[list[str]] = mapped_column(JSON, default=list)
    language: Mapped[str] = mapped_column(String(10), default="")
    dated_on: Mapped[str] = mapped_column(String(10), default="")
    translation_of: Mapped[str | None] = mapped_column(ForeignKey(CaseDocument.id))
    set_by: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime]


class ItemDecision(Base):
    """An item of the checklist that nobody will send: `standing` is not_available or waived."""

    __tablename__ = "item_decision"
    __table_args__ = (UniqueConstraint("case_id", "item_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    item_id: Mapped[str] = mapped_column(String(40))
    standing: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class RecordedValue(Base):
    """One blood value or measurement, in the unit in which it was reported.

    It is never altered: a wrong one is withdrawn, with who and when. `round` as of a document.
    """

    __tablename__ = "recorded_value"
    __table_args__ = (Index("ix_recorded_value_case", "case_id", "quantity", "taken_on"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    quantity: Mapped[str] = mapped_column(String(30))
    value: Mapped[float] = mapped_column(Float)
    unit: Mapped[str] = mapped_column(String(20))
    comparator: Mapped[str] = mapped_column(String(1), default="")
    taken_on: Mapped[date]
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_at: Mapped[datetime]
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    withdrawn_by: Mapped[str] = mapped_column(String(200), default="")
    withdrawn_at: Mapped[datetime | None]


class RecordEntry(Base):
    """A typed line: a treatment, a drug, a biomarker's result or a question (see `entries`).

    `round` as of a document.
    """

    __tablename__ = "record_entry"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    content: Mapped[dict[str, str]] = mapped_column(JSON)
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_at: Mapped[datetime]
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    withdrawn_by: Mapped[str] = mapped_column(String(200), default="")
    withdrawn_at: Mapped[datetime | None]


class CaseRequest(Base):
    """Who asks for the opinion, why, and what is known of the case that changes what is needed.

    `circumstances` maps a circumstance's id to yes or no; what is not known is left out.
    """

    __tablename__ = "case_request"

    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), primary_key=True)
    cancer: Mapped[str] = mapped_column(String(40), default="")
    asker: Mapped[str] = mapped_column(String(20), default="hospital")
    asker_name: Mapped[str] = mapped_column(String(200), default="")
    asker_relation: Mapped[str] = mapped_column(String(200), default="")
    reasons: Mapped[list[str]] = mapped_column(JSON, default=list)
    reason_note: Mapped[str] = mapped_column(Text, default="")
    first_centre: Mapped[str] = mapped_column(String(200), default="")
    first_verdict_on: Mapped[str] = mapped_column(String(10), default="")
    circumstances: Mapped[dict[str, bool]] = mapped_column(JSON, default=dict)
    changed_by: Mapped[str] = mapped_column(String(200), default="")
    changed_at: Mapped[datetime | None]


class PatientConsent(Base):
    """The patient's consent to ask elsewhere: how and when it was given, and its end if it ended."""

    __tablename__ = "patient_consent"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    given_on: Mapped[date]
    how: Mapped[str] = mapped_column(String(20))
    document_id: Mapped[str | None] = mapped_column(ForeignKey(CaseDocument.id))
    recorded_by: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str] = mapped_column(String(200), default="")
    revoked_why: Mapped[str] = mapped_column(Text, default="")


class RecordsOverride(Base):
    """A case that went on although something required was missing: who let it, why, and what it was."""

    __tablename__ = "records_override"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    missing: Mapped[list[str]] = mapped_column(JSON)
    why: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class Specimen(Base):
    """A slide or block, or several of one kind, under the pathology number it was cut from."""

    __tablename__ = "specimen"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    pathology_number: Mapped[str] = mapped_column(String(60))
    label: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20))
    count: Mapped[int]
    site: Mapped[str] = mapped_column(String(200), default="")
    due_back_on: Mapped[date | None]
    added_by: Mapped[str] = mapped_column(String(200))
    added_at: Mapped[datetime]

    events: Mapped[list[CustodyEvent]] = relationship(
        back_populates="specimen", order_by="CustodyEvent.place"
    )


class CustodyEvent(Base):
    """One thing that happened to a specimen. Appended only: the database refuses anything else."""

    __tablename__ = "custody_event"
    __table_args__ = (UniqueConstraint("specimen_id", "place"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    specimen_id: Mapped[str] = mapped_column(ForeignKey("specimen.id"))
    place: Mapped[int]
    step: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    from_whom: Mapped[str] = mapped_column(String(200), default="")
    to_whom: Mapped[str] = mapped_column(String(200), default="")
    courier: Mapped[str] = mapped_column(String(120), default="")
    tracking: Mapped[str] = mapped_column(String(120), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    recorded_by: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime]
    specimen: Mapped[Specimen] = relationship(back_populates="events")


class CaseTask(Base):
    """Something asked of somebody for a case, such as a 3-D reconstruction; open, done or declined."""

    __tablename__ = "case_task"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(Text, default="")
    asked_of: Mapped[str] = mapped_column(String(200))
    due_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(10), default="open")
    outcome: Mapped[str] = mapped_column(Text, default="")
    document_id: Mapped[str | None] = mapped_column(ForeignKey(CaseDocument.id))
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime]
    ended_by: Mapped[str] = mapped_column(String(200), default="")
    ended_at: Mapped[datetime | None]
