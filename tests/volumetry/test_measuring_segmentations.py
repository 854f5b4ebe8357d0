"""Volumes from DICOM Segmentations: arithmetic answers, any order, gaps, and refusals with
reasons.
"""

from __future__ import annotations

import copy
from io import BytesIO

import highdicom
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits

from server.demo.phantoms import Phantom
from server.demo.segmentations import segment
from server.volumetry.frames import SeriesNotNamed, series_among
from server.volumetry.remnant import TUMOUR_PAINTED_OVER, RemnantOutsideLiver
from server.volumetry.roles import SegmentRoleAmbiguous
from server.volumetry.segmentation import (
    SERIES_NOT_NAMED,
    NothingToMeasure,
    SegmentationUnreadable,
    SegmentGeometryMismatch,
    SpacingUnknown,
    measure,
    source_of,
)
from tests.volumetry.scenes import DEPTH, SIZE, images, mask, sample_ct, seg, stored

LIVER = mask((0, 12, 0, 14, 0, 14))
FLR = mask((0, 12, 0, 14, 0, 4))
TUMOUR = mask((2, 5, 5, 8, 8, 11))


def test_ten_by_ten_by_ten_voxels_of_two_by_two_by_three_millimetres_are_twelve_millilitres() -> (
    None
):
    headers = images((2.0, 2.0, 3.0))
    measured = measure(stored(seg(headers, liver=mask((1, 11, 3, 13, 3, 13)))), headers)
    assert measured.liver_ml == pytest.approx(12.0, abs=1e-9)


def test_liver_remnant_and_tumour_overlap_and_are_each_counted_whole() -> None:
    headers = images()
    measured = measure(stored(seg(headers, Liver=LIVER, FLR=FLR, Tumour=TUMOUR)), headers)
    voxel_ml = 0.012
    assert measured.liver_ml == pytest.approx(12 * 14 * 14 * voxel_ml)
    assert measured.flr_ml == pytest.approx(12 * 14 * 4 * voxel_ml)
    assert measured.tumour_ml == pytest.approx(27 * voxel_ml)
    assert measured.flr_percent == pytest.approx(100 * 672 / (2352 - 27))
    assert measured.missing == ()
    assert measured.notes == ()


def test_segments_painted_over_each_other_make_the_liver_together() -> None:
    headers = images()
    painted = {"Liver": LIVER & ~FLR & ~TUMOUR, "FLR": FLR & ~TUMOUR, "Tumour": TUMOUR}
    measured = measure(stored(seg(headers, **painted)), headers)
    whole = measure(stored(seg(headers, Liver=LIVER, FLR=FLR, Tumour=TUMOUR)), headers)
    assert measured.liver_ml == pytest.approx(whole.liver_ml)
    assert measured.flr_percent == pytest.approx(whole.flr_percent)
    assert any("do not overlap" in note for note in measured.notes)


@pytest.mark.parametrize("with_flr", [True, False])
def test_a_tumour_painted_over_the_liver_is_part_of_it(with_flr: bool) -> None:
    headers = images()
    flr = {"FLR": FLR & ~TUMOUR} if with_flr else {}
    painted = measure(stored(seg(headers, liver=LIVER & ~TUMOUR, tumour=TUMOUR, **flr)), headers)
    whole = measure(stored(seg(headers, liver=LIVER, tumour=TUMOUR, **flr)), headers)
    assert painted.liver_ml == pytest.approx(whole.liver_ml)
    assert painted.subtracted_ml == pytest.approx(whole.subtracted_ml)
    assert painted.flr_percent == pytest.approx(whole.flr_percent)
    assert [note for note in painted.notes if note not in whole.notes] == [TUMOUR_PAINTED_OVER]


def test_a_tumour_that_reaches_out_of_the_liver_is_subtracted_as_far_as_it_lies_in_it() -> None:
    headers = images()
    liver, tumour = mask((0, 10, 0, 16, 0, 10)), mask((2, 8, 4, 12, 8, 14))
    found = measure(stored(seg(headers, liver=liver, tumour=tumour)), headers)
    assert found.tumour_ml == pytest.approx(6 * 8 * 6 * 0.012)
    assert found.to_json()["subtracted_ml"] == pytest.approx(6 * 8 * 2 * 0.012, abs=0.01)


