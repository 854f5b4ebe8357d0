"""Measuring a DICOM SEG, or an RT Structure Set, that came in for a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydicom import Dataset
from sqlalchemy.orm import Session

from server.archive import Archive, NotInArchive
from server.foundation.errors import Invalid
from server.volumetry.contours import is_structure_set, outlined_source
from server.volumetry.frames import SegmentationSource, series_among, source_of
from server.volumetry.outlined import measure_structures
from server.volumetry.queries import measurement_of
from server.volumetry.records import VolumeMeasurement
from server.volumetry.remnant import RemnantMeasurement
from server.volumetry.segmentation import measure

# Cross-sectional images, PS3.3 C.7.3.1.1.1.
_DRAWN_ON: Final = frozenset({"CT", "MR", "PT"})
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
    """Fetch a SEG or RT Structure Set and the headers of the images it was drawn on, and measure it.

    `studies` are the StudyInstanceUIDs of the case: a SEG must not reach images of another. One that
    cannot be measured gives the reason as a sentence. No database transaction is open meanwhile: this
    takes seconds. Raises ArchiveUnavailable.
    """
    file = archive.instance_file(orthanc_id)
    outlined = is_structure_set(file)
    try:
        source = outlined_source(file) if outlined else source_of(file)
        if source.StudyInstanceUID not in studies:
            return ELSEWHERE
        images = images_drawn_on(archive, source)
        return measure_structures(file, images) if outlined else measure(file, images)
    except NotInArchive:
        return ELSEWHERE
    except Invalid as refusal:
        return f"{refusal.detail} {refusal.remedy}".strip()


def images_drawn_on(archive: Archive, source: SegmentationSource) -> list[Dataset]:
    """The headers of the images that something was drawn on, without pixels.

    Raises SeriesNotNamed, NotInArchive, ArchiveUnavailable.
    """
    named = source.SeriesInstanceUID
    series = named or series_among(source, _images_of_study(archive, source.StudyInstanceUID))
    return images_of(archive, source.StudyInstanceUID, series)


def _images_of_study(archive: Archive, StudyInstanceUID: str) -> dict[str, set[str]]:
    """The SOPInstanceUIDs of each series that can be drawn on."""
    found: dict[str, set[str]] = {}
    for study in archive.candidates(StudyInstanceUID):
        uids = {
            one.orthanc_id: one.SeriesInstanceUID
            for one in archive.study_series(study)
            if one.Modality in _DRAWN_ON
        }
        for image in archive.study_instances(study):
            if uid := uids.get(image.series_id):
                found.setdefault(uid, set()).add(image.SOPInstanceUID)
    return found


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
