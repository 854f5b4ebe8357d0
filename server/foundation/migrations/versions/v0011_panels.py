"""Offers, ways of working, votes, conclusions, observers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

import server.foundation.db

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = server.foundation.db.UtcDateTime(timezone=True)
# Everybody who was asked before was asked to review, and was not asked whether they would.
OF_ASSIGNMENT: tuple[tuple[str, Any, bool, Any], ...] = (
    ("role", sa.String(length=10), False, "reviewer"),
    ("offered_at", MOMENT, True, None),
    ("answer_by", MOMENT, True, None),
    ("answered_at", MOMENT, True, None),
    ("first_takes", sa.Boolean(), False, sa.false()),
    ("reason", sa.Text(), False, ""),
)


def upgrade() -> None:
    for name, kind, nullable, default in OF_ASSIGNMENT:
        op.add_column("assignment", _column(name, kind, nullable=nullable, server_default=default))
    _panels()
    _votes()
    op.create_table(
        "panel_message",
        _column("id", sa.String(length=32)),
        _column("panel_id", sa.String(length=32)),
        _column("author_id", sa.String(length=32)),
        _column("author", sa.String(length=200)),
        _column("text", sa.Text()),
        _column("written_at", MOMENT),
        _foreign("panel_message", "panel_id", "panel"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel_message")),
    )
    op.create_index(op.f("ix_panel_message_panel_id"), "panel_message", ["panel_id"])
    op.create_table(
        "written_object",
        _column("sop_instance_uid", sa.String(length=64)),
        _column("series_instance_uid", sa.String(length=64)),
        _column("case_id", sa.String(length=32)),
        _column("case_round", sa.Integer()),
        _column("author_id", sa.String(length=32)),
        _column("written_at", MOMENT),
        _foreign("written_object", "case_id", "review_case"),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_written_object")),
    )
    op.create_index(op.f("ix_written_object_case_id"), "written_object", ["case_id"])


def _panels() -> None:
    op.create_table(
        "panel",
        _column("id", sa.String(length=32)),
        _column("case_id", sa.String(length=32)),
        _column("number", sa.Integer()),
        _column("case_round", sa.Integer()),
        _column("rule", sa.String(length=40)),
        _column("state", sa.String(length=10)),
        _column("wanted", sa.Integer()),
        _column("called", sa.Integer()),
        _column("standby", sa.Text()),
        _column("chair_id", sa.String(length=32), nullable=True),
        _column("chair_votes", sa.Boolean(), server_default=sa.false()),
        _column("answer_hours", sa.Integer()),
        _column("convened_at", MOMENT),
        _column("convened_by", sa.String(length=200)),
        _column("opened_at", MOMENT, nullable=True),
        _column("majority", sa.String(length=60)),
        _column("concluded_at", MOMENT, nullable=True),
        _column("conclusion", sa.Text()),
        _column("departure_reason", sa.Text()),
        _column("verdict", sa.String(length=60)),
        _column("revision_id", sa.String(length=32), nullable=True),
        _column("returns_on", sa.Date(), nullable=True),
        _foreign("panel", "case_id", "review_case"),
        _foreign("panel", "chair_id", "person"),
        _foreign("panel", "revision_id", "revision"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_panel_case_id")),
    )
    op.create_index(op.f("ix_panel_case_id"), "panel", ["case_id"])


def _votes() -> None:
    op.create_table(
        "panel_vote",
        _column("id", sa.String(length=32)),
        _column("panel_id", sa.String(length=32)),
        _column("person_id", sa.String(length=32)),
        _column("revision_id", sa.String(length=32)),
        _column("verdict", sa.String(length=60)),
        _column("cast_at", MOMENT),
        _column("called_later", sa.Boolean(), server_default=sa.false()),
        _foreign("panel_vote", "panel_id", "panel"),
        _foreign("panel_vote", "person_id", "person"),
        _foreign("panel_vote", "revision_id", "revision"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel_vote")),
        sa.UniqueConstraint("panel_id", "person_id", name=op.f("uq_panel_vote_panel_id")),
        sa.UniqueConstraint("revision_id", name=op.f("uq_panel_vote_revision_id")),
    )
    op.create_index(op.f("ix_panel_vote_panel_id"), "panel_vote", ["panel_id"])


def downgrade() -> None:
    for table in ("written_object", "panel_message", "panel_vote", "panel"):
        op.drop_table(table)
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        for name, *_ in reversed(OF_ASSIGNMENT):
            batch_op.drop_column(name)


def _column(
    name: str, kind: Any, *, nullable: bool = False, server_default: Any = None
) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, server_default=server_default)


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)
