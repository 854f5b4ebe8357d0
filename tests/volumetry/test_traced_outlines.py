"""Structure sets whose outlines trace a mask through its outermost pixels give the mask back."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from server.volumetry.contours import structures
from tests.volumetry.scenes import SIZE, images, stored
from tests.volumetry.test_outlines import Outline, box, structure_set

PIXEL_MM = 2.0
DOWN, ACROSS = np.mgrid[0:SIZE, 0:SIZE]


def disc(radius: float, centre: tuple[float, float] = (7.0, 8.0)) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.hypot(ACROSS - centre[0], DOWN - centre[1]) <= radius
    return found


def beside(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of one region that touch another by a side."""
    padded = np.pad(other, 1)
    touched = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    found: NDArray[np.bool_] = one & touched
    return found


def around(pixels: NDArray[np.bool_], centre: tuple[float, float] = (7.0, 8.0)) -> Outline:
    """The centres in mm of the pixels of a ring, in their order around its middle."""
    down, across = np.nonzero(pixels)
    order = np.argsort(np.arctan2(down - centre[1], across - centre[0]))
    return [(across[at] * PIXEL_MM, down[at] * PIXEL_MM) for at in order]


def traced(mask: NDArray[np.bool_], hole: NDArray[np.bool_]) -> list[tuple[float, Outline]]:
    outlines = [(6.0, around(beside(mask | hole, ~(mask | hole))))]
    return [*outlines, (6.0, around(beside(mask, hole)))] if hole.any() else outlines


@pytest.mark.parametrize("hole_radius", [-1.0, 2.0])
def test_a_traced_disc_gives_its_mask_back_with_its_hole(hole_radius: float) -> None:
    headers, hole = images(), disc(hole_radius)
    drawn = disc(5.5) & ~hole
    (found,) = structures(stored(structure_set(headers, liver=traced(drawn, hole))), headers)
    assert np.array_equal(found.mask[2].astype(bool), drawn)
    assert ["as a mask is traced" in note for note in found.notes] == [True]


def test_a_pixel_by_itself_is_one_voxel_of_a_traced_region() -> None:
    headers = images()
    outlines = [*traced(disc(4.2), disc(-1.0)), (9.0, [(4.0, 4.0)])]
    (found,) = structures(stored(structure_set(headers, liver=outlines)), headers)
    assert (found.voxels, found.mask[3].sum()) == (disc(4.2).sum() + 1, 1)


def test_a_rectangle_in_round_millimetres_keeps_its_area_and_the_doubt_is_told() -> None:
    headers = images()
    outlines = [(6.0, box(4.0, 4.0, 14.0, 12.0))]
    (found,) = structures(stored(structure_set(headers, liver=outlines)), headers)
    assert found.voxels == 5 * 4
    assert found.notes[0].endswith("10 voxel(s) on them belong to it and are not counted.")


def test_an_outline_beside_the_centres_is_counted_as_before() -> None:
    headers = images()
    moved = [(x + 0.3, y) for x, y in around(beside(disc(5.5), ~disc(5.5)))]
    (found,) = structures(stored(structure_set(headers, liver=[(6.0, moved)])), headers)
    assert found.notes == ()
    assert found.voxels < disc(5.5).sum()


def test_outlines_of_one_or_two_points_hold_nothing_and_are_told() -> None:
    headers = images()
    outlines = [
        (6.0, box(3.0, 5.0, 13.0, 17.0)),
        (9.0, [(3.1, 5.0)]),
        (9.0, [(1.0, 1.0), (3.0, 3.3)]),
    ]
    (found,) = structures(stored(structure_set(headers, liver=outlines)), headers)
    assert found.voxels == 30
    assert found.notes[0] == "“liver”: 2 outline(s) of one or two points hold nothing."
