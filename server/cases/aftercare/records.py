"""What follows an opinion: when the patient is looked at again, and whether somebody sees them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.records import Case, CaseDocument
from server.foundation.db import Base, new_id

PLANNED = "state = 'planned'"
ASKED = "state IN ('requested', 'scheduled')"


class ReassessmentPlan(Base):
    """When a case is looked at again, and at what. `state` is planned, begun or cancelled.

    `after_round` is the round whose opinion asked for it. The day is given, or follows from a number of
    cycles of so many days (`server.cases.aftercare.reassessing`); `preset` names the published habit
    that was taken over. `remind` are the groups that are told, `remind_days` days before. One is
    planned at a time for a case.
    """

    __tablename__ = "reassessment_plan"
    __table_args__ = (
        Index(
            "uq_reassessment_plan_standing",
            "case_id",
            unique=True,
            sqlite_where=text(PLANNED),
            postgresql_where=text(PLANNED),
        ),
        Index("ix_reassessment_plan_state_due_on", "state", "due_on"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    after_round: Mapped[int]
    opinion_number: Mapped[str] = mapped_column(String(30), default="")
    state: Mapped[str] = mapped_column(String(10), default="planned")
    version: Mapped[int] = mapped_column(default=1)
    preset: Mapped[str] = mapped_column(String(40), default="")
    cycles: Mapped[int | None]
    cycle_days: Mapped[int | None]
    starts_on: Mapped[date | None]
    due_on: Mapped[date]
    strategy: Mapped[str] = mapped_column(Text, default="")
    remeasure: Mapped[list[str]] = mapped_column(JSON, default=list)
    remind: Mapped[list[str]] = mapped_column(JSON, default=list)
    remind_days: Mapped[int] = mapped_column(default=7)
    reminded_at: Mapped[datetime | None]
    planned_at: Mapped[datetime]
    planned_by: Mapped[str] = mapped_column(String(200))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(200), default="")
    ended_why: Mapped[str] = mapped_column(Text, default="")


class InPersonAssessment(Base):
    """That the team which would operate is to see the patient, and what came of it.

    `state` is one of `server.cases.aftercare.in_person.Standing`; `version` counts its changes. One
    that is not over stands for a case at a time.
    """

    __tablename__ = "in_person_assessment"
    __table_args__ = (
        Index(
            "uq_in_person_assessment_standing",
            "case_id",
            unique=True,
            sqlite_where=text(ASKED),
            postgresql_where=text(ASKED),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    round: Mapped[int]
    opinion_number: Mapped[str] = mapped_column(String(30), default="")
    state: Mapped[str] = mapped_column(String(12), default="requested")
    version: Mapped[int] = mapped_column(default=1)
    conditions: Mapped[str] = mapped_column(Text, default="")
    investigations: Mapped[list[str]] = mapped_column(JSON, default=list)
    needs: Mapped[list[str]] = mapped_column(JSON, default=list)
    centre: Mapped[str] = mapped_column(String(200), default="")
    place: Mapped[str] = mapped_column(String(200), default="")
    on_day: Mapped[date | None]
    note: Mapped[str] = mapped_column(Text, default="")
    document_id: Mapped[str | None] = mapped_column(ForeignKey(CaseDocument.id))
    requested_at: Mapped[datetime]
    requested_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(200))
