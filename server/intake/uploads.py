"""Files sent by hand: each is taken or refused by name, and the rest goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from server.archive import Archive, RefusedByArchive
from server.cases.actions import keep_document
from server.cases.records import Case
from server.dicom.files import RefusedFile, read_part10
from server.foundation.files import FileStore

PDF_MAGIC = b"%PDF-"
LARGEST_DOCUMENT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Received:
    """A file that was taken. `kind` is image or document."""

    name: str
    kind: str
    detail: str


def receive(
    session: Session,
    archive: Archive,
    files: FileStore,
    case: Case,
    *,
    name: str,
    content: bytes,
    sender: str,
    now: datetime,
) -> Received | RefusedFile:
    """Take one file for a case: a PDF becomes a document, a DICOM file goes to the archive.

    Storing into the archive is repeatable; the study is attached to the case at once, because whoever
    sends it does so on the case's own page. Raises ArchiveUnavailable.
    """
    shown = plain_name(name)
    if not content:
        return RefusedFile(shown, "The file is empty.")
    if content.startswith(PDF_MAGIC):
        return _document(session, files, case, shown, content, sender, now)
    checked = read_part10(content, name=shown)
    if isinstance(checked, RefusedFile):
        return checked
    try:
        archive.store_instance(checked.content, by=sender)
    except RefusedByArchive as refusal:
        return RefusedFile(shown, refusal.detail)
    return Received(shown, "image", f"{checked.Modality or 'DICOM'} instance")


def _document(
    session: Session,
    files: FileStore,
    case: Case,
    name: str,
    content: bytes,
    sender: str,
    now: datetime,
) -> Received | RefusedFile:
    if len(content) > LARGEST_DOCUMENT_BYTES:
        return RefusedFile(name, "The document is larger than 64 MB. Send it in parts.")
    keep_document(
        session,
        case,
        title=name,
        media_type="application/pdf",
        size_bytes=len(content),
        sha256=files.put(content),
        received_from=sender,
        now=now,
    )
    return Received(name, "document", "PDF document")


def plain_name(name: str) -> str:
    """A file's name without folders and control characters, for showing; never used as a path."""
    last = re.split(r"[/\\\\]", name)[-1]
    return "".join(c for c in last if c.isprintable())[:120] or "unnamed file"
