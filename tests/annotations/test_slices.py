"""RECIST 1.1 at baseline on thick slices: twice the slice thickness, of the image where it is known."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.following import followed
from server.annotations.organs import ORGANS
from server.annotations.slices import Slice, Slices

SIZE = "/target_1/diameter_mm"


def notes(mm: float, slices: Slices | None, site: str = "liver") -> tuple[str, ...]:
    answers: dict[str, Any] = {"target_1": {"site": site, "diameter_mm": mm}}
    return followed(ORGANS["lung"], answers, [], slices)[0].notes


# PMC2755245 table 3: 10 mm on slices up to 5 mm, else twice the slice thickness; film 20 mm.
@pytest.mark.parametrize(
    ("slice_mm", "mm", "said"),
    [
        (1.0, 10, ""),
        (5.0, 10, ""),
        (5.0, 9.9, "10 mm or more at baseline."),
        (5.1, 10.1, "10.2 mm or more at baseline, on slices of 5.1 mm."),
        (5.1, 10.2, ""),
        (8.0, 15.9, "16 mm or more at baseline, on slices of 8 mm."),
        (8.0, 16, ""),
    ],
)
def test_the_image_that_a_size_is_bound_to_says_how_large_a_target_is(
    slice_mm: float, mm: float, said: str
) -> None:
    found = notes(mm, Slices({SIZE: Slice(slice_mm)}, 1.0, 10.0))
    assert [one.endswith(said) for one in found] == ([True] if said else [])


def test_a_chest_film_asks_for_twenty_millimetres() -> None:
    film = Slices({SIZE: Slice(chest_film=True)})
    assert notes(19, film, "lung") == (
        "A target has a longest diameter of 20 mm or more at baseline on a chest film.",
    )
    assert notes(20, film, "lung") == ()


def test_a_size_that_is_bound_to_nothing_is_held_against_the_slices_of_the_case() -> None:
    assert notes(12, Slices(least_mm=1.0, most_mm=5.0)) == ()
    assert notes(13, Slices(least_mm=7.0, most_mm=7.0)) == (
        "A target has a longest diameter of 14 mm or more at baseline, on slices of 7 mm.",
    )
    [mixed] = notes(13, Slices(least_mm=1.25, most_mm=7.0))
    assert "1.25 to 7 mm thick" in mixed and "a target has 14 mm or more: target 1." in mixed
    assert notes(14, Slices(least_mm=1.25, most_mm=7.0)) == ()


@pytest.mark.parametrize("slices", [None, Slices({SIZE: Slice()}, 1.0, 1.0)])
def test_a_slice_thickness_that_nobody_knows_is_said(slices: Slices | None) -> None:
    [unknown] = notes(12, slices)
    assert unknown.startswith("Slice thickness not known: target 1.")


def test_a_node_is_measured_by_its_short_axis_on_any_slices() -> None:
    assert notes(15, Slices(least_mm=10.0, most_mm=10.0), "lymph_node") == ()
    assert notes(15, None, "lymph_node") == ()
