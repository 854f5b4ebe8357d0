"""What was prepared of each series, and which job comes before others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import server.foundation.db

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("job") as job:
        job.add_column(sa.Column("urgency", sa.Integer(), server_default="0", nullable=False))
        job.drop_index("ix_job_due")
        job.create_index("ix_job_due", ["state", "urgency", "run_at"], unique=False)
    op.create_table(
        "prepared_series",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.JSON(), nullable=False),
        sa.Column("unreadable_frames", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepared_series")),
        sa.UniqueConstraint(
            "study_instance_uid",
            "series_instance_uid",
            name=op.f("uq_prepared_series_study_instance_uid"),
        ),
    )


def downgrade() -> None:
    op.drop_table("prepared_series")
    with op.batch_alter_table("job") as job:
        job.drop_index("ix_job_due")
        job.create_index("ix_job_due", ["state", "run_at"], unique=False)
        job.drop_column("urgency")
