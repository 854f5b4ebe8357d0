"""One file of an upload: what it is, whether it is taken, and what is said of it.

An instance goes to the archive under the case to which it was uploaded. The first one wins: bytes
that are there already are never changed, whatever comes under the same identifier later.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.archive import Archive, ArchiveUnavailable, RefusedByArchive, Stored, orthanc_id
from server.cases.actions import StudyBelongsElsewhere, attach_study, keep_document
from server.cases.lifecycle import EventNotPossible
from server.cases.queries import case_by_id
from server.cases.records import Case, CaseDocument, CaseStudy
from server.dicom.files import RefusedFile, clear_preamble, read_head
from server.foundation.clock import Clock
from server.foundation.db import Database
from server.foundation.errors import Unavailable
from server.foundation.files import FileStore
from server.intake.arrivals.doubting import note_repeat
from server.intake.arrivals.instances import Instance, check_instance, md5_of
from server.intake.queries import is_elsewhere
from server.intake.records import Arrival, ReceivedInstance
from server.intake.uploads import kinds
from server.intake.uploads.discs import Listed, listed_in
from server.intake.uploads.kinds import DICOM, Document, NotTaken, NotWanted
from server.intake.uploads.records import UploadEntry
from server.intake.uploads.sameness import difference, same_dataset
from server.intake.uploads.unpacking import Found

LARGEST_DOCUMENT_BYTES: Final = 64 * 1024 * 1024
# 150 million pixels: an A4 page scanned at 1200 dpi has 140 million.
MOST_PIXELS_OF_A_PAGE: Final = 150_000_000
TRIES: Final = 3
AWAITED_S: Final = 20.0
WELL_FOR_S: Final = 2.0  # an archive that answered so lately was well
# Says nothing of what is in other cases.
ELSEWHERE = "Its study cannot be added to this case. Ask the coordinator."
UID_USED = (
    "Another image of this case has the same SOPInstanceUID in another series, study or patient. Export it "
    "again, so that each image has an identifier of its own."
)


class ArchiveKeptOthers(Unavailable):
    """What the archive says it stored is not what it was given."""


@dataclass(frozen=True)
class Kept:
    """A document whose bytes are in the file store and which the case does not list yet."""

    title: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Judged:
    """What became of a file; the fields are those of UploadEntry. `listed` is what a DICOMDIR lists."""

    outcome: str
    kind: str = ""
    reason: str = ""
    SOPInstanceUID: str = ""
    md5: str = ""
    document: Kept | None = None
    listed: tuple[Listed, ...] = ()


class Judge:
    """Takes files one by one. Raises ArchiveUnavailable and ArchiveFailed; everything else that can be
    wrong with a file is a refusal."""

    def __init__(self, db: Database, archive: Archive, files: FileStore, clock: Clock) -> None:
        self._db = db
        self._archive = archive
        self._files = files
        self._clock = clock
        self._well_at = float("-inf")

    def judge(self, found: Found, case_id: str, sender: str, *, is_repeat: bool = False) -> Judged:
        """What becomes of one file. `is_repeat`: an earlier attempt may have stored it."""
        kind = found.kind
        if isinstance(kind, NotTaken):
            return Judged("refused", reason=kind.reason)
        if isinstance(kind, NotWanted):
            return Judged("left_out", reason=kind.reason)
        if found.path is None:
            return Judged("refused", reason="It could not be read.")
        if isinstance(kind, Document):
            return self._document(found, found.path, kind)
        if kind == DICOM:
            return self._image(found, found.path, case_id, sender, is_repeat)
        return Judged("refused", reason="It is of no kind that is taken.")

    def keep(self, session: Session, case: Case, judged: Judged, sender: str) -> Judged:
        """List a document in the case, in the transaction that says what became of it."""
        document = judged.document
        if document is None:
            return judged
        known = session.scalar(
            select(CaseDocument.id).where(
                CaseDocument.case_id == case.id, CaseDocument.sha256 == document.sha256
            )
        )
        if known is not None:
            return replace(judged, outcome="known", reason="This document is here already.")
        keep_document(
            session,
            case,
            title=document.title,
            media_type=document.media_type,
            size_bytes=document.size_bytes,
            sha256=document.sha256,
            received_from=sender,
            now=self._clock(),
        )
        return judged

    def _document(self, found: Found, path: Path, kind: Document) -> Judged:
        if found.size_bytes > LARGEST_DOCUMENT_BYTES:
            return Judged("refused", reason="The document is larger than 64 MB. Send it in parts.")
        problem = why_no_page(path) if kind in (kinds.JPEG, kinds.PNG, kinds.TIFF) else ""
        if problem:
            return Judged("refused", reason=problem)
        content = path.read_bytes()
        kept = Kept(_name_of(found)[:200], kind.media_type, len(content), self._files.put(content))
        said = "" if kind in (kinds.PDF, kinds.STL) else kinds.A_PHOTOGRAPH_IS_NO_IMAGING
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return Judged("taken", "document", said, md5=md5, document=kept)

    def _image(
        self, found: Found, path: Path, case_id: str, sender: str, is_repeat: bool
    ) -> Judged:
        head = read_head(path, found.name)
        if not isinstance(head, RefusedFile) and head.is_media_directory:
            listed = listed_in(path)
            reason = kinds.DAMAGED_DIRECTORY if listed is None else kinds.DIRECTORY
            return Judged("left_out", reason=reason, listed=listed or ())
        if isinstance(head, RefusedFile) and _name_of(found).lower() == "dicomdir":
            return Judged("left_out", reason=kinds.DAMAGED_DIRECTORY)
        checked = check_instance(path, found.name)
        if isinstance(checked, RefusedFile):
            return Judged("refused", reason=checked.reason)
        with path.open("r+b") as file:
            clear_preamble(file)
        fresh = self._admit(checked, case_id, sender)
        if isinstance(fresh, str):
            return Judged("refused", reason=fresh)
        stored = self._store(path, sender)
        if isinstance(stored, str):
            if fresh:
                self._detach(checked, case_id)
            return Judged("refused", reason=stored)
        return self._stored(checked, stored, path, sender, is_repeat)

    def _store(self, path: Path, sender: str) -> Stored | str:
        """Store a file, or say why the archive does not take it.

        One that breaks off an archive which was well before and is well after, again and again, is the
        archive's end and not the line's. Raises ArchiveUnavailable, ArchiveFailed.
        """
        for _ in range(TRIES):
            if time.monotonic() - self._well_at > WELL_FOR_S:
                self._archive.system()
            try:
                with path.open("rb") as file:
                    size = path.stat().st_size
                    stored = self._archive.store_instance(file, size_bytes=size, by=sender)
            except RefusedByArchive as refusal:
                return f"{refusal.detail} {refusal.remedy}".strip()
            except ArchiveUnavailable:
                self._await_archive()
            else:
                self._well_at = time.monotonic()
                return stored
        return "The archive broke off each time it was given this file. Ask the coordinator."

    def _await_archive(self) -> None:
        """Raises ArchiveUnavailable when the archive stays away."""
        until = time.monotonic() + AWAITED_S
        while True:
            try:
                self._archive.system()
            except ArchiveUnavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
            else:
                return

    def _admit(self, checked: Instance, case_id: str, sender: str) -> bool | str:
        """Make the study part of the case; whether it was not before, or why it cannot be."""
        study, uid = checked.StudyInstanceUID, checked.SOPInstanceUID
        # The archive reads other letters by rules of its own: its identifiers are not compared then.
        plain = checked.PatientID.isascii()
        own = orthanc_id(checked.PatientID, study, checked.SeriesInstanceUID, uid)
        with self._db.reading() as session:
            if is_elsewhere(session, study, case_id):
                return ELSEWHERE
            used_by = _cases_using(session, uid, own) if plain else []
            if used_by:
                return UID_USED if used_by == [case_id] else ELSEWHERE
            attached = session.scalar(
                select(CaseStudy.id).where(CaseStudy.StudyInstanceUID == study)
            )
        patients = self._archive.patient_ids(study)
        comparable = plain and all(one.isascii() for one in patients)
        if patients and comparable and checked.PatientID not in [one.strip() for one in patients]:
            return (
                "Its study is here under another PatientID. Ask the coordinator which one is right."
            )
        if attached is not None:
            return False
        try:
            with self._db.writing() as session:
                attach_study(
                    session,
                    case_by_id(session, case_id),
                    study,
                    by=sender,
                    reason="Uploaded on the case's page",
                    now=self._clock(),
                )
        except EventNotPossible:
            return "Nothing more is taken for this case. Ask the coordinator what to do."
        except StudyBelongsElsewhere:
            return ELSEWHERE
        return True

    def _detach(self, checked: Instance, case_id: str) -> None:
        """Nothing of the study came into the archive: the case has no such study."""
        if self._archive.find_studies(checked.StudyInstanceUID):
            return
        with self._db.writing() as session:
            attached = session.scalar(
                select(CaseStudy).where(
                    CaseStudy.StudyInstanceUID == checked.StudyInstanceUID,
                    CaseStudy.case_id == case_id,
                )
            )
            if attached is not None:
                session.delete(attached)

    def _stored(
        self, checked: Instance, stored: Stored, path: Path, sender: str, is_repeat: bool
    ) -> Judged:
        said = f"{checked.Modality or 'DICOM'} instance"
        md5, kept = md5_of(path), self._archive.instance_md5(stored.orthanc_id)
        uid = checked.SOPInstanceUID
        if stored.status == "Success":
            if md5 != kept:
                raise ArchiveKeptOthers("The archive kept other bytes than it was given.")
            return Judged("taken", "image", said, uid, md5)
        if md5 == kept:
            if is_repeat and not self._was_said(uid):
                return Judged("taken", "image", said, uid, md5)
            return Judged("known", "image", "This image is here already.", uid, md5)
        return self._against_the_first(uid, stored, path, sender, md5)

    def _was_said(self, SOPInstanceUID: str) -> bool:
        """Whether somebody was told that this instance was taken."""
        with self._db.reading() as session:
            said = select(UploadEntry.id).where(
                UploadEntry.SOPInstanceUID == SOPInstanceUID, UploadEntry.outcome == "taken"
            )
            return session.scalar(said.limit(1)) is not None

    def _against_the_first(
        self, uid: str, stored: Stored, path: Path, sender: str, md5: str
    ) -> Judged:
        """Something else came under an identifier that is taken: what is there stays, and its study is
        held until a person has looked at it."""
        first = path.with_name(f"{path.name}.first")
        try:
            with self._archive.open_file(stored.orthanc_id) as stream, first.open("wb") as sink:
                for piece in stream.chunks():
                    sink.write(piece)
            if same_dataset(first, path):
                return Judged("known", "image", "This image is here already.", uid)
            what = difference(first, path)
        finally:
            first.unlink(missing_ok=True)
        with self._db.writing() as session:
            note_repeat(
                session,
                instance_id=stored.orthanc_id,
                study_id=stored.study_id,
                md5=md5,
                sender=sender,
                now=self._clock(),
            )
        return Judged(
            "refused",
            "image",
            f"An image with this SOPInstanceUID is here already, {what}. The first one is kept "
            "unchanged. If this one is right, ask the coordinator.",
            uid,
        )


def _name_of(found: Found) -> str:
    """The file's own name, without the folders in which it lay."""
    return PurePosixPath(found.name.replace("\\", "/")).name


def _cases_using(session: Session, SOPInstanceUID: str, own: str) -> list[str | None]:
    """The cases in which the identifier is that of an image of another patient, study or series; None
    stands for what belongs to no case."""
    wanted = (
        select(Arrival.case_id)
        .join(ReceivedInstance, ReceivedInstance.arrival_id == Arrival.id)
        .where(
            ReceivedInstance.SOPInstanceUID == SOPInstanceUID, ReceivedInstance.orthanc_id != own
        )
        .distinct()
    )
    return list(session.scalars(wanted))


def why_no_page(path: Path) -> str:
    """Why a picture cannot be shown as a page, in a sentence; "" when it can. Nothing is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                width, height = picture.size
    except Image.DecompressionBombError:
        return "The picture has more pixels than any page."
    except Exception:
        return "The picture is damaged: its header cannot be read."
    if width * height > MOST_PIXELS_OF_A_PAGE:
        return "The picture has more pixels than any page."
    return ""
