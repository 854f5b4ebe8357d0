"""Preliminary and final opinions, their sections, seals and forms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from server.foundation.db import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MESSAGE = "an issued opinion is final"
# What a reader of the paper holds in their hands; the rest says what became of the document.
FINAL = ("number", "case_id", "revision_id", "status", "content", "content_sha256", "verify_code")


def upgrade() -> None:
    # Every opinion before was given at a distance, had no code and was not sealed.
    for column in (
        _text("status", 12, "preliminary"),
        _text("content_sha256", 64),
        _text("verify_code", 16),
        _text("replaces", 30),
        sa.Column("sealed", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("issued_opinion", column)
    for name in ("replaces", "sha256"):
        op.create_index(op.f(f"ix_issued_opinion_{name}"), "issued_opinion", [name])
    op.create_table(
        "opinion_draft",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("reviewer_id", sa.String(length=32), nullable=False),
        sa.Column("time_point", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("saved_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("saved_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_opinion_draft_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opinion_draft")),
        sa.UniqueConstraint(
            "case_id",
            "reviewer_id",
            "time_point",
            name=op.f("uq_opinion_draft_case_id"),
        ),
    )
    op.create_index(op.f("ix_opinion_draft_case_id"), "opinion_draft", ["case_id"])
    op.create_table(
        "failed_verification",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_verification")),
    )
    op.create_index(
        op.f("ix_failed_verification_source_sha256"), "failed_verification", ["source_sha256"]
    )
    _keep_content()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER keep_issued_opinion ON issued_opinion")
        op.execute("DROP FUNCTION keep_issued_opinion()")
    else:
        op.execute("DROP TRIGGER keep_issued_opinion")
    op.drop_table("failed_verification")
    op.drop_table("opinion_draft")
    for name in ("replaces", "sha256"):
        op.drop_index(op.f(f"ix_issued_opinion_{name}"), "issued_opinion")
    for name in ("sealed", "replaces", "verify_code", "content_sha256", "status"):
        op.drop_column("issued_opinion", name)


def _text(name: str, length: int, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False, server_default=default)


def _keep_content() -> None:
    if op.get_bind().dialect.name == "postgresql":
        changed = " OR ".join(
            f"OLD.{name}::text IS DISTINCT FROM NEW.{name}::text" for name in FINAL
        )
        op.execute(
            f"""
            CREATE FUNCTION keep_issued_opinion() RETURNS trigger AS $$
            BEGIN
                IF {changed} THEN RAISE EXCEPTION '{MESSAGE}'; END IF;
                RETURN NEW;
            END
            $$ LANGUAGE plpgsql
            """
        )
        op.execute(
            "CREATE TRIGGER keep_issued_opinion BEFORE UPDATE ON issued_opinion "
            "FOR EACH ROW EXECUTE FUNCTION keep_issued_opinion()"
        )
        return
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in FINAL)
    op.execute(
        "CREATE TRIGGER keep_issued_opinion BEFORE UPDATE ON issued_opinion "
        f"WHEN {changed} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    )
