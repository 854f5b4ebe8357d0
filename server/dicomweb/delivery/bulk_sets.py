"""All bulk data, or all pixels, of a study, a series or an instance (PS3.18 10.4.1.1.5 and .6).

Each value is a part of its own, with the address in Content-Location at which the metadata points to
it (PS3.18 10.4.3.3.5). What cannot be given (broken pixels, a document that is no PDF, what this caller
may not see) has no part.
"""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response

from server.archive import ArchiveFailed
from server.dicom.removed_words import removed_from_json
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE
from server.dicomweb.delivery.bulkdata import PIXEL_VALUES, location_of, value_of
from server.dicomweb.delivery.instances import instances_of
from server.dicomweb.delivery.metadata import datasets_of
from server.dicomweb.delivery.withheld import check_pixels
from server.dicomweb.media.accept import ANYTHING, JSON, MULTIPART, OCTETS, nothing_acceptable
from server.dicomweb.media.answers import CHANGING, boundary_of
from server.dicomweb.media.multipart import closing, part_head
from server.dicomweb.media.ranges import Segment, flowing, strong_tag, unchanged
from server.dicomweb.pixels.framing import Place
from server.dicomweb.views.scope import Pass, inside, standing, wishes
from server.foundation.errors import NotAcceptable, NotFound, Refused
from server.prepared.describing import described

PIECE_BYTES = 64 * 1024
_PIXELS = ("7FE00008", "7FE00009", "7FE00010")
_ROWS, _INSTANCE = "00280010", "00080018"


class NoBulkData(NotFound):
    """Nothing here has bulk data that can be given."""


@dataclass(frozen=True)
class _Part:
    """One value, open for reading."""

    location: str
    segments: list[Segment]
    close: Callable[[], None]

    @property
    def length(self) -> int:
        return sum(segment.length for segment in self.segments)


def bulk_set(
    pass_: Pass, study: str, series: str | None = None, instance: str | None = None
) -> Response:
    """`GET .../bulkdata` at three levels: every value to which the metadata points, and the pixels."""
    return _answer(pass_, study, series, instance, only_pixels=False)


def pixeldata(
    pass_: Pass, study: str, series: str | None = None, instance: str | None = None
) -> Response:
    """`GET .../pixeldata` at three levels: the uncompressed pixels of each instance that has some."""
    return _answer(pass_, study, series, instance, only_pixels=True)


def _answer(
    pass_: Pass, study: str, series: str | None, instance: str | None, *, only_pixels: bool
) -> Response:
    inside(pass_, study, series, instance)
    _check_form()
    places = [
        place for place in instances_of(pass_, study, series) if instance in (None, place.instance)
    ]
    state = standing(pass_, study, series)
    paths = (place.path for place in places)
    tag = strong_tag("bulk set", pass_.view.id, only_pixels, state, *paths)
    known = unchanged(tag, CHANGING)
    if known is not None:
        return known
    parts = _parts(pass_, places, only_pixels)
    first = next(parts, None)
    if first is None:
        raise NoBulkData("There is no bulk data here that can be given.")
    boundary = boundary_of(tag)
    return flowing(
        _flow(boundary, itertools.chain([first], parts)),
        content_type=f'{MULTIPART}; type="{OCTETS}"; boundary={boundary}',
        tag=tag,
        cache=CHANGING,
        close=first.close,
    )


def _check_form() -> None:
    for wish in wishes():
        is_plain = wish.transfer_syntax in (None, "*", EXPLICIT_LITTLE)
        takes_octets = wish.kind == ANYTHING or (wish.multipart and wish.covers(OCTETS))
        if is_plain and takes_octets:
            return
    raise nothing_acceptable((f'{MULTIPART}; type="{OCTETS}"',))


def _parts(pass_: Pass, places: list[Place], only_pixels: bool) -> Iterator[_Part]:
    """The values one after the other; each must be closed before the next is taken."""
    for _, of_series in itertools.groupby(places, key=lambda place: place.series):
        several = {place.instance: place for place in of_series}
        for dataset in _datasets(pass_, next(iter(several.values()))):
            place = several.get(str(dataset.get(_INSTANCE, {}).get("Value", [""])[0]))
            shown = pass_.view.json(dataset) if place is not None else None
            if place is None or shown is None:
                continue
            for attribute in () if only_pixels else pointers(shown):
                part = _open(pass_, place, attribute, dataset)
                if part is not None:
                    yield part
            part = _pixels(pass_, place, dataset) if _ROWS in dataset else None
            if part is not None:
                yield part


def _pixels(pass_: Pass, place: Place, dataset: dict[str, Any]) -> _Part | None:
    """The pixels, whatever they are: prepared metadata do not say which of the three values it is."""
    found = (_open(pass_, place, attribute, dataset) for attribute in PIXEL_VALUES)
    return next((one for one in found if one is not None), None)


def _datasets(pass_: Pass, place: Place) -> Iterator[dict[str, Any]]:
    """The metadata of the series of an instance, as the archive holds it."""
    if pass_.current(place.study, place.series) is not None:
        with gzip.open(pass_.shelf.metadata(place.study, place.series)) as file:
            yield from datasets_of(iter(lambda: file.read(PIECE_BYTES), b""))
        return
    path = f"/studies/{place.study}/series/{place.series}/metadata"
    with pass_.archive.open_dicomweb(path, accept=JSON) as stream:
        yield from described(pass_.archive, stream)


def pointers(dataset: dict[str, Any], above: str = "") -> Iterator[str]:
    """The paths of everything a dataset points to, but its pixels: `00091010`, `00880200/1/...`."""
    for tag, element in dataset.items():
        path = f"{above}{tag.lower()}"
        if "BulkDataURI" in element and (above or tag not in _PIXELS):
            yield path
        if element.get("vr") == "SQ":
            for number, item in enumerate(element.get("Value") or (), 1):
                yield from pointers(item or {}, f"{path}/{number}/")


def _open(pass_: Pass, place: Place, attribute: str, dataset: dict[str, Any]) -> _Part | None:
    removed = None
    try:
        if pass_.view.pseudonymised:
            check_pixels(pass_, place)
            removed = None if attribute in PIXEL_VALUES else removed_from_json(dataset)
        segments, close = value_of(pass_, place, attribute, removed)
    except (NotFound, ArchiveFailed, NotAcceptable, Refused):
        return None
    return _Part(location_of(pass_, place, attribute), segments, close)


def _flow(boundary: str, parts: Iterator[_Part]) -> Iterator[bytes]:
    for position, part in enumerate(parts):
        try:
            yield part_head(
                boundary, OCTETS, part.length, first=position == 0, location=part.location
            )
            for segment in part.segments:
                yield from segment.chunks(0, segment.length)
        finally:
            part.close()
    yield closing(boundary)
