"""Asking for work on volumes: a resection to be tried, a region to be grown.

What comes of it is a Segmentation stored beside the images, under a UID that is chosen when it is asked
for: the measurement of that Segmentation exists from then on, says how far the work is, and becomes
`measured` or `refused` like any other. The work itself is in `tasks`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from server.foundation import jobs
from server.foundation.errors import Conflict, NotFound
from server.volumetry.cut import Cut
from server.volumetry.growth import Organ
from server.volumetry.new_uids import NewUids
from server.volumetry.queries import volumes_of_case
from server.volumetry.records import VolumeMeasurement

WORK_ON_VOLUME: Final = "work_on_volume"
_MOST_UNDER_WAY: Final = 3
Point = tuple[float, float, float]


class TooMuchUnderWay(Conflict):
    """Several such tasks of this case are being worked on already."""


class VolumeNotFound(NotFound):
    """There is no such measurement in this case."""


class VolumeNotMeasured(Conflict):
    """A segmentation that is still being measured, or was refused, cannot be worked with."""


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
    jobs.urge(job, now)
    return kept


def note_progress(session: Session, volume_id: str, doing: str, percent: int) -> None:
    """How far a task is; nothing when it has ended meanwhile."""
    kept = session.get(VolumeMeasurement, volume_id)
    if kept is not None and "progress" in kept.result:
        kept.result = {**kept.result, "progress": {"doing": doing, "percent": percent}}
