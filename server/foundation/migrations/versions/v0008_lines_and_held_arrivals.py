"""The state of a hospital's line, refused associations, held arrivals, matching by indexed keys."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

import server.foundation.db

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = server.foundation.db.UtcDateTime
ADDED_TO_ARRIVAL = (
    "name_key",
    "held_for",
    "allowed",
    "not_cases",
    "split_from",
    "decided_by",
    "decided_at",
    "refusal",
    "refused_for",
)


def upgrade() -> None:
    _arrivals()
    _lines()
    _refused()
    _expected()


def _arrivals() -> None:
    with op.batch_alter_table("arrival") as arrival:
        arrival.add_column(sa.Column("name_key", sa.String(120), server_default="", nullable=False))
        for name in ("held_for", "allowed", "not_cases"):
            arrival.add_column(sa.Column(name, sa.JSON(), server_default="[]", nullable=False))
        arrival.add_column(sa.Column("split_from", sa.String(32), nullable=True))
        arrival.add_column(
            sa.Column("decided_by", sa.String(200), server_default="", nullable=False)
        )
        arrival.add_column(sa.Column("decided_at", MOMENT(timezone=True), nullable=True))
        arrival.add_column(sa.Column("refusal", sa.Text(), server_default="", nullable=False))
        arrival.add_column(sa.Column("refused_for", sa.String(32), nullable=True))
    for name in ("name_key", "patient_id", "patient_birth_date", "refused_for"):
        op.create_index(op.f(f"ix_arrival_{name}"), "arrival", [name], unique=False)
    op.create_table(
        "repeated_instance",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("orthanc_id", sa.String(length=44), nullable=False),
        sa.Column("study_id", sa.String(length=44), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        sa.Column("md5", sa.String(length=32), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeated_instance")),
        sa.UniqueConstraint(
            "orthanc_id", "sender", "md5", name=op.f("uq_repeated_instance_orthanc_id")
        ),
    )
    op.create_index(op.f("ix_repeated_instance_study_id"), "repeated_instance", ["study_id"])


def _lines() -> None:
    with op.batch_alter_table("hospital_line") as line:
        line.add_column(
            sa.Column("use_tls", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.create_table(
        "line_state",
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("associated_at", MOMENT(timezone=True), nullable=True),
        sa.Column("associated_from", sa.String(length=64), nullable=False),
        sa.Column("associations", sa.Integer(), nullable=False),
        sa.Column("echoed_at", MOMENT(timezone=True), nullable=True),
        sa.Column("test_asked_at", MOMENT(timezone=True), nullable=True),
        sa.Column("tested_at", MOMENT(timezone=True), nullable=True),
        sa.Column("test_passed", sa.Boolean(), nullable=True),
        sa.Column("test_seconds", sa.Double(), nullable=True),
        sa.Column("test_detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ae_title", name=op.f("pk_line_state")),
    )


def _refused() -> None:
    op.create_table(
        "refused_association",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("calling_aet", sa.String(length=64), nullable=False),
        sa.Column("called_aet", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", MOMENT(timezone=True), nullable=False),
        sa.Column("last_at", MOMENT(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_association")),
        sa.UniqueConstraint(
            "reason",
            "calling_aet",
            "called_aet",
            "address",
            name=op.f("uq_refused_association_reason"),
        ),
    )
    for name in ("calling_aet", "address", "last_at"):
        op.create_index(op.f(f"ix_refused_association_{name}"), "refused_association", [name])


def _expected() -> None:
    """The table of expected numbers, filled from what is written into the cases so far."""
    op.create_index(
        "ix_review_case_hospital_id_opened_at", "review_case", ["hospital_id", "opened_at"]
    )
    expected = op.create_table(
        "expected_accession",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["review_case.id"],
            name=op.f("fk_expected_accession_case_id_review_case"),
        ),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_expected_accession")),
    )
    op.create_index(op.f("ix_expected_accession_number"), "expected_accession", ["number"])
    cases = sa.table("review_case", sa.column("id"), sa.column("accession_number"))
    written = op.get_bind().execute(
        sa.select(cases.c.id, cases.c.accession_number).where(cases.c.accession_number != "")
    )
    rows = [
        {"case_id": case_id, "number": number}
        for case_id, text in written
        for number in {part.upper() for part in re.split(r"[,;\s]+", text) if part}
    ]
    if rows:
        op.bulk_insert(expected, rows)


def downgrade() -> None:
    op.drop_table("expected_accession")
    op.drop_index("ix_review_case_hospital_id_opened_at", "review_case")
    op.drop_table("refused_association")
    op.drop_table("line_state")
    with op.batch_alter_table("hospital_line") as line:
        line.drop_column("use_tls")
    op.drop_table("repeated_instance")
    for name in ("name_key", "patient_id", "patient_birth_date", "refused_for"):
        op.drop_index(op.f(f"ix_arrival_{name}"), "arrival")
    with op.batch_alter_table("arrival") as arrival:
        for name in reversed(ADDED_TO_ARRIVAL):
            arrival.drop_column(name)