def test_a_remnant_drawn_away_from_the_liver_is_refused() -> None:
    headers = images()
    liver, elsewhere = mask((0, 12, 0, 14, 0, 8)), mask((0, 12, 0, 14, 10, 14))
    with pytest.raises(RemnantOutsideLiver):
        measure(stored(seg(headers, Liver=liver, FLR=elsewhere)), headers)


def test_frames_of_a_segment_that_is_not_listed_are_refused() -> None:
    headers = images()
    drawn = seg(headers, Liver=LIVER, FLR=FLR)
    for frame in drawn.PerFrameFunctionalGroupsSequence:
        frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber += 1
    with pytest.raises(SegmentationUnreadable, match="segment 3"):
        measure(stored(drawn), headers)


def test_the_phantom_measures_what_it_was_made_with() -> None:
    phantom = Phantom("measured", slices=28, rows=128)
    measured = measure(stored(segment(phantom)), phantom.headers(phantom.phase("portal_venous")))
    known = phantom.known_volumes()
    assert measured.liver_ml == pytest.approx(known.liver_ml, rel=1e-9)
    assert measured.flr_ml == pytest.approx(known.flr_ml, rel=1e-9)
    assert measured.tumour_ml == pytest.approx(known.tumour_ml, rel=1e-9)
    assert measured.flr_percent == pytest.approx(known.flr_percent, rel=1e-9)
    assert measured.series_description == "Abdomen portal venous 70 s"


def test_the_real_liver_has_107098_voxels_and_70_36_millilitres_by_its_positions() -> None:
    # 107,098 x 0.810547 x 0.810547 mm x 1.0 mm (the distance of the positions, and what the
    # segmentation's own pixel measures say) are 70.36 mL; the images' Slice Thickness of 1.25 mm
    # would make 87.95 mL of it.
    folder = sample_ct()
    data = (folder / "liver.dcm").read_bytes()
    assert int(dcmread(BytesIO(data)).pixel_array.sum()) == 107_098
    headers = [dcmread(folder / f"0{n}.dcm", stop_before_pixels=True) for n in (2, 3, 1)]
    measured = measure(data, headers)
    assert measured.liver_ml == pytest.approx(107_098 * 0.810547**2 * 1.0 / 1000, rel=1e-5)
    assert round(measured.liver_ml or 0, 2) == 70.36
    assert measured.missing == ("FLR", "tumour")
    assert measured.flr_percent is None
    assert measured.notes == ()
    source = source_of(data)
    assert source.SeriesInstanceUID == headers[0].SeriesInstanceUID
    assert set(source.instances) == {header.SOPInstanceUID for header in headers}


def test_frames_may_come_in_any_order() -> None:
    headers = images()
    straight = seg(headers, Liver=LIVER, FLR=FLR)
    backwards = dcmread(BytesIO(stored(straight)))
    backwards.PixelData = pack_bits(backwards.pixel_array[::-1])
    backwards.PerFrameFunctionalGroupsSequence = list(
        reversed(list(backwards.PerFrameFunctionalGroupsSequence))
    )
    there, back = measure(stored(straight), headers), measure(stored(backwards), headers[::-1])
    assert (there.liver_ml, there.flr_ml) == (back.liver_ml, back.flr_ml)


def test_frames_that_do_not_fill_whole_bytes_are_unpacked_at_their_bit() -> None:
    headers = images()
    for image in headers:
        image.Rows = image.Columns = 13
    box = mask((1, 11, 1, 11, 1, 11))[:, :13, :13]
    assert measure(stored(seg(headers, liver=box)), headers).liver_ml == pytest.approx(12.0)


@pytest.mark.parametrize("omit", [True, False])
def test_empty_frames_may_be_left_out(omit: bool) -> None:
    headers = images()
    apart = mask((1, 3, 0, 10, 0, 10), (8, 11, 0, 10, 0, 10))
    measured = measure(stored(seg(headers, omit_empty_frames=omit, liver=apart)), headers)
    assert measured.liver_ml == pytest.approx(500 * 0.012)


