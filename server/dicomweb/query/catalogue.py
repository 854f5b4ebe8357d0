"""Where a search finds its datasets: what was prepared of a series, else what Orthanc says of it.

A prepared series is found without asking Orthanc for it, and also while Orthanc is away: its
manifest describes it, its prepared metadata describes its instances. Of a series that is not
prepared, Orthanc computes the metadata of one instance for the series, and of all of them only where
the search is about instances (its own QIDO-RS takes twice as long for that, and tells neither
sequences nor names beyond Latin letters). What was read once is remembered while it is current.
"""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from server.archive import ArchiveFailed, ArchiveUnavailable, NotInArchive
from server.dicomweb.delivery.metadata import CHUNK_BYTES, datasets_of, write_view
from server.dicomweb.media.accept import JSON
from server.dicomweb.query.attributes import (
    AVAILABILITY,
    AVAILABLE_SYNTAX,
    INSTANCE,
    REQUIRED,
    SERIES,
    STUDY,
    TIMEZONE,
    WHERE_KNOWN,
    Dataset,
    Level,
    tags,
    value_of,
    without_bulk,
)
from server.dicomweb.query.finding import SeriesEntry, classes_of
from server.dicomweb.views.currency import Currency, Held, Holdings, is_current
from server.dicomweb.views.scope import Pass
from server.prepared.concluding import available_syntaxes
from server.prepared.describing import described
from server.prepared.manifest import Manifest, PreparedInstance
from server.prepared.way import Way

SERIES_REMEMBERED = 256
INSTANCES_REMEMBERED = 30_000  # about a kilobyte each

# What is remembered of an instance: what a search tells of it unasked, and what is often asked.
ROW = frozenset(
    (
        *REQUIRED[Level.INSTANCE],
        *WHERE_KNOWN[Level.INSTANCE],
        *tags(
            "ImageType AcquisitionNumber AcquisitionDate AcquisitionTime ContentDate ContentTime"
            " ImagePositionPatient SliceLocation SliceThickness ImageComments"
        ),
    )
) - {TIMEZONE}
_ONLINE = {"vr": "CS", "Value": ["ONLINE"]}

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """The values used last, at most `most` by their summed sizes. Safe to share between threads."""

    def __init__(self, most: int, size: Callable[[V], int]) -> None:
        self._most, self._size = most, size
        self._values: OrderedDict[K, V] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        with self._lock:
            old = self._values.pop(key, None)
            self._total -= 0 if old is None else self._size(old)
            self._values[key] = value
            self._total += self._size(value)
            while self._total > self._most and self._values:
                self._total -= self._size(self._values.popitem(last=False)[1])


class Memory:
    """What one process remembers of what it read for searches."""

    def __init__(self) -> None:
        self.firsts: Remembered[Hashable, Dataset] = Remembered(SERIES_REMEMBERED, lambda _: 1)
        self.rows: Remembered[Hashable, tuple[Dataset, ...]] = Remembered(
            INSTANCES_REMEMBERED, lambda rows: len(rows) + 1
        )


# Beside the one Currency of each process: it knows the same archive and the same shelf.
_MEMORIES: WeakKeyDictionary[Currency, Memory] = WeakKeyDictionary()
_MEMORIES_LOCK = threading.Lock()


def memory_of(currency: Currency) -> Memory:
    """The memory that goes with `currency`."""
    with _MEMORIES_LOCK:
        return _MEMORIES.setdefault(currency, Memory())


@dataclass(frozen=True)
class Shelved:
    """A series that is prepared."""

    manifest: Manifest


@dataclass(frozen=True)
class Kept:
    """A series that only Orthanc has."""

    held: Held
    instance_count: int


