"""Finding the hip bones and the heads of the thigh bones: bone far to both sides, below the ribs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.imaging.body_parts import (
    Coarse,
    Floats,
    Mask,
    Spine,
    components,
    depth_mm,
    filled_in_plane,
)

# [UNPUB] HU, mm and square centimetres.
_BONE_HU: Final = 170.0
_HARD_HU: Final = 330.0
_LATERAL_MM: Final = (46.0, 175.0)
_WING_CM2: Final = 1.6
_LEAST_WING_MM: Final = 12.0
_BELOW_LUNG_MM: Final = 45.0
_GAP_MM: Final = 9.0
# Two ribs cut across have less bone than this, a hip bone under its crest more.
_HIP_CM2: Final = 5.0
_HEAD_RADIUS_MM: Final = 15.5


@dataclass(frozen=True)
class Pelvis:
    """The uppermost slice with both hip bones, and one with both heads of the thigh bones; None
    where they are not shown.
    """

    crest_level: int | None
    hip_level: int | None


def find_pelvis(coarse: Coarse, body: Mask, lungs: Mask, spine: Spine) -> Pelvis:
    """Ribs are told from hip bones by the gap between them, the waist, where there is no bone to
    the sides, and by the lungs.
    """
    columns = coarse.mm(2)
    middle = spine.x_mm[spine.found]
    x = float(np.median(middle)) if len(middle) else _middle_of(body, columns)
    sides = [
        _hard(coarse, body & (_LATERAL_MM[0] < off) & (off < _LATERAL_MM[1]))
        for off in (
            np.broadcast_to(x - columns, body.shape),
            np.broadcast_to(columns - x, body.shape),
        )
    ]
    _, y_mm, x_mm = coarse.spacing_mm
    areas = [side.sum(axis=(1, 2)) * y_mm * x_mm / 100.0 for side in sides]
    crest = _crest(np.minimum(*areas), np.maximum(*areas) < 0.4, coarse, lungs)
    if crest is None:
        return Pelvis(None, None)
    return Pelvis(crest, _hips(sides, crest, coarse))


def _hard(coarse: Coarse, where: Mask) -> Mask:
    """Bone to one side, without kidneys and bowel that hold contrast: somewhere it is much harder. A
    kidney may touch the spine, so each side is looked at without it.
    """
    labels, sizes = components((coarse.hu > _BONE_HU) & where)
    hard = np.bincount(labels[coarse.hu > _HARD_HU], minlength=len(sizes))
    found: Mask = ((hard > 0.06 * sizes) & (np.arange(len(sizes)) > 0))[labels]
    return found


def _middle_of(body: Mask, columns: np.ndarray) -> float:
    where = np.flatnonzero(body.any(axis=(0, 1)))
    return float(columns[where].mean()) if len(where) else float(columns.mean())


def _crest(areas: Floats, none: NDArray[np.bool_], coarse: Coarse, lungs: Mask) -> int | None:
    """The top of the lowest run of slices with bone on both sides that is no longer the chest. `areas`
    is the bone of the side that has less, in square centimetres.
    """
    step = coarse.spacing_mm[0]
    air = np.flatnonzero(lungs.any(axis=(1, 2)))
    highest = len(areas) - 1
    if len(air):
        highest = int(air[0] - _BELOW_LUNG_MM / step)
    else:
        # Without lungs the waist is the only witness: bone, above it none, or bone down to the end.
        waist = np.flatnonzero(none)
        if not len(waist):
            return None
        highest = int(waist[-1])
    levels = np.flatnonzero(areas[: max(0, highest + 1)] >= _WING_CM2)
    # Below the hip bones come thighs: where there is no bone at the sides, the series ends in the waist.
    most_gap = max(1.0, _GAP_MM / step)
    if not len(levels) or levels[0] > most_gap:
        return None
    gaps = np.flatnonzero(np.diff(levels) > most_gap)
    run = levels[: gaps[0] + 1] if len(gaps) else levels
    # Ribs end above the waist; bone that goes on up to the chest is hip bone only if it is that large.
    ends_below = len(gaps) > 0 or highest - run[-1] > most_gap
    if not ends_below and areas[run].max() < _HIP_CM2:
        return None
    return int(run[-1]) if len(run) * step >= _LEAST_WING_MM else None


def _hips(sides: list[Mask], crest: int, coarse: Coarse) -> int | None:
    """A slice in which bone is thick and round on both sides."""
    thick = []
    for side in sides:
        low = filled_in_plane(side[: crest + 1])
        thick.append(depth_mm(low, coarse.spacing_mm).max(axis=(1, 2)) >= _HEAD_RADIUS_MM)
    found = np.flatnonzero(thick[0] & thick[1])
    return int(found[-1]) if len(found) else None
