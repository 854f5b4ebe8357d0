"""The places of the body that a series can show, and what was found of each.

Plain values, so that pages and protocols can speak of them without the libraries that look at pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Landmark(StrEnum):
    """Places of the body that a protocol may ask for, from the head down."""

    LUNG_APEX = "lung_apex"
    LIVER_DOME = "liver_dome"
    LUNG_BASES = "lung_bases"
    LIVER_LOWER_EDGE = "liver_lower_edge"
    ILIAC_CREST = "iliac_crest"
    PELVIS = "pelvis"

    @property
    def in_words(self) -> str:
        """As a coordinator reads it."""
        return _IN_WORDS[self]


_IN_WORDS: Final = {
    Landmark.LUNG_APEX: "apex of the lungs",
    Landmark.LIVER_DOME: "dome of the liver",
    Landmark.LUNG_BASES: "bases of the lungs",
    Landmark.LIVER_LOWER_EDGE: "lower edge of the liver",
    Landmark.ILIAC_CREST: "iliac crest",
    Landmark.PELVIS: "pelvis down to the hip joints",
}


@dataclass(frozen=True)
class Seen:
    """One landmark: whether the series shows it (None: could not be told), how sure (0.0 to 1.0),
    and why, as a sentence. `cut_share` is, of an organ that the first or last image cuts off there, its
    area in that image as a share of its largest area: 1.0 where the cut goes through its middle.
    """

    shown: bool | None
    confidence: float
    evidence: str
    cut_share: float = 0.0


@dataclass(frozen=True)
class Coverage:
    """What a series shows. `landmarks` has every Landmark. `length_mm` is the extent along the
    body. `liver_fraction` is 1.0 where the whole liver lies in the stack, None where it is cut off
    or was not found: how much is missing cannot be seen. `cut_sides` names the sides ("right",
    "left", "front", "back") where the field of view cuts off the body. `turned` names the directions
    ("front_back", "up_down", "left_right") in which the body lies the other way round than the headers
    say.
    """

    landmarks: Mapping[Landmark, Seen]
    length_mm: float
    liver_fraction: float | None
    cut_sides: tuple[str, ...]
    turned: tuple[str, ...] = ()

    def shows(self, landmark: Landmark) -> bool | None:
        """Whether the landmark is shown; None when that could not be told."""
        return self.landmarks[landmark].shown

    @property
    def evidence(self) -> tuple[str, ...]:
        """All sentences, from the head down."""
        return tuple(self.landmarks[one].evidence for one in Landmark)
