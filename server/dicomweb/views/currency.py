"""Whether what was prepared is still what the archive holds.

An instance never changes, a series may grow, and what is deleted in the archive must not be given
out from here. Orthanc is asked once a second per study, for all requests that come; while it does not
answer, what was prepared is believed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.archive import Archive, ArchiveFailed, ArchiveUnavailable, NotInArchive
from server.dicomweb.views.clearance import Clearance
from server.prepared.manifest import Manifest
from server.prepared.shelf import Shelf

BELIEVED_FOR_S = 1.0
AWAY_FOR_S = 3.0
# Orthanc may hang instead of refusing: then a question costs its whole time limit, which nobody waits for.
PATIENCE_S = 3.0
PATIENCE_WHILE_AWAY_S = 0.3
MOST_REMEMBERED = 500
ASKED_AGAIN_AFTER_S = 60.0


@dataclass(frozen=True)
class Held:
    """One series as Orthanc holds it; `last_update` in ISO 8601, "" when it does not say."""

    orthanc_id: str
    instance_count: int
    last_update: str


@dataclass(frozen=True)
class Holdings:
    """The series of a study by SeriesInstanceUID: several of one UID where patients differ."""

    series: Mapping[str, tuple[Held, ...]]


class Currency:
    """Knows what is current. One per process, safe to share between threads.

    `ask_first(StudyInstanceUID, SeriesInstanceUID)` is called, at most once a minute for a series,
    when somebody looks at one that is not prepared.
    """

    def __init__(
        self,
        archive: Archive,
        shelf: Shelf,
        ask_first: Callable[[str, str], None],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.shelf = shelf
        self.clearance = Clearance(shelf)
        self._archive = archive
        self._ask_first = ask_first
        self._patience_s = patience_s
        self._known: dict[str, tuple[float, Holdings | None]] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._asking: set[str] = set()
        self._there: dict[tuple[str, str], tuple[object, bool]] = {}
        self._lock = threading.Lock()

    def study(self, StudyInstanceUID: str) -> Holdings | None:
        """What Orthanc holds of a study (perhaps nothing); None while it does not answer."""
        with self._lock:
            kept = self._remembered(StudyInstanceUID)
            if kept is not None:
                return kept[1]
            self._asking.add(StudyInstanceUID)
            was_away = self._known.get(StudyInstanceUID, (0.0, Holdings({})))[1] is None
        trouble: list[Exception] = []
        asking = threading.Thread(
            target=self._find_out, args=(StudyInstanceUID, trouble), daemon=True
        )
        asking.start()
        asking.join(PATIENCE_WHILE_AWAY_S if was_away else self._patience_s)
        if trouble:
            raise trouble[0]
        with self._lock:
            if StudyInstanceUID in self._asking:
                self._note(StudyInstanceUID, None)
            return self._known.get(StudyInstanceUID, (0.0, None))[1]

    def _find_out(self, StudyInstanceUID: str, trouble: list[Exception]) -> None:
        """Asks, and notes the answer whenever it comes; what is not Orthanc's fault goes to `trouble`."""
        holdings: Holdings | None = None
        try:
            holdings = self._ask(StudyInstanceUID)
        except (ArchiveUnavailable, ArchiveFailed):
            pass
        except Exception as error:
            trouble.append(error)
        with self._lock:
            self._asking.discard(StudyInstanceUID)
            if not trouble:
                self._note(StudyInstanceUID, holdings)

    def _note(self, StudyInstanceUID: str, holdings: Holdings | None) -> None:
        """Keeps what was found out, or that nothing was. The lock is held."""
        lasting = AWAY_FOR_S if holdings is None else BELIEVED_FOR_S
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[StudyInstanceUID] = (time.monotonic() + lasting, holdings)

    def _remembered(self, StudyInstanceUID: str) -> tuple[float, Holdings | None] | None:
        """What is known and still counts: also what is being asked about anew just now."""
        kept = self._known.get(StudyInstanceUID)
        if kept is None or (time.monotonic() >= kept[0] and StudyInstanceUID not in self._asking):
            return None
        return kept

    def is_there(self, StudyInstanceUID: str, SeriesInstanceUID: str) -> bool:
        """Whether prepared frames of a series may leave without the archive being asked.

        False also when it is time to ask again. A series that has grown since is there: what was
        prepared of it before has not changed.
        """
        key = StudyInstanceUID, SeriesInstanceUID
        with self._lock:
            kept = self._remembered(StudyInstanceUID)
            found = self._there.get(key)
        if kept is None or kept[1] is None:
            return kept is not None
        if found is not None and found[0] is kept:
            return found[1]
        there = self._is_held(kept[1], *key)
        with self._lock:
            if len(self._there) >= MOST_REMEMBERED:
                self._there.clear()
            self._there[key] = kept, there
        return there

    def _is_held(self, holdings: Holdings, StudyInstanceUID: str, SeriesInstanceUID: str) -> bool:
        held = holdings.series.get(SeriesInstanceUID, ())
        if len(held) != 1:
            return False
        manifest = self.shelf.series(StudyInstanceUID, SeriesInstanceUID)
        if manifest is None:  # what is there of it is being prepared
            return not self.shelf.is_outdated(StudyInstanceUID, SeriesInstanceUID)
        return is_current(manifest, held[0]) or has_grown(manifest, held[0])

    def forget(self, StudyInstanceUID: str) -> None:
        """Something was just stored into this study: ask again."""
        with self._lock:
            self._known.pop(StudyInstanceUID, None)

    def current(self, StudyInstanceUID: str, SeriesInstanceUID: str) -> Manifest | None:
        """The manifest of a series that is prepared as it stands in the archive, else None."""
        manifest = self.shelf.series(StudyInstanceUID, SeriesInstanceUID)
        holdings = self.study(StudyInstanceUID)
        if holdings is None:
            return manifest
        held = holdings.series.get(SeriesInstanceUID, ())
        if manifest is not None and len(held) == 1 and is_current(manifest, held[0]):
            self.shelf.touch(StudyInstanceUID, SeriesInstanceUID)
            return manifest
        if held or manifest is not None:
            # Of what the archive holds no more, preparation clears away what is left.
            self._ask_for(StudyInstanceUID, SeriesInstanceUID)
        return None

    def _ask(self, StudyInstanceUID: str) -> Holdings:
        found: dict[str, tuple[Held, ...]] = {}
        for candidate in self._archive.candidates(StudyInstanceUID):
            try:
                several = self._archive.study_series(candidate)
            except NotInArchive:
                continue
            for series in several:
                updated = series.last_update.isoformat() if series.last_update else ""
                held = Held(series.orthanc_id, len(series.instance_ids), updated)
                known = found.get(series.SeriesInstanceUID, ())
                found[series.SeriesInstanceUID] = (*known, held)
        return Holdings(found)

    def _ask_for(self, StudyInstanceUID: str, SeriesInstanceUID: str) -> None:
        key, now = (StudyInstanceUID, SeriesInstanceUID), time.monotonic()
        with self._lock:
            if self._asked.get(key, -ASKED_AGAIN_AFTER_S) + ASKED_AGAIN_AFTER_S > now:
                return
            if len(self._asked) >= MOST_REMEMBERED:
                self._asked.clear()
            self._asked[key] = now
        self._ask_first(StudyInstanceUID, SeriesInstanceUID)


def is_current(manifest: Manifest, held: Held) -> bool:
    """Whether the series is still what was prepared. Pure.

    Orthanc tells times to the second only, so the count is asked as well; an instance that was
    deleted and sent again with other pixels changes the time alone.
    """
    now = (held.orthanc_id, held.instance_count, held.last_update)
    return (manifest.orthanc_id, manifest.instance_count, manifest.last_update) == now


def has_grown(manifest: Manifest, held: Held) -> bool:
    """Whether instances were added to what was prepared. Pure."""
    return manifest.orthanc_id == held.orthanc_id and manifest.instance_count < held.instance_count
