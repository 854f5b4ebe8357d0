"""Preparing series: whether there is anything to do, and room for it on the shelf."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from server.archive import Archive, NotInArchive, Series
from server.foundation.errors import MarginError
from server.prepared.eviction import Room
from server.prepared.finding import SeriesChanging, SeriesGone
from server.prepared.journal import is_doubtful
from server.prepared.making import Making, Progress
from server.prepared.manifest import Manifest
from server.prepared.shelf import Shelf
from server.prepared.way import Way
from server.prepared.writing import InOtherHands, ShelfNotWritable, held, remove_folder

USUAL_SHARE = 0.45  # of a series' files that its prepared frames take (HTJ2K of CT: 0.35 to 0.42)


class SeriesTooLarge(MarginError):
    """The series alone would take more than all prepared series may."""


@dataclass(frozen=True)
class Outcome:
    """What came of it. `bytes` is what the folder takes, `encoded` how many frames were new."""

    manifest: Manifest
    bytes: int
    seconds: float
    encoded: int


class Preparer:
    """Prepares series, one after the other. Not to be shared between threads.

    Files of a series that was whole before `compared_before` are compared with their MD5.
    """

    def __init__(
        self,
        archive: Archive,
        shelf: Shelf,
        room: Room,
        compared_before: datetime | None = None,
    ) -> None:
        self._archive = archive
        self._shelf = shelf
        self._room = room
        self._compared_before = compared_before

    def prepare(
        self, StudyInstanceUID: str, series_id: str, progress: Progress = lambda *_: None
    ) -> Outcome | None:
        """Prepare a series as the archive holds it now; None when it is prepared so already.

        `series_id` is the archive's; `progress(done, total)` hears of instances, and often. Raises
        SeriesGone, SeriesTooLarge, and of Unavailable whatever only needs waiting.
        """
        began = time.monotonic()
        try:
            series = self._archive.series(series_id)
            instances = self._archive.series_instances(series_id)
        except NotInArchive as gone:
            raise SeriesGone("The archive holds this series no more.") from gone
        if len(instances) != len(series.instance_ids):
            raise SeriesChanging("The series is still being received.")
        known = self._shelf.series(StudyInstanceUID, series.SeriesInstanceUID)
        if known is not None and _is_same(known, series):
            return None
        needed = int(USUAL_SHARE * sum(one.file_size_bytes for one in instances))
        if needed > self._room.most_bytes:
            raise SeriesTooLarge(
                "This series alone is larger than all prepared images may be.",
                remedy="Raise MARGIN_CACHE_MB. It opens meanwhile, only slower.",
            )
        folder = self._shelf.folder(StudyInstanceUID, series.SeriesInstanceUID)
        with held(folder):
            if is_doubtful(folder):
                remove_folder(folder, self._shelf.root)
                raise InOtherHands("What was left unfinished before a restart was thrown away.")
            self._room.make(needed, spare=folder)
            way = Way(self._shelf.root)
            work = Making(
                self._archive,
                StudyInstanceUID,
                series,
                folder,
                way,
                progress,
                compares_files=self._may_have_aged(series),
            )
            try:
                manifest = _on_the_shelf(lambda: work.do(instances, known))
            except ShelfNotWritable as error:
                if error.is_full and not self._room.make(needed, spare=folder):
                    remove_folder(folder, self._shelf.root)
                raise
            size = self._room.note(folder)
        self._room.make(0, spare=folder)
        return Outcome(manifest, size, time.monotonic() - began, work.encoded)

    def _may_have_aged(self, series: Series) -> bool:
        before, came = self._compared_before, series.last_update
        return before is not None and (came is None or came < before)


def _on_the_shelf(do: Callable[[], Manifest]) -> Manifest:
    """Whatever the file system refuses is ShelfNotWritable; the archive's refusals are its own."""
    try:
        return do()
    except OSError as reason:
        raise ShelfNotWritable(reason) from reason


def _is_same(known: Manifest, series: Series) -> bool:
    updated = series.last_update.isoformat() if series.last_update else ""
    now = (series.orthanc_id, len(series.instance_ids), updated)
    return (known.orthanc_id, known.instance_count, known.last_update) == now