class PreparedCatalogue:
    """The catalogue of one request.

    `is_opening`: the search is about one study, so that what is not prepared of it is prepared
    first.
    """

    def __init__(self, pass_: Pass, *, is_opening: bool) -> None:
        self._pass = pass_
        self._is_opening = is_opening
        self._memory = memory_of(pass_.holdings)
        self.is_incomplete = False  # Orthanc is away, and some study is not prepared

    @property
    def counts_hold(self) -> bool:
        return not self._pass.view.pseudonymised

    def series_of(self, study: str) -> list[SeriesEntry]:
        holdings = self._pass.holdings.study(study)
        manifests = self._pass.shelf.study(study) if holdings is None else ()
        if holdings is None and not manifests:
            holdings = self._asked_again(study)
            self.is_incomplete = self.is_incomplete or holdings is None
        if holdings is None:
            found = [self._shelved(manifest) for manifest in manifests]
        else:
            found = [
                self._entry(study, series, held)
                for series, held in sorted(holdings.series.items())
                if held
            ]
        return [entry for entry in found if entry is not None]

    def _asked_again(self, study: str) -> Holdings | None:
        """What Orthanc holds of a study that is not prepared: it may have come back by now. Asked
        once in a search as long as it is away.
        """
        if self.is_incomplete:
            return None
        self._pass.holdings.forget(study)
        return self._pass.holdings.study(study)

    def _entry(self, study: str, series: str, held: tuple[Held, ...]) -> SeriesEntry | None:
        if self._is_opening:
            manifest = self._pass.current(study, series)
        else:
            manifest = self._pass.shelf.series(study, series)
            if manifest is not None and not (len(held) == 1 and is_current(manifest, held[0])):
                manifest = None
        if manifest is not None:
            return self._shelved(manifest)
        if self._is_opening:
            Way(self._pass.shelf.root).ask()  # the next question will be for its metadata
        return self._kept(study, series, held)

    def _shelved(self, manifest: Manifest) -> SeriesEntry | None:
        classes = tuple({instance.SOPClassUID for instance in manifest.instances} - {""})
        entry = SeriesEntry(
            study=manifest.StudyInstanceUID,
            series=manifest.SeriesInstanceUID,
            attributes=manifest.attributes,
            instance_count=manifest.instance_count,
            classes=classes,
            source=Shelved(manifest),
        )
        return self._shown(entry)

    def _kept(self, study: str, series: str, held: tuple[Held, ...]) -> SeriesEntry | None:
        count = sum(one.instance_count for one in held)
        first = self._first(study, series, held[0], count)
        if first is None:
            return None
        source = Kept(held[0], count)
        return self._shown(SeriesEntry(study, series, first, count, classes_of(first), source))

    def _shown(self, entry: SeriesEntry) -> SeriesEntry | None:
        """The entry as the caller may see it; None when every one of its instances is withheld."""
        view = self._pass.view
        if not view.pseudonymised:
            return entry
        shown = view.json(entry.attributes) or next(iter(self._datasets(entry)), None)
        if shown is None:
            return None
        return SeriesEntry(
            entry.study,
            entry.series,
            shown,
            entry.instance_count,
            entry.classes,
            entry.source,
        )

    def _first(self, study: str, series: str, held: Held, count: int) -> Dataset | None:
        """The metadata of some instance of a series; None when the series has just gone."""
        key = (held.orthanc_id, count)
        first = self._memory.firsts.get(key)
        if first is not None:
            return first
        archive = self._pass.archive
        try:
            instances = archive.series(held.orthanc_id).instance_ids
            uid = archive.instance(min(instances)).SOPInstanceUID
            path = f"/studies/{study}/series/{series}/instances/{uid}/metadata"
            with archive.open_dicomweb(path, accept=JSON) as stream:
                datasets = [without_bulk(one) for one in described(archive, stream)]
        except (NotInArchive, ValueError):
            return None
        except ArchiveFailed:
            # It is there, even if this instance of it cannot be read.
            return {
                STUDY: {"vr": "UI", "Value": [study]},
                SERIES: {"vr": "UI", "Value": [series]},
            }
        if not datasets:
            return None
        self._memory.firsts.put(key, datasets[0])
        return datasets[0]

    # Instances

    def instances_of(self, entry: SeriesEntry, tags: frozenset[str] | None) -> Iterable[Dataset]:
        if tags is None or not tags <= ROW:
            return self._datasets(entry)
        return self._rows(entry)

    def may_hold(self, entry: SeriesEntry, SOPInstanceUIDs: frozenset[str]) -> bool:
        if not isinstance(entry.source, Shelved):
            return True
        real = (self._pass.view.real(uid) for uid in SOPInstanceUIDs)
        return any(uid in entry.source.manifest.by_uid for uid in real if uid is not None)

    def _rows(self, entry: SeriesEntry) -> tuple[Dataset, ...]:
        key = self._state(entry)
        known = None if key is None else self._memory.rows.get(key)
        if known is not None:
            return known
        pool: dict[str, Dataset] = {}
        rows = tuple(_row(dataset, pool) for dataset in self._datasets(entry))
        if key is not None:
            self._memory.rows.put(key, rows)
        return rows

    def _state(self, entry: SeriesEntry) -> Hashable:
        """What changes whenever the instances of a series do; None when that cannot be told."""
        if isinstance(entry.source, Kept):
            held = entry.source.held
            return None if self._pass.view.pseudonymised else (held, entry.source.instance_count)
        with contextlib.suppress(OSError):
            state = self._file(entry).stat()
            return entry.series, self._pass.view.id, state.st_mtime_ns, state.st_ino
        return None

    def _datasets(self, entry: SeriesEntry) -> Iterator[Dataset]:
        """Every instance of a series as the caller may see it, one after the other."""
        if isinstance(entry.source, Shelved):
            try:
                file = gzip.open(self._file(entry))  # noqa: SIM115 - closed below
            except OSError:
                pass  # it was given up a moment ago
            else:
                with file:
                    pieces = iter(lambda: file.read(CHUNK_BYTES), b"")
                    by_uid = entry.source.manifest.by_uid
                    for dataset in datasets_of(pieces):
                        yield self._completed(dataset, by_uid)
                return
        yield from self._from_the_archive(entry)

    def _completed(self, dataset: Dataset, by_uid: dict[str, PreparedInstance]) -> Dataset:
        dataset[AVAILABILITY] = _ONLINE
        if AVAILABLE_SYNTAX not in dataset:
            prepared = by_uid.get(self._pass.view.real(value_of(dataset, INSTANCE)) or "")
            found = available_syntaxes(prepared) if prepared is not None else []
            if found:
                dataset[AVAILABLE_SYNTAX] = {"vr": "UI", "Value": found}
        return dataset

    def _from_the_archive(self, entry: SeriesEntry) -> Iterator[Dataset]:
        path = f"/studies/{entry.study}/series/{entry.series}/metadata"
        try:
            with self._pass.archive.open_dicomweb(path, accept=JSON) as stream:
                for dataset in described(self._pass.archive, stream):
                    shown = self._pass.view.json(dataset)
                    if shown is not None:
                        yield {**shown, AVAILABILITY: _ONLINE}
        except NotInArchive:
            return
        except ValueError as error:
            raise ArchiveUnavailable("The image archive broke off in its answer.") from error

    def _file(self, entry: SeriesEntry) -> Path:
        """The prepared metadata as the caller may see it; made when this view sees it first."""
        plain = self._pass.shelf.metadata(entry.study, entry.series)
        view = self._pass.view
        if not view.pseudonymised:
            return plain
        path = self._pass.shelf.metadata(entry.study, entry.series, view.id)
        with contextlib.suppress(OSError):
            if path.stat().st_mtime_ns >= plain.stat().st_mtime_ns:
                return path
        write_view(plain, path, view)
        return path


def _row(dataset: Dataset, pool: dict[str, Dataset]) -> Dataset:
    """What is remembered of an instance. Equal elements of a series are kept once."""
    found = {}
    for tag in ROW & dataset.keys():
        element = dataset[tag]
        found[tag] = pool.setdefault(f"{tag}{element}", element)
    return found
