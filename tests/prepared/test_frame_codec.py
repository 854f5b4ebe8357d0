"""Every value of every frame survives, and what cannot be read says why instead of raising."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydicom.pixels.encoders import JPEGLSLosslessEncoder, RLELosslessEncoder

from server.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    HTJ2K_LOSSLESS,
    HTJ2K_RPCL,
    JPEG_2000_LOSSLESS,
    JPEG_LS_LOSSLESS,
    RLE,
)
from server.prepared.codec import (
    Encoded,
    Layout,
    Unreadable,
    decoded,
    fits_htj2k,
    kept_syntax,
    prepared,
)
from server.prepared.manifest import UNKNOWN
from tests.prepared.pictures import noise

JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"


def layout(pixels: Any, syntax: str = EXPLICIT_LITTLE, **given: Any) -> Layout:
    bits = pixels.dtype.itemsize * 8
    colour = pixels.ndim == 3
    known = Layout(
        TransferSyntaxUID=syntax,
        Rows=pixels.shape[0],
        Columns=pixels.shape[1],
        SamplesPerPixel=3 if colour else 1,
        BitsAllocated=bits,
        BitsStored=bits,
        PixelRepresentation=int(pixels.dtype.kind == "i"),
        PhotometricInterpretation="RGB" if colour else "MONOCHROME2",
    )
    return replace(known, **given)


def made(said: Layout, stored: bytes) -> Encoded:
    found = prepared(said, stored, htj2k=fits_htj2k(said))
    assert isinstance(found, Encoded), found
    return found


def reason(said: Layout, stored: bytes) -> str:
    found = prepared(said, stored, htj2k=fits_htj2k(said))
    assert isinstance(found, Unreadable)
    assert found.reason.endswith(".")
    return found.reason


any_frame = st.sampled_from([np.int8, np.uint8, np.int16, np.uint16]).flatmap(
    lambda dtype: arrays.arrays(
        dtype, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=70)
    )
)


@settings(max_examples=120, deadline=None)
@given(any_frame)
def test_any_grey_frame_comes_back_bit_for_bit(pixels: Any) -> None:
    found = made(layout(pixels), pixels.tobytes())
    again = decoded(layout(pixels), found.data, HTJ2K_RPCL)
    assert isinstance(again, np.ndarray)
    assert again.dtype == pixels.dtype
    assert again.tobytes() == pixels.tobytes()


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_any_rgb_frame_comes_back_bit_for_bit(pixels: Any) -> None:
    found = made(layout(pixels), pixels.tobytes())
    again = decoded(layout(pixels), found.data, found.syntax)
    assert isinstance(again, np.ndarray)
    assert np.array_equal(again, pixels)


@pytest.mark.parametrize("transformed", [False, True])
def test_colour_in_a_wavelet_is_read_with_and_without_its_transformation(transformed: bool) -> None:
    pixels = noise((24, 32, 3), np.uint8)
    j2k = imagecodecs.jpeg2k_encode(
        pixels, codecformat="j2k", reversible=True, level=0, mct=transformed
    )
    found = made(layout(pixels, JPEG_2000_LOSSLESS), bytes(j2k))
    assert found.syntax == HTJ2K_RPCL
    again = decoded(layout(pixels), found.data, found.syntax)
    assert np.array_equal(again, pixels)
    # HTJ2K stays as it was stored, once it was seen that it can be read.
    htj2k = bytes(imagecodecs.htj2k_encode(pixels, reversible=True, rgb=transformed))
    assert made(layout(pixels, HTJ2K_LOSSLESS), htj2k).data == htj2k
    again = decoded(layout(pixels, HTJ2K_LOSSLESS), htj2k)
    assert np.array_equal(again, pixels)


def test_bits_above_the_stored_ones_survive_as_they_are() -> None:
    pixels = noise((64, 48), np.uint16)
    found = made(layout(pixels, BitsStored=12), pixels.tobytes())
    again = decoded(layout(pixels), found.data, found.syntax)
    assert isinstance(again, np.ndarray)
    assert again.tobytes() == pixels.tobytes()


def test_each_resolution_ends_where_the_frame_says_and_decodes_from_there() -> None:
    pixels = np.add.outer(np.arange(512), np.arange(512)).astype(np.int16)
    found = made(layout(pixels), pixels.tobytes())
    assert len(found.resolution_bytes) == 6
    assert list(found.resolution_bytes) == sorted(found.resolution_bytes)
    assert found.resolution_bytes[-1] == len(found.data)
    whole = imagecodecs.htj2k_decode(found.data)
    for end in found.resolution_bytes[:-1]:
        # The next tile-part begins exactly here (SOT, ISO/IEC 15444-1 A.4.2).
        assert found.data[end : end + 2] == b"\xff\x90"
        part = imagecodecs.htj2k_decode(found.data[:end])
        assert part.shape == whole.shape


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint8])
def test_frames_of_every_lossless_codec_become_htj2k_of_the_same_values(dtype: Any) -> None:
    pixels = noise((40, 56), dtype)
    unsigned = pixels.view(f"u{pixels.dtype.itemsize}")
    bits = pixels.dtype.itemsize * 8
    rle = RLELosslessEncoder.encode(
        pixels.tobytes(),
        rows=40,
        columns=56,
        samples_per_pixel=1,
        bits_allocated=bits,
        bits_stored=bits,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
        encoding_plugin="pydicom",
    )
    stored = {
        RLE: rle,
        JPEG_LS_LOSSLESS: bytes(imagecodecs.jpegls_encode(unsigned)),
        JPEG_LOSSLESS_SV1: bytes(imagecodecs.ljpeg_encode(unsigned)),
        JPEG_2000_LOSSLESS: bytes(
            imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True, level=0)
        ),
    }
    for syntax, data in stored.items():
        found = made(layout(pixels, syntax), data)
        assert found.syntax == HTJ2K_RPCL, syntax
        again = decoded(layout(pixels), found.data, found.syntax)
        assert isinstance(again, np.ndarray)
        assert again.tobytes() == pixels.tobytes(), syntax


def test_signed_values_of_twelve_bits_keep_their_sign_through_jpeg_ls() -> None:
    pixels = np.linspace(-2048, 2047, 64 * 64).astype(np.int16).reshape(64, 64)
    data = JPEGLSLosslessEncoder.encode(
        pixels.tobytes(),
        rows=64,
        columns=64,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=12,
        pixel_representation=1,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
        encoding_plugin="pyjpegls",
    )
    again = decoded(layout(pixels, JPEG_LS_LOSSLESS, BitsStored=12), data)
    assert isinstance(again, np.ndarray)
    assert np.array_equal(again, pixels)


def test_what_htj2k_or_viewers_cannot_hold_stays_as_it_is() -> None:
    grey = noise((16, 16), np.uint16)
    rgb = noise((16, 16, 3), np.uint8)
    kept = {
        "planes": layout(rgb, PlanarConfiguration=1),
        "YBR": layout(rgb, PhotometricInterpretation="YBR_FULL"),
        "32 bits": layout(grey, Columns=8, BitsAllocated=32),
        "float": layout(grey, Columns=8, BitsAllocated=32, is_float=True),
        "one bit": layout(grey, Rows=64, Columns=64, BitsAllocated=1),
    }
    data = {"planes": rgb, "YBR": rgb}
    for name, said in kept.items():
        stored = data.get(name, grey).tobytes()
        assert made(said, stored) == Encoded(EXPLICIT_LITTLE, stored), name


def test_a_lossy_frame_stays_as_it_was_stored() -> None:
    pixels = noise((48, 48), np.uint8)
    data = bytes(imagecodecs.jpeg8_encode(pixels))
    said = layout(pixels, JPEG_BASELINE)
    assert made(said, data) == Encoded(JPEG_BASELINE, data)
    assert kept_syntax(said) == JPEG_BASELINE
    twelve = noise((48, 48), np.uint16) & 0x0FFF
    data = bytes(imagecodecs.jpeg8_encode(twelve, bitspersample=12))
    said = layout(twelve, JPEG_EXTENDED, BitsStored=12)
    assert made(said, data) == Encoded(JPEG_EXTENDED, data)


def test_a_frame_that_is_cut_off_says_so() -> None:
    pixels = noise((48, 48), np.uint8)
    assert "ends early" in reason(layout(pixels), pixels.tobytes()[:-1])
    assert "ends early" in reason(
        layout(pixels, JPEG_BASELINE), bytes(imagecodecs.jpeg8_encode(pixels))[:900]
    )
    whole = bytes(imagecodecs.htj2k_encode(pixels, reversible=True))
    assert "ends early" in reason(layout(pixels, HTJ2K_RPCL), whole[:-200])
    assert "no pixels" in reason(layout(pixels), b"")


def test_a_stream_of_another_size_than_the_instance_says_is_not_decoded() -> None:
    bomb = bytes(imagecodecs.jpegls_encode(np.zeros((4000, 4000), np.uint8)))
    said = layout(noise((8, 8), np.uint8), JPEG_LS_LOSSLESS)
    assert "another size" in reason(said, bomb)


def test_a_syntax_that_is_unknown_here_is_left_to_those_who_know_it() -> None:
    unknown = "1.2.840.10008.1.2.4.110"
    said = layout(noise((8, 8), np.uint8), unknown)
    assert made(said, b"anything") == Encoded(unknown, b"anything", remarks=UNKNOWN)
    found = decoded(said, b"anything")
    assert isinstance(found, Unreadable)
    assert unknown in found.reason


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([RLE, JPEG_BASELINE, HTJ2K_RPCL]), st.binary(max_size=300))
def test_bytes_that_are_no_picture_give_a_sentence(syntax: str, data: bytes) -> None:
    pixels = noise((8, 8), np.uint8)
    found = prepared(layout(pixels, syntax), data, htj2k=fits_htj2k(layout(pixels, syntax)))
    assert isinstance(found, Encoded) or found.reason.endswith(".")
