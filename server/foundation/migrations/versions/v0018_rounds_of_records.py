"""Documents, values and typed lines know the round for which they came.

What came after an opinion was signed came for the next round. Of cases from before steps were kept,
the rounds that were begun since are counted instead.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# What is kept, and when it came.
TABLES: Final = (
    ("case_document", "received_at"),
    ("recorded_value", "entered_at"),
    ("record_entry", "entered_at"),
)
_STEPS: Final = """(SELECT COUNT(*) FROM case_step
 WHERE case_step.case_id = {table}.case_id AND case_step.at <= {table}.{moment}
 AND case_step.event = '{event}')"""
_ANSWERED: Final = """UPDATE {table} SET round = 1 + {signed}
 WHERE EXISTS (SELECT 1 FROM case_step WHERE case_step.case_id = {table}.case_id
 AND case_step.event = 'opinion_signed')"""
_BEGUN: Final = (
    "UPDATE {table} SET round = 1 + {begun} - {given_up} WHERE {begun} - {given_up} >= round"
)


def upgrade() -> None:
    for table, moment in TABLES:
        round_: sa.Column[int] = sa.Column(
            "round", sa.Integer(), nullable=False, server_default="1"
        )
        op.add_column(table, round_)
        counts = {
            name: _STEPS.format(table=table, moment=moment, event=event)
            for name, event in (
                ("signed", "opinion_signed"),
                ("begun", "round_begun"),
                ("given_up", "round_given_up"),
            )
        }
        op.execute(_ANSWERED.format(table=table, **counts))
        op.execute(_BEGUN.format(table=table, **counts))


def downgrade() -> None:
    for table, _ in reversed(TABLES):
        op.drop_column(table, "round")
