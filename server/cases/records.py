"""A case, the studies and documents that belong to it, and who was asked to look."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.foundation.db import Base, new_id
from server.people.records import Hospital, Person


class Case(Base):
    """One patient's question, from opening to closing.

    `version` counts changes of state and assignment; whoever changes either says which version they saw.
    """

    __tablename__ = "review_case"
    __table_args__ = (Index("ix_review_case_hospital_id_opened_at", "hospital_id", "opened_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    organ: Mapped[str] = mapped_column(String(40))
    hospital_id: Mapped[str] = mapped_column(ForeignKey(Hospital.id), index=True)
    state: Mapped[str] = mapped_column(String(30), default="open")
    version: Mapped[int] = mapped_column(default=1)
    question: Mapped[str] = mapped_column(Text)
    local_verdict: Mapped[str] = mapped_column(Text, default="")
    local_verdict_reason: Mapped[str] = mapped_column(Text, default="")
    accession_number: Mapped[str] = mapped_column(String(64), default="", index=True)
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(String(200))
    records_complete_at: Mapped[datetime | None]
    due_on: Mapped[date | None]
    held_reason: Mapped[str] = mapped_column(Text, default="")
    held_from: Mapped[str] = mapped_column(String(30), default="")
    held_since: Mapped[datetime | None]

    hospital: Mapped[Hospital] = relationship()
    studies: Mapped[list[CaseStudy]] = relationship(
        back_populates="case", order_by="CaseStudy.attached_at"
    )
    documents: Mapped[list[CaseDocument]] = relationship(
        back_populates="case", order_by="CaseDocument.received_at"
    )
    assignments: Mapped[list[Assignment]] = relationship(
        back_populates="case", order_by="Assignment.assigned_at"
    )


class ExpectedAccession(Base):
    """An accession number, in capitals, under which images of a case are expected."""

    __tablename__ = "expected_accession"

    case_id: Mapped[str] = mapped_column(ForeignKey("review_case.id"), primary_key=True)
    number: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)


class CaseStudy(Base):
    """A study that belongs to a case. A study belongs to one case only."""

    __tablename__ = "case_study"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("review_case.id"), index=True)
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64), unique=True)
    attached_at: Mapped[datetime]
    attached_by: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text, default="")
    case: Mapped[Case] = relationship(back_populates="studies")


class CaseDocument(Base):
    """A letter, report or other file of the case. The content lies in the file store by its SHA-256."""

    __tablename__ = "case_document"
    __table_args__ = (UniqueConstraint("case_id", "sha256"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("review_case.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(80))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime]
    received_from: Mapped[str] = mapped_column(String(200))
    case: Mapped[Case] = relationship(back_populates="documents")


class Assignment(Base):
    """One surgeon asked to review one case. `state` is active, completed or withdrawn."""

    __tablename__ = "assignment"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("review_case.id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey(Person.id), index=True)
    state: Mapped[str] = mapped_column(String(20), default="active")
    assigned_at: Mapped[datetime]
    assigned_by: Mapped[str] = mapped_column(String(200))
    ended_at: Mapped[datetime | None]
    case: Mapped[Case] = relationship(back_populates="assignments")
    person: Mapped[Person] = relationship()
