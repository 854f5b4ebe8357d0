"""Pictures: which grey or colour a stored value becomes, and where it stands."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian

from server.dicom.frame_shape import FrameShape
from server.dicom.rendering import (
    DEFAULT_QUALITY,
    Drawing,
    NothingToDraw,
    Viewport,
    Window,
    annotate,
    draw,
    read_drawing,
    windowed,
    written,
)
from server.foundation.errors import BadRequest
from tests.dicomweb.media import pictures


def shape(**changes: object) -> FrameShape:
    return FrameShape(**{"Rows": 2, "Columns": 4, **changes})  # type: ignore[arg-type]


def ramp(values: list[int], **changes: object) -> tuple[bytes, FrameShape]:
    kind = "<i2" if changes.get("PixelRepresentation") else "<u2"
    return np.array(values).astype(kind).tobytes(), shape(**changes)


def levels(header: Dataset, pixels: tuple[bytes, FrameShape], **drawing: object) -> list[int]:
    picture = draw(header, *pixels, 1, Drawing(**drawing))  # type: ignore[arg-type]
    return np.asarray(picture).ravel().tolist()


EIGHT = [0, 1, 2, 3, 4, 5, 6, 7]


# Values of interest: the examples of PS3.3 C.11.2.1.2


@pytest.mark.parametrize(
    ("window", "value", "expected"),
    [
        (Window(2048, 4096), 0, 0.0),
        (Window(2048, 4096), 4095, 1.0),
        (Window(2048, 1), 2047, 0.0),
        (Window(2048, 1), 2048, 1.0),
        (Window(0, 100), -50, 0.0),
        (Window(0, 100), 49, 1.0),
        (Window(0, 100, "LINEAR_EXACT"), -50, 0.0),
        (Window(0, 100, "LINEAR_EXACT"), 0, 0.5),
        (Window(0, 100, "LINEAR_EXACT"), 50, 1.0),
        (Window(10, 4, "SIGMOID"), 10, 0.5),
        (Window(10, 4, "SIGMOID"), 14, 1 / (1 + np.exp(-4.0))),
    ],
)
def test_a_window_is_that_of_the_standard(window: Window, value: float, expected: float) -> None:
    (got,) = windowed(np.array([value], np.float32), window).tolist()
    assert got == pytest.approx(expected, abs=1e-6)


def test_a_window_is_in_the_values_of_the_modality() -> None:
    header = Dataset()
    header.RescaleSlope, header.RescaleIntercept = 2, -1000
    window = Window(100, 200, "LINEAR_EXACT")
    got = levels(header, ramp([500, 525, 550, 575, 600, 0, 700, 500]), window=window)
    assert got == [0, 64, 128, 191, 255, 0, 255, 0]


def test_the_windows_of_the_file_are_used_and_the_callers_goes_before() -> None:
    header = Dataset()
    header.WindowCenter, header.WindowWidth = [4, 100], [8, 100]
    stored = levels(header, ramp(EIGHT))
    assert stored == [round(255 * value / 7) for value in EIGHT]
    assert levels(header, ramp(EIGHT), window=Window(0.5, 1)) == [0, *[255] * 7]


def test_without_a_window_everything_but_padding_is_spread() -> None:
    header = Dataset()
    header.PixelPaddingValue = -2000
    got = levels(header, ramp([-2000, 0, 50, 100, -2000, 0, 0, 100], PixelRepresentation=1))
    assert got == [0, 0, 128, 255, 0, 0, 0, 255]
    assert levels(Dataset(), ramp([7] * 8)) == [255] * 8
    assert levels(Dataset(), ramp([0] * 8)) == [0] * 8


def test_monochrome1_and_an_inverse_presentation_are_turned_round() -> None:
    plain = levels(Dataset(), ramp(EIGHT))
    turned = [255 - level for level in plain]
    header = Dataset()
    header.PresentationLUTShape = "INVERSE"
    assert levels(Dataset(), ramp(EIGHT, PhotometricInterpretation="MONOCHROME1")) == turned
    assert levels(header, ramp(EIGHT)) == turned


def test_a_lut_of_values_of_interest_is_looked_up() -> None:
    header = Dataset()
    item = Dataset()
    item.LUTDescriptor = [8, 0, 8]
    entries = np.array([0, 10, 20, 30, 40, 50, 60, 255], "<u2").tobytes()
    item.add_new("LUTData", "OW", entries)
    header.VOILUTSequence = [item]
    header.PixelRepresentation = 0
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    theirs = apply_voi_lut(np.array(EIGHT, np.uint16), header).tolist()
    assert levels(header, ramp(EIGHT)) == theirs == [0, 10, 20, 30, 40, 50, 60, 255]


def test_each_frame_has_the_window_of_its_own_group() -> None:
    def group(centre: float) -> Dataset:
        values = Dataset()
        values.WindowCenter, values.WindowWidth = centre, 1
        item = Dataset()
        item.FrameVOILUTSequence = [values]
        return item

    header = Dataset()
    header.PerFrameFunctionalGroupsSequence = [group(2), group(5)]
    native, of = ramp(EIGHT)
    for number, centre in ((1, 2), (2, 5)):
        got = np.asarray(draw(header, native, of, number, Drawing())).ravel().tolist()
        assert got == [255 if value > centre - 0.5 else 0 for value in EIGHT]


def test_every_pet_slice_is_rescaled_by_itself() -> None:
    for number in (1, 2):
        dataset = pictures.pet(number)
        window = Window(1000 * number, 2000 * number, "LINEAR_EXACT")
        picture = draw(
            dataset, dataset.PixelData, FrameShape.read(dataset), 1, Drawing(window=window)
        )
        values = np.frombuffer(dataset.PixelData, "<u2") * 0.5 * number
        expected = np.clip(values / (2000 * number), 0, 1) * 255
        assert np.abs(np.asarray(picture).ravel() - expected).max() <= 0.51


# Colour


@pytest.mark.parametrize("planar", [False, True])
def test_colour_is_drawn_as_it_is(planar: bool) -> None:
    dataset = pictures.ultrasound(planar=planar)
    native = pictures.ultrasound_native(2, planar=planar)
    picture = draw(dataset, native, FrameShape.read(dataset), 2, Drawing())
    assert np.array_equal(np.asarray(picture), pictures.colours(2))


@pytest.mark.parametrize(
    ("name", "reference"),
    [("examples_palette.dcm", None), ("SC_ybr_full_422_uncompressed.dcm", "SC_rgb_rle.dcm")],
)
def test_palettes_and_halved_colour_become_rgb(name: str, reference: str | None) -> None:
    dataset = pictures.bundled(name)
    native = dataset.PixelData
    picture = draw(dataset, native, FrameShape.read(dataset), 1, Drawing())
    assert picture.mode == "RGB"
    assert picture.size == (dataset.Columns, dataset.Rows)
    if reference is not None:
        theirs = dcmread(str(get_testdata_file(reference, download=False))).pixel_array
        assert np.abs(np.asarray(picture).astype(int) - theirs).mean() < 4


def test_pixels_of_four_samples_are_told_to_be_no_picture() -> None:
    four = shape(Rows=4, Columns=5, SamplesPerPixel=4, BitsAllocated=8, BitsStored=8)
    with pytest.raises(NothingToDraw):
        draw(Dataset(), bytes(80), four, 1, read_drawing({}))


def test_masks_are_black_and_white() -> None:
    bits = np.array([[0, 1, 1, 0], [1, 0, 0, 1]], np.uint8)
    native = np.packbits(bits.ravel(), bitorder="little").tobytes()
    picture = draw(Dataset(), native, shape(BitsAllocated=1, BitsStored=1), 1, Drawing())
    assert np.array_equal(np.asarray(picture), bits * 255)


# Region and size


def grid() -> tuple[bytes, FrameShape]:
    return bytes(range(0, 240, 10)), shape(Rows=4, Columns=6, BitsAllocated=8, BitsStored=8)


def region(*numbers: float) -> np.ndarray:
    drawing = Drawing(
        window=Window(127.5, 255, "LINEAR_EXACT"),
        viewport=Viewport(int(numbers[0]), int(numbers[1]), *numbers[2:]),
    )
    return np.asarray(draw(Dataset(), *grid(), 1, drawing))


def test_a_region_is_cut_out_and_a_negative_one_flipped() -> None:
    whole = np.arange(0, 240, 10).reshape(4, 6)
    assert np.array_equal(region(6, 4), whole)
    assert np.array_equal(region(2, 2, 1, 1, 2, 2), whole[1:3, 1:3])
    assert np.array_equal(region(6, 4, 0, 0, -6, 4), whole[:, ::-1])
    assert np.array_equal(region(6, 4, 0, 0, 6, -4), whole[::-1])
    assert np.array_equal(region(2, 2, 1, 1, -2, -2), whole[1:3, 1:3][::-1, ::-1])
    assert np.array_equal(region(4, 4, 2), whole[:, 2:])


def test_a_picture_fits_into_its_viewport_and_keeps_its_sides() -> None:
    assert region(12, 100).shape == (8, 12)
    assert region(3, 100).shape == (2, 3)
    assert region(600, 400).shape == (400, 600)
    with pytest.raises(BadRequest):
        region(6, 4, 9, 0)


def test_pixels_that_are_not_square_are_drawn_square() -> None:
    header = Dataset()
    header.PixelSpacing = [2, 1]
    assert draw(header, *grid(), 1, Drawing()).size == (6, 8)
    header.PixelSpacing = [1, 2]
    assert draw(header, *grid(), 1, Drawing(viewport=Viewport(6, 6))).size == (6, 2)


# Parameters


@pytest.mark.parametrize(
    "params",
    [
        {"window": "1"},
        {"window": "a,b"},
        {"window": "1,0"},
        {"window": "1,0.5"},
        {"window": "1,2,cubic"},
        {"viewport": "0,0"},
        {"viewport": "99999,1"},
        {"viewport": "1"},
        {"viewport": "8,8,0,0,0,8"},
        {"quality": "0"},
        {"quality": "101"},
        {"quality": "x"},
        {"annotation": "institution"},
        {"iccprofile": "adobergb"},
    ],
)
def test_parameters_that_cannot_be_followed_are_refused(params: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        read_drawing(params)


def test_parameters_are_read_as_the_standard_writes_them() -> None:
    drawing = read_drawing(
        {
            "window": "-40.5,400,Sigmoid",
            "viewport": "512,256,,,-100,50.5",
            "quality": "100",
            "annotation": "technique,patient",
            "iccprofile": "no",
        }
    )
    assert drawing.window == Window(-40.5, 400, "SIGMOID")
    assert drawing.viewport == Viewport(512, 256, 0, 0, -100, 50.5)
    assert drawing.quality == 100
    assert drawing.annotations == ("patient", "technique")
    assert read_drawing({}) == Drawing(quality=DEFAULT_QUALITY)


# Text and files


def test_text_is_written_into_the_corners_only() -> None:
    picture = annotate(Image.new("L", (300, 200)), ["Anna Example", "ID-1"], ["CT 120 kV"])
    marks = np.asarray(picture) > 0
    assert marks[:40, :150].any()
    assert marks[:40, 150:].any()
    assert not marks[60:].any()


def test_the_same_picture_is_the_same_bytes_and_quality_counts() -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64)).astype(np.uint8))
    for media_type in ("image/jpeg", "image/png"):
        first, second = (written(noise, media_type, 80, None) for _ in range(2))
        assert first == second
        assert Image.open(io.BytesIO(first)).size == (64, 64)
    sizes = [len(written(noise, "image/jpeg", quality, None)) for quality in (1, 50, 100)]
    assert sizes == sorted(sizes)
