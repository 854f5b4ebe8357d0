"""Frames whose rows or columns run the other way, and frames that lie on several grids."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from server.dicom.geometry import of_series
from server.volumetry.counting import count
from server.volumetry.frame_grid import SegmentationUnreadable
from server.volumetry.frames import read
from server.volumetry.masks import SegmentGeometryMismatch, check_geometry, on_grid
from server.volumetry.turned import turned_to
from tests.volumetry.scenes import images, mask, seg, stored

CROOKED = mask((2, 10, 2, 9, 3, 14), (4, 6, 9, 12, 3, 5))


def counted_from(drawn: Dataset, *, rows: bool, columns: bool) -> Dataset:
    """The same voxels of the patient, stored from another corner (as on a NIfTI volume)."""
    turned = deepcopy(drawn)
    frames, size = int(turned.NumberOfFrames), turned.Rows * turned.Columns
    bits = np.unpackbits(np.frombuffer(turned.PixelData, np.uint8), bitorder="little")
    pixels = bits[: frames * size].reshape(frames, turned.Rows, turned.Columns)
    pixels = pixels[:, :: -1 if rows else 1, :: -1 if columns else 1]
    turned.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    (shared,) = turned.SharedFunctionalGroupsSequence
    plane = shared.PlaneOrientationSequence[0]
    across, down = np.split(np.array(plane.ImageOrientationPatient, float), 2)
    down_mm, across_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    corner = rows * (turned.Rows - 1) * down_mm * down
    corner = corner + columns * (turned.Columns - 1) * across_mm * across
    for frame in turned.PerFrameFunctionalGroupsSequence:
        place = frame.PlanePositionSequence[0]
        place.ImagePositionPatient = list(np.array(place.ImagePositionPatient, float) + corner)
    directions = [*(across * (-1 if columns else 1)), *(down * (-1 if rows else 1))]
    plane.ImageOrientationPatient = directions
    return turned


@pytest.mark.parametrize(("rows", "columns"), [(True, False), (False, True), (True, True)])
def test_a_segmentation_counted_from_another_corner_has_its_voxels_where_they_lie(
    rows: bool, columns: bool
) -> None:
    headers = images((2.0, 1.5, 3.0))
    turned = counted_from(seg(headers, Liver=CROOKED), rows=rows, columns=columns)
    grid = of_series(headers)
    segmentation = turned_to(read(stored(turned)), grid)
    check_geometry(segmentation, grid)
    assert np.array_equal(on_grid(segmentation, grid, [1])[1].astype(bool), CROOKED)
    (liver,) = count(stored(turned), headers).segments
    assert liver.voxels == np.count_nonzero(CROOKED)


def test_one_that_is_turned_and_shifted_is_still_refused() -> None:
    headers = images()
    turned = counted_from(seg(headers, Liver=CROOKED), rows=True, columns=False)
    for frame in turned.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence[0].ImagePositionPatient[1] += 2.0
    with pytest.raises(SegmentGeometryMismatch, match="from the nearest image"):
        count(stored(turned), headers)


@pytest.mark.parametrize(
    ("group", "keyword", "value"),
    [
        ("PlaneOrientationSequence", "ImageOrientationPatient", [0, 1, 0, 0, 0, -1]),
        ("PixelMeasuresSequence", "PixelSpacing", [1, 1]),
    ],
)
def test_frames_on_several_grids_are_refused_and_not_counted_by_the_first(
    group: str, keyword: str, value: list[float]
) -> None:
    drawn = seg(images(), Liver=CROOKED)
    (shared,) = drawn.SharedFunctionalGroupsSequence
    for frame in drawn.PerFrameFunctionalGroupsSequence:
        for element in deepcopy(shared):
            frame[element.tag] = element
    drawn.SharedFunctionalGroupsSequence = Sequence([Dataset()])
    assert count(stored(drawn)).segments[0].voxels == np.count_nonzero(CROOKED)
    setattr(drawn.PerFrameFunctionalGroupsSequence[3][group][0], keyword, value)
    with pytest.raises(SegmentationUnreadable, match="several grids: frame 4"):
        count(stored(drawn))
