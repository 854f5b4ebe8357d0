"""An image that is refused on its way in for what it is, and not for what came before it, says why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "repeated_instance", sa.Column("fault", sa.String(20), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("repeated_instance", "fault")
