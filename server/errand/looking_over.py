"""Each night a share of the archive is compared with the MD5 that Orthanc noted when it received each file.

Disks lose bits in silence. What is found is listed on the case, while the hospital still has the image and
can send it again: then the sound file takes the damaged one's place (`orthanc/repeats.py`,
`Archive.store_instance`). Going through everything takes as many nights as it takes; the job's own record
says how far it got, so that the next night, or the next attempt, goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from server.archive import Instance, NotInArchive
from server.errand.means import Errand
from server.foundation import audit
from server.prepared import actions as preparation
from server.prepared.looking_over import FIRST, note_reached, reached_last
from server.prepared.queries import series_after
from server.prepared.way import Way

# At 2 ms a file, or 100 MB/s of a slow disk, two hours are some 700 GB.
MOST: Final = timedelta(hours=2)


def look_over(errand: Errand, alive: Callable[[], None]) -> int:
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
        uids = series.StudyInstanceUID, series.SeriesInstanceUID
        found += _look_at(errand, *uids, way, alive)
        reached = series.id
        _note(errand, reached)
    return found


def _note(errand: Errand, where: str) -> None:
    with errand.db.writing() as session:
        note_reached(session, errand.job_id, where)


def _look_at(errand: Errand, study: str, series: str, way: Way, alive: Callable[[], None]) -> int:
    damaged: list[str] = []
    instances: list[Instance] = []
    for candidate in errand.archive.candidates(study, series):
        try:
            instances += errand.archive.series_instances(candidate)
        except NotInArchive:
            continue
    for one in instances:
        alive()
        way.give()
        try:
            if not errand.archive.is_as_received(one.orthanc_id):
                damaged.append(one.SOPInstanceUID)
        except NotInArchive:  # deleted a moment ago
            continue
    with errand.db.writing() as session:
        new = preparation.note_files(session, study, series, instances, damaged)
        if new:
            audit.append(
                session,
                actor="worker",
                action="images.damaged",
                object_=f"study {study}",
                outcome="done",
                now=errand.clock(),
                details={"files": new},
            )
    return new
