"""Outlines become voxels: polygons filled exactly, RT Structure Sets placed on the images."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from server.cli import main
from server.volumetry.contours import (
    STRUCTURE_SET,
    ContourOffImages,
    StructureSetUnreadable,
    structures,
)
from server.volumetry.counting import count_structures
from server.volumetry.outlined import SERIES_NOT_NAMED, measure_structures
from server.volumetry.polygons import filled
from server.volumetry.segmentation import SegmentEmpty
from tests.volumetry.scenes import DEPTH, images, stored

Outline = list[tuple[float, float]]


def test_a_square_between_pixel_centres_holds_the_centres_inside() -> None:
    square = np.array([(1.5, 2.5), (4.5, 2.5), (4.5, 5.5), (1.5, 5.5)])
    expected = np.zeros((8, 8), bool)
    expected[3:6, 2:5] = True
    assert np.array_equal(filled(square, 8, 8), expected)


def test_two_squares_with_a_common_edge_share_no_pixel_and_leave_none_out() -> None:
    left = np.array([(1.0, 1.0), (4.0, 1.0), (4.0, 6.0), (1.0, 6.0)])
    right = left + np.array((3.0, 0.0))
    whole = np.array([(1.0, 1.0), (7.0, 1.0), (7.0, 6.0), (1.0, 6.0)])
    one, other = filled(left, 9, 9), filled(right, 9, 9)
    assert not (one & other).any()
    assert np.array_equal(one | other, filled(whole, 9, 9))


@given(
    st.floats(0.5, 14.0),
    st.floats(8.0, 40.0),
    st.floats(8.0, 40.0),
    st.booleans(),
)
def test_a_circle_has_its_area_whichever_way_it_is_drawn(
    radius: float, across: float, down: float, clockwise: bool
) -> None:
    angles = np.linspace(0, 2 * math.pi, 361)[:-1]
    if clockwise:
        angles = angles[::-1]
    circle = np.stack([across + radius * np.cos(angles), down + radius * np.sin(angles)], axis=1)
    mask = filled(circle, 64, 64)
    columns, rows = np.meshgrid(np.arange(64), np.arange(64))
    distance = np.hypot(columns - across, rows - down)
    assert mask[distance < radius - 0.01].all()
    assert not mask[distance > radius + 0.01].any()


def test_an_outline_beyond_the_image_is_cut_at_its_edge() -> None:
    mask = filled(np.array([(-50.0, -50.0), (50.0, -50.0), (50.0, 50.0), (-50.0, 50.0)]), 6, 7)
    assert mask.all()


def structure_set(headers: list[Dataset], **regions: list[tuple[float, Outline]]) -> Dataset:
    """An RT Structure Set; regions by name as outlines in mm at a z in mm."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = STRUCTURE_SET
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3.4"
    dataset.StudyInstanceUID = headers[0].StudyInstanceUID
    dataset.SeriesInstanceUID, dataset.Modality = "1.2.3.5", "RTSTRUCT"
    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = headers[0].SeriesInstanceUID
    study.RTReferencedSeriesSequence = Sequence([series])
    frame.FrameOfReferenceUID = headers[0].FrameOfReferenceUID
    frame.RTReferencedStudySequence = Sequence([study])
    dataset.ReferencedFrameOfReferenceSequence = Sequence([frame])
    dataset.StructureSetROISequence, dataset.ROIContourSequence = Sequence(), Sequence()
    for number, (name, outlines) in enumerate(regions.items(), start=1):
        listed, drawn = Dataset(), Dataset()
        listed.ROINumber, listed.ROIName = number, name
        drawn.ReferencedROINumber = number
        drawn.ContourSequence = Sequence()
        for z_mm, outline in outlines:
            contour = Dataset()
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(outline)
            contour.ContourData = [value for x, y in outline for value in (x, y, z_mm)]
            drawn.ContourSequence.append(contour)
        dataset.StructureSetROISequence.append(listed)
        dataset.ROIContourSequence.append(drawn)
    return dataset


def box(left: float, top: float, right: float, bottom: float) -> Outline:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


# Pixels of 2 x 2 mm, slices 3 mm apart: this outline holds 5 x 6 pixel centres.
REGION = box(3.0, 5.0, 13.0, 17.0)


def test_outlines_on_slices_become_voxels_there() -> None:
    headers = images()
    (liver,) = structures(
        stored(structure_set(headers, liver=[(z * 3.0, REGION) for z in (2, 3, 4)])), headers
    )
    assert (liver.name, liver.voxels) == ("liver", 3 * 30)
    assert liver.volume_ml == pytest.approx(90 * 0.012)
    assert [int(plane.sum()) for plane in liver.mask] == [0, 0, 30, 30, 30] + [0] * (DEPTH - 5)
    assert liver.mask[2, 3:9, 2:7].all()


def test_an_outline_inside_another_is_a_hole() -> None:
    headers = images()
    hole = box(5.0, 7.0, 9.0, 11.0)
    (found,) = structures(
        stored(structure_set(headers, liver=[(6.0, REGION), (6.0, hole)])), headers
    )
    assert found.voxels == 30 - 4


KEYHOLE = [*REGION, (3.0, 7.0), *box(5.0, 7.0, 9.0, 11.0), (5.0, 7.0), (3.0, 7.0)]


def test_a_hole_reached_by_a_channel_of_no_width_is_a_hole() -> None:
    headers = images()
    (found,) = structures(stored(structure_set(headers, liver=[(6.0, KEYHOLE)])), headers)
    assert (found.voxels, found.notes) == (30 - 4, ())


