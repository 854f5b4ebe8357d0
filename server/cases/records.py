"""A case, the studies and documents that belong to it, and who was asked to look."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.cases.lifecycle import State, round_awaited
from server.foundation.db import Base, new_id
from server.people.records import Hospital, Person

IN_WORK = "state NOT IN ('closed', 'withdrawn')"
NO_DAY = date(9999, 12, 31)  # sorts a case without a deadline behind all that have one


class Case(Base):
    """One patient's question, from opening to closing.

    `version` counts changes of state and assignment; whoever changes either says which version they saw.
    `tier` is an id of tiers.toml. `calendar` is the country (`DE`, `DE-BY`) whose business days count,
    empty for the hospital's. `due_on`, `limit_on` and `soon_on` are what the clock last said, kept for
    lists; `listed_on` is `due_on`, or NO_DAY where nothing is due any more or yet. `round` counts the
    time points at which the case was looked at: 1, and one more with each reassessment that was begun.
    """

    __tablename__ = "review_case"
    __table_args__ = (
        Index("ix_review_case_hospital_id_opened_at", "hospital_id", "opened_at"),
        # The worklist: cases in work by deadline, with all that it is narrowed and counted by. The
        # condition is written as the query writes it.
        Index(
            "ix_review_case_in_work",
            "listed_on",
            "number",
            "state",
            "hospital_id",
            "organ",
            "due_on",
            "soon_on",
            "limit_on",
            sqlite_where=text(IN_WORK),
            postgresql_where=text(IN_WORK),
        ),
        Index("ix_review_case_state", "state", "due_on"),
    )

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
    tier: Mapped[str] = mapped_column(String(20), default="report", server_default="report")
    calendar: Mapped[str] = mapped_column(String(12), default="", server_default="")
    records_complete_at: Mapped[datetime | None]
    due_on: Mapped[date | None]
    limit_on: Mapped[date | None]
    soon_on: Mapped[date | None]
    listed_on: Mapped[date] = mapped_column(default=NO_DAY, server_default=NO_DAY.isoformat())
    held_reason: Mapped[str] = mapped_column(Text, default="")
    held_from: Mapped[str] = mapped_column(String(30), default="")
    held_since: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(default=1, server_default="1")

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

    @property
    def round_awaited(self) -> int:
        """The round for which is meant what comes now."""
        return round_awaited(State(self.state), self.round)


class ExpectedAccession(Base):
    """An accession number, in capitals, under which images of a case are expected."""

    __tablename__ = "expected_accession"

    case_id: Mapped[str] = mapped_column(ForeignKey("review_case.id"), primary_key=True)
    number: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)


class CaseStudy(Base):
    """A study that belongs to a case, and to the round in which it came. To one case only."""

    __tablename__ = "case_study"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("review_case.id"), index=True)
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64), unique=True)
    attached_at: Mapped[datetime]
    attached_by: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text, default="")
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    case: Mapped[Case] = relationship(back_populates="studies")


class CaseDocument(Base):
    """A letter, report or other file of the case. The content lies in the file store by its SHA-256.

    `round` is the one for which it came: after an opinion, the next (`lifecycle.round_awaited`).
    """

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
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    case: Mapped[Case] = relationship(back_populates="documents")


class Assignment(Base):
    """One surgeon asked to look at one case: as what, and how it stands (`server.cases.asking`).

    `assigned_at` is when they were asked; `offered_at` and `answer_by` say that they may still decline.
    `first_takes`: of all offers of the case that say so, the first to be accepted ends the others.
    `reason` is why it was declined or withdrawn.
    """

    __tablename__ = "assignment"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("review_case.id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey(Person.id), index=True)
    role: Mapped[str] = mapped_column(String(10), default="reviewer", server_default="reviewer")
    state: Mapped[str] = mapped_column(String(20), default="active")
    assigned_at: Mapped[datetime]
    assigned_by: Mapped[str] = mapped_column(String(200))
    offered_at: Mapped[datetime | None]
    answer_by: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    first_takes: Mapped[bool] = mapped_column(default=False, server_default=false())
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    ended_at: Mapped[datetime | None]
    case: Mapped[Case] = relationship(back_populates="assignments")
    person: Mapped[Person] = relationship()

    @property
    def decides(self) -> bool:
        """Whether this part includes a voice: an observer's does not."""
        return self.role != "observer"


class LocalCategoryEntry(Base):
    """What somebody said the local team's verdict comes to, one of `local_category.LOCAL_CATEGORIES`;
    the entry of the highest number counts."""

    __tablename__ = "local_category_entry"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("review_case.id"))
    number: Mapped[int]
    category: Mapped[str] = mapped_column(String(20))
    set_by: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime]
