"""What a value was measured on, in the structured report: the image, and the points on it."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from highdicom.sr import srread
from pydicom.dataset import Dataset

from server.annotations.evidence import evidence_series
from server.annotations.organs import ORGANS
from server.annotations.validation import problems
from server.opinions.evidence_groups import pixel_points
from server.opinions.imaging import Imaging
from server.opinions.structured_report import structured_report
from tests.opinions.assessments import (
    IMAGE,
    SERIES,
    STUDY,
    assessment,
    imaging,
    measured,
    reference,
)

DCIODVFY = shutil.which("dciodvfy")
SLICE = f"{SERIES}.28"
SPACING_MM = (0.8, 0.5)  # between rows, between columns
CORNER_MM = (-120.0, -90.0, 40.0)
BASE = ORGANS["pancreas"].examples()["head-borderline-sma"]


def header() -> Dataset:
    """An axial slice of 400 columns and 300 rows."""
    image = reference()
    image.SOPInstanceUID = SLICE
    image.Rows, image.Columns = 300, 400
    image.PixelSpacing = list(SPACING_MM)
    image.ImagePositionPatient = list(CORNER_MM)
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    return image


def at(column: float, row: float) -> list[float]:
    """The place in the patient of a point on the slice, counted in pixel centres from 0."""
    return [CORNER_MM[0] + column * SPACING_MM[1], CORNER_MM[1] + row * SPACING_MM[0], CORNER_MM[2]]


def entry(kind: str, **more: Any) -> dict[str, Any]:
    image = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": SLICE}
    return {"kind": kind, "state": "supported", "image": image, **more}


ANGLE = entry("angle", value=90, unit="deg", points_mm=[at(100, 100), at(120, 100), at(120, 80)])
AXES = entry(
    "bidirectional",
    value=30,
    unit="mm",
    points_mm=[at(100, 150), at(160, 150), at(130, 140), at(130, 165)],
)
LENGTH = entry("length", value=24, unit="mm", points_mm=[at(100, 100), at(100, 130)])


def written(evidence: dict[str, Any], image: Dataset | None = None) -> Any:
    answers = {**BASE, "size_mm": 30, "evidence": evidence}
    assert problems(ORGANS["pancreas"], answers) == []
    looked_at = imaging()
    whole = Imaging(looked_at.reference, looked_at.series, (), (image or header(),))
    return structured_report(assessment("pancreas", answers), whole)


def read(evidence: dict[str, Any], image: Dataset | None = None) -> Any:
    return srread(io.BytesIO(written(evidence, image))).content


def group(content: Any, label: str) -> Any:
    [found] = [
        one
        for one in content.get_image_measurement_groups()
        if one.tracking_identifier == f"Seen: {label}"
    ]
    return found


def test_an_angle_names_its_image_and_its_three_points() -> None:
    content = read({"/vessels/sma/contact_deg": ANGLE})
    found = group(content, "Contact of the SMA")
    assert measured(found) == {"1483009": (90.0, "deg")}
    [site] = found.finding_sites
    assert site.value.value == "42258001"
    [source] = found.source_images
    assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == SLICE
    [number] = found.get_measurements()
    [coordinates] = number.referenced_coordinates
    assert coordinates.graphic_type.value == "POLYLINE"
    assert coordinates.value.tolist() == [[100.5, 100.5], [120.5, 100.5], [120.5, 80.5]]


def test_a_length_is_measured_along_its_two_points() -> None:
    [number] = group(read({"/size_mm": LENGTH}), "Largest axial diameter").get_measurements()
    assert (number.name.value, number.value, number.unit.value) == ("410668003", 24.0, "mm")
    [coordinates] = number.referenced_coordinates
    assert coordinates.value.tolist() == [[100.5, 100.5], [100.5, 130.5]]


def test_two_diameters_are_a_planar_region_with_both_axes() -> None:
    [found] = read({"/size_mm": AXES}).get_planar_roi_measurement_groups()
    assert measured(found) == {"103339001": (30.0, "mm"), "103340004": (20.0, "mm")}
    assert found.roi.graphic_type.value == "POLYLINE"
    assert found.roi.value.tolist() == [
        [100.5, 150.5],
        [130.5, 140.5],
        [160.5, 150.5],
        [130.5, 165.5],
        [100.5, 150.5],
    ]


def test_a_key_image_is_named_without_coordinates() -> None:
    found = group(read({"/site": entry("key_image")}), "The tumour's site")
    assert found.get_measurements() == []
    assert found.source_images[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == SLICE


@pytest.mark.parametrize(
    "evidence",
    [
        {"/size_mm": {**LENGTH, "state": "unsupported"}},
        {"/size_mm": {**LENGTH, "image": {**LENGTH["image"], "SOPInstanceUID": "1.2.3.4"}}},
    ],
    ids=["deleted since", "image gone"],
)
def test_what_is_deleted_or_gone_is_not_referred_to(evidence: dict[str, Any]) -> None:
    groups = read(evidence).get_image_measurement_groups()
    assert not any(one.tracking_identifier.startswith("Seen:") for one in groups)


def test_the_images_that_are_referred_to_stand_in_the_evidence() -> None:
    report = srread(io.BytesIO(written({"/size_mm": LENGTH})))
    named = {
        one.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert named == {IMAGE, SLICE}


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy (Debian: dicom3tools) is not installed")
def test_dciodvfy_finds_no_error_in_measured_evidence(tmp_path: Path) -> None:
    assert DCIODVFY
    path = tmp_path / "report.dcm"
    evidence = {"/vessels/sma/contact_deg": ANGLE, "/size_mm": AXES, "/site": entry("key_image")}
    path.write_bytes(written(evidence))
    done = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True, check=False)
    said_of = [line for line in done.stderr.splitlines() if "<99MARGIN>" not in line]
    assert said_of == ["Comprehensive3DSR"]


def test_points_on_a_tilted_plane_are_found_again() -> None:
    image = header()
    image.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    along_row, along_column = np.array([0, 1, 0]), np.array([0, 0, -1])
    point = np.array(CORNER_MM) + 20 * SPACING_MM[1] * along_row + 10 * SPACING_MM[0] * along_column
    found = pixel_points([point.tolist()], image)
    assert found is not None
    assert found.tolist() == [[20.5, 10.5]]


def test_points_off_the_slice_or_outside_the_image_give_no_coordinates() -> None:
    off = [*at(10, 10)[:2], CORNER_MM[2] + 9.0]
    assert pixel_points([off], header()) is None
    assert pixel_points([at(500, 10)], header()) is None
    assert pixel_points([], header()) is None
    plain = header()
    del plain.ImagePositionPatient
    assert pixel_points([at(1, 1)], plain) is None


def test_the_images_wanted_are_known_by_their_series() -> None:
    assert evidence_series({"evidence": {"/site": entry("key_image")}}) == {SERIES: {SLICE}}
    assert evidence_series({}) == {}
