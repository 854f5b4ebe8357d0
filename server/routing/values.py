"""What a ranking takes and gives: plain values, nothing of the database. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

# A reason before it is put into words: its code, its points, and what it is about.
Mark = tuple[str, float, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A capability that a case calls for. `called_by` says who or what calls for it, in words.

    `needed` False: it often decides in this kind of cancer, by a claim; nobody said so of this case.
    """

    capability: str
    called_by: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class CaseNeeds:
    """What a case calls for and from whom it must be independent.

    `today` and `due_on` are calendar days; without `due_on` the scale's horizon counts. `operations`
    empty means every operation of the organ. `languages` and `country` are codes (ISO 639-1, ISO
    3166-1); `first_centre` is the name as somebody wrote it. `asked` maps a person to what became of
    asking them, as a sentence, and so does `knows` for who answered in an earlier round; `on_case` are
    the people who have the case now. `holidays` are the days until it is due on which a country does
    not work, with their names.
    """

    today: date
    organ: str
    cancer: str = ""
    calls: tuple[Call, ...] = ()
    operations: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    country: str = ""
    hospital_id: str = ""
    hospital_name: str = ""
    first_centre: str = ""
    due_on: date | None = None
    tier: str = ""
    tier_title: str = ""
    asked: Mapping[str, str] = field(default_factory=dict)
    knows: Mapping[str, str] = field(default_factory=dict)
    on_case: frozenset[str] = frozenset()
    holidays: Mapping[str, tuple[tuple[date, str], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Volume:
    """How often an operation was done in a year, and who says so."""

    operation: str
    year: int
    count: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class Tie:
    """A referring hospital that a centre belongs to: `how` is part_of or affiliated."""

    hospital_id: str
    name: str
    how: str = "part_of"


@dataclass(frozen=True, slots=True)
class Against:
    """A conflict of interest: whose cases are not to be judged, and why. One id is set."""

    why: str
    hospital_id: str = ""
    centre_name: str = ""
    person_id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Away:
    """Days on which somebody takes no case, the first and the last included."""

    from_on: date
    until_on: date
    why: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A surgeon as a ranking sees them. Sets hold codes of `vocabulary`.

    `load` counts the cases they have now, `most_cases` how many they take at a time; `countries` and
    `tiers` empty mean any. `average_days` is the time they took on average over `finished` cases, in
    calendar days, None without any. `conflicts` are their own and their centre's; `calendar` is the
    country whose holidays they keep.
    """

    person_id: str
    name: str
    centre_id: str = ""
    centre_name: str = ""
    known: bool = True
    active: bool = True
    accepting: bool = True
    organs: frozenset[str] = frozenset()
    subspecialties: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    centre_capabilities: frozenset[str] = frozenset()
    centre_kinds: frozenset[str] = frozenset()
    volumes: tuple[Volume, ...] = ()
    languages: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    load: int = 0
    most_cases: int = 5
    average_days: float | None = None
    finished: int = 0
    ties: tuple[Tie, ...] = ()
    conflicts: tuple[Against, ...] = ()
    absences: tuple[Away, ...] = ()
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class CentreFacts:
    """A centre as a ranking sees it. `surgeons` counts those of it who could be asked now."""

    centre_id: str
    name: str
    country: str = ""
    active: bool = True
    kinds: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    volumes: tuple[Volume, ...] = ()
    ties: tuple[Tie, ...] = ()
    conflicts: tuple[Against, ...] = ()
    surgeons: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason in words. `kind` is fits, lacks, warning or excluded."""

    kind: str
    text: str
    points: float = 0.0
