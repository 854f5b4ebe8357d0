"""Whether a body lies the other way round in its images than their headers say.

Headers say how the patient lay. Where the wrong position was chosen at the scanner, or a program mirrored
the images, the spine comes to lie in front, the lungs below, or the liver on the left. The search for
organs needs them in their places, so the volume is turned; and since left and right can then be trusted
no more than front and back, whatever is read from it is less sure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from server.imaging.body_parts import Mask, Spine, coarsened, find_body, find_lungs, find_spine
from server.imaging.parenchyma import Parenchyma, find_liver, ground_of
from server.imaging.read_volume import Volume

# [UNPUB] A spine in so much of the stack is one. Else the other way round it has to be found in half of
# it and so many times more often: heart and aorta full of contrast look like one in places.
_SPINE_SURE: Final = 0.8
_SPINE_SHARE: Final = 0.5
_SPINE_TIMES: Final = 1.25
# [UNPUB] So much lung (mL) below and none above. Bowel holds less air that is not gas.
_LUNG_ML: Final = 500.0
# [UNPUB] Less than the first (mL) on the right is no liver, and the second on the left is one and no
# spleen: a shrunken liver beside a large spleen has to stay where it is.
_NO_LIVER_ML: Final = 300.0
_LIVER_ML: Final = 900.0

FRONT_BACK: Final = "front_back"
UP_DOWN: Final = "up_down"
LEFT_RIGHT: Final = "left_right"
_AXES: Final = {UP_DOWN: 0, FRONT_BACK: 1, LEFT_RIGHT: 2}
_IN_WORDS: Final = {
    FRONT_BACK: "the spine in front",
    UP_DOWN: "the lungs below",
    LEFT_RIGHT: "the liver on the left",
}


def in_words(ways: tuple[str, ...]) -> str:
    """What was seen, as a coordinator reads it."""
    seen = " and ".join(_IN_WORDS[way] for way in ways)
    return f"The images show {seen}: the body was turned for measuring, and a person has to look."


def may_be_turned(spine: Spine, lungs: Mask, liver: Parenchyma | None) -> bool:
    """Whether so little was found where it should be that looking for it elsewhere is worth the time."""
    if spine.found.mean() < _SPINE_SURE or not lungs.any():
        return True
    return liver is None or liver.ml < _NO_LIVER_ML or _lie_under(lungs, liver)


def _lie_under(lungs: Mask, liver: Parenchyma) -> bool:
    """Whether a whole liver has its lungs below it: their middle is lower, and they end below its top."""
    top_of_liver, top_of_lungs = (
        int(np.flatnonzero(mask.any(axis=(1, 2)))[-1]) for mask in (liver.mask, lungs)
    )
    is_lower = _middle(lungs) < _middle(liver.mask)
    return liver.ml >= _LIVER_ML and is_lower and top_of_lungs < top_of_liver


def _middle(mask: Mask) -> float:
    """The level of the middle of a mask, in slices."""
    areas = mask.sum(axis=(1, 2))
    return float(areas @ np.arange(len(areas)) / areas.sum())


def turned(volume: Volume) -> tuple[Volume, tuple[str, ...]]:
    """The volume with the body in its usual place, and along which directions it was turned."""
    ways: list[str] = []
    for way, is_other in ((FRONT_BACK, _back_in_front), (UP_DOWN, _head_below)):
        if is_other(volume):
            volume = flipped(volume, way)
            ways.append(way)
    if _liver_on_the_left(volume):
        volume = flipped(volume, LEFT_RIGHT)
        ways.append(LEFT_RIGHT)
    return volume, tuple(ways)


def flipped(volume: Volume, way: str) -> Volume:
    """The volume mirrored along one direction."""
    return replace(volume, hu=np.ascontiguousarray(np.flip(volume.hu, _AXES[way])))


def _back_in_front(volume: Volume) -> bool:
    coarse = coarsened(volume)
    body = find_body(coarse)
    found = int(find_spine(coarse, body).found.sum())
    levels = len(body)
    if found >= _SPINE_SURE * levels:
        return False
    other = replace(coarse, hu=coarse.hu[:, ::-1])
    there = int(find_spine(other, body[:, ::-1]).found.sum())
    return there >= _SPINE_SHARE * levels and there > _SPINE_TIMES * found


def _head_below(volume: Volume) -> bool:
    coarse = coarsened(volume)
    body = find_body(coarse)
    above = find_lungs(coarse, body)
    if above.any():
        liver = _liver(volume)
        return liver is not None and _lie_under(above, liver)
    lungs = find_lungs(replace(coarse, hu=coarse.hu[::-1]), body[::-1])
    return float(lungs.sum() * coarse.voxel_ml) >= _LUNG_ML


def _liver_on_the_left(volume: Volume) -> bool:
    if _liver_ml(volume) >= _NO_LIVER_ML:
        return False
    return _liver_ml(flipped(volume, LEFT_RIGHT)) >= _LIVER_ML


def _liver_ml(volume: Volume) -> float:
    liver = _liver(volume)
    return liver.ml if liver is not None else 0.0


def _liver(volume: Volume) -> Parenchyma | None:
    coarse = coarsened(volume)
    body = find_body(coarse)
    lungs, spine = find_lungs(coarse, body), find_spine(coarse, body)
    if not spine.found.any():
        return None
    return find_liver(coarse, body, lungs, spine, ground_of(coarse, body))
