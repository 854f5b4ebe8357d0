"""Asking for preparation, and noting how far it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.archive import Instance
from server.foundation import jobs
from server.prepared.manifest import Manifest
from server.prepared.queries import series_record
from server.prepared.records import PreparedSeries
from server.prepared.shelf import digest

PREPARE_SERIES = "prepare_series"
UNREADABLE_LISTED = 100  # instances of a series
FRAMES_LISTED = 20  # frames of an instance


def ask(
    session: Session,
    StudyInstanceUID: str,
    SeriesInstanceUID: str,
    *,
    orthanc_id: str,
    instance_count: int,
    now: datetime,
) -> None:
    """A series has arrived or has changed: prepare it in its turn.

    Asked for a series that is prepared already this costs two questions to the archive. It is asked
    again all the same: the same number of instances may have been deleted and sent anew.
    """
    if instance_count < 1:
        return
    key = f"{PREPARE_SERIES} {orthanc_id} {instance_count}"
    payload = _payload(StudyInstanceUID, SeriesInstanceUID, orthanc_id, instance_count)
    job = jobs.enqueue(session, PREPARE_SERIES, payload, key=key, now=now)
    jobs.urge(job, now, urgency=0)
    if job.state == "waiting":
        kept = _record(session, StudyInstanceUID, SeriesInstanceUID, now)
        kept.state, kept.total, kept.at = "waiting", instance_count, now
        kept.done = min(kept.done, instance_count)
        session.flush()


def ask_first(
    session: Session, StudyInstanceUID: str, SeriesInstanceUID: str, now: datetime
) -> None:
    """Somebody is looking at this series: prepare it before all others."""
    ask_anew(session, StudyInstanceUID, SeriesInstanceUID, now, urgency=1)


def ask_anew(
    session: Session,
    StudyInstanceUID: str,
    SeriesInstanceUID: str,
    now: datetime,
    *,
    urgency: int = 0,
) -> None:
    """Prepare a series of which only the UIDs are known, unless it is prepared as it stands."""
    key = f"{PREPARE_SERIES} {digest(StudyInstanceUID)} {digest(SeriesInstanceUID)}"
    payload = _payload(StudyInstanceUID, SeriesInstanceUID, "", 0)
    job = jobs.enqueue(session, PREPARE_SERIES, payload, key=key, now=now)
    jobs.urge(job, now, urgency)
    session.flush()


def _payload(study: str, series: str, orthanc_id: str, count: int) -> dict[str, Any]:
    return {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "orthanc_id": orthanc_id,
        "instances": count,
    }


def note_progress(
    session: Session,
    StudyInstanceUID: str,
    SeriesInstanceUID: str,
    done: int,
    total: int,
    now: datetime,
) -> None:
    """`done` of `total` instances are prepared, and the rest is being worked on."""
    kept = _record(session, StudyInstanceUID, SeriesInstanceUID, now)
    kept.state, kept.done, kept.total, kept.reason, kept.at = "preparing", done, total, "", now


def note_effort(session: Session, manifest: Manifest, size_bytes: int, seconds: float) -> None:
    """What preparing it took."""
    kept = series_record(session, manifest.StudyInstanceUID, manifest.SeriesInstanceUID)
    if kept is not None:
        kept.bytes, kept.seconds = size_bytes, seconds


def note_prepared(session: Session, manifest: Manifest, now: datetime) -> None:
    """The series is on the shelf, as its manifest says."""
    kept = _record(session, manifest.StudyInstanceUID, manifest.SeriesInstanceUID, now)
    kept.state, kept.reason, kept.at = "prepared", "", now
    kept.done = kept.total = manifest.instance_count
    damaged = [
        (place, one) for place, one in enumerate(manifest.instances, 1) if one.unreadable_frames
    ]
    noted = [one for one in kept.unreadable if _still_counts(one, manifest)]
    kept.unreadable_frames = sum(len(one.unreadable_frames) for _, one in damaged) + len(noted)
    listed = [
        {
            "SOPInstanceUID": one.SOPInstanceUID,
            "place": place,
            "instances": manifest.instance_count,
            "frames": list(one.unreadable_frames[:FRAMES_LISTED]) if one.NumberOfFrames > 1 else [],
            "reason": one.problem,
        }
        for place, one in damaged
    ]
    kept.unreadable = [*listed, *noted][:UNREADABLE_LISTED]


def _still_counts(item: dict[str, Any], manifest: Manifest) -> bool:
    """Whether a damaged file that the looking over found is there yet, of an instance whose frames, made
    before, are good."""
    one = manifest.by_uid.get(item["SOPInstanceUID"])
    if one is None or one.unreadable_frames or "file_uuid" not in item:
        return False
    return one.file_uuid in ("", item["file_uuid"])


def note_files(
    session: Session,
    StudyInstanceUID: str,
    SeriesInstanceUID: str,
    instances: Sequence[Instance],
    damaged: Mapping[str, str],
    unread: Collection[str] = (),
) -> int:
    """Which files of a series are not what was received: SOPInstanceUIDs with the reason; gives how many
    are new. Of those `unread` nothing was found out: what was known of them stays.

    What was prepared of them before is good and stays.
    """
    kept = series_record(session, StudyInstanceUID, SeriesInstanceUID)
    if kept is None:
        return 0
    others = [one for one in kept.unreadable if "file_uuid" not in one]
    known = {one["SOPInstanceUID"] for one in others}
    before = [one for one in kept.unreadable if "file_uuid" in one]
    found = [one for one in before if one["SOPInstanceUID"] in unread]
    found += [
        {
            "SOPInstanceUID": one.SOPInstanceUID,
            "place": place,
            "instances": len(instances),
            "frames": [],
            "reason": damaged[one.SOPInstanceUID],
            "file_uuid": one.file_uuid,
        }
        for place, one in enumerate(instances, 1)
        if one.SOPInstanceUID in damaged and one.SOPInstanceUID not in known
    ]
    kept.unreadable_frames += len(found) - len(before)
    kept.unreadable = [*others, *found][:UNREADABLE_LISTED]
    uuids = {one["file_uuid"] for one in before}
    return sum(one["file_uuid"] not in uuids for one in found)


def note_failed(
    session: Session, StudyInstanceUID: str, SeriesInstanceUID: str, reason: str, now: datetime
) -> None:
    """The series stays unprepared, and why: it is passed through when it is looked at."""
    kept = _record(session, StudyInstanceUID, SeriesInstanceUID, now)
    kept.state, kept.reason, kept.at = "failed", reason, now


def forget(session: Session, StudyInstanceUID: str, SeriesInstanceUID: str) -> None:
    """The series is in the archive no more."""
    kept = series_record(session, StudyInstanceUID, SeriesInstanceUID)
    if kept is not None:
        session.delete(kept)


def _record(session: Session, study: str, series: str, now: datetime) -> PreparedSeries:
    kept = series_record(session, study, series)
    if kept is None:
        kept = PreparedSeries(
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            done=0,
            total=0,
            unreadable=[],
            unreadable_frames=0,
            at=now,
        )
        session.add(kept)
    return kept
