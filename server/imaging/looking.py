"""Looking at the pixels of a series: only at as many of its slices as phase and coverage need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from pydicom import Dataset

from server.imaging.facts import SeriesFacts
from server.imaging.headers import Header
from server.imaging.look import look_at
from server.imaging.phase import unknown
from server.imaging.read_volume import NoVolume, read_volume, slices_to_read

_FARTHEST: Final = float("inf")  # an image without a place is not looked at
Opener = Callable[[Header], Dataset | None]


def with_pixels(facts: SeriesFacts, headers: Sequence[Header], opened: Opener) -> SeriesFacts:
    """The facts with what the pixels show. `headers` are those that `facts` was made of.

    `opened` gives a whole image by its header (None: it cannot be had); each is asked for once, and
    only those that are needed. What cannot be looked at stays as it was, with the reason in the evidence.
    """
    if not facts.can_be_looked_at:
        return facts
    try:
        look = look_at(read_volume(_images(facts, headers, opened)))
    except NoVolume as reason:
        return replace(
            facts, pixel_phase=unknown(f"The pixels cannot be measured: {reason.detail}")
        )
    return replace(facts, pixel_phase=look.phase, coverage=look.coverage)


def _images(facts: SeriesFacts, headers: Sequence[Header], opened: Opener) -> Iterator[Dataset]:
    for header in instances_needed(facts, headers):
        image = opened(header)
        if image is not None:
            yield image


def instances_needed(facts: SeriesFacts, headers: Sequence[Header]) -> list[Header]:
    """One header for each instance that is looked at: a multi-frame image is opened once."""
    distances = [
        distance if distance is not None else _FARTHEST for distance in facts.spacing.distances_mm
    ]
    found: dict[str, Header] = {}
    for index in slices_to_read(distances):
        found.setdefault(headers[index].source, headers[index])
    return list(found.values())
