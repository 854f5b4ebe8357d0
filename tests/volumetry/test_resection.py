"""Cuts through livers whose halves are known by arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from server.dicom.geometry import SeriesGeometry, Vector, of_series
from server.volumetry.distance import margin_mm
from server.volumetry.masks import Volume
from server.volumetry.resection import (
    CutUndefined,
    by_plane,
    by_segments,
    by_surface,
    split,
)
from tests.volumetry.scenes import images, mask

# Pixels of 2 x 2 mm, slices 3 mm apart; voxels 2..13 in rows and columns, slices 2..9.
LIVER = (2, 10, 2, 14, 2, 14)


@pytest.fixture
def grid() -> SeriesGeometry:
    return of_series(images())


def drawn(*boxes: tuple[int, int, int, int, int, int]) -> Volume:
    return mask(*boxes).astype(np.uint8)


@pytest.mark.parametrize(
    ("points", "remains", "expected"),
    [
        # upright along the columns, between columns 7 and 8
        ([(15, 0, 0), (15, 30, 0), (15, 0, 30)], (5, 15, 15), (2, 10, 2, 14, 2, 8)),
        ([(15, 0, 0), (15, 30, 0), (15, 0, 30)], (25, 15, 15), (2, 10, 2, 14, 8, 14)),
        # lying between slices 5 and 6
        ([(0, 0, 16.5), (30, 0, 16.5), (0, 30, 16.5)], (15, 15, 0), (2, 6, 2, 14, 2, 14)),
        # upright along the rows
        ([(0, 11, 0), (30, 11, 0), (0, 11, 30)], (15, 30, 9), (2, 10, 6, 14, 2, 14)),
    ],
)
def test_a_plane_leaves_the_side_of_the_point_that_remains(
    grid: SeriesGeometry,
    points: list[Vector],
    remains: Vector,
    expected: tuple[int, int, int, int, int, int],
) -> None:
    remnant = by_plane(drawn(LIVER), grid, points, remains)
    assert np.array_equal(remnant, drawn(expected))


def test_an_oblique_plane_through_the_middle_halves_the_liver(grid: SeriesGeometry) -> None:
    liver = drawn(LIVER)
    middle = (15.0, 15.0, 16.5)
    points = [middle, (16.0, 15.0, 15.5), (15.0, 16.0, 17.3)]
    remnant = by_plane(liver, grid, points, (15.0, 15.0, 40.0))
    found = split(liver, remnant, grid)
    assert found.remnant_ml == pytest.approx(found.specimen_ml)
    assert found.remnant_ml + found.specimen_ml == pytest.approx(8 * 144 * 0.012)


def test_points_on_a_line_define_no_plane(grid: SeriesGeometry) -> None:
    with pytest.raises(CutUndefined, match="one line"):
        by_plane(drawn(LIVER), grid, [(0, 0, 0), (5, 5, 5), (10, 10, 10)], (0, 0, 9))


def test_a_point_in_the_plane_has_no_side(grid: SeriesGeometry) -> None:
    with pytest.raises(CutUndefined, match="in the plane"):
        by_plane(drawn(LIVER), grid, [(15, 0, 0), (15, 30, 0), (15, 0, 30)], (15, 5, 5))


def test_a_straight_line_on_one_slice_stands_upright_like_a_plane(grid: SeriesGeometry) -> None:
    liver = drawn(LIVER)
    plane = by_plane(liver, grid, [(15, 0, 0), (15, 30, 0), (15, 0, 30)], (5, 15, 15))
    surface = by_surface(liver, grid, [[(15, 4, 12), (15, 26, 12)]], (5, 15, 15))
    assert np.array_equal(surface, plane)


def test_lines_on_two_slices_make_the_plane_between_them(grid: SeriesGeometry) -> None:
    liver = drawn(LIVER)
    low, high = [(9, 4, 6), (9, 26, 6)], [(21, 4, 27), (21, 26, 27)]
    plane = by_plane(liver, grid, [low[0], low[1], high[0]], (5, 15, 15))
    assert np.array_equal(by_surface(liver, grid, [high, low], (5, 15, 15)), plane)


def test_a_bent_line_is_followed(grid: SeriesGeometry) -> None:
    liver = drawn(LIVER)
    bent = [(0, 15, 12), (15, 15, 12), (15, 0, 12)]
    remnant = by_surface(liver, grid, [bent], (5, 5, 12))
    assert np.array_equal(remnant, drawn((2, 10, 2, 8, 2, 8)))


def test_both_sides_of_a_surface_are_the_whole_liver(grid: SeriesGeometry) -> None:
    liver = drawn(LIVER)
    lines = [[(6, 9, 9), (13, 16, 9), (24, 14, 9)], [(8, 12, 24), (15, 18, 24), (26, 11, 24)]]
    one = by_surface(liver, grid, lines, (15, 4, 15))
    other = by_surface(liver, grid, lines, (15, 27, 15))
    assert not (one & other).any()
    assert np.array_equal(one | other, liver)


@pytest.mark.parametrize("lines", [[], [[(1, 1, 1)]], [[(1, 1, 1), (1, 1, 1)]]])
def test_a_line_that_is_none_is_refused(grid: SeriesGeometry, lines: list[list[Vector]]) -> None:
    with pytest.raises(CutUndefined):
        by_surface(drawn(LIVER), grid, lines, (5, 15, 15))


def test_chosen_segments_are_taken_and_the_rest_remains(grid: SeriesGeometry) -> None:
    liver = drawn(LIVER)
    couinaud = {
        "II": drawn((2, 10, 2, 14, 2, 5)),
        "III": drawn((2, 10, 2, 14, 5, 8)),
        "IV": drawn((2, 10, 2, 14, 8, 14)),
    }
    assert np.array_equal(by_segments(liver, couinaud, ["II", "III"]), couinaud["IV"])
    with pytest.raises(CutUndefined, match="no segment VIII"):
        by_segments(liver, couinaud, ["VIII"])


def test_a_cut_beside_the_liver_is_refused(grid: SeriesGeometry) -> None:
    liver = drawn(LIVER)
    remnant = by_plane(liver, grid, [(1, 0, 0), (1, 30, 0), (1, 0, 30)], (30, 0, 0))
    with pytest.raises(CutUndefined, match="remaining side"):
        split(liver, remnant, grid)


@pytest.mark.parametrize(
    ("tumour", "expected_mm"),
    [
        ((4, 6, 6, 8, 10, 12), 6.0),  # columns 10 to 7: three steps of 2 mm
        ((4, 6, 6, 8, 8, 10), 2.0),  # beside the cut
        ((4, 6, 6, 8, 7, 9), 0.0),  # cut through
    ],
)
def test_the_margin_is_the_shortest_way_from_tumour_to_remnant(
    grid: SeriesGeometry, tumour: tuple[int, int, int, int, int, int], expected_mm: float
) -> None:
    liver = drawn(LIVER)
    remnant = by_plane(liver, grid, [(15, 0, 0), (15, 30, 0), (15, 0, 30)], (5, 15, 15))
    found = split(liver, remnant, grid, drawn(tumour))
    assert found.margin_mm == pytest.approx(expected_mm, abs=1e-4)
    assert (found.tumour_left_ml > 0) == (expected_mm == 0.0)


def test_the_margin_is_that_of_all_pairs_of_voxels(grid: SeriesGeometry) -> None:
    chance = np.random.default_rng(7)
    spacing = np.array([3.0, 2.0, 2.0])
    for _ in range(20):
        tumour, remnant = np.zeros((12, 16, 16), np.uint8), np.zeros((12, 16, 16), np.uint8)
        for volume in (tumour, remnant):
            for place in chance.integers((0, 0, 0), volume.shape, size=(5, 3)):
                volume[tuple(place)] = 1
        apart = (np.argwhere(tumour)[:, None] - np.argwhere(remnant)[None]) * spacing
        nearest = float(np.linalg.norm(apart, axis=2).min())
        assert margin_mm(tumour, remnant, grid) == pytest.approx(nearest, abs=1e-3)


def test_without_tumour_there_is_no_margin(grid: SeriesGeometry) -> None:
    assert margin_mm(np.zeros((12, 16, 16), np.uint8), drawn(LIVER), grid) is None
