"""Doing what was asked for in `orders`, in a job: a resection tried, a region grown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian

from server.archive import Archive, NotInArchive
from server.foundation.errors import Invalid
from server.volumetry.actions import ELSEWHERE, images_drawn_on
from server.volumetry.cut import cut_of
from server.volumetry.drawn import draw
from server.volumetry.frames import source_of
from server.volumetry.new_uids import NewUids
from server.volumetry.remnant import RemnantMeasurement
from server.volumetry.segmentation import measure
from server.volumetry.trial import Tell, try_cut

BY: Final = "Margin"


@dataclass(frozen=True)
class Outcome:
    """What a task came to: `measured` as `keep` takes it, and facts to keep beside it."""

    measured: RemnantMeasurement | str
    made: dict[str, Any]


def perform(
    archive: Archive, payload: dict[str, Any], studies: frozenset[str], tell: Tell
) -> Outcome:
    """Do what was asked for and store the result in the archive. Can be repeated.

    `studies` are those of the case. What cannot be done gives its reason. Raises
    ArchiveUnavailable.
    """
    work = _grow_region if "organ" in payload else _try_cut
    try:
        return work(archive, payload, studies, tell)
    except NotInArchive:
        return Outcome(ELSEWHERE, {})
    except Invalid as refusal:
        return Outcome(f"{refusal.detail} {refusal.remedy}".strip(), {})


def _try_cut(
    archive: Archive, payload: dict[str, Any], studies: frozenset[str], tell: Tell
) -> Outcome:
    tell("Fetching the segmentation", 2)
    seg = _stored(archive, payload["source"])
    source = source_of(seg)
    if source.StudyInstanceUID not in studies:
        return Outcome(ELSEWHERE, {})
    headers = [_with_meta(one) for one in images_drawn_on(archive, source)]
    trial = try_cut(seg, headers, cut_of(payload["cut"]), uids=_uids(payload), tell=tell)
    tell("Storing the result", 90)
    measured = measure(trial.seg, headers)
    archive.store_instance(trial.seg, by=BY)
    return Outcome(measured, {"resection": trial.to_json()})


def _grow_region(
    archive: Archive, payload: dict[str, Any], studies: frozenset[str], tell: Tell
) -> Outcome:
    study, series = payload["StudyInstanceUID"], payload["SeriesInstanceUID"]
    if study not in studies:
        return Outcome(ELSEWHERE, {})
    tell("Fetching the images", 1)
    images = [
        dcmread(DicomBytesIO(archive.instance_file(one)))
        for one in _instances(archive, study, series)
    ]
    if not images:
        return Outcome(ELSEWHERE, {})
    liver = _stored(archive, payload["source"]) if "source" in payload else None
    drawn = draw(
        images,
        payload["organ"],
        tuple(payload["seed_mm"]),
        liver_seg=liver,
        uids=_uids(payload),
        tell=tell,
    )
    tell("Storing the result", 95)
    measured = measure(drawn.seg, images)
    archive.store_instance(drawn.seg, by=BY)
    return Outcome(measured, {"region": drawn.to_json()})


def _uids(payload: dict[str, Any]) -> NewUids:
    return NewUids(payload["SOPInstanceUID"], payload["new_SeriesInstanceUID"])


def _stored(archive: Archive, named: dict[str, str]) -> bytes:
    """A Segmentation by its UIDs. Raises NotInArchive."""
    study, uid = named["StudyInstanceUID"], named["SOPInstanceUID"]
    for candidate in archive.candidates(study):
        for one in archive.study_instances(candidate):
            if one.SOPInstanceUID == uid:
                return archive.instance_file(one.orthanc_id)
    raise NotInArchive("The segmentation is not in the archive any more.")


def _instances(archive: Archive, study: str, series: str) -> list[str]:
    for candidate in archive.candidates(study, series):
        return [one.orthanc_id for one in archive.series_instances(candidate)]
    return []


def _with_meta(header: Dataset) -> Dataset:
    """A header from metadata with what a file would say of itself (PS3.10 7.1)."""
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return header
