"""Key images: chosen from what values were seen on, drawn from the archive's file, never with a name."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from server.annotations.organs import ORGANS
from server.opinions.image_plane import edge_letters
from server.opinions.key_images import MOST_IMAGES, KeyImage, chosen_images, key_images
from server.opinions.pictures import SIDE_PIXELS, picture_of

FIELDS = ORGANS["pancreas"].fields
IMAGE = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.4"}
SEEN = {
    "kind": "angle",
    "state": "supported",
    "value": 118,
    "unit": "deg",
    "image": IMAGE,
    "series": "series 4 portal venous",
    "image_number": 34,
    "window": {"lower": -125, "upper": 225},
    "points_mm": [[10, 10, 0], [20, 20, 0], [30, 10, 0]],
}
ANSWERS: dict[str, Any] = {
    "vessels": {"sma": {"contact_deg": 120}},
    "size_mm": 34,
    "evidence": {"/vessels/sma/contact_deg": SEEN, "/size_mm": {**SEEN, "kind": "bidirectional"}},
}


def ct(**changes: Any) -> Dataset:
    """A CT slice of 64 by 64 with a bright square, as it is read from a file."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, IMAGE["SOPInstanceUID"]
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName = "Example^Maria"
    dataset.Rows = dataset.Columns = 64
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 1, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
    dataset.ImagePositionPatient, dataset.PixelSpacing = [0, 0, 0], [1, 1]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    pixels = np.full((64, 64), -1000, np.int16)
    pixels[20:40, 20:40] = 200
    dataset.PixelData = pixels.tobytes()
    for name, value in changes.items():
        setattr(dataset, name, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return dcmread(io.BytesIO(file.getvalue()))


def drawn(image: KeyImage, **changes: Any) -> Image.Image:
    picture = picture_of(ct(**changes), image)
    assert picture is not None
    return Image.open(io.BytesIO(picture))


def test_an_image_is_taken_for_each_value_that_was_seen_on_one() -> None:
    contact, size = key_images(FIELDS, ANSWERS)
    assert contact.shows == "Superior mesenteric artery: Contact"
    assert (contact.series, contact.image_number) == ("series 4 portal venous", 34)
    assert contact.figure == "angle 118°"
    assert (contact.drawn, size.drawn) == ("angle", "cross")


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {**ANSWERS, "evidence": "none"},
        {**ANSWERS, "vessels": {}, "size_mm": None},
        {"size_mm": 34, "evidence": {"/size_mm": {**SEEN, "state": "unsupported"}}},
        {"size_mm": 34, "evidence": {"/nowhere": SEEN}},
    ],
)
def test_what_is_no_longer_said_or_measured_has_no_image(answers: dict[str, Any]) -> None:
    assert key_images(FIELDS, answers) == ()


def test_at_most_six_are_printed_and_not_those_left_out() -> None:
    [one, *_] = key_images(FIELDS, ANSWERS)
    many = [replace(one, pointer=f"/v{n}") for n in range(9)]
    kept = chosen_images(many, ["/v0"])
    assert [image.pointer for image in kept] == [f"/v{n}" for n in range(1, MOST_IMAGES + 1)]


def test_the_picture_shows_the_surroundings_of_the_measurement_with_the_measurement_on_it() -> None:
    image = key_images(FIELDS, ANSWERS)[0]
    plain = np.asarray(drawn(replace(image, drawn="", points_mm=())))
    marked = np.asarray(drawn(image))
    assert plain.shape == marked.shape == (SIDE_PIXELS, SIDE_PIXELS, 3)

    def yellow(picture: np.ndarray) -> int:
        red, green, blue = (picture[..., n].astype(int) for n in range(3))
        return int(((red > 150) & (green > 120) & (blue < 110)).sum())

    assert yellow(plain) == 0
    assert yellow(marked) > 500
    # A region of the image, so the bright square is larger than in the whole of it.
    assert (marked.mean(axis=2) > 200).mean() > (plain.mean(axis=2) > 200).mean()


@pytest.mark.parametrize(
    "changes",
    [
        {"BurnedInAnnotation": "YES"},
        {"RecognizableVisualFeatures": "YES"},
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
        {"Modality": "US"},
        {"ConversionType": "WSD"},
        {"PixelData": b"\0" * 10},
        {"BitsAllocated": 12},
    ],
)
def test_what_may_show_a_name_or_cannot_be_read_has_no_picture(changes: dict[str, Any]) -> None:
    assert picture_of(ct(**changes), key_images(FIELDS, ANSWERS)[0]) is None


def test_a_frame_that_is_not_there_has_no_picture() -> None:
    assert picture_of(ct(), replace(key_images(FIELDS, ANSWERS)[0], frame=2)) is None


def test_the_pictures_file_holds_no_text() -> None:
    picture = picture_of(ct(), key_images(FIELDS, ANSWERS)[0])
    assert picture is not None
    assert b"Example" not in picture
    assert Image.open(io.BytesIO(picture)).getexif() == {}


@pytest.mark.parametrize(
    ("orientation", "letters"),
    [
        ([1, 0, 0, 0, 1, 0], ("R", "A")),
        ([-1, 0, 0, 0, 1, 0], ("L", "A")),
        ([1, 0, 0, 0, 0, -1], ("R", "H")),
        ([0, 1, 0, 0, 0, -1], ("A", "H")),
    ],
)
def test_the_patients_sides_are_where_the_header_says(
    orientation: list[int], letters: tuple[str, str]
) -> None:
    assert edge_letters(ct(ImageOrientationPatient=orientation)) == letters
    bare = ct()
    del bare.ImageOrientationPatient
    assert edge_letters(bare) == ("", "")


def test_a_real_ct_becomes_a_picture(sample: Path) -> None:
    image = replace(key_images(FIELDS, ANSWERS)[0], points_mm=())
    picture = picture_of(dcmread(sample), image)
    assert picture is not None
    assert np.asarray(Image.open(io.BytesIO(picture))).std() > 20


@pytest.fixture
def sample() -> Path:
    """A slice of the real CT beside the project, where it is there."""
    path = Path(__file__).parents[3] / "shared" / "data" / "ct-liver-3slice" / "02.dcm"
    if not path.exists():
        pytest.skip("the sample CT is not beside the project")
    return path
