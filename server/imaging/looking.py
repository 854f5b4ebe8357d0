"""Looking at the pixels of a series: only at as many of its slices as phase and coverage need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from pydicom import Dataset

from server.imaging.facts import SeriesFacts
from server.imaging.headers import Header
from server.imaging.look import look_at
from server.imaging.mr_liver import coverage_of_mr
from server.imaging.phase import unknown
from server.imaging.read_volume import NoVolume, read_signal, read_volume, slices_to_read

# [DERIVED] From air to bone attenuations span more than 1000 HU; 256 levels are those of a screen.
_GREY_LEVELS: Final = 256
_FARTHEST: Final = float("inf")  # an image without a place is not looked at
_FAT_ALONE: Final = frozenset({"FAT", "F", "FF", "FAT_FRACTION"})  # Dixon, as makers write it
Opener = Callable[[Header], Dataset | None]


def with_pixels(facts: SeriesFacts, headers: Sequence[Header], opened: Opener) -> SeriesFacts:
    """The facts with what the pixels show. `headers` are those that `facts` was made of.

    `opened` gives a whole image by its header (None: it cannot be had); each is asked for once, and
    only those that are needed. What cannot be looked at stays as it was, with the reason in the evidence.
    """
    if facts.liver_can_be_looked_for:
        return _with_liver(facts, headers, opened)
    if not facts.attenuation_can_be_measured:
        return facts
    try:
        volume = read_volume(_images(facts, headers, opened))
        if int(volume.hu.max()) - int(volume.hu.min()) < _GREY_LEVELS:
            sentence = (
                "The values have a range of less than 256: a converted picture, no attenuation."
            )
            return replace(facts, is_attenuation=False, pixel_phase=unknown(sentence))
        look = look_at(volume)
    except NoVolume as reason:
        return replace(
            facts, pixel_phase=unknown(f"The pixels cannot be measured: {reason.detail}")
        )
    return replace(facts, pixel_phase=look.phase, coverage=look.coverage)


def _with_liver(facts: SeriesFacts, headers: Sequence[Header], opened: Opener) -> SeriesFacts:
    """An MR series with what one of its passes shows of the liver; as it was where none can be read."""
    members = _one_pass(facts, headers)
    if not members:
        return facts
    chosen = [headers[index] for index in members]
    places = tuple(facts.spacing.distances_mm[index] for index in members)
    alone = replace(facts, spacing=replace(facts.spacing, distances_mm=places))
    try:
        shown = coverage_of_mr(read_signal(_images(alone, chosen, opened)))
    except NoVolume:
        return facts
    return replace(facts, coverage=shown)


def _one_pass(facts: SeriesFacts, headers: Sequence[Header]) -> list[int]:
    """Which images are of one moment, echo or kind of picture: the largest pass that is not of fat alone.
    None where only the order tells passes apart, or where they lie in one multi-frame image.
    """
    if facts.spacing.passes < 2:
        return list(range(len(headers)))
    keywords = facts.spacing.passes_by.split("+")
    in_one = len({one.source for one in headers}) < len(headers)
    if in_one or keywords in ([""], ["InstanceNumber"]):
        return []
    passes: dict[tuple[tuple[str, ...], ...], list[int]] = {}
    for index, one in enumerate(headers):
        if _FAT_ALONE.isdisjoint(one.texts("ImageType")):
            passes.setdefault(tuple(one.texts(keyword) for keyword in keywords), []).append(index)
    return max(passes.values(), key=len, default=[])


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
