"""What became of the patient: outcomes, findings, local categories, and the rows the figures count."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from server.foundation.db import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = (
    "research_export",
    "figure_state",
    "figure_block",
    "figure_row",
    "finding_entry",
    "outcome_entry",
    "local_category_entry",
)


def text(name: str, length: int | None = None, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=nullable)


def day(name: str, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def whole(name: str, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Float(), nullable=True)


def entries_of_case(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    """What every table of entries has: its case, its key, and one entry of each number."""
    return (
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f(f"fk_{table}_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("case_id", "number", name=op.f(f"uq_{table}_case_id")),
    )


def upgrade() -> None:
    _entries()
    _rows()
    op.create_table(
        "research_export",
        text("id", 32),
        sa.Column("query", sa.JSON(), nullable=False),
        text("state", 10),
        text("sha256", 64),
        text("content_sha256", 64),
        whole("size_bytes", nullable=False),
        whole("case_count", nullable=False),
        whole("withheld_count", nullable=False),
        text("requested_by", 200),
        moment("requested_at"),
        moment("ready_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_research_export")),
    )


def _entries() -> None:
    op.create_table(
        "local_category_entry",
        text("id", 32),
        text("case_id", 32),
        whole("number", nullable=False),
        text("category", 20),
        text("set_by", 200),
        moment("set_at"),
        *entries_of_case("local_category_entry"),
    )
    op.create_table(
        "outcome_entry",
        text("id", 32),
        text("case_id", 32),
        whole("number", nullable=False),
        text("course", 20),
        day("operated_on"),
        text("place", 20),
        text("place_name", 200),
        text("operation", 40),
        text("resection_margin", 10),
        text("complication_grade", 10),
        text("converted", 20),
        text("conversion_therapy", 40),
        text("not_operated_reason", 40),
        text("vital_status", 10),
        day("vital_on"),
        number("flr_after_ml"),
        text("flr_method", 20),
        day("flr_measured_on"),
        day("next_update_on"),
        text("note"),
        text("entered_by", 200),
        text("entered_as", 20),
        moment("entered_at"),
        *entries_of_case("outcome_entry"),
    )
    op.create_index(op.f("ix_outcome_entry_next_update_on"), "outcome_entry", ["next_update_on"])
    op.create_table(
        "finding_entry",
        text("id", 32),
        text("case_id", 32),
        whole("number", nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        text("set_by", 200),
        moment("set_at"),
        *entries_of_case("finding_entry"),
    )


def _rows() -> None:
    op.create_table(
        "figure_row",
        text("case_id", 32),
        text("hospital_id", 32),
        text("organ", 40),
        text("cancer", 40),
        text("state", 30),
        day("opened_on", nullable=False),
        day("opinion_on"),
        text("reviewer_id", 32),
        text("local_category", 20),
        text("verdict", 60),
        text("verdict_change", 20),
        sa.Column("imaging_inconclusive", sa.Boolean(), nullable=False),
        sa.Column("kept_promise", sa.Boolean(), nullable=True),
        whole("intake_h"),
        whole("records_h"),
        whole("routing_h"),
        whole("review_h"),
        whole("opinion_h"),
        whole("promise_h"),
        whole("findings_mask"),
        text("course", 20),
        text("not_operated_reason", 40),
        text("resection_margin", 10),
        text("converted", 20),
        number("flr_predicted_ml"),
        number("flr_after_ml"),
        moment("computed_at"),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_figure_row_case_id_review_case")
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id"], ["hospital.id"], name=op.f("fk_figure_row_hospital_id_hospital")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_figure_row")),
    )
    op.create_index("ix_figure_row_opinion_on", "figure_row", ["opinion_on"])
    op.create_index(
        "ix_figure_row_hospital_id_opinion_on", "figure_row", ["hospital_id", "opinion_on"]
    )
    op.create_table(
        "figure_block",
        text("hospital_id", 32),
        whole("year", nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hospital_id"], ["hospital.id"], name=op.f("fk_figure_block_hospital_id_hospital")
        ),
        sa.PrimaryKeyConstraint("hospital_id", "year", name=op.f("pk_figure_block")),
    )
    op.create_index(op.f("ix_figure_block_stale"), "figure_block", ["stale"])
    op.create_table(
        "figure_state",
        whole("id", nullable=False),
        whole("rules_version", nullable=False),
        whole("followed_to", nullable=False),
        text("walked_to", 20, nullable=True),
        moment("walk_begun_at", nullable=True),
        moment("walked_at", nullable=True),
        moment("caught_up_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_state")),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
