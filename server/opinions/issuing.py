"""Making and issuing the document of a signed opinion: pictures, pages, seal; then beside the images.

Only a process that prints loads this: it brings WeasyPrint, pyHanko and highdicom. Every step can be
repeated: what was done before is found done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from sqlalchemy.orm import Session

from server.archive import Archive
from server.cases.queries import case_by_id
from server.foundation import audit
from server.foundation.clock import Clock
from server.foundation.db import Database
from server.foundation.files import FileStore
from server.notices.actions import post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, to
from server.opinions import actions
from server.opinions.assessment import assessment_of
from server.opinions.document import Opinion
from server.opinions.encapsulated import encapsulated_pdf
from server.opinions.imaging import imaging_in_archive
from server.opinions.pdf import render_pdf
from server.opinions.pictures import pictures_of
from server.opinions.records import IssuedOpinion
from server.opinions.seal import sealed
from server.opinions.seal_key import SealKey
from server.opinions.stored import from_stored
from server.opinions.structured_report import structured_report


@dataclass(frozen=True)
class Press:
    """What issuing works with. `key` gives the seal's key when a document is to be sealed."""

    db: Database
    archive: Archive
    files: FileStore
    key: Callable[[], SealKey]
    clock: Clock

    def issue(self, opinion_id: str) -> None:
        """Make and seal the PDF, tell those whom it is for, store it and the structured report beside
        the images. Raises ArchiveUnavailable, RenderingReachedOut and SealKeyUnusable.
        """
        with self.db.reading() as session:
            kept = session.get_one(IssuedOpinion, opinion_id)
        opinion = from_stored(kept.content)
        if not kept.sha256:
            kept.sha256 = self.files.put(document_of(opinion, self.archive, self.key()))
            with self.db.writing() as session:
                actions.note_document(session, kept.id, kept.sha256, self.clock(), sealed=True)
                self._record(session, "opinion.issue", opinion)
                self._tell(session, kept, opinion)
        if kept.StudyInstanceUID and kept.archived_at is None:
            self.archive.store_instance(self._instance(kept, opinion), by="Margin")
            self.archive.store_instance(self._report(kept), by="Margin")
            with self.db.writing() as session:
                actions.note_archived(session, kept.id, self.clock())
                self._record(session, "opinion.archive", opinion)

    def _instance(self, kept: IssuedOpinion, opinion: Opinion) -> bytes:
        """The PDF as a DICOM instance in the study of the images."""
        study = self.archive.find_study(kept.StudyInstanceUID)
        ids = {
            one.SOPInstanceUID: one.orthanc_id
            for one in self.archive.study_instances(study.orthanc_id)
        }
        image = BytesIO(self.archive.instance_file(next(iter(ids.values()))))
        # A key image may lie in an earlier study, or in one that was deleted since.
        seen = dict.fromkeys(
            one.SOPInstanceUID for one in opinion.key_images if one.SOPInstanceUID in ids
        )
        return encapsulated_pdf(
            self.files.path(kept.sha256).read_bytes(),
            reference=dcmread(image, stop_before_pixels=True),
            SOPInstanceUID=kept.SOPInstanceUID,
            SeriesInstanceUID=kept.SeriesInstanceUID,
            document_title=opinion.title,
            signed_at=opinion.signed_at or kept.requested_at,
            source_instances=[
                (self.archive.instance_origin(ids[uid]).SOPClassUID, uid) for uid in seen
            ],
        )

    def _report(self, kept: IssuedOpinion) -> bytes:
        """The signed assessment as a structured report in the same study."""
        with self.db.reading() as session:
            assessment = assessment_of(session, kept)
        imaging = imaging_in_archive(self.archive, assessment, kept.StudyInstanceUID)
        return structured_report(assessment, imaging)

    def _tell(self, session: Session, kept: IssuedOpinion, opinion: Opinion) -> None:
        kind = NoticeKind.OPINION_ISSUED
        if opinion.amendment is not None and opinion.precedent is None:
            kind = NoticeKind.OPINION_AMENDED
        elif opinion.status == "preliminary":
            kind = NoticeKind.OPINION_PRELIMINARY
        post(
            session,
            kind=kind,
            case=case_by_id(session, kept.case_id),
            to=to(Part.COORDINATOR, Part.HOSPITAL, Part.PANEL),
            facts={},
            now=self.clock(),
            key=f"opinion.issued:{kept.id}",
        )

    def _record(self, session: Session, action: str, opinion: Opinion) -> None:
        audit.append(
            session,
            actor="worker",
            action=action,
            object_=f"opinion {opinion.number}",
            outcome="done",
            now=self.clock(),
            case_number=opinion.case_number,
        )


def document_of(opinion: Opinion, archive: Archive, key: SealKey) -> bytes:
    """The sealed PDF that is issued. Raises ArchiveUnavailable and RenderingReachedOut."""
    pictures = pictures_of(archive, opinion.key_images) if opinion.key_images else {}
    return sealed(render_pdf(opinion, pictures), opinion, key)
