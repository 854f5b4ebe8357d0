"""Centres, surgeons' profiles, volumes, absences, conflicts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import server.foundation.db

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = (
    "centre",
    "sheet_waiting",
    "absence",
    "centre_hospital",
    "conflict_of_interest",
    "surgeon_profile",
    "yearly_volume",
    "case_need",
)


def upgrade() -> None:
    op.create_table(
        "centre",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("languages", sa.Text(), nullable=False),
        sa.Column("capabilities", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_centre")),
        sa.UniqueConstraint("name", name=op.f("uq_centre_name")),
    )
    op.create_table(
        "sheet_waiting",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("brought_by", sa.String(length=200), nullable=False),
        sa.Column("brought_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_waiting")),
    )
    op.create_table(
        "absence",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.String(length=200), nullable=False),
        sa.Column("entered_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_absence_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index(op.f("ix_absence_person_id"), "absence", ["person_id"], unique=False)
    op.create_index(op.f("ix_absence_until_on"), "absence", ["until_on"], unique=False)
    op.create_table(
        "centre_hospital",
        sa.Column("centre_id", sa.String(length=32), nullable=False),
        sa.Column("hospital_id", sa.String(length=32), nullable=False),
        sa.Column("how", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_centre_hospital_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id"], ["hospital.id"], name=op.f("fk_centre_hospital_hospital_id_hospital")
        ),
        sa.PrimaryKeyConstraint("centre_id", "hospital_id", name=op.f("pk_centre_hospital")),
    )
    op.create_table(
        "conflict_of_interest",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("centre_id", sa.String(length=32), nullable=True),
        sa.Column("hospital_id", sa.String(length=32), nullable=True),
        sa.Column("other_centre_id", sa.String(length=32), nullable=True),
        sa.Column("other_person_id", sa.String(length=32), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.String(length=200), nullable=False),
        sa.Column("entered_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(centre_id IS NULL) <> (person_id IS NULL)",
            name=op.f("ck_conflict_of_interest_one_owner"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_conflict_of_interest_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id"],
            ["hospital.id"],
            name=op.f("fk_conflict_of_interest_hospital_id_hospital"),
        ),
        sa.ForeignKeyConstraint(
            ["other_centre_id"],
            ["centre.id"],
            name=op.f("fk_conflict_of_interest_other_centre_id_centre"),
        ),
        sa.ForeignKeyConstraint(
            ["other_person_id"],
            ["person.id"],
            name=op.f("fk_conflict_of_interest_other_person_id_person"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_conflict_of_interest_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_of_interest")),
    )
    op.create_index(
        op.f("ix_conflict_of_interest_centre_id"),
        "conflict_of_interest",
        ["centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_conflict_of_interest_person_id"),
        "conflict_of_interest",
        ["person_id"],
        unique=False,
    )
    op.create_table(
        "surgeon_profile",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("centre_id", sa.String(length=32), nullable=True),
        sa.Column("organs", sa.Text(), nullable=False),
        sa.Column("subspecialties", sa.Text(), nullable=False),
        sa.Column("capabilities", sa.Text(), nullable=False),
        sa.Column("languages", sa.Text(), nullable=False),
        sa.Column("countries", sa.Text(), nullable=False),
        sa.Column("accepts_tiers", sa.Text(), nullable=False),
        sa.Column("accepting", sa.Boolean(), nullable=False),
        sa.Column("most_cases", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("calendar", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_surgeon_profile_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_surgeon_profile_person_id_person")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_surgeon_profile")),
    )
    op.create_index(
        op.f("ix_surgeon_profile_centre_id"), "surgeon_profile", ["centre_id"], unique=False
    )
    op.create_table(
        "yearly_volume",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("centre_id", sa.String(length=32), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("operation", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.CheckConstraint(
            "(centre_id IS NULL) <> (person_id IS NULL)", name=op.f("ck_yearly_volume_one_owner")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_yearly_volume_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_yearly_volume_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_yearly_volume")),
        sa.UniqueConstraint(
            "centre_id", "operation", "year", name=op.f("uq_yearly_volume_centre_id")
        ),
        sa.UniqueConstraint(
            "person_id", "operation", "year", name=op.f("uq_yearly_volume_person_id")
        ),
    )
    op.create_table(
        "case_need",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_case_need_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_need")),
        sa.UniqueConstraint("case_id", "kind", "code", name=op.f("uq_case_need_case_id")),
    )


def downgrade() -> None:
    for name in reversed(TABLES):
        op.drop_table(name)
