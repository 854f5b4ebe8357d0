"""What people and programs write into compressed frames is overwritten, and the picture stays."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import generate_frames

from server.dicom.decoding import DECODABLE, PixelsUnreadable, decoded
from server.dicom.files import FileHead, read_head
from server.dicom.frame_shape import FrameShape
from server.dicom.remarks import StreamNotUnderstood, without_remarks
from tests.dicom.planted import identity_in
from tests.dicom.remarked import (
    CODERS,
    HTJ2K,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LS,
    NAME,
    picture,
    remarked,
    segment,
)


def compressed() -> list[Path]:
    """The compressed pictures that are installed with pydicom, from a dozen encoders."""
    found = []
    for path in sorted((Path(pydicom.data.__file__).parent / "test_files").glob("*.dcm")):
        head = read_head(path)
        # Two are no pictures, or say another transfer syntax than theirs.
        if path.name in ("SC_rgb_jpeg.dcm", "UN_sequence.dcm"):
            continue
        if isinstance(head, FileHead) and head.TransferSyntaxUID in DECODABLE:
            found.append(path)
    return found


FIELD = compressed()


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("syntax", CODERS)
def test_no_name_stays_in_a_frame_and_its_picture_does(syntax: str, colour: bool) -> None:
    frame = remarked(syntax, colour=colour)
    shape = FrameShape(64, 48, 3 if colour else 1, 8, 8, 0, "RGB" if colour else "MONOCHROME2")
    shown = without_remarks(frame, syntax)
    assert identity_in(shown) == []
    assert len(shown) == len(frame)
    bare = CODERS[syntax][0](picture(colour))
    assert np.array_equal(decoded(shown, syntax, shape), decoded(bare, syntax, shape))
    assert without_remarks(shown, syntax) is shown


def test_what_the_boxes_of_a_file_within_a_file_say_is_overwritten() -> None:
    boxed = bytes(imagecodecs.jpeg2k_encode(picture(True), level=0, codecformat="jp2"))
    xml = struct.pack(">I4s", 8 + len(NAME), b"xml ") + NAME
    at = boxed.index(b"jp2h") - 4
    frame = boxed[:at] + xml + boxed[at:] + xml
    shown = without_remarks(frame, JPEG_2000)
    assert identity_in(shown) == []
    assert np.array_equal(imagecodecs.jpeg2k_decode(shown), picture(True))


def test_the_colour_transformation_that_a_jpeg_names_stays() -> None:
    adobe = segment(0xFFEE, b"Adobe\0\x64\0\0\0\0\0" + NAME)
    frame = bytes(
        imagecodecs.jpeg8_encode(picture(True), 90, colorspace="RGB", outcolorspace="RGB")
    )
    at = frame.index(b"\xff\xee")
    (length,) = struct.unpack_from(">H", frame, at + 2)
    planted = frame[:at] + adobe + frame[at + 2 + length :]
    shown = without_remarks(planted, JPEG_BASELINE)
    assert identity_in(shown) == []
    assert np.array_equal(imagecodecs.jpeg8_decode(shown), imagecodecs.jpeg8_decode(frame))


def test_text_between_the_segments_of_a_jpeg_is_overwritten() -> None:
    bare = CODERS[JPEG_BASELINE][0](picture())
    frame = bare[:2] + NAME + b"\xff\x00" + NAME + bare[2:]
    assert identity_in(without_remarks(frame, JPEG_BASELINE)) == []


@pytest.mark.parametrize("path", FIELD, ids=lambda path: path.name)
def test_pictures_of_the_field_stay_as_they_are(path: Path) -> None:
    dataset = dcmread(path)
    syntax, count = str(dataset.file_meta.TransferSyntaxUID), int(dataset.get("NumberOfFrames", 1))
    for frame in generate_frames(dataset.PixelData, number_of_frames=count):
        shown = without_remarks(frame, syntax)
        assert len(shown) == len(frame)
        shape = FrameShape.read(dataset)
        assert np.array_equal(seen(shown, syntax, shape), seen(frame, syntax, shape))


def seen(frame: bytes, syntax: str, shape: FrameShape) -> object:
    try:
        return decoded(frame, syntax, shape)
    except PixelsUnreadable as problem:
        return str(problem)


def test_samples_are_not_looked_into() -> None:
    for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"):
        assert without_remarks(NAME, syntax) == NAME


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (JPEG_BASELINE, b""),
        (JPEG_BASELINE, NAME),
        (JPEG_LS, b"\xff\xd8" + segment(0xFFFE, NAME)),
        (JPEG_BASELINE, b"\xff\xd8\xff\xfe\xff\xff" + NAME),
        (JPEG_2000, b"\xff\x4f" + segment(0xFF64, b"\0\1" + NAME)),
        (HTJ2K, b"\xff\x4f\x00\x00" + NAME),
        ("1.2.840.10008.1.2.4.110", b"a stream of another kind"),
        ("1.2.840.10008.1.2.4.102", b"a video"),
    ],
)
def test_a_stream_that_cannot_be_accounted_for_is_refused(syntax: str, frame: bytes) -> None:
    with pytest.raises(StreamNotUnderstood):
        without_remarks(frame, syntax)


@given(
    syntax=st.sampled_from(sorted(CODERS)),
    cut=st.floats(0, 1),
    damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_hostile_streams_are_refused_or_keep_their_length(
    syntax: str, cut: float, damage: list[tuple[float, int]]
) -> None:
    frame = bytearray(remarked(syntax))
    del frame[int(len(frame) * cut) + 1 :]
    for place, value in damage:
        frame[min(len(frame) - 1, int(place * len(frame)))] = value
    try:
        shown = without_remarks(bytes(frame), syntax)
    except StreamNotUnderstood:
        return
    assert len(shown) == len(frame)
