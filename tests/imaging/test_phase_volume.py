"""From images to a small volume in the patient's directions."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import pytest
from pydicom.dataset import Dataset

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.imaging.read_volume import (
    NoVolume,
    Slice,
    read_volume,
    slices_of,
    slices_to_read,
    volume_of,
)

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def stack(orientation: tuple[float, ...], step: tuple[float, float, float]) -> Iterator[Slice]:
    """Ten images of one block: HU 100 in its right front lower eighth, whatever the orientation."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    for number in range(10):
        origin = np.array(step) * number * 5 - 22.5 * (row + column + np.array(step))
        grid = np.arange(10) * 5.0
        places = origin + grid[:, None, None] * column + grid[None, :, None] * row
        inside = (places < 0).copy()
        hu = np.where(inside[..., 0] & inside[..., 1] & inside[..., 2], 100, -50)
        place = (float(origin[0]), float(origin[1]), float(origin[2]))
        yield Slice(hu.astype(np.int16), place, orientation, (5.0, 5.0))


@pytest.mark.parametrize(
    ("orientation", "step"),
    [
        (AXIAL, (0, 0, 1)),
        (AXIAL, (0, 0, -1)),
        ((-1, 0, 0, 0, -1, 0), (0, 0, 1)),
        ((0, 1, 0, -1, 0, 0), (0, 0, 1)),
        ((1, 0, 0, 0, 0, -1), (0, 1, 0)),
        ((0, 1, 0, 0, 0, -1), (1, 0, 0)),
    ],
    ids=["feet first", "head first", "prone", "on the side", "coronal", "sagittal"],
)
def test_right_front_and_below_come_first_in_every_orientation(
    orientation: tuple[float, ...], step: tuple[float, float, float]
) -> None:
    hu = volume_of(stack(orientation, step)).hu
    assert hu.shape == (10, 10, 10)
    assert (hu[:5, :5, :5] == 100).all()
    assert (hu == 100).sum() == 125


def test_fine_images_become_about_two_by_two_by_three_millimetres() -> None:
    def fine() -> Iterator[Slice]:
        for number in range(60):
            yield Slice(np.full((64, 64), 7, np.int16), (0, 0, number * 0.6), AXIAL, (0.7, 0.7))

    volume = volume_of(fine())
    assert volume.images == 60
    assert volume.spacing_mm == pytest.approx((3.0, 2.1, 2.1))
    assert (volume.hu == 7).all()
    assert volume.length_mm == pytest.approx(39, abs=3.1)


def test_a_missing_slice_is_bridged_and_a_doubled_one_does_no_harm() -> None:
    heights = [0, 5, 5, 15, 20]
    hu = volume_of(
        Slice(np.full((8, 8), z, np.int16), (0, 0, z), AXIAL, (5, 5)) for z in heights
    ).hu
    assert [int(level[0, 0]) for level in hu][0::4] == [0, 20]
    assert len(hu) == 5


def test_a_tilted_gantry_is_put_straight() -> None:
    def tilted() -> Iterator[Slice]:
        cosine, sine = np.cos(np.radians(20)), np.sin(np.radians(20))
        for number in range(12):
            hu = np.zeros((40, 40), np.int16)
            row = round(20 + number * 5 * sine / 2)
            hu[row - 2 : row + 2] = 500
            yield Slice(hu, (0, 0, 5.0 * number), (1, 0, 0, 0, cosine, sine), (2.0, 2.0))

    volume = volume_of(tilted())
    assert volume.tilt_deg == pytest.approx(20, abs=0.2)
    assert volume.hu.shape[1] > 40


def test_images_to_fetch_are_about_three_millimetres_apart_with_both_ends() -> None:
    thin = [0.6 * number for number in range(451)]
    chosen = slices_to_read(list(reversed(thin)))
    heights = [list(reversed(thin))[index] for index in chosen]
    assert heights[0] == 0
    assert heights[-1] == pytest.approx(270)
    assert max(np.diff(heights)) <= 3.7
    assert len(chosen) < 100
    assert slices_to_read([0.0, 5.0, 10.0, 15.0]) == (0, 1, 2, 3)
    assert slices_to_read([float("nan"), 5.0]) == (1,)
    assert slices_to_read([]) == ()


def test_what_is_no_ct_or_has_no_place_is_refused_and_left_out() -> None:
    good = [deepcopy(image) for image in Phantom("some", slices=3, rows=64).images(PHASES[0])]
    lost, coloured, other, broken = (deepcopy(good[0]) for _ in range(4))
    del lost.ImagePositionPatient
    coloured.SamplesPerPixel = 3
    other.Modality = "MR"
    broken.PixelData = b"\x00"
    for image in (lost, coloured, other, broken, Dataset()):
        with pytest.raises(NoVolume):
            list(slices_of(image))
    assert read_volume([lost, *good, other]).images == 3
    with pytest.raises(NoVolume):
        read_volume([lost, other])
    with pytest.raises(NoVolume):
        read_volume([])
