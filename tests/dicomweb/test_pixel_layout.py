"""Where pixels lie, according to the first bytes of a file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from server.dicomweb.pixels.layout import find_pixels, stored_syntax
from tests.archive.files import ct_slice, pixels, written
from tests.dicomweb import samples


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_the_frame_of_an_uncompressed_file_is_found(syntax: str) -> None:
    file = written(ct_slice("P", "1.2", "1.2.3", 4, syntax))
    layout = find_pixels(file, whole=True)
    assert layout is not None
    assert layout.frame_bytes is not None
    assert (layout.TransferSyntaxUID, layout.frames) == (syntax, 1)
    end = layout.value_offset + layout.frame_bytes
    assert file[layout.value_offset : end] == pixels(4).tobytes()


def test_more_bytes_are_asked_for_until_the_pixels_are_reached() -> None:
    dataset = ct_slice("P", "1.2", "1.2.3", 1)
    dataset.add_new(0x00091001, "UN", b"x" * 5000)
    dataset.private_block(0x0009, "TEST", create=True)
    file = written(dataset)
    assert find_pixels(file[:3000], whole=False) is None
    begun = find_pixels(file[:7000], whole=False)
    assert begun == find_pixels(file, whole=True)
    assert begun is not None
    assert begun.value_offset > 5000


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_file_without_pixels_has_no_frames(syntax: UID) -> None:
    report = samples.report()
    report.file_meta.TransferSyntaxUID = syntax
    layout = find_pixels(written(report), whole=True)
    assert layout is not None
    assert layout.frames == 0


def test_encapsulated_frames_have_no_plain_length() -> None:
    layout = find_pixels(written(samples.rle()), whole=True)
    assert layout is not None
    assert (layout.frames, layout.frame_bytes) == (1, None)


def test_bit_packed_frames_have_a_length_only_in_whole_bytes() -> None:
    layout = find_pixels(written(samples.masks()), whole=True)
    assert layout is not None
    assert (layout.frames, layout.frame_bytes) == (samples.MASK_FRAMES, 16)
    odd = samples.masks()
    odd.Columns = 15
    odd.Rows = 9
    layout = find_pixels(written(odd), whole=True)
    assert layout is not None
    assert layout.frame_bytes is None


def test_the_padding_byte_of_an_odd_frame_is_not_part_of_it() -> None:
    file = Path(str(get_testdata_file("SC_rgb_small_odd.dcm", download=False))).read_bytes()
    dataset = dcmread(io.BytesIO(file))
    layout = find_pixels(file, whole=True)
    assert layout is not None
    assert layout.frame_bytes == dataset.Rows * dataset.Columns * 3 == len(dataset.PixelData) - 1


@pytest.mark.parametrize("file", [b"", b"DICM", b"\0" * 128 + b"DICM", b"\xff" * 4000])
def test_what_is_not_dicom_is_not_understood(file: bytes) -> None:
    assert find_pixels(file, whole=True) is None
    assert stored_syntax(file) == ""


def test_the_stored_syntax_is_read_from_the_meta_information() -> None:
    assert stored_syntax(written(samples.jpeg_ls())[:1000]) == "1.2.840.10008.1.2.4.80"
