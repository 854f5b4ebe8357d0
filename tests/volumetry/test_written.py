"""The Segmentation that a cut or a grown region is written as, read by other libraries."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from highdicom.seg import segread
from numpy.typing import NDArray
from pydicom import dcmread

from server.dicom.geometry import of_series
from server.volumetry.written import as_segmentation
from tests.volumetry.scenes import DEPTH, images

ROWS, COLUMNS = 7, 5  # 35 pixels: frames begin inside a byte


def written(volumes: dict[str, NDArray[np.uint8]]) -> bytes:
    headers = images()
    for header in headers:
        header.Rows, header.Columns = ROWS, COLUMNS
    return as_segmentation(volumes, of_series(headers), headers, description="d", method="m")


@pytest.fixture
def liver() -> NDArray[np.uint8]:
    drawn = np.random.default_rng(1).integers(0, 2, (DEPTH, ROWS, COLUMNS), dtype=np.uint8)
    drawn[3] = 0
    return drawn


def test_every_voxel_is_read_back_by_highdicom(liver: NDArray[np.uint8]) -> None:
    flr = liver.copy()
    flr[6:] = 0
    segmentation = segread(BytesIO(written({"Liver": liver, "FLR": flr})))
    uids = [str(header.SOPInstanceUID) for header in images()]
    read = segmentation.get_pixels_by_source_instance(
        uids, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    assert np.array_equal(read[..., 0], liver)
    assert np.array_equal(read[..., 1], flr)


def test_slices_without_a_voxel_have_no_frame(liver: NDArray[np.uint8]) -> None:
    dataset = dcmread(BytesIO(written({"Liver": liver})))
    assert dataset.NumberOfFrames == DEPTH - 1
    assert (dataset.Rows, dataset.Columns) == (ROWS, COLUMNS)
    assert len(dataset.PixelData) % 2 == 0
    assert dataset.pixel_array.sum() == liver.sum()


def test_it_says_whether_segments_overlap(liver: NDArray[np.uint8]) -> None:
    apart = {"FLR": liver, "Specimen": np.asarray(1 - liver, np.uint8)}
    assert dcmread(BytesIO(written(apart))).SegmentsOverlap == "NO"
    assert dcmread(BytesIO(written({"Liver": liver, "FLR": liver}))).SegmentsOverlap == "YES"


def test_the_headers_stay_as_they_were(liver: NDArray[np.uint8]) -> None:
    headers = images()
    for header in headers:
        header.Rows, header.Columns, header.SpecificCharacterSet = ROWS, COLUMNS, ""
    before = [header.to_json() for header in headers]
    as_segmentation({"Liver": liver}, of_series(headers), headers, description="d", method="m")
    assert [header.to_json() for header in headers] == before
