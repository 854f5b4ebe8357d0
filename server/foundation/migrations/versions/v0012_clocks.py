"""Service tiers, the steps of a case with their moments, pauses, reminders.

Cases from before have no steps: what happened to them when was not kept, and nothing is made up. What
their promised day depends on is carried over as a pause that says so.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

import server.foundation.db

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = server.foundation.db.UtcDateTime
IN_WORK = "state NOT IN ('closed', 'withdrawn')"
CARRIED_BY = "migration 0012"
# As they were until now: cases.deadlines, in calendar days of UTC.
TARGET_DAYS, LIMIT_DAYS, SOON_DAYS = 7, 14, 2
NO_DAY = date(9999, 12, 31)
GIVEN = ("opined", "closed", "reassessment")

CASE = sa.table(
    "review_case",
    sa.column("id", sa.String),
    sa.column("state", sa.String),
    sa.column("records_complete_at", MOMENT(timezone=True)),
    sa.column("due_on", sa.Date),
    sa.column("limit_on", sa.Date),
    sa.column("soon_on", sa.Date),
    sa.column("listed_on", sa.Date),
    sa.column("held_reason", sa.Text),
    sa.column("held_since", MOMENT(timezone=True)),
)
PAUSE = sa.table(
    "case_pause",
    sa.column("id", sa.String),
    sa.column("case_id", sa.String),
    sa.column("begun_at", MOMENT(timezone=True)),
    sa.column("ended_at", MOMENT(timezone=True)),
    sa.column("cause", sa.String),
    sa.column("reason", sa.Text),
    sa.column("waits_for", sa.String),
    sa.column("by", sa.String),
    sa.column("ended_by", sa.String),
)


def upgrade() -> None:
    _columns()
    _steps()
    _pauses()
    _days_and_reminders()
    _carry_over(op.get_bind())


def _columns() -> None:
    # Column by column: rebuilding the table would touch everything that refers to a case.
    for name, kind, default in (
        ("tier", sa.String(20), "report"),
        ("calendar", sa.String(12), ""),
        ("listed_on", sa.Date(), "9999-12-31"),
    ):
        column: sa.Column[Any] = sa.Column(name, kind, nullable=False, server_default=default)
        op.add_column("review_case", column)
    for name in ("limit_on", "soon_on"):
        op.add_column("review_case", sa.Column(name, sa.Date(), nullable=True))
    op.create_index(
        "ix_review_case_in_work",
        "review_case",
        [
            *("listed_on", "number", "state", "hospital_id"),
            *("organ", "due_on", "soon_on", "limit_on"),
        ],
        sqlite_where=sa.text(IN_WORK),
        postgresql_where=sa.text(IN_WORK),
    )
    op.create_index("ix_review_case_state", "review_case", ["state", "due_on"])


def _of_case(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["case_id"], ["review_case.id"], name=op.f(f"fk_{table}_case_id_review_case")
    )


def _steps() -> None:
    op.create_table(
        "case_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("at", MOMENT(timezone=True), nullable=False),
        sa.Column("from_state", sa.String(length=30), nullable=False),
        sa.Column("to_state", sa.String(length=30), nullable=False),
        sa.Column("event", sa.String(length=30), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        _of_case("case_step"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_step")),
    )
    op.create_index("ix_case_step_case_id_at", "case_step", ["case_id", "at"])


def _pauses() -> None:
    op.create_table(
        "case_pause",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("begun_at", MOMENT(timezone=True), nullable=False),
        sa.Column("ended_at", MOMENT(timezone=True), nullable=True),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("waits_for", sa.String(length=20), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("ended_by", sa.String(length=200), nullable=False),
        _of_case("case_pause"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_pause")),
    )
    op.create_index("ix_case_pause_case_id_begun_at", "case_pause", ["case_id", "begun_at"])
    op.create_index(
        "uq_case_pause_open",
        "case_pause",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _days_and_reminders() -> None:
    op.create_table(
        "service_days",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("closed", sa.JSON(), nullable=False),
        sa.Column("kept_at", MOMENT(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_days")),
    )
    op.create_table(
        "case_reminder",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("to_role", sa.String(length=20), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("at", MOMENT(timezone=True), nullable=False),
        _of_case("case_reminder"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_reminder")),
        sa.UniqueConstraint("case_id", "key", name=op.f("uq_case_reminder_case_id")),
    )


def _carry_over(connection: sa.Connection) -> None:
    """Limits of running clocks; and the pauses without which a promised day would jump."""
    for case in connection.execute(sa.select(CASE)).mappings().all():
        begun, due = case["records_complete_at"], case["due_on"]
        if begun is not None and due is not None:
            connection.execute(
                CASE.update()
                .where(CASE.c.id == case["id"])
                .values(
                    limit_on=due + timedelta(days=LIMIT_DAYS - TARGET_DAYS),
                    soon_on=due - timedelta(days=SOON_DAYS),
                    listed_on=NO_DAY if case["state"] in GIVEN else due,
                )
            )
            _earlier_pause(connection, case["id"], begun, due)
        if case["state"] == "on_hold" and case["held_since"] is not None:
            _pause(connection, case["id"], case["held_since"], None, case["held_reason"])
        elif case["state"] == "awaiting_records" and begun is not None:
            why = "More records were wanted; since when was not kept, and the clock begins anew."
            _pause(connection, case["id"], begun, None, why, "hospital")


def _earlier_pause(connection: sa.Connection, case_id: str, begun: datetime, due: date) -> None:
    days = (due - begun.date()).days - TARGET_DAYS
    if days > 0:
        why = f"Held for {days} days in all, before each pause was kept by itself."
        _pause(connection, case_id, begun, begun + timedelta(days=days), why)


def _pause(
    connection: sa.Connection,
    case_id: str,
    begun_at: datetime,
    ended_at: datetime | None,
    reason: str,
    waits_for: str = "coordinator",
) -> None:
    connection.execute(
        PAUSE.insert().values(
            id=uuid4().hex,
            case_id=case_id,
            begun_at=begun_at,
            ended_at=ended_at,
            cause="records" if waits_for == "hospital" else "hold",
            reason=reason,
            waits_for=waits_for,
            by=CARRIED_BY,
            ended_by=CARRIED_BY if ended_at else "",
        )
    )


def downgrade() -> None:
    op.drop_table("case_reminder")
    op.drop_table("service_days")
    op.drop_table("case_pause")
    op.drop_table("case_step")
    op.drop_index("ix_review_case_state", "review_case")
    op.drop_index("ix_review_case_in_work", "review_case")
    for name in ("soon_on", "limit_on", "listed_on", "calendar", "tier"):
        op.drop_column("review_case", name)
