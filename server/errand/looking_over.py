"""Each night a share of the archive is compared with the MD5 that Orthanc noted when it received each file.

Disks lose bits in silence. What is found is listed on the case, while the hospital still has the image and
can send it again: then the sound file takes the damaged one's place (`orthanc/repeats.py`,
`Archive.store_instance`). Nothing is called damaged that was asked for once: a disk that is being mounted,
or an Orthanc that is being started, gives other bytes, or none, for a moment. What cannot be read at all is
said in the trail, and not held against the image. Going through everything takes as many nights as it
takes; the job's own record says how far it got, so that the next night, or the next attempt, goes on from
there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from server.archive import ArchiveFailed, Instance, NotInArchive, OnDisk
from server.errand.means import Errand
from server.foundation import audit
from server.prepared import actions as preparation
from server.prepared.looking_over import FIRST, note_reached, reached_last
from server.prepared.queries import series_after
from server.prepared.soundness import DAMAGED, GONE
from server.prepared.way import Way

# At 2 ms a file, or 100 MB/s of a slow disk, two hours are some 700 GB.
MOST: Final = timedelta(hours=2)
# Between the times that what seems damaged is asked for: a disk that slept, a restart of Orthanc.
ASKED_AGAIN_AFTER_S: Final = (2.0, 10.0)
CANNOT_BE_READ: Final = "Orthanc cannot read these files now, asked three times."
IN_WORDS: Final = {OnDisk.OTHER_BYTES: DAMAGED, OnDisk.GONE: GONE}


def look_over(
    errand: Errand, alive: Callable[[], None], pause: Callable[[float], None] = time.sleep
) -> int:
    """Go on where the last night ended, for two hours or to the end; gives how many damaged files are new.

    Can be repeated and interrupted. Raises ArchiveUnavailable.
    """
    until, found = errand.clock() + MOST, 0
    way = Way(errand.settings.cache_dir)
    with errand.db.reading() as session:
        reached = reached_last(session)
    while errand.clock() < until:
        with errand.db.reading() as session:
            series = series_after(session, reached)
        if series is None:
            _note(errand, FIRST)
            return found
        study, uid = series.StudyInstanceUID, series.SeriesInstanceUID
        instances = _instances(errand, study, uid)
        wrong = _looked_at(errand, instances, way, alive)
        for seconds in ASKED_AGAIN_AFTER_S:
            if wrong:
                pause(seconds)
                again = [one for one in instances if one.SOPInstanceUID in wrong]
                wrong = _looked_at(errand, again, way, alive)
        found += _noted(errand, study, uid, instances, wrong)
        reached = series.id
        _note(errand, reached)
    return found


def _note(errand: Errand, where: str) -> None:
    with errand.db.writing() as session:
        note_reached(session, errand.job_id, where)


def _instances(errand: Errand, study: str, series: str) -> list[Instance]:
    instances: list[Instance] = []
    for candidate in errand.archive.candidates(study, series):
        try:
            instances += errand.archive.series_instances(candidate)
        except NotInArchive:
            continue
    return instances


def _looked_at(
    errand: Errand, instances: Iterable[Instance], way: Way, alive: Callable[[], None]
) -> dict[str, OnDisk | None]:
    """Which of these are not as received, by SOPInstanceUID; None is what cannot be read now."""
    wrong: dict[str, OnDisk | None] = {}
    for one in instances:
        alive()
        way.give()
        try:
            found = errand.archive.on_disk(one.orthanc_id)
        except NotInArchive:  # deleted a moment ago
            continue
        except ArchiveFailed:
            wrong[one.SOPInstanceUID] = None
            continue
        if found is not OnDisk.AS_RECEIVED:
            wrong[one.SOPInstanceUID] = found
    return wrong


def _noted(
    errand: Errand,
    study: str,
    series: str,
    instances: list[Instance],
    wrong: dict[str, OnDisk | None],
) -> int:
    damaged = {uid: IN_WORDS[found] for uid, found in wrong.items() if found is not None}
    unread = wrong.keys() - damaged.keys()
    with errand.db.writing() as session:
        new = preparation.note_files(session, study, series, instances, damaged, unread)
        for action, reason, files in (
            ("images.damaged", "", new),
            ("images.compare", CANNOT_BE_READ, len(unread)),
        ):
            if files:
                audit.append(
                    session,
                    actor="worker",
                    action=action,
                    object_=f"study {study}",
                    outcome="refused" if reason else "done",
                    now=errand.clock(),
                    reason=reason,
                    details={"files": files},
                )
    return new
