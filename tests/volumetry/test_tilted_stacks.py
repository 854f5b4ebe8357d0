"""A stack whose slices drift sideways (gantry tilt) is cut and measured where it lies."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from server.dicom.geometry import SeriesGeometry, of_series
from server.volumetry.cut import Cut
from server.volumetry.distance import margin_mm
from server.volumetry.masks import Volume
from server.volumetry.placing import positions_mm, voxel_of
from server.volumetry.resection import by_plane, by_surface
from server.volumetry.segmentation import measure
from server.volumetry.trial import try_cut
from tests.volumetry.scenes import images, mask, seg, stored

DRIFT_MM = 1.7  # a slice; not a whole number of pixels (2 mm)
LIVER = (2, 10, 2, 14, 2, 14)


def tilted() -> list[Dataset]:
    """The scene's images, each moved on along the columns and a little along the rows."""
    found = images()
    for number, image in enumerate(found):
        image.ImagePositionPatient = [number * DRIFT_MM, -0.3 * number, number * 3.0]
    return found


@pytest.fixture
def grid() -> SeriesGeometry:
    return of_series(tilted())


def placed(volume: Volume, grid: SeriesGeometry) -> np.ndarray:
    return positions_mm(np.argwhere(volume), grid)


def test_the_scene_is_tilted_by_more_than_a_pixel(grid: SeriesGeometry) -> None:
    assert grid.shear_mm > 10
    assert not grid.gaps
    assert not grid.uneven_mm


def test_a_plane_splits_the_voxels_by_where_they_lie_in_the_patient(grid: SeriesGeometry) -> None:
    liver = mask(LIVER).astype(np.uint8)
    points = [(24.0, 10.0, 15.0), (26.0, 20.0, 9.0), (20.0, 12.0, 24.0)]
    remains = (0.0, 15.0, 15.0)
    remnant = by_plane(liver, grid, points, remains)
    one, two, three = (np.array(point) for point in points)
    normal = np.cross(two - one, three - one)
    side = np.sign((np.array(remains) - one) @ normal)
    expected = (placed(liver, grid) - one) @ normal * side > 0
    assert np.array_equal(remnant[liver > 0] > 0, expected)
    assert 0 < expected.sum() < expected.size


def test_an_upright_surface_is_upright_in_the_patient_not_along_the_drift(
    grid: SeriesGeometry,
) -> None:
    liver = mask(LIVER).astype(np.uint8)
    x_mm = 21.1
    remnant = by_surface(liver, grid, [[(x_mm, 0.0, 12.0), (x_mm, 32.0, 12.0)]], (8.0, 15.0, 9.0))
    expected = placed(liver, grid)[:, 0] < x_mm
    assert np.array_equal(remnant[liver > 0] > 0, expected)


def test_the_margin_is_that_of_all_pairs_of_voxels(grid: SeriesGeometry) -> None:
    chance = np.random.default_rng(3)
    for _ in range(15):
        tumour, remnant = np.zeros((12, 16, 16), np.uint8), np.zeros((12, 16, 16), np.uint8)
        for volume in (tumour, remnant):
            low = chance.integers((0, 0, 0), (8, 12, 12))
            volume[low[0] : low[0] + 3, low[1] : low[1] + 4, low[2] : low[2] + 3] = 1
        apart = placed(tumour, grid)[:, None] - placed(remnant, grid)[None]
        nearest = float(np.linalg.norm(apart, axis=2).min())
        shared = bool((tumour & remnant).any())
        assert margin_mm(tumour, remnant, grid) == pytest.approx(0.0 if shared else nearest)


def test_a_point_finds_the_voxel_that_lies_there(grid: SeriesGeometry) -> None:
    for voxel in ((0, 0, 0), (11, 15, 15), (5, 3, 9)):
        (there,) = positions_mm(np.array([voxel]), grid)
        assert voxel_of(there + 0.4, grid) == voxel
    assert voxel_of(np.array([0.0, 0.0, 33.0]), grid) is None


def test_the_result_is_written_on_the_tilted_images_and_measures_the_same() -> None:
    headers = tilted()
    data = stored(seg(headers, liver=mask(LIVER), tumour=mask((4, 6, 6, 8, 11, 13))))
    cut = Cut("plane", ((24, 0, 0), (24, 30, 0), (24, 0, 30)), remains_mm=(0, 15, 15))
    trial = try_cut(data, headers, cut)
    again = measure(trial.seg, headers)
    assert again.flr_ml == pytest.approx(trial.split.remnant_ml)
    assert again.liver_ml == pytest.approx(8 * 144 * 0.012)
    assert trial.split.margin_mm is not None
    assert trial.split.margin_mm > 0
