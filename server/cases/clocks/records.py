"""What is kept of a case's time: its steps, its pauses, the days of the service, what was said when."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.records import Case
from server.foundation.db import Base, new_id


class CaseStep(Base):
    """One thing that happened to a case, and the state before and after it. Only ever added to.

    `event` is one of lifecycle.Event, or `opened` (then `from_state` is empty), or `tier_changed`.
    A case from before steps were kept has none for that time: nothing was guessed.
    """

    __tablename__ = "case_step"
    __table_args__ = (Index("ix_case_step_case_id_at", "case_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    at: Mapped[datetime]
    from_state: Mapped[str] = mapped_column(String(30))
    to_state: Mapped[str] = mapped_column(String(30))
    event: Mapped[str] = mapped_column(String(30))
    by: Mapped[str] = mapped_column(String(200), default="")
    detail: Mapped[str] = mapped_column(Text, default="")


class CasePause(Base):
    """A time in which the clock of a case stood still, why, and who had to act. One at a time.

    `waits_for` is one of pauses.WHO; `ended_at` None means that it still stands.
    """

    __tablename__ = "case_pause"
    __table_args__ = (
        Index("ix_case_pause_case_id_begun_at", "case_id", "begun_at"),
        Index(
            "uq_case_pause_open",
            "case_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    cause: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    waits_for: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column(String(200), default="")
    ended_by: Mapped[str] = mapped_column(String(200), default="")


class ServiceDays(Base):
    """Which days the service counts: its time zone, and the days on which it is closed. One row.

    `closed` holds objects with `on` (2026-12-24), `country` (ISO 3166-1, or empty for everywhere) and
    `name`. Whoever starts the worker writes it, so that every process counts by the same days.
    """

    __tablename__ = "service_days"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    time_zone: Mapped[str] = mapped_column(String(60), default="UTC")
    closed: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    kept_at: Mapped[datetime]


class SentReminder(Base):
    """A reminder that was said. `key` is what it was about: the same is said once (see reminders)."""

    __tablename__ = "case_reminder"
    __table_args__ = (UniqueConstraint("case_id", "key"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    key: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(40))
    to_role: Mapped[str] = mapped_column(String(20))
    due_on: Mapped[date | None]
    at: Mapped[datetime]
