"""Measuring a DICOM SEG that came in for a case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydicom import Dataset
from sqlalchemy.orm import Session

from server.archive import Archive, NotInArchive
from server.foundation.errors import MarginError
from server.volumetry.queries import measurement_of
from server.volumetry.records import VolumeMeasurement
from server.volumetry.segmentation import SegmentationSource, measure, source_of


class Measured:
    """What the archive gave for one SEG: either a result or the reason why there is none."""

    def __init__(self, source: SegmentationSource, result: dict[str, Any], refusal: str) -> None:
        self.source = source
        self.result = result
        self.refusal = refusal


def measure_from_archive(archive: Archive, orthanc_id: str) -> Measured:
    """Fetch a SEG and the headers of the images it was drawn on, and measure it.

    No database transaction is open meanwhile: this takes seconds. Raises ArchiveUnavailable; a SEG that
    cannot be measured is a result with its reason.
    """
    seg = archive.instance_file(orthanc_id)
    source = source_of(seg)
    try:
        headers = _headers(archive, source)
        return Measured(source, measure(seg, headers).to_json(), "")
    except NotInArchive:
        return Measured(source, {}, "The images that this segmentation was drawn on are not in the archive.")
    except MarginError as refusal:
        if "archive" in refusal.code:
            raise
        return Measured(source, {}, " ".join(filter(None, (refusal.detail, refusal.remedy))))


def _headers(archive: Archive, source: SegmentationSource) -> list[Dataset]:
    path = f"/studies/{source.StudyInstanceUID}/series/{source.SeriesInstanceUID}/metadata"
    return [Dataset.from_json(one) for one in archive.dicomweb_json(path, {})]


def keep(
    session: Session, case_id: str, measured: Measured, now: datetime
) -> VolumeMeasurement:
    """Keep what was measured. Measuring the same SEG again replaces the earlier result."""
    source = measured.source
    kept = measurement_of(session, source.SOPInstanceUID)
    if kept is None:
        kept = VolumeMeasurement(
            case_id=case_id,
            SOPInstanceUID=source.SOPInstanceUID,
            StudyInstanceUID=source.StudyInstanceUID,
            noticed_at=now,
        )
        session.add(kept)
    kept.label = source.SeriesDescription[:200] or "Segmentation"
    kept.result, kept.refusal = measured.result, measured.refusal
    kept.state = "refused" if measured.refusal else "measured"
    kept.measured_at = now
    session.flush()
    return kept
