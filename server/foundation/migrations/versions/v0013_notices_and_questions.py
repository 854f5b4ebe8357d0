"""Notices with their deliveries and preferences; questions and answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from server.foundation.db import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Part = sa.Column[str] | sa.Column[int] | sa.Constraint
TABLES = (
    "question_read",
    "question_image",
    "question_document",
    "question_message",
    "question",
    "notice_delivery",
    "notice_preference",
    "webhook",
    "notice_contact",
    "notice",
)


def text(name: str, length: int | None = None, *, empty: bool = False) -> sa.Column[str]:
    kind = sa.Text() if length is None else sa.String(length=length)
    return sa.Column(name, kind, nullable=empty)


def when(name: str, *, empty: bool = False) -> sa.Column[str]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=empty)


def yes_no(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def data(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.JSON(), nullable=False)


def of(table: str, column: str, other: str) -> sa.Constraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def make(table: str, *parts: Part, key: tuple[str, ...] = ("id",)) -> None:
    op.create_table(table, *parts, sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")))


def find_by(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def upgrade() -> None:
    language: sa.Column[str] = sa.Column(
        "language", sa.String(8), nullable=False, server_default="en"
    )
    op.add_column("person", language)
    _notices()
    _deliveries()
    _questions()
    _messages()


def _notices() -> None:
    make(
        "notice",
        text("id", 32),
        text("kind", 40),
        text("case_id", 32, empty=True),
        data("facts"),
        text("key", 200),
        when("created_at"),
        of("notice", "case_id", "review_case"),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    find_by("notice", "case_id", "created_at")
    make(
        "notice_contact",
        text("id", 32),
        text("hospital_id", 32),
        text("case_id", 32, empty=True),
        text("grant_id", 32, empty=True),
        text("name", 200),
        text("email", 254),
        text("language", 8),
        when("added_at"),
        text("added_by", 200),
        when("removed_at", empty=True),
        of("notice_contact", "hospital_id", "hospital"),
        of("notice_contact", "case_id", "review_case"),
    )
    find_by("notice_contact", "hospital_id", "case_id")
    make(
        "webhook",
        text("id", 32),
        text("hospital_id", 32, empty=True),
        text("url", 2000),
        text("sealed_secret"),
        data("kinds"),
        when("added_at"),
        text("added_by", 200),
        when("removed_at", empty=True),
        number("failures"),
        when("failing_since", empty=True),
        when("disabled_at", empty=True),
        text("disabled_why"),
        of("webhook", "hospital_id", "hospital"),
    )
    find_by("webhook", "hospital_id")


def _deliveries() -> None:
    table = "notice_delivery"
    make(
        table,
        text("id", 32),
        text("notice_id", 32),
        text("channel", 10),
        text("person_id", 32, empty=True),
        text("contact_id", 32, empty=True),
        text("webhook_id", 32, empty=True),
        text("state", 10),
        yes_no("digest"),
        text("batch_id", 32, empty=True),
        number("attempts"),
        when("due_at"),
        when("claimed_until", empty=True),
        when("sent_at", empty=True),
        when("given_up_at", empty=True),
        when("read_at", empty=True),
        text("last_error"),
        of(table, "notice_id", "notice"),
        of(table, "person_id", "person"),
        of(table, "contact_id", "notice_contact"),
        of(table, "webhook_id", "webhook"),
    )
    find_by(table, "notice_id", "contact_id", "webhook_id", "batch_id")
    op.create_index("ix_notice_delivery_due", table, ["state", "due_at"], unique=False)
    unread = ["person_id", "channel", "read_at"]
    op.create_index("ix_notice_delivery_unread", table, unread, unique=False)
    make(
        "notice_preference",
        text("owner_id", 32),
        text("kind", 40),
        text("choice", 10),
        key=("owner_id", "kind"),
    )


def _questions() -> None:
    make(
        "question",
        text("id", 32),
        text("case_id", 32),
        number("number"),
        text("audience", 10),
        text("subject", 200),
        yes_no("wants_imaging"),
        yes_no("paused"),
        when("shown_at", empty=True),
        text("side", 12),
        text("owner_id", 32),
        when("begun_at"),
        text("begun_by", 200),
        when("closed_at", empty=True),
        text("closed_by", 200),
        of("question", "case_id", "review_case"),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_question_case_id")),
    )
    find_by("question", "case_id")


def _messages() -> None:
    make(
        "question_message",
        text("id", 32),
        text("question_id", 32),
        text("side", 12),
        text("author_id", 32),
        text("author", 200),
        text("text"),
        when("at"),
        text("key", 32),
        of("question_message", "question_id", "question"),
        sa.UniqueConstraint("question_id", "key", name=op.f("uq_question_message_question_id")),
    )
    find_by("question_message", "question_id")
    make(
        "question_document",
        text("message_id", 32),
        text("document_id", 32),
        of("question_document", "message_id", "question_message"),
        of("question_document", "document_id", "case_document"),
        key=("message_id", "document_id"),
    )
    make(
        "question_image",
        text("id", 32),
        text("message_id", 32),
        number("place"),
        text("study_instance_uid", 64),
        text("series_instance_uid", 64),
        text("sop_instance_uid", 64),
        number("frame"),
        text("label", 200),
        of("question_image", "message_id", "question_message"),
    )
    find_by("question_image", "message_id")
    make(
        "question_read",
        text("message_id", 32),
        text("reader_id", 32),
        text("reader", 200),
        text("side", 12),
        when("at"),
        of("question_read", "message_id", "question_message"),
        key=("message_id", "reader_id"),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    op.drop_column("person", "language")
