"""The imaging an assessment rests on, as the archive holds it: series by series, and the SEGs."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset

from server.annotations.evidence import evidence_series
from server.archive import Archive, Instance, NotInArchive, Series, Study
from server.foundation.errors import NotFound
from server.opinions.assessment import Assessment

# PS3.3 C.7.3.1.1.1: series that show no imaging of the patient.
NOT_IMAGES: Final = frozenset({"SEG", "SR", "DOC", "PR", "KO", "RTSTRUCT", "REG", "FID", "PLAN"})


class ReportNotStored(NotFound):
    """An opinion has no structured report in the archive, or not yet."""


@dataclass(frozen=True)
class ImagedSeries:
    """A series that was looked at. `image` names one of its instances, which stands for it.

    `study_date` is as in DICOM (VR DA), empty where unknown; `images` counts instances.
    """

    StudyInstanceUID: str
    SeriesInstanceUID: str
    Modality: str
    SOPClassUID: str
    SOPInstanceUID: str
    images: int
    study_date: str = ""


@dataclass(frozen=True)
class Imaging:
    """What a structured report refers to. `reference` is the header of an image of the study that
    the report belongs to; `segmentations` are headers of SEGs, `seen` those of images on which values
    were seen.
    """

    reference: Dataset
    series: tuple[ImagedSeries, ...] = ()
    segmentations: tuple[Dataset, ...] = ()
    seen: tuple[Dataset, ...] = ()


def imaging_in_archive(archive: Archive, assessment: Assessment, StudyInstanceUID: str) -> Imaging:
    """The image series of the opinion's studies and its measured SEGs. Raises NotInArchive when the
    study of the report is gone; another study or a SEG that is gone is left out.
    """
    own = archive.find_study(StudyInstanceUID)
    studies = [own]
    for looked_at in assessment.opinion.imaging:
        if looked_at.StudyInstanceUID != StudyInstanceUID:
            studies.extend(archive.find_studies(looked_at.StudyInstanceUID)[:1])
    found = []
    drawn: dict[str, Dataset] = {}
    seen: dict[str, Dataset] = {}
    bound = evidence_series(assessment.answers)
    wanted = {volume.SOPInstanceUID for volume in assessment.opinion.volumes} - {""}
    for study in studies:
        for series in sorted(archive.study_series(study.orthanc_id), key=_order):
            if series.Modality == "SEG":
                drawn |= _instances(archive, series, wanted)
            elif series.Modality not in NOT_IMAGES and series.instance_ids:
                found.append(_seen(archive, study, series))
                seen |= _instances(archive, series, bound.get(series.SeriesInstanceUID, set()))
    headers = (tuple(drawn.values()), tuple(seen.values()))
    return Imaging(_reference(archive, own), tuple(found), *headers)


def _reference(archive: Archive, study: Study) -> Dataset:
    """The header of the study's first image; of any other instance where it has no image."""
    series = sorted(archive.study_series(study.orthanc_id), key=_order)
    series.sort(key=lambda one: one.Modality in NOT_IMAGES)
    return _header(archive, _first(archive, series[0]).orthanc_id)


def stored_report(archive: Archive, assessment: Assessment, StudyInstanceUID: str) -> bytes:
    """The structured report as it lies in the archive, a Part 10 file. Raises ReportNotStored."""
    for study in archive.find_studies(StudyInstanceUID):
        for series in archive.study_series(study.orthanc_id):
            if series.SeriesInstanceUID != assessment.report_series_uid:
                continue
            for one in archive.series_instances(series.orthanc_id):
                if one.SOPInstanceUID == assessment.report_instance_uid:
                    return archive.instance_file(one.orthanc_id)
    raise ReportNotStored(
        "The structured report does not lie in the archive yet.",
        remedy="It is stored beside the images a moment after the signature. Try again then.",
    )


def _order(series: Series) -> tuple[int, str]:
    number = series.SeriesNumber.strip()
    return int(number) if number.isdigit() else 0, series.SeriesInstanceUID


def _seen(archive: Archive, study: Study, series: Series) -> ImagedSeries:
    first = _first(archive, series)
    return ImagedSeries(
        StudyInstanceUID=study.StudyInstanceUID,
        SeriesInstanceUID=series.SeriesInstanceUID,
        Modality=series.Modality,
        SOPClassUID=str(archive.instance_tags(first.orthanc_id).get("SOPClassUID", "")),
        SOPInstanceUID=first.SOPInstanceUID,
        images=len(series.instance_ids),
        study_date=study.StudyDate,
    )


def _first(archive: Archive, series: Series) -> Instance:
    """A series' first image: by number, then by UID, so that it is always the same."""
    instances = archive.series_instances(series.orthanc_id)
    return min(instances, key=lambda one: (one.index_in_series or 0, one.SOPInstanceUID))


def _instances(archive: Archive, series: Series, wanted: set[str]) -> dict[str, Dataset]:
    """The headers of those instances of a series that are wanted and there."""
    found: dict[str, Dataset] = {}
    if not wanted:
        return found
    for one in archive.series_instances(series.orthanc_id):
        if one.SOPInstanceUID in wanted:
            try:
                found[one.SOPInstanceUID] = _header(archive, one.orthanc_id)
            except NotInArchive:
                continue
    return found


def _header(archive: Archive, orthanc_id: str) -> Dataset:
    return dcmread(BytesIO(archive.instance_file(orthanc_id)), stop_before_pixels=True)
