"""What was found about the imaging of a case, what a person said about it, what a hospital was asked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.records import Case
from server.foundation.db import Base, new_id


class AssessedSeries(Base):
    """One series of a case as it was assessed: its facts, and the phase a person set, if any.

    `mark` says in which state the archive held the series; `looked_at` whether its pixels were.
    """

    __tablename__ = "assessed_series"
    __table_args__ = (UniqueConstraint("case_id", "series_instance_uid"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64))
    SeriesInstanceUID: Mapped[str] = mapped_column("series_instance_uid", String(64))
    mark: Mapped[str] = mapped_column(String(200))
    looked_at: Mapped[bool] = mapped_column(default=False)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    phase_by_person: Mapped[str] = mapped_column(String(20), default="")
    phase_set_by: Mapped[str] = mapped_column(String(200), default="")
    phase_set_at: Mapped[datetime | None]


class ImagingAssessment(Base):
    """The newest assessment of a case. `state` is headers (pixels are still to be looked at) or whole.

    `findings` and `verdict` are as they were at `assessed_at`; what a page shows is made anew from the
    facts, for the day on which it is looked at.
    """

    __tablename__ = "imaging_assessment"

    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default="headers")
    protocol: Mapped[str] = mapped_column(String(40))
    protocol_version: Mapped[str] = mapped_column(String(20))
    on: Mapped[date] = mapped_column("on_day", Date)
    verdict: Mapped[str] = mapped_column(String(12))
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    assessed_at: Mapped[datetime]


class FindingWaiver(Base):
    """A person says that a finding does not count for this case, and why. Withdrawn, it counts again.

    A waiver of the images' age is the recorded override that a definitive verdict needs.
    """

    __tablename__ = "finding_waiver"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    finding_key: Mapped[str] = mapped_column(String(120))
    finding_id: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)
    waived_by: Mapped[str] = mapped_column(String(200))
    waived_at: Mapped[datetime]
    withdrawn_by: Mapped[str] = mapped_column(String(200), default="")
    withdrawn_at: Mapped[datetime | None]


class HospitalReturn(Base):
    """What a hospital was asked to send or mend: chosen findings, and the letter as it was sent.

    `items` are findings, each with `done_at` once it is found no more, `answer` where the hospital says
    why it cannot be had. `answered_at` is when the last item was settled.
    """

    __tablename__ = "hospital_return"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    language: Mapped[str] = mapped_column(String(8))
    protocol: Mapped[str] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    sent_by: Mapped[str] = mapped_column(String(200))
    sent_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
