"""Outcomes and findings as they were entered. A correction is a new entry; none is ever altered."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, Float, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.records import Case
from server.foundation.db import Base, new_id


class OutcomeEntry(Base):
    """What was known of the outcome when it was entered; the entry of the highest number counts.

    The values of `course`, `place`, `operation`, `resection_margin`, `complication_grade`, `converted`,
    `conversion_therapy`, `not_operated_reason`, `vital_status` and `flr_method` are codes of
    `server.outcomes.value_sets`, empty where nothing is said. `flr_after_ml` is the remnant as measured
    after the resection, in mL. `entered_as` is coordinator or hospital.
    """

    __tablename__ = "outcome_entry"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    number: Mapped[int]
    course: Mapped[str] = mapped_column(String(20))
    operated_on: Mapped[date | None]
    place: Mapped[str] = mapped_column(String(20), default="")
    place_name: Mapped[str] = mapped_column(String(200), default="")
    operation: Mapped[str] = mapped_column(String(40), default="")
    resection_margin: Mapped[str] = mapped_column(String(10), default="")
    complication_grade: Mapped[str] = mapped_column(String(10), default="")
    converted: Mapped[str] = mapped_column(String(20), default="")
    conversion_therapy: Mapped[str] = mapped_column(String(40), default="")
    not_operated_reason: Mapped[str] = mapped_column(String(40), default="")
    vital_status: Mapped[str] = mapped_column(String(10), default="")
    vital_on: Mapped[date | None]
    flr_after_ml: Mapped[float | None] = mapped_column(Float)
    flr_method: Mapped[str] = mapped_column(String(20), default="")
    flr_measured_on: Mapped[date | None]
    next_update_on: Mapped[date | None] = mapped_column(index=True)
    note: Mapped[str] = mapped_column(Text, default="")
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_as: Mapped[str] = mapped_column(String(20))
    entered_at: Mapped[datetime]


class FindingEntry(Base):
    """Which kinds of finding the opinion was (requirement 43, several may be true), as somebody chose
    them; the entry of the highest number counts."""

    __tablename__ = "finding_entry"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    number: Mapped[int]
    categories: Mapped[list[str]] = mapped_column(JSON)
    set_by: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime]
