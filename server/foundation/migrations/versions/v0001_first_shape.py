"""The first shape of the database"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import server.foundation.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_line",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("object", sa.String(length=300), nullable=False),
        sa.Column("case_number", sa.String(length=40), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_line")),
    )
    with op.batch_alter_table("audit_line", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_audit_line_case_number"), ["case_number"], unique=False
        )

    op.create_table(
        "failed_sign_in",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("email_sha256", sa.String(length=64), nullable=False),
        sa.Column("at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_sign_in")),
    )
    with op.batch_alter_table("failed_sign_in", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_failed_sign_in_email_sha256"), ["email_sha256"], unique=False
        )

    op.create_table(
        "feed_cursor",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("swept_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("archive_ok", sa.Boolean(), nullable=False),
        sa.Column("checked_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed_cursor")),
    )
    op.create_table(
        "hospital",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("registered_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hospital")),
        sa.UniqueConstraint("name", name=op.f("uq_hospital_name")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("run_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("lease_until", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("finished_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("key", name=op.f("uq_job_key")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index("ix_job_due", ["state", "run_at"], unique=False)

    op.create_table(
        "person",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("centre", sa.String(length=200), nullable=False),
        sa.Column("subspecialty", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("totp_secret", sa.String(length=64), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
    )
    op.create_table(
        "coordination",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("hospital_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["hospital_id"], ["hospital.id"], name=op.f("fk_coordination_hospital_id_hospital")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_coordination_person_id_person")
        ),
        sa.PrimaryKeyConstraint("person_id", "hospital_id", name=op.f("pk_coordination")),
    )
    op.create_table(
        "hospital_line",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("hospital_id", sa.String(length=32), nullable=False),
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("registered_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["hospital_id"], ["hospital.id"], name=op.f("fk_hospital_line_hospital_id_hospital")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hospital_line")),
        sa.UniqueConstraint("ae_title", name=op.f("uq_hospital_line_ae_title")),
    )
    with op.batch_alter_table("hospital_line", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_hospital_line_hospital_id"), ["hospital_id"], unique=False
        )

    op.create_table(
        "review_case",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("organ", sa.String(length=40), nullable=False),
        sa.Column("hospital_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("local_verdict", sa.Text(), nullable=False),
        sa.Column("local_verdict_reason", sa.Text(), nullable=False),
        sa.Column("accession_number", sa.String(length=64), nullable=False),
        sa.Column("opened_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(length=200), nullable=False),
        sa.Column(
            "records_complete_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True
        ),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=False),
        sa.Column("held_from", sa.String(length=30), nullable=False),
        sa.Column("held_since", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["hospital_id"], ["hospital.id"], name=op.f("fk_review_case_hospital_id_hospital")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_case")),
        sa.UniqueConstraint("number", name=op.f("uq_review_case_number")),
    )
    with op.batch_alter_table("review_case", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_review_case_accession_number"), ["accession_number"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_review_case_hospital_id"), ["hospital_id"], unique=False
        )

    op.create_table(
        "sign_in",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("begun_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_sign_in_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_sign_in_secret_sha256")),
    )
    op.create_table(
        "access_grant",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("for_whom", sa.String(length=200), nullable=False),
        sa.Column("permits", sa.JSON(), nullable=False),
        sa.Column("issued_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.String(length=200), nullable=False),
        sa.Column("not_before", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("last_used_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(length=200), nullable=False),
        sa.Column("revoked_why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_access_grant_case_id_review_case")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_access_grant_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_grant")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_access_grant_token_sha256")),
    )
    with op.batch_alter_table("access_grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_grant_case_id"), ["case_id"], unique=False)

    op.create_table(
        "annotation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("reviewer_id", sa.String(length=32), nullable=False),
        sa.Column("reviewer_name", sa.String(length=200), nullable=False),
        sa.Column("time_point", sa.Integer(), nullable=False),
        sa.Column("organ", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_annotation_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sa.UniqueConstraint(
            "case_id", "reviewer_id", "time_point", name=op.f("uq_annotation_case_id")
        ),
    )
    with op.batch_alter_table("annotation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_annotation_case_id"), ["case_id"], unique=False)

    op.create_table(
        "arrival",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("orthanc_id", sa.String(length=44), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=True),
        sa.Column("match_reason", sa.Text(), nullable=False),
        sa.Column("guesses", sa.JSON(), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("patient_name", sa.String(length=330), nullable=False),
        sa.Column("patient_sex", sa.String(length=16), nullable=False),
        sa.Column("patient_birth_date", sa.String(length=16), nullable=False),
        sa.Column("accession_number", sa.String(length=64), nullable=False),
        sa.Column("study_date", sa.String(length=16), nullable=False),
        sa.Column("study_description", sa.String(length=64), nullable=False),
        sa.Column("study_id", sa.String(length=16), nullable=False),
        sa.Column("calling_aet", sa.String(length=64), nullable=False),
        sa.Column("called_aet", sa.String(length=64), nullable=False),
        sa.Column("remote_address", sa.String(length=64), nullable=False),
        sa.Column("series", sa.JSON(), nullable=False),
        sa.Column("instance_count", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("changed_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_update", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("settled_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_arrival_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival")),
        sa.UniqueConstraint("orthanc_id", name=op.f("uq_arrival_orthanc_id")),
    )
    with op.batch_alter_table("arrival", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_arrival_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_arrival_state"), ["state"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_arrival_study_instance_uid"), ["study_instance_uid"], unique=False
        )

    op.create_table(
        "assignment",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("assigned_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("assigned_by", sa.String(length=200), nullable=False),
        sa.Column("ended_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_assignment_case_id_review_case")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_assignment_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assignment_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assignment_person_id"), ["person_id"], unique=False)

    op.create_table(
        "case_document",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("received_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("received_from", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_case_document_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_document")),
        sa.UniqueConstraint("case_id", "sha256", name=op.f("uq_case_document_case_id")),
    )
    with op.batch_alter_table("case_document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_document_case_id"), ["case_id"], unique=False)

    op.create_table(
        "case_study",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("attached_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("attached_by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_case_study_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_study")),
        sa.UniqueConstraint("study_instance_uid", name=op.f("uq_case_study_study_instance_uid")),
    )
    with op.batch_alter_table("case_study", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_study_case_id"), ["case_id"], unique=False)

    op.create_table(
        "volume_measurement",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("noticed_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("measured_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_volume_measurement_case_id_review_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume_measurement")),
        sa.UniqueConstraint(
            "sop_instance_uid", name=op.f("uq_volume_measurement_sop_instance_uid")
        ),
    )
    with op.batch_alter_table("volume_measurement", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_volume_measurement_case_id"), ["case_id"], unique=False
        )

    op.create_table(
        "arrival_sender",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("arrival_id", sa.String(length=32), nullable=False),
        sa.Column("calling_aet", sa.String(length=64), nullable=False),
        sa.Column("remote_address", sa.String(length=64), nullable=False),
        sa.Column("first_seen_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["arrival_id"], ["arrival.id"], name=op.f("fk_arrival_sender_arrival_id_arrival")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival_sender")),
        sa.UniqueConstraint(
            "arrival_id", "calling_aet", "remote_address", name=op.f("uq_arrival_sender_arrival_id")
        ),
    )
    with op.batch_alter_table("arrival_sender", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_arrival_sender_arrival_id"), ["arrival_id"], unique=False
        )

    op.create_table(
        "launch",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("grant_id", sa.String(length=32), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("begun_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_launch_case_id_review_case")
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["access_grant.id"], name=op.f("fk_launch_grant_id_access_grant")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_launch_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_launch")),
    )
    with op.batch_alter_table("launch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_launch_grant_id"), ["grant_id"], unique=False)

    op.create_table(
        "received_instance",
        sa.Column("orthanc_id", sa.String(length=44), nullable=False),
        sa.Column("arrival_id", sa.String(length=32), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("calling_aet", sa.String(length=64), nullable=False),
        sa.Column("remote_address", sa.String(length=64), nullable=False),
        sa.Column("md5", sa.String(length=32), nullable=False),
        sa.Column("received_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["arrival_id"], ["arrival.id"], name=op.f("fk_received_instance_arrival_id_arrival")
        ),
        sa.PrimaryKeyConstraint("orthanc_id", name=op.f("pk_received_instance")),
    )
    with op.batch_alter_table("received_instance", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_received_instance_arrival_id"), ["arrival_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_received_instance_sop_instance_uid"), ["sop_instance_uid"], unique=False
        )

    op.create_table(
        "revision",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("annotation_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("saved_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("evaluations", sa.JSON(), nullable=False),
        sa.Column("signed_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=60), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotation.id"], name=op.f("fk_revision_annotation_id_annotation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
        sa.UniqueConstraint("annotation_id", "number", name=op.f("uq_revision_annotation_id")),
    )
    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_revision_annotation_id"), ["annotation_id"], unique=False
        )

    op.create_table(
        "issued_opinion",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=30), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("revision_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("requested_at", server.foundation.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("issued_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("archived_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("first_read_at", server.foundation.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["review_case.id"], name=op.f("fk_issued_opinion_case_id_review_case")
        ),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revision.id"], name=op.f("fk_issued_opinion_revision_id_revision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issued_opinion")),
        sa.UniqueConstraint("number", name=op.f("uq_issued_opinion_number")),
        sa.UniqueConstraint("revision_id", name=op.f("uq_issued_opinion_revision_id")),
        sa.UniqueConstraint("sop_instance_uid", name=op.f("uq_issued_opinion_sop_instance_uid")),
    )
    with op.batch_alter_table("issued_opinion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_issued_opinion_case_id"), ["case_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("issued_opinion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_issued_opinion_case_id"))

    op.drop_table("issued_opinion")
    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_revision_annotation_id"))

    op.drop_table("revision")
    with op.batch_alter_table("received_instance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_received_instance_sop_instance_uid"))
        batch_op.drop_index(batch_op.f("ix_received_instance_arrival_id"))

    op.drop_table("received_instance")
    with op.batch_alter_table("launch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_launch_grant_id"))

    op.drop_table("launch")
    with op.batch_alter_table("arrival_sender", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_arrival_sender_arrival_id"))

    op.drop_table("arrival_sender")
    with op.batch_alter_table("volume_measurement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_volume_measurement_case_id"))

    op.drop_table("volume_measurement")
    with op.batch_alter_table("case_study", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_study_case_id"))

    op.drop_table("case_study")
    with op.batch_alter_table("case_document", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_document_case_id"))

    op.drop_table("case_document")
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assignment_person_id"))
        batch_op.drop_index(batch_op.f("ix_assignment_case_id"))

    op.drop_table("assignment")
    with op.batch_alter_table("arrival", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_arrival_study_instance_uid"))
        batch_op.drop_index(batch_op.f("ix_arrival_state"))
        batch_op.drop_index(batch_op.f("ix_arrival_case_id"))

    op.drop_table("arrival")
    with op.batch_alter_table("annotation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_annotation_case_id"))

    op.drop_table("annotation")
    with op.batch_alter_table("access_grant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_grant_case_id"))

    op.drop_table("access_grant")
    op.drop_table("sign_in")
    with op.batch_alter_table("review_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_case_hospital_id"))
        batch_op.drop_index(batch_op.f("ix_review_case_accession_number"))

    op.drop_table("review_case")
    with op.batch_alter_table("hospital_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hospital_line_hospital_id"))

    op.drop_table("hospital_line")
    op.drop_table("coordination")
    op.drop_table("person")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index("ix_job_due")

    op.drop_table("job")
    op.drop_table("hospital")
    op.drop_table("feed_cursor")
    with op.batch_alter_table("failed_sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_failed_sign_in_email_sha256"))

    op.drop_table("failed_sign_in")
    with op.batch_alter_table("audit_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_line_case_number"))

    op.drop_table("audit_line")
