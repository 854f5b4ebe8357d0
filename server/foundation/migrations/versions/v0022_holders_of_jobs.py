"""A job that is being done says by whom, so that whoever lost it meanwhile changes nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("holder", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "holder")
