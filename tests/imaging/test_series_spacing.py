"""Where slices lie: spacing, missing, doubled, overlapping and unequal ones, tilt; by positions alone."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imaging.spacing import spacing_of
from tests.imaging.made_series import CORONAL, header, stack

EVEN = [index * 2.5 for index in range(40)]


def test_spacing_is_the_distance_of_positions_and_not_the_thickness() -> None:
    found = spacing_of(stack(EVEN, SliceThickness="5", SpacingBetweenSlices="9"))
    assert found.spacing_mm == pytest.approx(2.5)
    assert (found.positions, found.missing, found.tilt_deg) == (40, 0, 0.0)
    assert found.extent_mm == (0.0, 97.5)


def test_the_order_of_files_does_not_matter() -> None:
    images = stack(EVEN)
    random.Random(1).shuffle(images)
    assert spacing_of(images).spacing_mm == pytest.approx(2.5)


@given(st.sets(st.integers(1, 38), min_size=1, max_size=12))
def test_every_missing_slice_between_others_is_counted(dropped: set[int]) -> None:
    found = spacing_of(stack([z for index, z in enumerate(EVEN) if index not in dropped]))
    assert found.missing == len(dropped)
    assert not found.uneven_mm and not found.duplicates_mm


def test_a_gap_says_where_it_is() -> None:
    found = spacing_of(stack(EVEN[:10] + EVEN[13:]))
    (gap,) = found.gaps
    assert (gap.missing, gap.from_mm, gap.to_mm, gap.length_mm) == (3, 22.5, 32.5, 10.0)


def test_a_slice_sent_twice_is_a_duplicate_at_its_place() -> None:
    found = spacing_of([*stack(EVEN), header(99, 25.0)])
    assert found.duplicates_mm == (25.0,)
    assert (found.positions, found.passes) == (40, 1)


def test_positions_rounded_to_a_tenth_are_even() -> None:
    found = spacing_of(stack([round(index * 0.625, 1) for index in range(100)]))
    assert found.spacing_mm == pytest.approx(0.625, abs=0.01)
    assert (found.missing, found.uneven_mm) == (0, ())


def test_two_stacks_pushed_into_each_other_overlap() -> None:
    other = [40.0 + 0.9 + index * 2.5 for index in range(4)]
    found = spacing_of(stack(EVEN + other))
    assert found.overlaps_mm
    assert found.spacing_mm == pytest.approx(2.5)


def test_one_step_of_another_length_is_unequal() -> None:
    shifted = EVEN[:20] + [z + 1.0 for z in EVEN[20:]]
    found = spacing_of(stack(shifted))
    assert found.uneven_mm == (47.5,)


def test_slices_made_further_apart_from_one_place_on_are_unequal_and_none_is_missing() -> None:
    found = spacing_of(stack([*range(50), *range(50, 150, 2)]))
    assert (found.missing, found.uneven_mm, found.spacing_mm) == (0, (50.0,), 1.0)
    some_lost = spacing_of(stack([*range(50), *range(50, 80, 2), *range(80, 120)]))
    assert (some_lost.missing, some_lost.uneven_mm) == (15, ())


def test_a_dynamic_series_shows_its_places_several_times_and_nothing_is_doubled() -> None:
    images = [
        header(n * 40 + index + 1, z, TemporalPositionIdentifier=n + 1)
        for n in range(4)
        for index, z in enumerate(EVEN)
    ]
    found = spacing_of(images)
    assert (found.passes, found.positions, found.duplicates_mm) == (4, 40, ())


def test_a_slice_missing_from_one_pass_is_missing() -> None:
    images = [
        header(n * 40 + index + 1, z, DiffusionBValue=n * 400)
        for n in range(2)
        for index, z in enumerate(EVEN)
        if (n, index) != (1, 17)
    ]
    found = spacing_of(images)
    assert (found.passes, found.missing) == (2, 1)


@pytest.mark.parametrize("degrees", [5.0, 15.0, -20.0])
def test_a_tilted_gantry_is_seen_by_positions(degrees: float) -> None:
    turn = math.radians(degrees)
    # The slices are turned about the x axis, the table moves along z.
    cosines = ["1", "0", "0", "0", math.cos(turn), math.sin(turn)]
    images = [
        header(n, None, ImageOrientationPatient=cosines, ImagePositionPatient=[0, 0, n * 3.0])
        for n in range(1, 20)
    ]
    assert spacing_of(images).tilt_deg == pytest.approx(abs(degrees), abs=0.1)


def test_a_tilt_that_is_only_said_is_believed() -> None:
    assert spacing_of(stack(EVEN, GantryDetectorTilt="-12.5")).tilt_deg == 12.5


def test_oblique_mr_is_not_tilted() -> None:
    turn = math.radians(25)
    normal = (0.0, -math.sin(turn), math.cos(turn))
    cosines = ["1", "0", "0", "0", math.cos(turn), math.sin(turn)]
    images = [
        header(
            n,
            None,
            ImageOrientationPatient=cosines,
            ImagePositionPatient=[4.0 * n * part for part in normal],
        )
        for n in range(1, 20)
    ]
    found = spacing_of(images)
    assert found.tilt_deg == 0.0
    assert found.spacing_mm == pytest.approx(4.0)


def test_images_without_a_place_and_in_another_direction_are_counted() -> None:
    lost = header(90, ImagePositionPatient=None)
    odd = header(91, 12.0, ImagePositionPatient=["1\\x", "b", "c"])
    turned = header(92, 12.0, ImageOrientationPatient=CORONAL)
    found = spacing_of([*stack(EVEN), lost, odd, turned])
    assert (found.unplaced, found.askew, found.positions) == (2, 1, 40)


def test_nothing_with_a_place_gives_no_spacing() -> None:
    found = spacing_of([header(1, ImagePositionPatient=None)])
    assert (found.spacing_mm, found.unplaced, found.length_mm) == (None, 1, 0.0)


def test_one_image_has_no_spacing() -> None:
    assert spacing_of(stack([10.0])).spacing_mm is None
