"""What was found about the imaging of a case, and what was asked of the hospital."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from server.foundation.db import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Every hospital known so far was written to in English.
    language: sa.Column[str] = sa.Column(
        "language", sa.String(8), nullable=False, server_default="en"
    )
    op.add_column("hospital", language)
    op.create_table(
        "assessed_series",
        _text("id", 32),
        _text("case_id", 32),
        _text("study_instance_uid", 64),
        _text("series_instance_uid", 64),
        _text("mark", 200),
        sa.Column("looked_at", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        _text("phase_by_person", 20),
        _text("phase_set_by", 200),
        _moment("phase_set_at", nullable=True),
        *_of_case("assessed_series"),
        sa.UniqueConstraint(
            "case_id", "series_instance_uid", name=op.f("uq_assessed_series_case_id")
        ),
    )
    op.create_table(
        "imaging_assessment",
        _text("case_id", 32),
        _text("state", 10),
        _text("protocol", 40),
        _text("protocol_version", 20),
        sa.Column("on_day", sa.Date(), nullable=False),
        _text("verdict", 12),
        sa.Column("findings", sa.JSON(), nullable=False),
        _moment("assessed_at"),
        *_of_case("imaging_assessment", key="case_id"),
    )
    op.create_table(
        "finding_waiver",
        _text("id", 32),
        _text("case_id", 32),
        _text("finding_key", 120),
        _text("finding_id", 80),
        sa.Column("reason", sa.Text(), nullable=False),
        _text("waived_by", 200),
        _moment("waived_at"),
        _text("withdrawn_by", 200),
        _moment("withdrawn_at", nullable=True),
        *_of_case("finding_waiver"),
    )
    op.create_table(
        "hospital_return",
        _text("id", 32),
        _text("case_id", 32),
        _text("language", 8),
        _text("protocol", 40),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        _text("sent_by", 200),
        _moment("sent_at"),
        _moment("answered_at", nullable=True),
        *_of_case("hospital_return"),
    )
    for table in ("assessed_series", "finding_waiver", "hospital_return"):
        op.create_index(op.f(f"ix_{table}_case_id"), table, ["case_id"], unique=False)


def _text(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=nullable)


def _of_case(table: str, key: str = "id") -> tuple[sa.Constraint, sa.Constraint]:
    return (
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f(f"fk_{table}_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}")),
    )


def downgrade() -> None:
    for table in ("hospital_return", "finding_waiver", "imaging_assessment", "assessed_series"):
        op.drop_table(table)
    with op.batch_alter_table("hospital", schema=None) as batch_op:
        batch_op.drop_column("language")
