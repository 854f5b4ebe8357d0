"""Series geometry from positions, never from Slice Thickness."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydicom.dataset import Dataset

from server.dicom.geometry import GeometryIncomplete, GeometryMixed, of_series


def series(z_mm: Sequence[float], **changes: object) -> list[Dataset]:
    found = []
    for number, z in enumerate(z_mm):
        image = Dataset()
        image.SOPInstanceUID = f"1.2.{number}"
        image.FrameOfReferenceUID = "1.9"
        image.Rows, image.Columns = 10, 12
        image.PixelSpacing = [2, 1.5]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [0, 0, z]
        image.SliceThickness = 5
        for keyword, value in changes.items():
            setattr(image, keyword, value)
        found.append(image)
    return found


def test_spacing_comes_from_positions_in_any_order() -> None:
    geometry = of_series(series([6, 0, 3, 9]))
    assert geometry.slice_spacing_mm == 3.0
    assert geometry.voxel_volume_ml == pytest.approx(2 * 1.5 * 3 / 1000)
    assert [plane.distance_mm for plane in geometry.planes] == [0, 3, 6, 9]
    assert (geometry.gaps, geometry.duplicates, geometry.uneven_mm) == ((), (), ())
    assert (geometry.row_spacing_mm, geometry.column_spacing_mm) == (2.0, 1.5)


def test_missing_images_are_found_and_counted() -> None:
    geometry = of_series(series([0, 3, 12, 15, 18]))
    assert [(gap.missing, gap.below_mm, gap.above_mm) for gap in geometry.gaps] == [(2, 3.0, 12.0)]
    assert geometry.depth == 7


def test_images_at_the_same_place_are_found() -> None:
    geometry = of_series(series([0, 3, 3, 6]))
    assert len(geometry.planes) == 3
    assert len(geometry.duplicates) == 1
    assert geometry.slice_spacing_mm == 3.0


def test_uneven_steps_are_found() -> None:
    assert of_series(series([0, 3, 6, 10, 13])).uneven_mm == (4.0,)


def test_an_oblique_series_is_measured_along_its_normal() -> None:
    images = series([0, 0, 0], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    for number, image in enumerate(images):
        image.ImagePositionPatient = [number * 2.5, 7, 8]
    geometry = of_series(images)
    assert geometry.slice_spacing_mm == pytest.approx(2.5)
    assert geometry.normal == (-1.0, 0.0, 0.0)
    assert geometry.shear_mm == pytest.approx(0)


def test_a_tilted_gantry_shows_as_shear_and_not_as_spacing() -> None:
    images = series([0, 3, 6])
    for number, image in enumerate(images):
        image.ImagePositionPatient = [0, number * 1.0, number * 3.0]
    geometry = of_series(images)
    assert geometry.slice_spacing_mm == pytest.approx(3.0)
    assert geometry.shear_mm == pytest.approx(2.0)


def test_one_image_has_no_spacing() -> None:
    geometry = of_series(series([0]))
    assert geometry.slice_spacing_mm is None
    assert geometry.voxel_volume_ml is None
    assert "one image only" in geometry.describe()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PixelSpacing", [2, 2]),
        ("ImageOrientationPatient", [0, 1, 0, 0, 0, -1]),
        ("Rows", 11),
        ("FrameOfReferenceUID", "1.8"),
    ],
)
def test_images_that_do_not_share_a_grid_are_named(keyword: str, value: object) -> None:
    images = series([0, 3])
    setattr(images[1], keyword, value)
    with pytest.raises(GeometryMixed, match=keyword):
        of_series(images)


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "PixelSpacing"])
def test_an_image_that_does_not_say_where_it_lies_is_named(keyword: str) -> None:
    images = series([0, 3])
    delattr(images[1], keyword)
    with pytest.raises(GeometryIncomplete, match=rf"{keyword}.*1\.2\.1"):
        of_series(images)


def test_an_orientation_of_two_parallel_vectors_is_refused() -> None:
    with pytest.raises(GeometryIncomplete, match="perpendicular"):
        of_series(series([0, 3], ImageOrientationPatient=[1, 0, 0, 1, 0, 0]))


def test_no_images_have_no_geometry() -> None:
    with pytest.raises(GeometryIncomplete):
        of_series([])
