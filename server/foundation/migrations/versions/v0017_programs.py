"""Hospital systems that speak to the API: their keys, and the answers kept for repeated creations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import server.foundation.db

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = server.foundation.db.UtcDateTime


def upgrade() -> None:
    op.create_table(
        "program_key",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("hospital_id", sa.String(32), nullable=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("key_sha256", sa.String(64), nullable=False),
        sa.Column("shown", sa.String(16), nullable=False),
        sa.Column("issued_at", MOMENT(timezone=True), nullable=False),
        sa.Column("issued_by", sa.String(200), nullable=False),
        sa.Column("expires_at", MOMENT(timezone=True), nullable=False),
        sa.Column("last_used_at", MOMENT(timezone=True), nullable=True),
        sa.Column("revoked_at", MOMENT(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(200), nullable=False),
        sa.Column("revoked_why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hospital_id"], ["hospital.id"], name=op.f("fk_program_key_hospital_id_hospital")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_key")),
        sa.UniqueConstraint("key_sha256", name=op.f("uq_program_key_key_sha256")),
    )
    op.create_index(
        op.f("ix_program_key_hospital_id"), "program_key", ["hospital_id"], unique=False
    )
    op.create_table(
        "kept_answer",
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("location", sa.String(300), nullable=False),
        sa.Column("kept_at", MOMENT(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_kept_answer")),
    )
    op.create_index("ix_kept_answer_kept_at", "kept_answer", ["kept_at"], unique=False)


def downgrade() -> None:
    op.drop_table("kept_answer")
    op.drop_table("program_key")
