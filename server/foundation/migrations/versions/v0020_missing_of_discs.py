"""What did not come of a disc stands in columns of its own, no longer in a sentence; what is asked for by
its time, its state, its person or its sender has an index.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# As the note was worded until now, behind the reason for which the table of contents itself is left out.
NOTE = re.compile(
    r" It lists (?P<files>\d+) files? that did not come: (?P<named>.*?)(?: \(\+\d+\))?\.$"
)
# Of tables that grow with every visit, sign-in, link, study and file.
INDEXES = (
    ("ix_failed_verification_at", "failed_verification", ["at"]),
    ("ix_access_grant_person_id", "access_grant", ["person_id"]),
    ("ix_launch_person_id", "launch", ["person_id"]),
    ("ix_sign_in_person_id", "sign_in", ["person_id"]),
    ("ix_arrival_split_from", "arrival", ["split_from"]),
    ("ix_arrival_sender_calling_aet", "arrival_sender", ["calling_aet"]),
    ("ix_upload_state_expires_at", "upload", ["state", "expires_at"]),
)
ENTRY = sa.table(
    "upload_entry",
    sa.column("id", sa.String),
    sa.column("outcome", sa.String),
    sa.column("reason", sa.Text),
    sa.column("missing_files", sa.Integer),
    sa.column("missing_named", sa.Text),
)


def upgrade() -> None:
    op.add_column(
        "upload_entry",
        sa.Column("missing_files", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column(
        "upload_entry", sa.Column("missing_named", sa.Text(), nullable=False, server_default="")
    )
    _out_of_the_sentence(op.get_bind())
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def _out_of_the_sentence(connection: sa.Connection) -> None:
    noted = sa.select(ENTRY.c.id, ENTRY.c.reason).where(
        ENTRY.c.outcome == "left_out",
        ENTRY.c.reason.like("A DICOMDIR, %. It lists % not come: %"),
    )
    for entry_id, reason in connection.execute(noted).all():
        found = NOTE.search(reason)
        if found is None:
            continue
        connection.execute(
            ENTRY.update()
            .where(ENTRY.c.id == entry_id)
            .values(
                reason=reason[: found.start()],
                missing_files=int(found["files"]),
                missing_named=found["named"].replace(", ", "\n"),
            )
        )


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table)
    _into_the_sentence(op.get_bind())
    op.drop_column("upload_entry", "missing_named")
    op.drop_column("upload_entry", "missing_files")


def _into_the_sentence(connection: sa.Connection) -> None:
    for entry in connection.execute(sa.select(ENTRY).where(ENTRY.c.missing_files > 0)).all():
        named = entry.missing_named.split("\n")
        files = "1 file" if entry.missing_files == 1 else f"{entry.missing_files} files"
        more = f" (+{entry.missing_files - len(named)})" if entry.missing_files > len(named) else ""
        said = f"{entry.reason} It lists {files} that did not come: {', '.join(named)}{more}."
        connection.execute(ENTRY.update().where(ENTRY.c.id == entry.id).values(reason=said))
