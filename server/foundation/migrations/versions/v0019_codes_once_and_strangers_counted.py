"""A six-digit code is good once; what strangers are refused again and again is counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("totp_last_step", sa.BigInteger(), nullable=True))
    op.create_index("ix_failed_sign_in_at", "failed_sign_in", ["at"])
    op.create_table(
        "stranger_tally",
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("about", sa.String(64), nullable=False),
        sa.Column("case_number", sa.String(40), nullable=True),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "kind", "about", name=op.f("pk_stranger_tally")),
    )
    op.create_index("ix_stranger_tally_began_at", "stranger_tally", ["began_at"])


def downgrade() -> None:
    op.drop_index("ix_stranger_tally_began_at", "stranger_tally")
    op.drop_table("stranger_tally")
    op.drop_index("ix_failed_sign_in_at", "failed_sign_in")
    op.drop_column("person", "totp_last_step")
