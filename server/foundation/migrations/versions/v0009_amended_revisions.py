"""Revisions name their schema and options; amendments of signed ones; prior time points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import server.foundation.db

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Every revision before was written under the first schemas, with the options as they come.
ADDED = (
    ("schema_version", sa.Integer(), False, "1"),
    ("options", sa.JSON(), False, "'{}'"),
    ("imaging", sa.JSON(), False, "'[]'"),
    ("amends", sa.Integer(), True, None),
    ("amendment_reason", sa.Text(), False, "''"),
    ("previous_sha256", sa.String(length=64), False, "''"),
    ("chain_sha256", sa.String(length=64), False, "''"),
)


def upgrade() -> None:
    # Column by column: rebuilding the table would lose the triggers that keep signed revisions.
    for name, kind, nullable, default in ADDED:
        column: sa.Column[object] = sa.Column(
            name, kind, nullable=nullable, server_default=sa.text(default) if default else None
        )
        op.add_column("revision", column)
    last: sa.Column[int] = sa.Column(
        "last_version", sa.Integer(), nullable=False, server_default=sa.text("0")
    )
    op.add_column("annotation", last)
    op.create_table(
        "earlier_case",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("earlier_case_id", sa.String(length=32), nullable=False),
        sa.Column("linked_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("linked_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_earlier_case_case_id_review_case")
        ),
        sa.ForeignKeyConstraint(
            ["earlier_case_id"],
            ["review_case.id"],
            name=op.f("fk_earlier_case_earlier_case_id_review_case"),
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_earlier_case")),
    )


def downgrade() -> None:
    op.drop_table("earlier_case")
    op.drop_column("annotation", "last_version")
    for name, *_ in reversed(ADDED):
        op.drop_column("revision", name)
