"""Uploads: files on their way from somebody's computer, and what became of everything in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.records import Case
from server.foundation.db import Base, new_id


class Upload(Base):
    """One file that somebody sends to a case. Its bytes lie in the uploads' folder under its id.

    `state` is receiving, complete (every byte is here), done (looked through; the bytes are gone from
    that folder) or ended (given up before it was whole). How many bytes have come is the size of the
    file and stands nowhere else. `position` counts the files in it that were dealt with: one, or as
    many as an archive holds. `fingerprint` is the sender's own mark, by which a page that was closed
    finds it again; it says nothing of the content. `attempts` counts beginnings that got no further.
    """

    __tablename__ = "upload"
    __table_args__ = (
        Index("ix_upload_case", "case_id", "state", unique=False),
        Index("ix_upload_state_expires_at", "state", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    state: Mapped[str] = mapped_column(String(10), default="receiving")
    name: Mapped[str] = mapped_column(String(255))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    sender: Mapped[str] = mapped_column(String(200))
    begun_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    position: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    unpacked_bytes: Mapped[int] = mapped_column(BigInteger, default=0)


class UploadEntry(Base):
    """What became of one file of an upload; `place` counts them from 0 in the order of the archive.

    `outcome` is taken, known (the same was here already), left_out (nobody needs it: a table of
    contents, a viewer's program), refused, or reading while it is being looked at by itself after
    the process died over it. `kind` is image, document or "". `md5` is that of what was stored.
    Of the table of contents of a disc `missing_files` counts the files that it lists and that did not
    come; `missing_named` has the paths of the first of them, each in a line.
    """

    __tablename__ = "upload_entry"
    __table_args__ = (
        UniqueConstraint("upload_id", "place"),
        Index("ix_upload_entry_outcome", "upload_id", "outcome", unique=False),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    upload_id: Mapped[str] = mapped_column(ForeignKey("upload.id"))
    place: Mapped[int]
    name: Mapped[str] = mapped_column(String(255))
    outcome: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(10), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    SOPInstanceUID: Mapped[str] = mapped_column("sop_instance_uid", String(64), default="")
    md5: Mapped[str] = mapped_column(String(32), default="")
    missing_files: Mapped[int] = mapped_column(default=0, server_default="0")
    missing_named: Mapped[str] = mapped_column(Text, default="", server_default="")
    at: Mapped[datetime]
