"""A grant may show its case under pseudonyms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Every grant issued before shows what it showed.
    flag: sa.Column[bool] = sa.Column(
        "pseudonymised", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("access_grant", flag)


def downgrade() -> None:
    with op.batch_alter_table("access_grant", schema=None) as batch_op:
        batch_op.drop_column("pseudonymised")
