"""How much of the body a CT series shows: from the apex of the lungs to the pelvis, by pixels.

A landmark counts as shown when the series goes on beyond it: an organ that reaches the first or the
last image is cut off. What could not be told is None, never a guess.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.imaging.body_parts import Mask
from server.imaging.landmarks import Coverage, Landmark, Seen
from server.imaging.organs_found import Organs

# [UNPUB] Areas in square centimetres and lengths in mm. A trachea is smaller than _LUNG_CM2.
_LUNG_CM2: Final = 7.0
_LIVER_CM2: Final = 4.0
_BEYOND_MM: Final = 4.0
_LEAST_LUNG_MM: Final = 15.0
_SIDE_MM: Final = 30.0
# What is left of the confidence where the body had to be turned to be found.
_TURNED: Final = 0.5


def coverage(organs: Organs) -> Coverage:
    """What of the body the volume in which these organs were looked for shows."""
    dome, edge = _liver_dome(organs), _liver_edge(organs)
    apex, bases = _lungs(organs)
    crest, hips = _pelvis(organs)
    landmarks = {
        Landmark.LUNG_APEX: apex,
        Landmark.LIVER_DOME: dome,
        Landmark.LUNG_BASES: bases,
        Landmark.LIVER_LOWER_EDGE: edge,
        Landmark.ILIAC_CREST: crest,
        Landmark.PELVIS: hips,
    }
    if organs.turned:
        landmarks = {
            place: replace(seen, confidence=round(_TURNED * seen.confidence, 2))
            for place, seen in landmarks.items()
        }
    whole = 1.0 if dome.shown and edge.shown else None
    length_mm = round(organs.volume.length_mm, 1)
    return Coverage(landmarks, length_mm, whole, _cut_sides(organs), organs.turned)


def _levels(organs: Organs, mask: Mask, least_cm2: float) -> NDArray[np.int_]:
    """The slices in which a mask has at least this area."""
    _, y_mm, x_mm = organs.coarse.spacing_mm
    return np.flatnonzero(mask.sum(axis=(1, 2)) * y_mm * x_mm / 100.0 >= least_cm2)


def _cut_share(mask: Mask, level: int) -> float:
    """The area of a mask in one slice as a share of its largest."""
    areas = mask.sum(axis=(1, 2))
    return round(float(areas[level]) / max(float(areas.max()), 1.0), 2)


def _right_of_spine(organs: Organs, mask: Mask, off_mm: float) -> Mask:
    columns = organs.coarse.mm(2)
    middle = organs.spine.x_mm[organs.spine.found]
    x = float(np.median(middle)) if len(middle) else float(columns.mean())
    return mask & (columns < x - off_mm)[np.newaxis, np.newaxis, :]


def _beyond(organs: Organs) -> int:
    """How many slices beyond an organ prove its end."""
    return max(1, round(_BEYOND_MM / organs.coarse.spacing_mm[0]))


def _few(organs: Organs) -> bool:
    return organs.coarse.hu.shape[0] < 3 or not organs.body.any()


def _lungs(organs: Organs) -> tuple[Seen, Seen]:
    if _few(organs):
        sentence = "Too few images to tell where the lungs end."
        return Seen(None, 0.0, sentence), Seen(None, 0.0, sentence)
    levels = _levels(organs, organs.lungs, _LUNG_CM2)
    step = organs.coarse.spacing_mm[0]
    if len(levels) * step < _LEAST_LUNG_MM:
        sentence = "No lung is shown."
        return Seen(False, 0.8, sentence), Seen(False, 0.7, sentence)
    above = organs.coarse.hu.shape[0] - 1 - int(levels[-1])
    below = int(levels[0])
    enough = _beyond(organs)
    height = len(levels) * step
    if above < enough:
        sentence = "The uppermost image still cuts through the lungs."
        apex = Seen(False, 0.9, sentence, _cut_share(organs.lungs, int(levels[-1])))
    elif height < 100.0:
        apex = Seen(None, 0.3, f"Only {height:.0f} mm of lung are shown; it may not be the apex.")
    else:
        apex = Seen(True, 0.9, f"The lungs end {above * step:.0f} mm below the uppermost image.")
    if below < enough:
        sentence = "The lowest image still cuts through the lungs."
        return apex, Seen(False, 0.9, sentence, _cut_share(organs.lungs, below))
    return apex, Seen(True, 0.9, f"The lungs end {below * step:.0f} mm above the lowest image.")


def _liver_dome(organs: Organs) -> Seen:
    if organs.liver is None or _few(organs):
        return Seen(None, 0.0, "The liver was not found, so its dome cannot be told.")
    right = _right_of_spine(organs, organs.liver.mask, 25.0)
    liver = _levels(organs, right, _LIVER_CM2)
    if not len(liver):
        return Seen(None, 0.0, "The right half of the liver was not found.")
    step, top = organs.coarse.spacing_mm[0], int(liver[-1])
    above = organs.coarse.hu.shape[0] - 1 - top
    if above < _beyond(organs):
        sentence = "The uppermost image still cuts through the liver: its dome is cut off."
        return Seen(False, 0.9, sentence, _cut_share(right, top))
    lung = _levels(organs, _right_of_spine(organs, organs.lungs, 25.0), _LUNG_CM2)
    over = int((lung > top).sum())
    sentence = f"The liver ends {above * step:.0f} mm below the uppermost image"
    if over >= _beyond(organs):
        return Seen(True, round(0.95 * organs.liver.confidence, 2), f"{sentence}, with lung above.")
    return Seen(
        True,
        round(0.5 * organs.liver.confidence, 2),
        f"{sentence}; there is no lung above it to confirm that.",
    )


def _liver_edge(organs: Organs) -> Seen:
    if organs.liver is None or _few(organs):
        return Seen(None, 0.0, "The liver was not found, so its lower edge cannot be told.")
    right = _right_of_spine(organs, organs.liver.mask, 0.0)
    liver = _levels(organs, right, _LIVER_CM2)
    if not len(liver):
        return Seen(None, 0.0, "The right half of the liver was not found.")
    below, step = int(liver[0]), organs.coarse.spacing_mm[0]
    if below < _beyond(organs):
        sentence = "The lowest image still cuts through the liver: its lower edge is cut off."
        confidence = round(0.85 * organs.liver.confidence, 2)
        return Seen(False, confidence, sentence, _cut_share(right, below))
    return Seen(
        True,
        round(0.85 * organs.liver.confidence, 2),
        f"The liver ends {below * step:.0f} mm above the lowest image.",
    )


def _pelvis(organs: Organs) -> tuple[Seen, Seen]:
    if _few(organs):
        sentence = "Too few images to tell."
        return Seen(None, 0.0, sentence), Seen(None, 0.0, sentence)
    pelvis = organs.pelvis
    step = organs.coarse.spacing_mm[0]
    if pelvis.crest_level is None:
        crest = Seen(False, 0.75, "No hip bone is shown: the series ends above the iliac crest.")
    else:
        height = (pelvis.crest_level + 1) * step
        crest = Seen(True, 0.8, f"Hip bones are shown over the lowest {height:.0f} mm.")
    if pelvis.hip_level is None:
        return crest, Seen(False, 0.7, "The hip joints are not shown.")
    return crest, Seen(True, 0.8, "The heads of both thigh bones are shown.")


def _cut_sides(organs: Organs) -> tuple[str, ...]:
    """Where the body reaches the edge of the images over more than _SIDE_MM in a tenth of them."""
    _, y_mm, x_mm = organs.coarse.spacing_mm
    edges = (
        ("right", organs.body[:, :, 0].sum(axis=1) * y_mm),
        ("left", organs.body[:, :, -1].sum(axis=1) * y_mm),
        ("front", organs.body[:, 0, :].sum(axis=1) * x_mm),
        ("back", organs.body[:, -1, :].sum(axis=1) * x_mm),
    )
    return tuple(name for name, along in edges if float((along > _SIDE_MM).mean()) > 0.1)
