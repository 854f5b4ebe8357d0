"""Files sent by hand: each is taken or refused by name, and the rest goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from server.archive import Archive, RefusedByArchive
from server.cases.actions import attach_study, keep_document
from server.cases.lifecycle import EventNotPossible
from server.cases.records import Case
from server.dicom.files import Accepted, RefusedFile, read_part10, with_zeroed_preamble
from server.foundation.files import FileStore
from server.intake.queries import is_elsewhere

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
    checked = read_part10(content, shown)
    if isinstance(checked, RefusedFile):
        return checked
    return _image(session, archive, case, checked, content, sender, now)


def _image(
    session: Session,
    archive: Archive,
    case: Case,
    checked: Accepted,
    content: bytes,
    sender: str,
    now: datetime,
) -> Received | RefusedFile:
    """Attach first and store then: a study that is somebody else's must not be reached by its UID."""
    name, study = checked.head.name, str(checked.header.StudyInstanceUID)
    if is_elsewhere(session, study, case.id):
        return RefusedFile(name, "Its study cannot be added to this case. Ask the coordinator.")
    try:
        attach_study(session, case, study, by=sender, reason="Uploaded on the case's page", now=now)
        archive.store_instance(with_zeroed_preamble(content), by=sender)
    except EventNotPossible as finished:
        return RefusedFile(name, finished.detail)
    except RefusedByArchive as refusal:
        return RefusedFile(name, refusal.detail)
    return Received(name, "image", f"{checked.header.get('Modality') or 'DICOM'} instance")


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