@pytest.mark.parametrize(
    ("outlines", "voxels", "said"),
    [
        ([(6.0, REGION), (6.0, REGION[2:] + REGION[:2])], 30, "stand there twice"),
        ([(6.0, REGION), (7.5, REGION), (9.0, REGION)], 60, "on more planes than there are images"),
        ([(6.0, REGION), (12.0, REGION)], 60, "no outline on 1 image"),
        ([(6.0, REGION), (6.0, box(9.0, 5.0, 19.0, 17.0))], 36, "outlines cross on 1 image"),
        ([(6.0, box(-9.0, 5.0, 13.0, 17.0))], 42, "reach beyond the edge of the images"),
    ],
)
def test_outlines_that_leave_something_in_doubt_are_told_with_the_volume(
    outlines: list[tuple[float, Outline]], voxels: int, said: str
) -> None:
    headers = images()
    (found,) = structures(stored(structure_set(headers, liver=outlines)), headers)
    assert found.voxels == voxels
    assert [said in note for note in found.notes] == [True]


def test_outlines_halfway_between_images_each_count_on_one() -> None:
    headers = images()
    halfway = [(z * 3.0 + 1.5 + jitter, REGION) for z, jitter in enumerate((0, 1e-4, -1e-4, 0))]
    (found,) = structures(stored(structure_set(headers, liver=halfway)), headers)
    assert (found.voxels, found.notes) == (4 * 30, ())


def test_a_region_that_is_listed_and_never_outlined_is_empty() -> None:
    headers = images()
    drawn = structure_set(headers, liver=[(6.0, REGION)], tumour=[(6.0, REGION)])
    del drawn.ROIContourSequence[1]
    measured = measure_structures(stored(drawn), headers)
    assert measured.liver_ml == pytest.approx(30 * 0.012)
    assert (measured.tumour_ml, measured.missing) == (0, ("FLR",))
    assert "The segment “tumour” is empty." in measured.notes


def test_an_outline_of_points_is_left_out_and_an_empty_liver_is_refused() -> None:
    headers = images()
    drawn = structure_set(headers, liver=[(6.0, REGION)])
    drawn.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = "OPEN_PLANAR"
    (found,) = structures(stored(drawn), headers)
    assert (found.voxels, ["not closed" in note for note in found.notes]) == (0, [True])
    with pytest.raises(SegmentEmpty, match="liver"):
        count_structures(stored(drawn), headers)


def test_images_missing_below_outlines_are_told_with_the_volume() -> None:
    headers = images()
    drawn = stored(structure_set(headers, kidney=[(z * 3.0, REGION) for z in (2, 3, 4)]))
    counted = count_structures(drawn, headers[:5] + headers[6:])
    assert counted.segments[0].voxels == 90
    assert any("1 image(s) are missing" in note for note in counted.notes)


@pytest.mark.parametrize("z_mm", [-6.0, 40.0])
def test_an_outline_beyond_the_images_is_refused_with_both_places(z_mm: float) -> None:
    headers = images()
    with pytest.raises(ContourOffImages, match=r"0\.0 to 33\.0 mm"):
        structures(stored(structure_set(headers, liver=[(z_mm, REGION)])), headers)


def test_without_a_series_the_frame_of_reference_of_the_regions_decides() -> None:
    headers = images()
    drawn = structure_set(headers, liver=[(6.0, REGION)])
    del drawn.ReferencedFrameOfReferenceSequence
    assert SERIES_NOT_NAMED in measure_structures(stored(drawn), headers).notes
    drawn.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "1.2.3.98"
    with pytest.raises(ContourOffImages, match=r"1\.2\.3\.98"):
        structures(stored(drawn), headers)


def test_outlines_beside_the_images_are_refused() -> None:
    headers = images()
    with pytest.raises(ContourOffImages, match="beside the images"):
        structures(
            stored(structure_set(headers, liver=[(6.0, box(300.0, 5.0, 320.0, 17.0))])), headers
        )


def test_an_outline_of_another_frame_of_reference_is_refused() -> None:
    headers = images()
    drawn = structure_set(headers, liver=[(6.0, REGION)])
    drawn.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = "1.2.3.99"
    with pytest.raises(ContourOffImages, match=r"1\.2\.3\.99"):
        structures(stored(drawn), headers)


@pytest.mark.parametrize("data", [[1.0, 2.0], [1.0, 2.0, 6.0, 3.0], []])
def test_an_outline_that_is_no_list_of_points_is_refused_by_name(data: list[float]) -> None:
    headers = images()
    drawn = structure_set(headers, liver=[(6.0, REGION)])
    drawn.ROIContourSequence[0].ContourSequence[0].ContourData = data
    with pytest.raises(StructureSetUnreadable, match="liver"):
        structures(stored(drawn), headers)


def test_the_command_measures_a_structure_set_on_its_images(tmp_path: Path) -> None:
    headers = images()
    remnant = box(3.0, 5.0, 13.0, 11.0)
    drawn = structure_set(headers, Liver=[(6.0, REGION)], FLR=[(6.0, remnant)])
    (tmp_path / "rtss.dcm").write_bytes(stored(drawn))
    folder = tmp_path / "images"
    folder.mkdir()
    for number, header in enumerate(headers):
        header.save_as(folder / str(number), enforce_file_format=True)
    run = CliRunner().invoke
    alone = run(main, ["volumes", str(tmp_path / "rtss.dcm")])
    assert alone.exit_code == 2
    assert "--images" in alone.output
    result = run(main, ["volumes", str(tmp_path / "rtss.dcm"), "--images", str(folder)])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.output)
    assert [one["voxels"] for one in printed["segments"]] == [30, 15]
    assert printed["flr"]["flr_percent"] == pytest.approx(50.0)