def test_fractional_segments_count_from_half_of_the_maximum() -> None:
    headers = images()
    fractional = dcmread(BytesIO(stored(seg(headers, fractional=True, liver=LIVER))))
    pixels = fractional.pixel_array.copy()
    assert fractional.MaximumFractionalValue == 255
    pixels[0, 0, 0:3] = (127, 128, 0)
    fractional.PixelData = pixels.tobytes()
    measured = measure(stored(fractional), headers)
    assert measured.liver_ml == pytest.approx((12 * 14 * 14 - 2) * 0.012)


def test_what_we_write_is_read_back_by_another_reader() -> None:
    headers = images()
    again = highdicom.seg.segread(BytesIO(stored(seg(headers, Liver=LIVER, FLR=FLR))))
    labels = [again.get_segment_description(number).segment_label for number in (1, 2)]
    assert labels == ["Liver", "FLR"]
    read = again.get_volume(segment_numbers=[1], allow_missing_positions=True).array
    assert int(np.count_nonzero(read)) == int(np.count_nonzero(LIVER))


def test_what_is_missing_is_named_and_the_rest_is_measured() -> None:
    headers = images()
    measured = measure(stored(seg(headers, FLR=FLR)), headers)
    assert measured.missing == ("liver", "tumour")
    assert measured.flr_ml == pytest.approx(672 * 0.012)
    assert measured.liver_ml is None
    assert measured.flr_percent is None


def test_segments_of_no_known_name_are_listed() -> None:
    headers = images()
    with pytest.raises(NothingToMeasure, match="“spleen”, “left kidney”"):
        measure(stored(seg(headers, spleen=LIVER, left_kidney=FLR)), headers)


def test_two_livers_are_refused() -> None:
    headers = images()
    with pytest.raises(SegmentRoleAmbiguous, match="1 “liver”, 2 “whole liver”"):
        measure(stored(seg(headers, liver=LIVER, whole_liver=LIVER)), headers)


def test_several_tumours_are_united() -> None:
    headers = images()
    other = mask((4, 7, 5, 8, 8, 11))
    data = stored(seg(headers, liver=LIVER, Tumor_1=TUMOUR, lesion_2=other))
    assert measure(data, headers).tumour_ml == pytest.approx((5 * 9) * 0.012)


def test_a_missing_image_is_reported_with_the_volume() -> None:
    headers = images()
    kept = [image for number, image in enumerate(headers) if number != 6]
    box = np.delete(mask((1, 11, 3, 13, 3, 13)), 6, axis=0)
    measured = measure(stored(seg(kept, liver=box)), kept)
    assert measured.liver_ml == pytest.approx(10.8)
    assert measured.notes == (
        "1 image(s) are missing from the series (15.0 to 21.0 mm); the volumes leave their "
        "slices out.",
    )


def test_uneven_images_and_single_images_have_no_volume() -> None:
    headers = images()
    for number, image in enumerate(headers[8:]):
        image.ImagePositionPatient = [0, 0, 25 + number * 3]
    with pytest.raises(SpacingUnknown, match=r"also 4\.00 mm"):
        measure(stored(seg(headers, liver=LIVER)), headers)
    one = images()[:1]
    with pytest.raises(SpacingUnknown, match="one image only"):
        measure(stored(seg(one, liver=LIVER[:1])), one)


def test_pixel_measures_that_disagree_with_the_positions_are_reported() -> None:
    headers = images()
    wrong = seg(headers, liver=LIVER)
    wrong.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = 5
    measured = measure(stored(wrong), headers)
    assert measured.liver_ml == pytest.approx(2352 * 0.012)
    assert "SpacingBetweenSlices 5 mm; the images lie 3 mm apart" in measured.notes[0]


def _turned(image: Dataset) -> None:
    image.ImageOrientationPatient = [0, 1, 0, 1, 0, 0]


def _stretched(image: Dataset) -> None:
    image.PixelSpacing = [2.1, 2.0]


def _shifted(image: Dataset) -> None:
    image.ImagePositionPatient = [0.5, 0, image.ImagePositionPatient[2]]


