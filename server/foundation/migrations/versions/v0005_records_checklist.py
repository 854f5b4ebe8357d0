"""The records of a case: checklist, values, translations, specimens, who asks on whose behalf."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from server.foundation.db import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MESSAGE = "a custody event is never altered"
TABLES = (
    "case_task",
    "custody_event",
    "specimen",
    "records_override",
    "patient_consent",
    "case_request",
    "record_entry",
    "recorded_value",
    "item_decision",
    "document_facts",
)


def text(name: str, length: int | None = None, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=nullable)


def day(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=False)


def reference(table: str, name: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [f"{to}.id"], name=op.f(f"fk_{table}_{name}_{to}"))


def key(table: str, name: str = "id") -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(name, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    _what_is_kept()
    _who_asks()
    _specimens_and_tasks()
    for table in ("document_facts", "record_entry", "patient_consent", "records_override"):
        op.create_index(op.f(f"ix_{table}_case_id"), table, ["case_id"], unique=False)
    for table in ("specimen", "case_task"):
        op.create_index(op.f(f"ix_{table}_case_id"), table, ["case_id"], unique=False)
    op.create_index("ix_recorded_value_case", "recorded_value", ["case_id", "quantity", "taken_on"])
    _only_append()


def _what_is_kept() -> None:
    op.create_table(
        "document_facts",
        text("document_id", 32),
        text("case_id", 32),
        text("kind", 40),
        json("also"),
        text("language", 10),
        text("dated_on", 10),
        text("translation_of", 32, nullable=True),
        text("set_by", 200),
        moment("set_at"),
        reference("document_facts", "document_id", "case_document"),
        reference("document_facts", "case_id", "review_case"),
        reference("document_facts", "translation_of", "case_document"),
        key("document_facts", "document_id"),
    )
    op.create_table(
        "item_decision",
        text("id", 32),
        text("case_id", 32),
        text("item_id", 40),
        text("standing", 20),
        text("reason"),
        text("by", 200),
        moment("at"),
        reference("item_decision", "case_id", "review_case"),
        key("item_decision"),
        sa.UniqueConstraint("case_id", "item_id", name=op.f("uq_item_decision_case_id")),
    )
    op.create_table(
        "recorded_value",
        text("id", 32),
        text("case_id", 32),
        text("quantity", 30),
        sa.Column("value", sa.Float(), nullable=False),
        text("unit", 20),
        text("comparator", 1),
        day("taken_on"),
        text("entered_by", 200),
        moment("entered_at"),
        text("withdrawn_by", 200),
        moment("withdrawn_at", nullable=True),
        reference("recorded_value", "case_id", "review_case"),
        key("recorded_value"),
    )
    op.create_table(
        "record_entry",
        text("id", 32),
        text("case_id", 32),
        text("kind", 20),
        json("content"),
        text("entered_by", 200),
        moment("entered_at"),
        text("withdrawn_by", 200),
        moment("withdrawn_at", nullable=True),
        reference("record_entry", "case_id", "review_case"),
        key("record_entry"),
    )


def _who_asks() -> None:
    op.create_table(
        "case_request",
        text("case_id", 32),
        text("cancer", 40),
        text("asker", 20),
        text("asker_name", 200),
        text("asker_relation", 200),
        json("reasons"),
        text("reason_note"),
        text("first_centre", 200),
        text("first_verdict_on", 10),
        json("circumstances"),
        text("changed_by", 200),
        moment("changed_at", nullable=True),
        reference("case_request", "case_id", "review_case"),
        key("case_request", "case_id"),
    )
    op.create_table(
        "patient_consent",
        text("id", 32),
        text("case_id", 32),
        day("given_on"),
        text("how", 20),
        text("document_id", 32, nullable=True),
        text("recorded_by", 200),
        moment("recorded_at"),
        moment("revoked_at", nullable=True),
        text("revoked_by", 200),
        text("revoked_why"),
        reference("patient_consent", "case_id", "review_case"),
        reference("patient_consent", "document_id", "case_document"),
        key("patient_consent"),
    )
    op.create_table(
        "records_override",
        text("id", 32),
        text("case_id", 32),
        json("missing"),
        text("why"),
        text("by", 200),
        moment("at"),
        reference("records_override", "case_id", "review_case"),
        key("records_override"),
    )


def _specimens_and_tasks() -> None:
    op.create_table(
        "specimen",
        text("id", 32),
        text("case_id", 32),
        text("pathology_number", 60),
        text("label", 120),
        text("kind", 20),
        sa.Column("count", sa.Integer(), nullable=False),
        text("site", 200),
        day("due_back_on", nullable=True),
        text("added_by", 200),
        moment("added_at"),
        reference("specimen", "case_id", "review_case"),
        key("specimen"),
    )
    op.create_table(
        "custody_event",
        text("id", 32),
        text("specimen_id", 32),
        sa.Column("place", sa.Integer(), nullable=False),
        text("step", 20),
        moment("at"),
        text("from_whom", 200),
        text("to_whom", 200),
        text("courier", 120),
        text("tracking", 120),
        text("note"),
        text("recorded_by", 200),
        moment("recorded_at"),
        reference("custody_event", "specimen_id", "specimen"),
        key("custody_event"),
        sa.UniqueConstraint("specimen_id", "place", name=op.f("uq_custody_event_specimen_id")),
    )
    op.create_table(
        "case_task",
        text("id", 32),
        text("case_id", 32),
        text("kind", 30),
        text("detail"),
        text("asked_of", 200),
        day("due_on", nullable=True),
        text("state", 10),
        text("outcome"),
        text("document_id", 32, nullable=True),
        text("asked_by", 200),
        moment("asked_at"),
        text("ended_by", 200),
        moment("ended_at", nullable=True),
        reference("case_task", "case_id", "review_case"),
        reference("case_task", "document_id", "case_document"),
        key("case_task"),
    )


def _only_append() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"""
            CREATE FUNCTION keep_custody_event() RETURNS trigger AS $$
            BEGIN RAISE EXCEPTION '{MESSAGE}'; END
            $$ LANGUAGE plpgsql
            """
        )
        op.execute(
            "CREATE TRIGGER keep_custody_event BEFORE UPDATE OR DELETE ON custody_event "
            "FOR EACH ROW EXECUTE FUNCTION keep_custody_event()"
        )
        return
    for deed in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER keep_custody_event_{deed.lower()} BEFORE {deed} ON custody_event "
            f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION keep_custody_event()")
