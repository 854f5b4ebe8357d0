"""Files with compressed frames under pseudonyms: no remark in any frame, however it is wrapped."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import UID

from server.dicom.decoding import decoded
from server.dicom.frame_shape import FrameShape
from server.dicom.pseudonyms import Pseudonyms
from server.dicom.shown_file import opened, shown_file
from server.dicom.shown_pixels import FileNotUnderstood
from tests.archive.files import written
from tests.dicom.planted import MARK, ROOT, identity_in, planted_ct
from tests.dicom.remarked import CODERS, HTJ2K, JPEG_BASELINE, JPEG_LS_NEAR, picture, remarked

CASE = Pseudonyms(b"k" * 32, "M-2026-00001")


def shown(data: bytes) -> bytes:
    with opened(io.BytesIO(data)) as file:
        found = shown_file(file, CASE, {})
    with found.file:
        return b"".join(found.chunks())


def ct_of(syntax: str, frames: int) -> Dataset:
    dataset = planted_ct(f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.3", UID(syntax), every_sequence=64)
    dataset.Rows, dataset.Columns = 64, 48
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.NumberOfFrames = frames
    return dataset


def wrapped(syntax: str, frames: int, way: str) -> bytes:
    """A file whose frames hold a name each, in one of the ways in which frames can be wrapped."""
    dataset = ct_of(syntax, frames)
    streams = [remarked(syntax) for _ in range(frames)]
    if way == "extended":
        value, offsets, lengths = encapsulate_extended(streams)
        dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
    elif way == "no table":
        value = encapsulate(streams, fragments_per_frame=3, has_bot=False)
    else:
        value = encapsulate(streams, fragments_per_frame=1 if way == "simple" else 3)
    dataset.PixelData = value
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return written(dataset)


@pytest.mark.parametrize("way", ["simple", "in parts", "extended", "no table"])
@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_LS_NEAR, HTJ2K])
def test_no_name_leaves_in_a_frame_of_a_file(syntax: str, frames: int, way: str) -> None:
    seen = shown(wrapped(syntax, frames, way))
    assert identity_in(seen) == []
    if way == "no table" and frames > 1:
        return  # pydicom cannot tell such frames from each other either, with bytes behind their ends
    again = dcmread(io.BytesIO(seen))
    found = list(generate_frames(again.PixelData, number_of_frames=frames))
    assert len(found) == frames
    bare = CODERS[syntax][0](picture())
    shape = FrameShape(64, 48, 1, 8, 8)
    for frame in found:
        assert np.array_equal(decoded(frame, syntax, shape), decoded(bare, syntax, shape))


def test_frames_that_cannot_be_told_from_each_other_are_not_given_out() -> None:
    data = wrapped(JPEG_BASELINE, 3, "no table").replace(b"\xff\xd8\xff", b"\xff\xd8\x00")
    with pytest.raises(FileNotUnderstood):
        shown(data)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.110"])
def test_streams_of_which_nothing_is_known_are_not_given_out(syntax: str) -> None:
    dataset = ct_of(syntax, 1)
    dataset.PixelData = encapsulate([MARK.encode() * 20])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    with pytest.raises(FileNotUnderstood):
        shown(written(dataset))


def test_items_that_end_early_are_not_given_out() -> None:
    data = wrapped(JPEG_BASELINE, 2, "simple")
    at = data.index(b"\xe0\x7f\x10\x00OB")
    (table,) = struct.unpack_from("<I", data, at + 16)
    for cut in (at + 14, at + 20 + table + 30, len(data) - 40):
        with pytest.raises(FileNotUnderstood):
            shown(data[:cut])
