"""Measuring a DICOM SEG that came in for a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydicom import Dataset
from sqlalchemy.orm import Session

from server.archive import Archive, NotInArchive
from server.foundation.errors import Invalid
from server.volumetry.queries import measurement_of
from server.volumetry.records import VolumeMeasurement
from server.volumetry.remnant import RemnantMeasurement
from server.volumetry.segmentation import measure, source_of

ELSEWHERE = (
    "The images that this segmentation was drawn on are not part of the case. "
    "Send them to the case too."
)


@dataclass(frozen=True)
class Segmentation:
    """A SEG in the archive: Orthanc's id, and the UIDs under which it is known."""

    orthanc_id: str
    SOPInstanceUID: str
    StudyInstanceUID: str


def measure_from_archive(
    archive: Archive, orthanc_id: str, studies: frozenset[str]
) -> RemnantMeasurement | str:
    """Fetch a SEG and the headers of the images it was drawn on, and measure it.

    `studies` are the StudyInstanceUIDs of the case: a SEG must not reach images of another. One that
    cannot be measured gives the reason as a sentence. No database transaction is open meanwhile: this
    takes seconds. Raises ArchiveUnavailable.
    """
    seg = archive.instance_file(orthanc_id)
    try:
        source = source_of(seg)
        if source.StudyInstanceUID not in studies:
            return ELSEWHERE
        images = images_of(archive, source.StudyInstanceUID, source.SeriesInstanceUID)
        return measure(seg, images)
    except NotInArchive:
        return ELSEWHERE
    except Invalid as refusal:
        return f"{refusal.detail} {refusal.remedy}".strip()


def images_of(archive: Archive, StudyInstanceUID: str, SeriesInstanceUID: str) -> list[Dataset]:
    """The headers of a series' images, without pixels. Raises NotInArchive, ArchiveUnavailable."""
    path = f"/studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/metadata"
    return [_header(one) for one in archive.dicomweb_json(path, {})]


def _header(said: dict[str, Any]) -> Dataset:
    """One image's attributes; pixels and other bulk data stay where they are."""
    return Dataset.from_json(said, bulk_data_uri_handler=lambda _uri: None)


def keep(
    session: Session,
    case_id: str,
    segmentation: Segmentation,
    measured: RemnantMeasurement | str,
    now: datetime,
    made: dict[str, Any] | None = None,
) -> VolumeMeasurement:
    """Keep what was measured, or why it was not. Measuring the same SEG again replaces the result.

    `made` is added to what is known of how the Segmentation was made here; that much stays.
    """
    kept = measurement_of(session, segmentation.SOPInstanceUID)
    if kept is None:
        kept = VolumeMeasurement(
            case_id=case_id,
            SOPInstanceUID=segmentation.SOPInstanceUID,
            StudyInstanceUID=segmentation.StudyInstanceUID,
            noticed_at=now,
        )
        session.add(kept)
    how = {**((kept.result or {}).get("made") or {}), **(made or {})}
    known = {"made": how} if how else {}
    if isinstance(measured, str):
        kept.state, kept.refusal, kept.result = "refused", measured, known
        kept.label = kept.label or "Segmentation"
    else:
        kept.state, kept.refusal, kept.result = "measured", "", {**measured.to_json(), **known}
        kept.label = measured.label[:200]
    kept.measured_at = now
    session.flush()
    return kept
