"""Following the archive's change feed.

Nothing depends on one kind of event. A page of the feed only says which studies to look at again; it is
read from a little before the cursor, because with PostgreSQL a lower sequence number can appear after a
higher one, and `StableStudy` is lost whenever the archive restarts. What a study holds is always asked
of the archive itself, and once a minute every study is swept. Whatever is noticed twice is noted once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Set
from datetime import datetime, timedelta

from server.archive import Archive, ArchiveUnavailable, Change, NotInArchive, Study
from server.foundation.clock import Clock
from server.foundation.db import Database, DatabaseAway, DatabaseFull, DatabaseNotWritable
from server.intake.actions import hold_gone, note_study, settle
from server.intake.arrivals.observation import Observation, identities, observe, origins
from server.intake.queries import (
    cursor,
    gone_unsaid,
    known_instances,
    noted_updates,
    prepared_of,
    receiving,
)
from server.prepared import actions as preparation

LOOK_BACK = 100  # sequence numbers
PAGE = 500
SWEEP_EVERY = timedelta(seconds=60)
DOUBTED_FOR = timedelta(minutes=5)
CHECK_IS_KEPT_EVERY = timedelta(seconds=10)
TRIED_AGAIN_AFTER = SWEEP_EVERY  # a study that could not be looked at
log = logging.getLogger("margin.feed")


class Feed:
    """One follower. `step` is called again and again and is safe to repeat after any failure."""

    def __init__(self, db: Database, archive: Archive, clock: Clock, quiet_for: timedelta) -> None:
        self._db = db
        self._archive = archive
        self._clock = clock
        self._quiet_for = quiet_for
        self._seen: set[int] = set()
        self._left_until: dict[str, datetime] = {}

    def step(self) -> int:
        """Read what changed and look at the studies concerned; gives how many were looked at.

        While the archive does not answer, that is recorded once and nothing else happens; the cursor
        stays, so that everything is caught up later. A study that cannot be looked at is said in the
        log and left for a minute: the others go on.
        """
        try:
            changed, last_change = self._changed()
            dirty = changed | self._receiving() | self._swept() | self._due_again()
            dirty -= self._left_until.keys()
            for orthanc_id in sorted(dirty):
                self._try_to_look_at(orthanc_id)
        except ArchiveUnavailable:
            self._keep_place(None)
            return 0
        self._keep_place(last_change)
        return len(dirty)

    def _due_again(self) -> set[str]:
        """Studies that could not be looked at, once they were left for long enough."""
        now = self._clock()
        due = {
            one
            for one, until in self._left_until.items()
            if until <= now or until - now > TRIED_AGAIN_AFTER
        }
        for orthanc_id in due:
            del self._left_until[orthanc_id]
        return due

    def _try_to_look_at(self, orthanc_id: str) -> None:
        """Look at one study, whatever is wrong with it.

        Raises ArchiveUnavailable and what `Database.writing` raises: then nothing can be looked at.
        """
        try:
            self.look_at(orthanc_id)
        except (ArchiveUnavailable, DatabaseAway, DatabaseFull, DatabaseNotWritable):
            raise
        except Exception:
            log.exception("the study %s of the archive cannot be looked at", orthanc_id)
            self._left_until[orthanc_id] = self._clock() + TRIED_AGAIN_AFTER

    def look_at(self, orthanc_id: str) -> None:
        """Take note of what one study holds now, and settle it when it has been quiet long enough."""
        try:
            observation = observe(self._archive, orthanc_id)
        except NotInArchive:
            return
        now = self._clock()
        with self._db.reading() as session:
            known = known_instances(session, orthanc_id)
        unknown = [found for found in observation.instance_ids if found not in known]
        first = origins(self._archive, orthanc_id, unknown[:1])
        with self._db.writing() as session:
            arrival = note_study(session, observation, first, now)
            # Before its own time: the clock was set back, and nobody knows for how long it was quiet.
            quiet = abs(now - arrival.changed_at) >= self._quiet_for
            if arrival.settled_at is not None or not quiet:
                return
        self._settle(observation, unknown)

    def _settle(self, observation: Observation, unknown: list[str]) -> None:
        """Note where every instance came from, and look for the case."""
        received = origins(self._archive, observation.study.orthanc_id, unknown)
        patients = identities(self._archive, observation)
        with self._db.writing() as session:
            settle(session, observation, received, self._clock(), patients)

    def _changed(self) -> tuple[set[str], int]:
        """Studies that the feed speaks of, from a little before the cursor, and where it ends."""
        with self._db.reading() as session:
            since = cursor(session).sequence
        last_change = self._archive.last_change()
        if last_change < since:  # the archive was restored or emptied: begin anew
            since, self._seen = 0, set()
        dirty: set[str] = set()
        position = max(0, since - LOOK_BACK)
        while True:
            page = self._archive.changes(since=position, limit=PAGE)
            for change in page.changes:
                if change.seq not in self._seen:
                    self._seen.add(change.seq)
                    dirty |= self._study_of(change)
            if page.done or not page.changes:
                break
            position = page.last
        self._seen = {seq for seq in self._seen if seq > last_change - 2 * LOOK_BACK}
        return dirty, last_change

    def _study_of(self, change: Change) -> set[str]:
        """The study to look at again. Instances are not asked about one by one: their series is."""
        if change.change_type == "Deleted":
            return set()
        if change.resource_type == "Study":
            return {change.orthanc_id}
        return (
            self._study_of_series(change.orthanc_id) if change.resource_type == "Series" else set()
        )

    def _study_of_series(self, series_id: str) -> set[str]:
        try:
            return {self._archive.series(series_id).study_id}
        except NotInArchive:
            return set()

    def _receiving(self) -> set[str]:
        with self._db.reading() as session:
            return receiving(session)

    def _swept(self) -> set[str]:
        """Once a minute, every study whose last update is not the one we noted.

        Orthanc tells the time of an update to the second only, so what settled lately is looked at
        again whatever it says.
        """
        with self._db.reading() as session:
            swept_at = cursor(session).swept_at
        now = self._clock()
        if swept_at is not None and abs(now - swept_at) < SWEEP_EVERY:
            return set()
        in_archive = {study.orthanc_id: study.last_update for study in self._all_studies()}
        with self._db.writing() as session:
            noted = noted_updates(session)
            for study, series in prepared_of(session, noted.keys() - in_archive.keys()):
                # What is left of a study that was deleted from the archive is cleared away.
                preparation.ask_anew(session, study, series, now)
            cursor(session).swept_at = now
        self._hold_what_is_gone(noted.keys() - in_archive.keys())
        return {
            orthanc_id
            for orthanc_id, last_update in in_archive.items()
            if orthanc_id not in noted
            or noted[orthanc_id][0] != last_update
            or abs(now - (noted[orthanc_id][1] or now)) < DOUBTED_FOR
        }

    def _hold_what_is_gone(self, orthanc_ids: Set[str]) -> None:
        """Studies that were received and are in the archive no more wait for a person, who hears it."""
        with self._db.reading() as session:
            unsaid = gone_unsaid(session, orthanc_ids)
        for orthanc_id in unsaid:
            try:
                self._archive.study(orthanc_id)
            except NotInArchive:
                with self._db.writing() as session:
                    hold_gone(session, orthanc_id, self._clock())

    def _all_studies(self) -> Iterator[Study]:
        since = 0
        while page := self._archive.studies(since=since, limit=PAGE):
            yield from page
            since += len(page)

    def _keep_place(self, last_change: int | None) -> None:
        """Keep how far the feed was read, or (None) that the archive does not answer.

        Only after everything up to there was looked at, so that whoever dies in between looks again;
        and only when something changed, because this is asked every second.
        """
        now, answers = self._clock(), last_change is not None
        with self._db.reading() as session:
            kept = cursor(session)
            known = (kept.sequence, kept.archive_ok, kept.checked_at)
        sequence = known[0] if last_change is None else last_change
        fresh = known[2] is not None and abs(now - known[2]) < CHECK_IS_KEPT_EVERY
        if (sequence, answers) == known[:2] and fresh:
            return
        if answers != known[1]:
            log.warning("the archive %s", "answers again" if answers else "does not answer")
        with self._db.writing() as session:
            kept = cursor(session)
            kept.sequence, kept.archive_ok, kept.checked_at = sequence, answers, now
