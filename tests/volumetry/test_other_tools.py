"""Segmentations as other programs write them, and what is wrong with some of them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from io import BytesIO

import numpy as np
import pytest
from highdicom.seg import Segmentation, SegmentationTypeValues
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless, generate_uid

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.dicom.geometry import GeometryIncomplete
from server.foundation.errors import Invalid
from server.volumetry.counting import count
from server.volumetry.frame_grid import GeometryNotFinite, SegmentationUnreadable
from server.volumetry.masks import (
    FrameOfReferenceDiffers,
    ReferencedSeriesDiffers,
    SegmentOutsideImages,
)
from server.volumetry.remnant import LiverWithoutTissue
from server.volumetry.segmentation import SegmentEmpty, measure
from tests.volumetry.scenes import images, mask, seg, stored

LIVER = (2, 10, 2, 14, 2, 14)
REMNANT = (2, 6, 2, 14, 2, 14)
TUMOUR = (7, 9, 4, 6, 4, 6)
VOXEL_ML = 0.012


def voxels(data: bytes, headers: list[Dataset]) -> dict[str, int]:
    return {one.label: one.voxels for one in count(data, headers).segments}


def rewritten(data: bytes) -> Dataset:
    return dcmread(BytesIO(data))


def per_frame_only(dataset: Dataset) -> Dataset:
    """As dcmqi and 3D Slicer: every group with each frame, nothing shared."""
    (shared,) = dataset.SharedFunctionalGroupsSequence
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        for element in shared:
            frame[element.tag] = element
    dataset.SharedFunctionalGroupsSequence = Sequence([Dataset()])
    return dataset


def test_groups_that_stand_with_each_frame_are_found_there() -> None:
    headers = images()
    drawn = per_frame_only(seg(headers, Liver=mask(LIVER), Mass=mask(TUMOUR)))
    assert voxels(stored(drawn), headers) == {"Liver": 8 * 144, "Mass": 8}


def test_frames_of_all_segments_in_any_order_with_a_sign_on_their_distance() -> None:
    headers = images()
    drawn = seg(headers, Liver=mask(LIVER), FLR=mask(REMNANT), omit_empty_frames=False)
    frames = list(drawn.PerFrameFunctionalGroupsSequence)
    pixels = np.unpackbits(np.frombuffer(drawn.PixelData, np.uint8), bitorder="little")
    each = pixels[: len(frames) * 256].reshape(len(frames), 256)
    order = np.random.default_rng(4).permutation(len(frames))
    drawn.PerFrameFunctionalGroupsSequence = Sequence([frames[index] for index in order])
    drawn.PixelData = np.packbits(each[order].ravel(), bitorder="little").tobytes()
    measures = drawn.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = -3.0
    assert voxels(stored(drawn), headers) == {"Liver": 8 * 144, "FLR": 4 * 144}
    assert count(stored(drawn)).spacing_mm == pytest.approx((2.0, 2.0, 3.0))


def test_many_organs_side_by_side_of_which_one_is_the_liver() -> None:
    """As TotalSegmentator-like programs: names of their own, one code for all."""
    headers = images()
    drawn = seg(
        headers,
        spleen=mask((1, 4, 1, 4, 1, 4)),
        kidney_right=mask((1, 4, 1, 4, 6, 9)),
        liver=mask(LIVER),
        liver_vessels=mask((4, 6, 4, 6, 4, 10)),
        gallbladder=mask((9, 11, 9, 12, 9, 12)),
    )
    found = measure(stored(drawn), headers)
    assert found.liver_ml == pytest.approx(8 * 144 * VOXEL_ML)
    assert found.missing == ("FLR", "tumour")


@pytest.mark.parametrize("maximum", [255, 100, 1])
def test_probabilities_count_from_half_of_their_own_maximum(maximum: int) -> None:
    headers = images()
    drawn = seg(headers, fractional=True, liver=mask(LIVER))
    drawn.MaximumFractionalValue = maximum
    pixels = np.frombuffer(drawn.PixelData, np.uint8).astype(float) / 255
    below, above = 0.45 * maximum, maximum
    drawn.PixelData = np.where(pixels > 0, above, below).astype(np.uint8).tobytes()
    assert voxels(stored(drawn), headers) == {"liver": 8 * 144}


def label_map(headers: list[Dataset], values: np.ndarray, bits: int) -> bytes:
    """A Label Map Segmentation whose pixels hold SegmentNumbers."""
    described = seg(headers, Liver=values == 1, Tumour=values == 2).SegmentSequence
    for number, one in enumerate(described, start=1):
        one.SegmentNumber = number
    binary = seg(headers, Liver=values == 1, Tumour=values == 2, omit_empty_frames=False)
    made = rewritten(stored(binary))
    frames = list(made.PerFrameFunctionalGroupsSequence)[: len(headers)]
    for frame in frames:
        del frame.SegmentIdentificationSequence
    made.PerFrameFunctionalGroupsSequence = Sequence(frames)
    made.NumberOfFrames = len(frames)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.7"
    made.SegmentationType = "LABELMAP"
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit = bits - 1
    made.PixelData = values.astype(f"<u{bits // 8}").tobytes()
    made["PixelData"].VR = "OB" if bits == 8 else "OW"
    return stored(made)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_label_map_of_either_depth_names_its_segments_in_its_pixels(bits: int) -> None:
    headers = images()
    values = np.zeros((12, 16, 16), np.uint8)
    values[mask(LIVER)] = 1
    values[mask(TUMOUR)] = 2
    data = label_map(headers, values, bits)
    assert voxels(data, headers) == {"Liver": 8 * 144 - 8, "Tumour": 8}
    assert measure(data, headers).tumour_ml == pytest.approx(8 * VOXEL_ML)


def test_a_compressed_segmentation_is_decoded() -> None:
    headers = images()
    made = rewritten(stored(seg(headers, fractional=True, liver=mask(LIVER))))
    made.compress(RLELossless)
    assert voxels(stored(made), headers) == {"liver": 8 * 144}


def test_a_compression_nobody_reads_is_named() -> None:
    headers = images()
    made = rewritten(stored(seg(headers, fractional=True, liver=mask(LIVER))))
    made.PixelData = encapsulate([b"\x00" * 16] * made.NumberOfFrames)
    made["PixelData"].VR = "OB"
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    with pytest.raises(SegmentationUnreadable, match="JPEG 2000"):
        count(stored(made), headers)


def test_a_single_segment_of_another_program_without_a_label_is_found_by_its_code() -> None:
    headers = images()
    drawn = seg(headers, Liver=mask(LIVER))
    drawn.SegmentSequence[0].SegmentLabel = "Segment_1"
    assert measure(stored(drawn), headers).liver_ml == pytest.approx(8 * 144 * VOXEL_ML)


def test_all_couinaud_segments_together_are_the_liver_and_some_are_not() -> None:
    headers = images()
    names = ["I", "II", "III", "IVa", "IVb", "V", "VI", "VII", "VIII"]
    parts = {
        f"Liver_segment_{name}": mask((2, 10, 2, 14, column, column + 1))
        for column, name in enumerate(names, start=2)
    }
    measured = measure(stored(seg(headers, **parts)), headers)
    assert measured.liver_ml == pytest.approx(8 * 12 * 9 * VOXEL_ML)
    assert measured.couinaud == tuple(names)
    some = {label: drawn for label, drawn in parts.items() if not label.endswith("_I")}
    assert count(stored(seg(headers, **some)), headers).remnant is None


def without_voxels(label: str) -> Callable[[list[Dataset]], bytes]:
    def made(headers: list[Dataset]) -> bytes:
        regions = {"liver": mask(LIVER), "FLR": mask(REMNANT), "tumour": mask(TUMOUR)}
        regions[label] = mask()
        return stored(seg(headers, omit_empty_frames=False, **regions))

    return made


@pytest.mark.parametrize("label", ["liver", "FLR"])
def test_an_empty_liver_or_remnant_is_refused_by_name(label: str) -> None:
    headers = images()
    for measuring in (measure, count):
        with pytest.raises(SegmentEmpty, match=label):
            measuring(without_voxels(label)(headers), headers)


def test_an_empty_tumour_is_none_and_said() -> None:
    headers = images()
    measured = measure(without_voxels("tumour")(headers), headers)
    assert measured.tumour_ml == 0
    assert any("“tumour” is empty" in note for note in measured.notes)
    assert any(
        "“tumour” is empty" in note
        for note in count(without_voxels("tumour")(headers), headers).notes
    )


def test_a_segment_that_a_viewer_lists_and_never_drew_is_counted_as_empty() -> None:
    headers = images()
    drawn = seg(headers, liver=mask(LIVER), FLR=mask(REMNANT))
    extra = deepcopy(drawn.SegmentSequence[0])
    extra.SegmentNumber, extra.SegmentLabel = 3, "tumour"
    drawn.SegmentSequence.append(extra)
    assert voxels(stored(drawn), headers) == {"liver": 8 * 144, "FLR": 4 * 144, "tumour": 0}


def _elsewhere(drawn: Dataset) -> None:
    drawn.FrameOfReferenceUID = generate_uid()


def _other_series(drawn: Dataset) -> None:
    drawn.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3.4.5"


def _outside(drawn: Dataset) -> None:
    drawn.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = [
        *(0.0, 0.0),
        900.0,
    ]


def _nan_position(drawn: Dataset) -> None:
    frame = drawn.PerFrameFunctionalGroupsSequence[0]
    frame.PlanePositionSequence[0].ImagePositionPatient = [0.0, float("nan"), 6.0]


def _infinite_spacing(drawn: Dataset) -> None:
    measures = drawn.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = [float("inf"), 2.0]


def _no_spacing(drawn: Dataset) -> None:
    drawn.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0.0, 2.0]


def _nan_orientation(drawn: Dataset) -> None:
    plane = drawn.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    plane.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, float("nan"), 0.0]


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("spoil", "refusal", "code", "words"),
    [
        (_elsewhere, FrameOfReferenceDiffers, "frame_of_reference_differs", "FrameOfReference"),
        (_other_series, ReferencedSeriesDiffers, "referenced_series_differs", "1.2.3.4.5"),
        (_outside, SegmentOutsideImages, "segment_outside_images", "900"),
        (_nan_position, GeometryNotFinite, "geometry_not_finite", "ImagePositionPatient"),
        (_infinite_spacing, GeometryNotFinite, "geometry_not_finite", "PixelSpacing"),
        (_no_spacing, GeometryNotFinite, "geometry_not_finite", "PixelSpacing"),
        (_nan_orientation, Invalid, None, "ImageOrientationPatient"),
    ],
)
def test_what_cannot_be_placed_is_refused_with_its_own_name(
    spoil: Callable[[Dataset], None], refusal: type[Invalid], code: str | None, words: str
) -> None:
    headers = images()
    drawn = seg(headers, liver=mask(LIVER))
    spoil(drawn)
    with pytest.raises(refusal, match=words) as refused:
        measure(stored(drawn), headers)
    assert code is None or refused.value.code == code
    with pytest.raises(refusal):
        count(stored(drawn), headers)


def test_both_series_are_named_when_the_images_are_of_another_one() -> None:
    headers = images()
    data = stored(seg(headers, liver=mask(LIVER)))
    others = Phantom("scene", slices=12, rows=16).headers(PHASES[1])
    for other, header in zip(others, headers, strict=True):
        other.PixelSpacing = header.PixelSpacing
        other.ImagePositionPatient = header.ImagePositionPatient
    with pytest.raises(ReferencedSeriesDiffers) as refused:
        measure(data, others)
    assert headers[0].SeriesInstanceUID in refused.value.detail
    assert others[0].SeriesInstanceUID in refused.value.detail


def test_an_image_whose_own_geometry_is_no_number_is_named() -> None:
    headers = images()
    data = stored(seg(headers, liver=mask(LIVER)))
    headers[3].PixelSpacing = [float("nan"), 2.0]
    with pytest.raises(GeometryIncomplete, match="PixelSpacing"):
        measure(data, headers)


def test_a_tumour_over_the_whole_liver_leaves_no_share() -> None:
    headers = images()
    drawn = seg(headers, liver=mask(LIVER), FLR=mask(REMNANT), tumour=mask(LIVER))
    with pytest.raises(LiverWithoutTissue):
        measure(stored(drawn), headers)


def test_what_highdicom_writes_as_a_label_map_is_read() -> None:
    headers = images()
    values = np.zeros((12, 16, 16), np.uint8)
    values[mask(LIVER)] = 1
    described = seg(headers, Liver=mask(LIVER))
    made = Segmentation(
        source_images=headers,
        pixel_array=values,
        segmentation_type=SegmentationTypeValues.LABELMAP,
        segment_descriptions=list(described.SegmentSequence),
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Test",
        manufacturer_model_name="Test",
        software_versions="1",
        device_serial_number="1",
    )
    found = voxels(stored(made), headers)
    assert found["Liver"] == 8 * 144
