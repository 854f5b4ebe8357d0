"""Consents and shares; rounds of a case, reassessments, in-person assessments; two opinions compared.

Every case so far is in its first round, and all that belongs to it is of that round.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from server.foundation.db import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

WITH_ROUND = ("review_case", "case_study", "annotation")
PLANNED = "state = 'planned'"
ASKED = "state IN ('requested', 'scheduled')"
TABLES = (
    "answer_letter",
    "answer_question",
    "opinion_addendum",
    "answer_point",
    "share",
    "share_consent",
    "in_person_assessment",
    "reassessment_plan",
)


def upgrade() -> None:
    for table in WITH_ROUND:
        round_: sa.Column[int] = sa.Column(
            "round", sa.Integer(), nullable=False, server_default="1"
        )
        op.add_column(table, round_)
    _aftercare()
    _sharing()
    _answers()


def _aftercare() -> None:
    op.create_table(
        "reassessment_plan",
        _text("id", 32),
        _text("case_id", 32),
        _number("after_round"),
        _text("opinion_number", 30),
        _text("state", 10),
        _number("version"),
        _text("preset", 40),
        _number("cycles", nullable=True),
        _number("cycle_days", nullable=True),
        _day("starts_on", nullable=True),
        _day("due_on"),
        _long("strategy"),
        sa.Column("remeasure", sa.JSON(), nullable=False),
        sa.Column("remind", sa.JSON(), nullable=False),
        _number("remind_days"),
        _moment("reminded_at", nullable=True),
        *_done("planned"),
        _moment("ended_at", nullable=True),
        _text("ended_by", 200),
        _long("ended_why"),
        *_keys("reassessment_plan", case_id="review_case"),
    )
    _standing("reassessment_plan", PLANNED)
    op.create_index(
        op.f("ix_reassessment_plan_state_due_on"), "reassessment_plan", ["state", "due_on"]
    )
    op.create_table(
        "in_person_assessment",
        _text("id", 32),
        _text("case_id", 32),
        _number("round"),
        _text("opinion_number", 30),
        _text("state", 12),
        _number("version"),
        _long("conditions"),
        sa.Column("investigations", sa.JSON(), nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        _text("centre", 200),
        _text("place", 200),
        _day("on_day", nullable=True),
        _long("note"),
        _text("document_id", 32, nullable=True),
        *_done("requested"),
        *_done("changed"),
        *_keys("in_person_assessment", case_id="review_case", document_id="case_document"),
    )
    _standing("in_person_assessment", ASKED)
    for table in ("reassessment_plan", "in_person_assessment"):
        _index(table, "case_id")


def _sharing() -> None:
    op.create_table(
        "share_consent",
        _text("id", 32),
        _text("case_id", 32),
        _text("recipient", 200),
        _text("recipient_kind", 20),
        _text("what", 20),
        sa.Column("pseudonymised", sa.Boolean(), nullable=False),
        _text("given_by", 20),
        _text("given_by_name", 200),
        _text("given_by_relation", 200),
        _day("given_on"),
        _text("how", 20),
        _text("document_id", 32, nullable=True),
        _day("valid_until"),
        *_done("recorded"),
        _moment("revoked_at", nullable=True),
        _text("revoked_by", 200),
        _long("revoked_why"),
        *_keys("share_consent", case_id="review_case", document_id="case_document"),
    )
    _index("share_consent", "case_id")
    op.create_table(
        "share",
        _text("id", 32),
        _text("consent_id", 32),
        _text("grant_id", 32),
        _text("pin_hash", 200),
        _moment("pin_made_at"),
        _number("failures"),
        _moment("locked_until", nullable=True),
        *_keys("share", consent_id="share_consent", grant_id="access_grant"),
        sa.UniqueConstraint("grant_id", name=op.f("uq_share_grant_id")),
    )
    _index("share", "consent_id")


def _answers() -> None:
    op.create_table(
        "answer_point",
        _text("id", 32),
        _text("case_id", 32),
        _number("round"),
        _number("place"),
        _long("local_text"),
        _long("second_text"),
        _text("standing", 20),
        _text("pointer", 200),
        _text("opinion_id", 32, nullable=True),
        _number("version"),
        *_done("made"),
        *_done("changed"),
        *_keys("answer_point", case_id="review_case", opinion_id="issued_opinion"),
    )
    _index("answer_point", "case_id")
    op.create_table(
        "opinion_addendum",
        _text("id", 32),
        _text("case_id", 32),
        _text("opinion_id", 32),
        _number("place"),
        _text("number", 40),
        sa.Column("content", sa.JSON(), nullable=False),
        *_done("signed"),
        _text("signer_id", 32),
        _text("content_sha256", 64),
        _text("sha256", 64),
        _moment("issued_at", nullable=True),
        *_keys("opinion_addendum", case_id="review_case", opinion_id="issued_opinion"),
        sa.UniqueConstraint("number", name=op.f("uq_opinion_addendum_number")),
        sa.UniqueConstraint("opinion_id", "place", name=op.f("uq_opinion_addendum_opinion_id")),
    )
    _index("opinion_addendum", "case_id")
    _index("opinion_addendum", "sha256")
    op.create_table(
        "answer_question",
        _text("id", 32),
        _text("point_id", 32),
        _long("text"),
        *_done("asked"),
        _text("addendum_id", 32, nullable=True),
        *_keys("answer_question", point_id="answer_point", addendum_id="opinion_addendum"),
    )
    _index("answer_question", "point_id")
    _index("answer_question", "addendum_id")
    op.create_table(
        "answer_letter",
        _text("case_id", 32),
        _text("kind", 20),
        _text("language", 8),
        _long("text"),
        _number("version"),
        _text("sha256", 64),
        *_done("kept"),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_answer_letter_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("case_id", "kind", "language", name=op.f("pk_answer_letter")),
    )


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _long(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _day(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=nullable)


def _done(what: str) -> tuple[sa.Column[Any], sa.Column[Any]]:
    """When something was done, and by whom."""
    return _moment(f"{what}_at"), _text(f"{what}_by", 200)


def _keys(table: str, **foreign: str) -> list[sa.Constraint]:
    """The primary key, and which column names a row of which table."""
    names = {column: op.f(f"fk_{table}_{column}_{target}") for column, target in foreign.items()}
    return [
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(
            sa.ForeignKeyConstraint([column], [f"{target}.id"], name=names[column])
            for column, target in foreign.items()
        ),
    ]


def _index(table: str, column: str) -> None:
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def _standing(table: str, condition: str) -> None:
    """One row of a case at a time that is not over."""
    op.create_index(
        f"uq_{table}_standing",
        table,
        ["case_id"],
        unique=True,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    for table in reversed(WITH_ROUND):
        op.drop_column(table, "round")