def _raised(image: Dataset) -> None:
    image.ImagePositionPatient = [0, 0, float(image.ImagePositionPatient[2]) + 1.5]


def _resized(image: Dataset) -> None:
    image.Rows = 32


def _elsewhere(image: Dataset) -> None:
    image.FrameOfReferenceUID = "1.2.3.4"


def _renamed(image: Dataset) -> None:
    image.SOPInstanceUID += ".7"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_turned, "differ in orientation"),
        (_stretched, "differ in pixel spacing"),
        (_shifted, "0.5 mm from the nearest image"),
        (_raised, "1.5 mm from the nearest image"),
        (_resized, "differ in size"),
        (_elsewhere, "differ in FrameOfReferenceUID"),
        (_renamed, "refers to 12 image"),
    ],
)
def test_a_segmentation_on_another_grid_is_refused_with_both_geometries_named(
    change: object, words: str
) -> None:
    headers = images()
    data = stored(seg(headers, liver=LIVER))
    assert callable(change)
    for image in headers:
        change(image)
    with pytest.raises(SegmentGeometryMismatch) as refusal:
        measure(data, headers)
    assert words in refusal.value.detail
    assert "The segmentation has 16 columns x 16 rows of 2 x 2 mm" in refusal.value.detail
    assert "The images have 16 columns x" in refusal.value.detail


def test_a_frame_that_names_one_image_and_lies_on_another_is_refused() -> None:
    headers = images()
    data = stored(seg(headers, liver=LIVER))
    headers[0].SOPInstanceUID, headers[1].SOPInstanceUID = (
        headers[1].SOPInstanceUID,
        headers[0].SOPInstanceUID,
    )
    with pytest.raises(SegmentGeometryMismatch, match="lies at the position of image"):
        measure(data, headers)


def test_what_is_no_segmentation_is_refused_with_the_reason() -> None:
    phantom = Phantom("no seg", slices=1, rows=16)
    image = next(phantom.images(phantom.phase("native")))
    with pytest.raises(SegmentationUnreadable, match="not a DICOM Segmentation"):
        measure(stored(image), images())
    with pytest.raises(SegmentationUnreadable, match="not a DICOM file"):
        source_of(b"%PDF")


@pytest.mark.parametrize(
    "keyword", ["SegmentSequence", "PerFrameFunctionalGroupsSequence", "SegmentationType"]
)
def test_a_segmentation_that_leaves_out_what_places_it_is_refused(keyword: str) -> None:
    headers = images()
    broken = copy.deepcopy(dcmread(BytesIO(stored(seg(headers, liver=LIVER)))))
    delattr(broken, keyword)
    with pytest.raises(SegmentationUnreadable):
        measure(stored(broken), headers)


def test_a_segmentation_with_too_few_pixels_is_refused() -> None:
    headers = images()
    short = dcmread(BytesIO(stored(seg(headers, liver=LIVER))))
    assert len(short.PixelData) == DEPTH * SIZE * SIZE // 8
    short.PixelData = short.PixelData[:-32]
    with pytest.raises(SegmentationUnreadable, match="fewer pixels"):
        measure(stored(short), headers)


def test_a_segmentation_that_names_no_series_is_measured_where_it_lies() -> None:
    headers = images()
    nameless = dcmread(BytesIO(stored(seg(headers, liver=LIVER))))
    del nameless.ReferencedSeriesSequence
    source = source_of(stored(nameless))
    assert source.SeriesInstanceUID == ""
    there = {"1.2.3": {"1.2.3.1"}, "1.2.4": {str(headers[3].SOPInstanceUID)}}
    assert series_among(source, there) == "1.2.4"
    measured = measure(stored(nameless), headers)
    assert measured.liver_ml == pytest.approx(12 * 14 * 14 * 0.012)
    assert SERIES_NOT_NAMED in measured.notes
    for frame in nameless.PerFrameFunctionalGroupsSequence:
        del frame.DerivationImageSequence
    unsaid = source_of(stored(nameless))
    assert series_among(unsaid, {"1.2.3": {"1.2.3.1"}}) == "1.2.3"
    with pytest.raises(SeriesNotNamed, match="does not name the series"):
        series_among(unsaid, there)
