"""Work on volumes that somebody at the viewer asks for: a resection tried, a region grown.

What comes of it is a Segmentation stored beside the images, under a UID that is chosen when it is asked
for: the measurement of that Segmentation exists from then on, says how far the work is, and becomes
`measured` or `refused` like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy.orm import Session

from server.archive import Archive, NotInArchive
from server.foundation import jobs
from server.foundation.errors import Conflict, Invalid, NotFound
from server.volumetry.actions import ELSEWHERE, images_of
from server.volumetry.drawn import draw
from server.volumetry.frames import source_of
from server.volumetry.growth import Organ
from server.volumetry.queries import volumes_of_case
from server.volumetry.records import VolumeMeasurement
from server.volumetry.remnant import RemnantMeasurement
from server.volumetry.segmentation import measure
from server.volumetry.trial import Cut, Tell, cut_of, try_cut
from server.volumetry.written import NewUids

WORK_ON_VOLUME: Final = "work_on_volume"
BY: Final = "Margin"
_MOST_UNDER_WAY: Final = 3
_SYNTAX: Final = str(ExplicitVRLittleEndian)
Point = tuple[float, float, float]


class TooMuchUnderWay(Conflict):
    """Several such tasks of this case are being worked on already."""


class VolumeNotFound(NotFound):
    """There is no such measurement in this case."""


class VolumeNotMeasured(Conflict):
    """A segmentation that is still being measured, or was refused, cannot be worked with."""


@dataclass(frozen=True)
class Outcome:
    """What a task came to: `measured` as `keep` takes it, and facts to keep beside it."""

    measured: RemnantMeasurement | str
    made: dict[str, Any]


def measured_volume(session: Session, case_id: str, volume_id: str) -> VolumeMeasurement:
    """A measurement of this case that can be worked with; raises VolumeNotFound, VolumeNotMeasured."""
    found = session.get(VolumeMeasurement, volume_id)
    if found is None or found.case_id != case_id:
        raise VolumeNotFound("There is no such segmentation in this case.", remedy="Reload.")
    if found.state != "measured":
        raise VolumeNotMeasured(
            "This segmentation has not been measured.", remedy="Wait for it, or choose another."
        )
    return found


def ask_for_resection(
    session: Session, source: VolumeMeasurement, cut: Cut, now: datetime
) -> VolumeMeasurement:
    """Have a cut tried on the liver of a measured Segmentation. Raises TooMuchUnderWay."""
    made = {"by": "resection", "cut": cut.to_json(), "source": source.SOPInstanceUID}
    payload = {"cut": cut.to_json()}
    label = f"Resection: {cut.in_words()}"
    return _ask(session, source, source.StudyInstanceUID, label, made, payload, now)


def ask_for_region(
    session: Session,
    case_id: str,
    images: tuple[str, str],
    organ: Organ,
    seed_mm: Point,
    liver: VolumeMeasurement | None,
    now: datetime,
) -> VolumeMeasurement:
    """Have a liver or a tumour grown from a point (mm in the patient) on a series.

    `images` are its StudyInstanceUID and SeriesInstanceUID; `liver` is a measured Segmentation of
    the same images that a tumour is to stay in. Raises TooMuchUnderWay.
    """
    study, series = images
    made = {"by": "seed", "organ": organ}
    payload = {"organ": organ, "seed_mm": list(seed_mm), "SeriesInstanceUID": series}
    label = f"{organ.capitalize()}, grown from a point"
    return _ask(session, liver or case_id, study, label, made, payload, now)


def _ask(
    session: Session,
    source: VolumeMeasurement | str,
    StudyInstanceUID: str,
    label: str,
    made: dict[str, Any],
    payload: dict[str, Any],
    now: datetime,
) -> VolumeMeasurement:
    case_id = source if isinstance(source, str) else source.case_id
    begun = [one for one in volumes_of_case(session, case_id) if "progress" in one.result]
    if len(begun) >= _MOST_UNDER_WAY:
        raise TooMuchUnderWay(
            f"{len(begun)} such tasks are being worked on.", remedy="Wait until one is done."
        )
    uids = NewUids.unused()
    named = {"StudyInstanceUID": StudyInstanceUID, "SeriesInstanceUID": uids.SeriesInstanceUID}
    kept = VolumeMeasurement(
        case_id=case_id,
        SOPInstanceUID=uids.SOPInstanceUID,
        StudyInstanceUID=StudyInstanceUID,
        label=label[:200],
        result={"made": {**named, **made}, "progress": {"doing": "Waiting to begin", "percent": 0}},
        noticed_at=now,
    )
    session.add(kept)
    session.flush()
    said = {
        "volume_id": kept.id,
        "case_id": case_id,
        "StudyInstanceUID": StudyInstanceUID,
        "SOPInstanceUID": uids.SOPInstanceUID,
        "new_SeriesInstanceUID": uids.SeriesInstanceUID,
        **payload,
    }
    if not isinstance(source, str):
        said["source"] = {
            "StudyInstanceUID": source.StudyInstanceUID,
            "SOPInstanceUID": source.SOPInstanceUID,
        }
    job = jobs.enqueue(session, WORK_ON_VOLUME, said, key=f"{WORK_ON_VOLUME} {kept.id}", now=now)
    jobs.urge(session, job, now)
    return kept


def note_progress(session: Session, volume_id: str, doing: str, percent: int) -> None:
    """How far a task is; nothing when it has ended meanwhile."""
    kept = session.get(VolumeMeasurement, volume_id)
    if kept is not None and "progress" in kept.result:
        kept.result = {**kept.result, "progress": {"doing": doing, "percent": percent}}


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
    headers = [
        _with_meta(one)
        for one in images_of(archive, source.StudyInstanceUID, source.SeriesInstanceUID)
    ]
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
    images = [_with_pixels(archive, one) for one in _instances(archive, study, series)]
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


def _with_pixels(archive: Archive, orthanc_id: str) -> Dataset:
    """An image whose pixels can be read: what is compressed is decoded by the archive."""
    image = dcmread(DicomBytesIO(archive.instance_file(orthanc_id)))
    if image.file_meta.TransferSyntaxUID.is_compressed:
        with archive.open_transcoded(orthanc_id, _SYNTAX) as stream:
            image = dcmread(DicomBytesIO(stream.read()))
    return image


def _with_meta(header: Dataset) -> Dataset:
    """A header from metadata with what a file would say of itself (PS3.10 7.1)."""
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return header
