"""The rows of one hospital and year packed into a few kilobytes, and counted without the database. Pure.

A hundred thousand rows are 1 MB so: they are read and counted in some ten milliseconds, whatever the
filters are. A database that groups the rows themselves takes half a second for the same figures.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from server.cases.local_category import LOCAL_CATEGORIES
from server.cases.verdict_change import Change
from server.figures.rows import STAGES
from server.outcomes import value_sets

PROMISE: Final = "promise"
DURATIONS: Final = (*(stage.value for stage in STAGES), PROMISE)
UNKNOWN: Final = -1
MOST_HOURS: Final = 32_767  # three years and nine months; what took longer counts as that long
MOST_ML: Final = 65_535
# The places of codes in a block; one that is not known is place 0.
CODES: Final[dict[str, tuple[str, ...]]] = {
    "local_category": ("", *LOCAL_CATEGORIES),
    "verdict_change": ("", *(one.value for one in Change)),
    "course": ("", *value_sets.COURSES),
    "resection_margin": ("", *value_sets.RESECTION_MARGINS),
    "converted": ("", *value_sets.CONVERTED),
}
# What is told apart by a list of the block's own: there are too many to have a place for ever.
NAMED: Final = ("cancer", "reviewer_id")
LAYOUT: Final = np.dtype(
    [
        ("day", "<i4"),
        ("cancer", "<u2"),
        ("reviewer_id", "<u2"),
        *((name, "u1") for name in CODES),
        ("inconclusive", "u1"),
        ("kept", "i1"),
        ("findings", "i1"),
        ("hours", "<i2", (len(DURATIONS),)),
        ("foreseen_ml", "<u2"),
        ("after_ml", "<u2"),
    ]
)
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Block:
    """Packed rows (LAYOUT, compressed by zlib), and the names that their numbers stand for."""

    rows: bytes
    names: Mapping[str, Sequence[str]]


def packed(rows: Sequence[Mapping[str, Any]]) -> Block:
    """Rows with an opinion (columns of `FigureRow`) as a block."""
    names = {name: sorted({str(row[name]) for row in rows}) for name in NAMED}
    places = {name: {one: n for n, one in enumerate(known)} for name, known in names.items()}
    codes = {name: {one: n for n, one in enumerate(known)} for name, known in CODES.items()}
    held = np.zeros(len(rows), LAYOUT)
    for place, row in enumerate(rows):
        kept = row["kept_promise"]
        mask = row["findings_mask"]
        held[place] = (
            row["opinion_on"].toordinal(),
            *(places[name][str(row[name])] for name in NAMED),
            *(codes[name].get(row[name], 0) for name in CODES),
            bool(row["imaging_inconclusive"]),
            UNKNOWN if kept is None else kept,
            UNKNOWN if mask is None else mask,
            [_or_unknown(row[f"{name}_h"]) for name in DURATIONS],
            min(round(row["flr_predicted_ml"] or 0), MOST_ML),
            min(round(row["flr_after_ml"] or 0), MOST_ML),
        )
    return Block(zlib.compress(held.tobytes(), 1), names)


def _or_unknown(hours: int | None) -> int:
    return UNKNOWN if hours is None else min(hours, MOST_HOURS)


@dataclass(frozen=True)
class Wanted:
    """Which of the rows count. None is all; days are inclusive."""

    cancer: str | None = None
    reviewer_ids: frozenset[str] | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Rows:
    """The rows that count, with one list of cancers for all of them."""

    held: Array
    cancers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.held)

    def tally(self, *names: str) -> Counter[tuple[str, ...]]:
        """How many rows have each combination of these codes (of CODES, or `cancer`)."""
        known = [self.cancers if name == "cancer" else CODES[name] for name in names]
        key = np.zeros(len(self.held), np.int64)
        for name, codes in zip(names, known, strict=True):
            key = key * len(codes) + self.held[name]
        found: Counter[tuple[str, ...]] = Counter()
        counted = np.bincount(key)
        for place in np.flatnonzero(counted):
            rest, said = int(place), []
            for codes in reversed(known):
                rest, n = divmod(rest, len(codes))
                said.append(codes[n])
            found[tuple(reversed(said))] = int(counted[place])
        return found

    def numbers(self, name: str) -> list[tuple[int, int]]:
        """Each value of a column with how many rows have it; UNKNOWN is left out."""
        column = (
            self.held["hours"][:, DURATIONS.index(name)] if name in DURATIONS else self.held[name]
        )
        known = column[column != UNKNOWN].astype(np.int64)
        counted = np.bincount(known) if len(known) else np.zeros(0, np.int64)
        return [(int(n), int(counted[n])) for n in np.flatnonzero(counted)]

    def only(self, keep: Array) -> Rows:
        """The rows for which `keep` is true."""
        return Rows(self.held[keep], self.cancers)

    def pairs(self, most: int) -> list[tuple[float, float]]:
        """The remnant foreseen and measured, mL, of the newest opinions."""
        both = (self.held["foreseen_ml"] > 0) & (self.held["after_ml"] > 0)
        found = self.held[both]
        found = found[np.argsort(-found["day"].astype(np.int64), kind="stable")][:most]
        return [
            (float(one), float(other))
            for one, other in zip(found["foreseen_ml"], found["after_ml"], strict=True)
        ]


def joined(blocks: Iterable[Block], wanted: Wanted) -> Rows:
    """The rows of all blocks that are wanted."""
    cancers: dict[str, int] = {}
    parts = []
    for block in blocks:
        held = np.frombuffer(bytearray(zlib.decompress(block.rows)), LAYOUT)
        keep = _wanted(held, block.names, wanted)
        if keep is not None:
            held = held[keep]
        if not len(held):
            continue
        places = [cancers.setdefault(one, len(cancers)) for one in block.names["cancer"]]
        held["cancer"] = np.array(places, np.uint16)[held["cancer"]]
        parts.append(held)
    return Rows(np.concatenate(parts) if parts else np.zeros(0, LAYOUT), tuple(cancers))


def _wanted(held: Array, names: Mapping[str, Sequence[str]], wanted: Wanted) -> Array | None:
    tests = []
    if wanted.cancer is not None:
        tests.append(_named(held["cancer"], names["cancer"], {wanted.cancer}))
    if wanted.reviewer_ids is not None:
        tests.append(_named(held["reviewer_id"], names["reviewer_id"], wanted.reviewer_ids))
    if wanted.since is not None:
        tests.append(held["day"] >= wanted.since.toordinal())
    if wanted.until is not None:
        tests.append(held["day"] <= wanted.until.toordinal())
    return np.logical_and.reduce(tests) if tests else None


def _named(column: Array, names: Sequence[str], wanted: Iterable[str]) -> Array:
    allowed = set(wanted)
    found: Array = np.array([one in allowed for one in names], bool)[column]
    return found
