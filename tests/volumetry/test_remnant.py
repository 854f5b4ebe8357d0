"""The remnant's share and its invariants, on plain numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.volumetry.remnant import (
    LiverWithoutTissue,
    RemnantMeasurement,
    RemnantOutsideLiver,
    Volumes,
    flr_percent,
    remarks,
    share,
)
from server.volumetry.roles import Segment, assign

# Clinical fact sheet 2.3, test vector: TLV 1650, TV 150, FLR 420.
VECTOR = Volumes(liver_ml=1650, flr_ml=420, tumour_ml=150, tumour_in_liver_ml=150)


def test_the_published_vector_gives_28_percent() -> None:
    assert share(VECTOR) == pytest.approx(28.0)
    assert flr_percent(420, 1650) == pytest.approx(25.4545, abs=1e-4)


def test_only_tumour_inside_the_liver_is_subtracted_from_it() -> None:
    outside = replace(VECTOR, tumour_in_liver_ml=0.0)
    assert share(outside) == pytest.approx(25.4545, abs=1e-4)
    assert "150.0 mL of the tumour lie outside the liver segment" in remarks(outside)[0]


def test_a_remnant_larger_than_the_liver_is_refused_with_the_numbers() -> None:
    with pytest.raises(RemnantOutsideLiver, match=r"1700\.0 mL.*1650\.0 mL"):
        share(replace(VECTOR, flr_ml=1700))


def test_a_remnant_outside_the_liver_is_refused_beyond_its_edge() -> None:
    assert share(replace(VECTOR, flr_outside_liver_ml=4.0)) == pytest.approx(28.0)
    with pytest.raises(RemnantOutsideLiver, match=r"5\.0 mL of the FLR \(420\.0 mL\)"):
        share(replace(VECTOR, flr_outside_liver_ml=5.0))


def test_a_liver_that_is_all_tumour_is_refused() -> None:
    with pytest.raises(LiverWithoutTissue, match="leaves nothing"):
        flr_percent(100, 500, 500)


def test_tumour_in_the_remnant_is_remarked() -> None:
    assert remarks(replace(VECTOR, tumour_in_flr_ml=3.2)) == (
        "3.2 mL of tumour lie inside the FLR.",
    )


@pytest.mark.parametrize("missing", ["liver_ml", "flr_ml"])
def test_without_liver_or_remnant_there_is_no_share(missing: str) -> None:
    assert share(replace(VECTOR, **{missing: None})) is None


@given(st.floats(100, 5000), st.floats(0.01, 0.99), st.floats(0, 0.9), st.floats(0.001, 0.05))
def test_more_remnant_never_means_a_smaller_share(
    liver_ml: float, part: float, tumour: float, more: float
) -> None:
    less = flr_percent(liver_ml * part, liver_ml, liver_ml * tumour)
    assert flr_percent(min(liver_ml * (part + more), liver_ml), liver_ml, liver_ml * tumour) >= less


def test_the_panel_reads_rounded_volumes_with_their_band_and_its_trust() -> None:
    measured = RemnantMeasurement(
        label="Segmentation",
        series_description="Portal venous",
        SeriesInstanceUID="1.2",
        SOPInstanceUID="1.3",
        liver_ml=1650.004,
        flr_ml=420.0,
        tumour_ml=150.0,
        flr_percent=28.0,
        missing=(),
        notes=(),
        method="sum of voxels",
        voxel_mm=(0.75, 0.75, 4.0),
    )
    read = measured.to_json()
    assert read["liver_ml"] == 1650.0
    assert read["flr_percent_range"] == [25.2, 30.8]
    assert (read["uncertainty_percent"], read["uncertainty_trust"]) == (10.0, "UNPUB")
    assert read["denominator"] == "measured TLV - tumour"


@pytest.mark.parametrize(
    ("label", "code", "role"),
    [
        ("Liver", "", "liver"),
        ("whole LIVER", "", "liver"),
        ("FLR", "10200004", "flr"),
        ("Future liver remnant", "", "flr"),
        ("remnant (left)", "", "flr"),
        ("Tumour", "", "tumour"),
        ("liver tumor", "", "tumour"),
        ("Lesion 3", "", "tumour"),
        ("Segment 1", "10200004", "liver"),
        ("Segment 1", "T-62000", "liver"),
        ("Segment 2", "108369006", "tumour"),
        ("Liver segment IV", "10200004", None),
        ("left lobe", "10200004", None),
        ("hepatic vein", "", None),
        ("spleen", "78961009", None),
    ],
)
def test_segments_play_their_role_by_label_before_code(
    label: str, code: str, role: str | None
) -> None:
    assert list(assign([Segment(1, label, "SCT", code)])) == ([role] if role else [])
