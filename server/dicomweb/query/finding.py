"""The search itself: down from studies over series to instances, by the levels that it names. Pure.

A key of a level above the one that is looked for restricts; one of a level below is fulfilled when
something below fulfils it (PS3.4 C.4.1, relational queries). What is found is put together only for
the page that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from server.dicomweb.query.attributes import (
    ANY_LEVEL,
    AVAILABILITY,
    CHARACTER_SET,
    CLASS,
    CLASSES,
    INSTANCE,
    INSTANCES_OF_SERIES,
    INSTANCES_OF_STUDY,
    MODALITIES,
    MODALITY,
    REQUIRED,
    SERIES_NUMBER,
    SERIES_OF_STUDY,
    TIMEZONE,
    Dataset,
    Fields,
    Level,
    add_field,
    default_fields,
    empty,
    level_of,
    select,
    value_of,
    without_bulk,
)
from server.dicomweb.query.matching import Criteria, criteria, uid_list
from server.dicomweb.query.parameters import Query

_REQUIRED = frozenset(tag for several in REQUIRED.values() for tag in several)


@dataclass(frozen=True)
class SeriesEntry:
    """A series as a search sees it.

    `study` and `series` are the archive's UIDs; `attributes` is one of its instances as the caller
    may see it, `instance_count` how many there are, `classes` the SOPClassUIDs among them as far as
    known. `source` is for the catalogue that made the entry.
    """

    study: str
    series: str
    attributes: Dataset
    instance_count: int
    classes: tuple[str, ...]
    source: Any = None


class Catalogue(Protocol):
    """Where datasets come from."""

    def series_of(self, study: str) -> list[SeriesEntry]:
        """Every series of a study (the archive's UID) that the caller may see."""
        ...

    def instances_of(self, entry: SeriesEntry, tags: frozenset[str] | None) -> Iterable[Dataset]:
        """Its instances as the caller may see them, always in the same order, with at least these
        attributes; None: all of them.
        """
        ...

    def may_hold(self, entry: SeriesEntry, SOPInstanceUIDs: frozenset[str]) -> bool:
        """Whether any of these instances, by the UIDs shown to the caller, may be in the series."""
        ...

    @property
    def counts_hold(self) -> bool:
        """Whether `instance_count` is the number of instances that the caller may see."""
        ...


@dataclass(frozen=True)
class Search:
    """What is looked for, at which level, and what is told of it."""

    target: Level
    series: str | None
    instances: frozenset[str] | None  # the SOPInstanceUIDs asked for, None where none are
    wanted: dict[Level, Criteria]
    fields: Fields
    all_fields: bool

    @classmethod
    def read(cls, query: Query, target: Level, *, study: bool, series: str | None) -> Search:
        """Of a query on `target`; `study` and `series` say what its address names already.

        Raises BadRequest for a value that its attribute cannot have.
        """
        grouped = {
            level: [key for key in query.keys if level_of(key.path[0]) is level] for level in Level
        }
        # PS3.18 10.6.3.3.2 and 10.6.3.3.3: what the address does not name is told as well.
        unnamed = {Level.STUDY: not study, Level.SERIES: series is None}
        above = tuple(level for level in unnamed if level < target and unnamed[level])
        fields = default_fields(target, above)
        for path in query.fields:
            if level_of(path[0]) <= target:
                add_field(fields, path)
        return cls(
            target=target,
            series=series,
            instances=next(
                (frozenset(uid_list(key.value)) for key in query.keys if key.path == (INSTANCE,)),
                None,
            ),
            wanted={level: criteria(keys, query) for level, keys in grouped.items()},
            fields=fields,
            all_fields=query.all_fields,
        )

    @property
    def instance_tags(self) -> frozenset[str] | None:
        """Which attributes of instances are needed; None: all of them."""
        if self.target is Level.INSTANCE and self.all_fields:
            return None
        asked = self.wanted[Level.INSTANCE].tags
        if self.target is not Level.INSTANCE:
            return asked
        return asked | {tag for tag in self.fields if level_of(tag) is Level.INSTANCE}


@dataclass
class Page:
    """The part of what was found that is asked for. `total` counts everything."""

    offset: int
    limit: int
    items: list[Dataset] = field(default_factory=list)
    total: int = 0

    @property
    def is_full(self) -> bool:
        """Whether one more was found than the page has room for."""
        return self.total > self.offset + self.limit

    def take(self, make: Callable[[], Dataset]) -> None:
        """Counts one more, and puts it together if it lies on the page."""
        if self.offset <= self.total < self.offset + self.limit:
            self.items.append(make())
        self.total += 1

    def passes(self, count: int) -> bool:
        """Counts `count` more at once if none of them lies on the page."""
        if self.total + count <= self.offset or self.total >= self.offset + self.limit:
            self.total += count
            return True
        return False


def search_study(catalogue: Catalogue, study: str, search: Search, page: Page) -> None:
    """Adds to `page` what is found in one study, always in the same order."""
    entries = sorted(catalogue.series_of(study), key=_by_number)
    if not entries:
        return
    above = study_dataset(entries)
    if not search.wanted[Level.STUDY].match(above):
        return
    found = [entry for entry in entries if _matches(entry, search)]
    if search.target is Level.STUDY:
        below = search.wanted[Level.SERIES], search.wanted[Level.INSTANCE]
        if not any(below) or any(_has_instance(catalogue, entry, search) for entry in found):
            page.take(partial(result, search, above))
        return
    for entry in found:
        if search.target is Level.SERIES:
            if _has_instance(catalogue, entry, search):
                page.take(partial(result, search, above, series_dataset(entry)))
        else:
            _search_instances(catalogue, entry, above, search, page)


def _matches(entry: SeriesEntry, search: Search) -> bool:
    if search.series not in (None, entry.series):
        return False
    wanted = search.wanted[Level.SERIES]
    return not wanted or wanted.match(series_dataset(entry))


def _has_instance(catalogue: Catalogue, entry: SeriesEntry, search: Search) -> bool:
    wanted = search.wanted[Level.INSTANCE]
    if not wanted:
        return True
    if search.instances is not None and not catalogue.may_hold(entry, search.instances):
        return False
    return any(map(wanted.match, catalogue.instances_of(entry, search.instance_tags)))


def _search_instances(
    catalogue: Catalogue, entry: SeriesEntry, above: Dataset, search: Search, page: Page
) -> None:
    wanted = search.wanted[Level.INSTANCE]
    if not wanted and catalogue.counts_hold and page.passes(entry.instance_count):
        return
    if search.instances is not None and not catalogue.may_hold(entry, search.instances):
        return
    beside = series_dataset(entry)
    for instance in catalogue.instances_of(entry, search.instance_tags):
        if wanted.match(instance):
            page.take(partial(result, search, above, beside, instance))


def study_dataset(entries: list[SeriesEntry]) -> Dataset:
    """What is known of a study: each attribute from the first series that has it."""
    found: Dataset = {}
    for entry in reversed(entries):
        for tag, element in entry.attributes.items():
            if level_of(tag) is Level.STUDY and ("Value" in element or tag not in found):
                found[tag] = element
    modalities = sorted({value_of(entry.attributes, MODALITY) for entry in entries} - {""})
    classes = sorted({uid for entry in entries for uid in entry.classes})
    found[MODALITIES] = _element("CS", *modalities)
    found[CLASSES] = _element("UI", *classes)
    found[SERIES_OF_STUDY] = _element("IS", len(entries))
    found[INSTANCES_OF_STUDY] = _element("IS", sum(entry.instance_count for entry in entries))
    found[AVAILABILITY] = _element("CS", "ONLINE")
    found[CHARACTER_SET] = _element("CS", "ISO_IR 192")
    return found


def series_dataset(entry: SeriesEntry) -> Dataset:
    """What is known of a series itself."""
    found = {
        tag: element
        for tag, element in entry.attributes.items()
        if level_of(tag) is Level.SERIES or tag in ANY_LEVEL
    }
    found[INSTANCES_OF_SERIES] = _element("IS", entry.instance_count)
    return found


def result(search: Search, *levels: Dataset) -> Dataset:
    """One result: `levels` is the study, or study and series, or study, series and instance."""
    known: Dataset = {}
    # The levels above have the last word: their attributes are the same for all below. Only the offset
    # from UTC is not: another series of the study may have been made elsewhere, or does not say.
    for level, dataset in reversed(list(zip(Level, levels, strict=False))):
        said = dict(search.wanted[level].among(dataset))
        if TIMEZONE in known or (level is Level.STUDY and search.target is not Level.STUDY):
            said.pop(TIMEZONE, None)
        known.update(said)
    found = select(known, search.fields)
    if search.all_fields:
        found = found | without_bulk(known)
        found = {tag: element for tag, element in found.items() if level_of(tag) <= search.target}
    for tag in search.fields:
        if tag in _REQUIRED and tag not in found:
            found[tag] = empty(tag)
    return found


def _element(vr: str, *values: str | int) -> Dataset:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def _by_number(entry: SeriesEntry) -> tuple[float, str]:
    try:
        return float(value_of(entry.attributes, SERIES_NUMBER)), entry.series
    except ValueError:
        return float("inf"), entry.series


def classes_of(dataset: Dataset) -> tuple[str, ...]:
    """The SOP class of one instance, as a tuple of one or none."""
    uid = value_of(dataset, CLASS)
    return (uid,) if uid else ()
