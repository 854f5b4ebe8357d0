"""Taking a study apart: chosen series copied under a StudyInstanceUID of their own.

Orthanc changes one UID in each file and nothing else: pixels, SeriesInstanceUID and SOPInstanceUID stay,
so that what refers to the images still does. What the hospital sent stays beside it, untouched.
"""

from __future__ import annotations

from collections.abc import Collection

from server.archive import Archive
from server.foundation import audit
from server.foundation.clock import Clock
from server.foundation.db import Database
from server.intake.records import Arrival


def copy_series(
    archive: Archive, study_id: str, series: Collection[str], StudyInstanceUID: str, *, by: str
) -> int:
    """Copy these series (SeriesInstanceUIDs) of a study, by Orthanc identifier, under another UID;
    gives how many instances they have.

    What is there already stays, so it can be repeated after any interruption. Raises NotInArchive.
    """
    count = 0
    for one in archive.study_series(study_id):
        if one.SeriesInstanceUID not in series:
            continue
        for instance_id in one.instance_ids:
            copy = archive.under_study(instance_id, StudyInstanceUID)
            archive.store_instance(copy, by=f"taken apart by {by}")
            count += 1
    return count


def delete_study(
    db: Database, archive: Archive, arrival_id: str, study_id: str, clock: Clock
) -> None:
    """Delete a refused study from the archive and note it; one whose refusal was taken back stays."""
    with db.reading() as session:
        arrival = session.get(Arrival, arrival_id)
        if arrival is None or arrival.state != "refused":
            return
    archive.delete_study(study_id)
    with db.writing() as session:
        session.get_one(Arrival, arrival_id).state = "deleted"
        audit.append(
            session,
            actor="worker",
            action="arrival.delete",
            object_=f"arrival {arrival_id}",
            outcome="done",
            now=clock(),
        )
