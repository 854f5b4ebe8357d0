"""Every segment counted, on the images' grid or on the segmentation's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from server.annotations.organs import organ_named
from server.cli import main
from server.dicom.geometry import GeometryIncomplete
from server.volumetry.counting import count
from server.volumetry.frame_grid import SegmentationUnreadable
from server.volumetry.masks import SegmentGeometryMismatch
from server.volumetry.segmentation import SpacingUnknown
from tests.volumetry.scenes import images, mask, sample_ct, seg, stored

LIVER = (2, 10, 2, 14, 2, 14)
REMNANT = (2, 6, 2, 14, 2, 14)
TUMOUR = (7, 9, 4, 6, 4, 6)


def three_segments(**how: bool) -> tuple[bytes, list]:
    headers = images()
    drawn = seg(headers, liver=mask(LIVER), FLR=mask(REMNANT), tumour=mask(TUMOUR), **how)
    return stored(drawn), headers


@pytest.mark.parametrize("with_images", [True, False], ids=["images", "own grid"])
@pytest.mark.parametrize("fractional", [True, False])
def test_each_segment_has_its_voxels_and_their_volume(with_images: bool, fractional: bool) -> None:
    data, headers = three_segments(fractional=fractional)
    counted = count(data, headers if with_images else ())
    assert counted.spacing_mm == pytest.approx((2.0, 2.0, 3.0))
    found = {one.label: (one.voxels, one.volume_ml) for one in counted.segments}
    assert found == {
        "liver": (8 * 12 * 12, pytest.approx(8 * 12 * 12 * 0.012)),
        "FLR": (4 * 12 * 12, pytest.approx(4 * 12 * 12 * 0.012)),
        "tumour": (2 * 2 * 2, pytest.approx(8 * 0.012)),
    }
    assert counted.missing == ()
    assert counted.remnant is not None
    assert counted.remnant.flr_ml == pytest.approx(6.912)


def test_frames_left_out_do_not_stretch_the_distance_between_slices() -> None:
    headers = images()
    every_other = np.zeros((12, 16, 16), bool)
    every_other[0:12:4, 3:6, 3:6] = True
    counted = count(stored(seg(headers, liver=every_other)))
    assert counted.spacing_mm[2] == pytest.approx(3.0)
    assert counted.segments[0].volume_ml == pytest.approx(27 * 0.012)


def without_distance(drawn: Dataset, places_mm: list[float]) -> bytes:
    """A SEG that says nothing of the distance between slices, its frames put at these places."""
    del drawn.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    frames = drawn.PerFrameFunctionalGroupsSequence
    for frame, place_mm in zip(frames, places_mm, strict=True):
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, place_mm]
    return stored(drawn)


def test_frames_at_uneven_places_are_refused_without_the_images() -> None:
    drawn = seg(images(), liver=mask((0, 6, 2, 14, 2, 14)))
    with pytest.raises(SpacingUnknown, match=r"also 2\.50"):
        count(without_distance(drawn, [0.0, 1.0, 2.0, 3.0, 5.5, 8.0]))


@pytest.mark.parametrize("places_mm", [[0.0, 1.0, 3.0], [0.0, 2.0, 3.0]])
def test_a_place_without_a_frame_is_named_where_no_distance_is_given(
    places_mm: list[float],
) -> None:
    drawn = seg(images(), liver=mask((0, 3, 2, 14, 2, 14)))
    counted = count(without_distance(drawn, places_mm))
    assert counted.spacing_mm[2] == pytest.approx(1.0)
    assert any("taken as empty" in note for note in counted.notes)


def test_the_background_of_a_label_map_is_no_segment() -> None:
    headers = images()
    drawn = Segmentation(
        headers,
        mask(LIVER).astype(np.uint8),
        "LABELMAP",
        [
            SegmentDescription(
                1, "Liver", codes.SCT.Organ, codes.SCT.Liver, SegmentAlgorithmTypeValues.MANUAL
            )
        ],
        generate_uid(),
        1,
        generate_uid(),
        1,
        "of tests",
        "of tests",
        "1",
        "1",
    )
    assert [one.SegmentLabel for one in drawn.SegmentSequence] == ["Background", "Liver"]
    counted = count(stored(drawn), headers)
    assert [(one.label, one.voxels) for one in counted.segments] == [("Liver", 8 * 144)]


def test_a_distance_that_the_positions_contradict_is_reported_and_not_used() -> None:
    drawn = seg(images(), liver=mask(LIVER))
    measures = drawn.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = 5.0
    counted = count(stored(drawn))
    assert counted.spacing_mm[2] == pytest.approx(3.0)
    assert "5.000 mm" in counted.notes[0]


def test_one_slice_that_names_no_distance_is_refused() -> None:
    drawn = seg(images(), liver=mask((4, 5, 3, 6, 3, 6)))
    measures = drawn.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    del measures.SpacingBetweenSlices
    with pytest.raises(SegmentationUnreadable, match="one slice only"):
        count(stored(drawn))


def test_the_same_place_drawn_twice_counts_once() -> None:
    headers = images()
    drawn = seg(headers, liver=mask(LIVER), spleen=mask(REMNANT))
    for frame in drawn.PerFrameFunctionalGroupsSequence:
        frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 1
    counted = count(stored(drawn), headers)
    assert counted.segments[0].voxels == 8 * 12 * 12


def test_a_position_that_is_not_a_number_is_refused() -> None:
    drawn = seg(images(), liver=mask(LIVER))
    group = drawn.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    with pytest.warns(UserWarning, match="nan"):
        group.ImagePositionPatient = ["nan", "0", "0"]
    with pytest.raises((GeometryIncomplete, SegmentationUnreadable)):
        count(stored(drawn))


def test_images_on_another_grid_are_refused_with_both_geometries() -> None:
    data, _ = three_segments()
    with pytest.raises(
        SegmentGeometryMismatch, match=r"The images have .*The segmentation has|has"
    ):
        count(data, images((2.5, 2.5, 3.0)))


def test_the_real_liver_has_its_known_volume() -> None:
    folder = sample_ct()
    counted = count((folder / "liver.dcm").read_bytes())
    assert [one.voxels for one in counted.segments] == [107_098]
    assert round(counted.segments[0].volume_ml, 2) == 70.36


# The vectors of the clinical fact sheet 2.3 for 170 cm and 70 kg.
VECTORS = {
    ("bsa", "mosteller"): 1.8181,
    ("bsa", "dubois"): 1.8097,
    ("stlv", "vauthey-2002 (mosteller)"): 1509.7,
    ("stlv", "vauthey-2002 (dubois)"): 1499.0,
    ("stlv", "urata-1995 (mosteller)"): 1286.4,
    ("stlv", "urata-1995 (dubois)"): 1280.4,
    ("stlv", "feng-2017 (mosteller)"): 1254.3,
    ("stlv", "um-2015 (dubois)"): 1178.9,
    ("stlv", "um-2015 (mosteller)"): 1185.3,
    ("stlv", "yu (height and weight)"): 1536.8,
}


def test_the_command_prints_volumes_indices_and_criteria(tmp_path: Path) -> None:
    data, headers = three_segments()
    (tmp_path / "seg.dcm").write_bytes(data)
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "notes.txt").write_text("not an image")
    for number, header in enumerate(headers):
        header.save_as(folder / str(number), enforce_file_format=True)
    said = ["--images", str(folder), "--height-cm", "170", "--weight-kg", "70", "--sex", "male"]
    result = CliRunner().invoke(main, ["volumes", str(tmp_path / "seg.dcm"), *said])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.output)
    assert [one["voxels"] for one in printed["segments"]] == [1152, 576, 8]
    assert printed["flr"]["flr_percent"] == pytest.approx(100 * 576 / (1152 - 8), abs=1e-3)
    rows = {(row["index"], row["formula"]): row["value"] for row in printed["flr"]["indices"]}
    assert all(row["source"] for row in printed["flr"]["indices"])
    unverified = {
        row["formula"].split()[0]
        for row in printed["flr"]["indices"]
        if row["index"] in ("bsa", "stlv") and row["trust"] == "not_verified"
    }
    # What the clinical fact sheet holds from general knowledge (2.3), and nothing else.
    surfaces, volumes = {"mosteller", "dubois"}, {"yoshizumi", "johnson", "heinemann"}
    assert {one.split("-")[0] for one in unverified} == surfaces | volumes
    for name, expected in VECTORS.items():
        assert rows[name] == pytest.approx(expected, rel=1e-4), name
    assert rows["stlv", "chan-2006 (1.0 g/mL)"] == 218 + 12.3 * 70 + 51
    judged = {one["ruleset"] for one in printed["criteria"]}
    assert judged == {ruleset.id for ruleset in organ_named("liver").rulesets}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--height-cm", "17", "--weight-kg", "70"], "17"),
        (["--height-cm", "67", "--weight-kg", "154"], "in cm and kg?"),
        (["--height-cm", "170"], "together"),
        (["--height-cm", "170", "--weight-kg", "70", "--background", "marble"], "background"),
        (["--images", "{empty}"], "holds no image of series"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    (tmp_path / "seg.dcm").write_bytes(three_segments()[0])
    (tmp_path / "empty").mkdir()
    said = [one.format(empty=tmp_path / "empty") for one in arguments]
    result = CliRunner().invoke(main, ["volumes", str(tmp_path / "seg.dcm"), *said])
    assert result.exit_code != 0
    assert complaint in result.output


def test_a_file_that_is_no_segmentation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    result = CliRunner().invoke(main, ["volumes", str(tmp_path / "letter.txt")])
    assert result.exit_code == 1
    assert "refused" in result.output


@pytest.mark.parametrize("height", ["17", "nan", "inf", "1.70"])
def test_a_height_that_nobody_has_is_refused(tmp_path: Path, height: str) -> None:
    (tmp_path / "seg.dcm").write_bytes(three_segments()[0])
    said = ["volumes", str(tmp_path / "seg.dcm"), "--height-cm", height, "--weight-kg", "70"]
    result = CliRunner().invoke(main, said)
    assert result.exit_code == 2
    assert "--height-cm" in result.output
