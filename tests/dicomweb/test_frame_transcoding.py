"""Single frames from one transfer syntax into another and back."""

from __future__ import annotations

from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.pixels.decoders.rle import _rle_decode_frame

from server.dicom.decoding import PixelsUnreadable, SyntaxUnknown
from server.dicom.frame_shape import FrameShape
from server.dicom.transfer_syntaxes import (
    HTJ2K_LOSSLESS,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LS_LOSSLESS,
    RLE,
)
from server.dicomweb.pixels.transcoding import (
    ENCODABLE,
    CannotEncode,
    decoded,
    encoded,
    may_become,
    native_shape,
)

LOSSLESS = sorted(ENCODABLE - {JPEG_BASELINE})


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    colour=st.booleans(),
    planar=st.booleans(),
    bits=st.sampled_from([8, 16]),
    signed=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_every_lossless_syntax_gives_back_every_bit_or_refuses(
    rows: int, columns: int, colour: bool, planar: bool, bits: int, signed: bool, seed: int
) -> None:
    shape = FrameShape(
        rows,
        columns,
        3 if colour else 1,
        bits,
        bits,
        int(signed and not colour),
        "RGB" if colour else "MONOCHROME2",
        int(planar and colour),
    )
    native = np.random.default_rng(seed).bytes(shape.frame_bytes)
    for syntax in LOSSLESS:
        try:
            frame = encoded(native, syntax, shape)
        except CannotEncode:
            continue
        assert decoded(frame, syntax, shape) == native


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("colour", [False, True])
def test_pictures_of_a_usual_size_are_never_refused(syntax: str, colour: bool) -> None:
    kind = "RGB" if colour else "MONOCHROME2"
    shape = FrameShape(64, 48, 3 if colour else 1, 8, 8, 0, kind)
    native = np.random.default_rng(2).bytes(shape.frame_bytes)
    assert decoded(encoded(native, syntax, shape), syntax, shape) == native


@pytest.mark.parametrize("syntax", sorted(ENCODABLE))
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_frame_that_ends_early_is_never_taken_for_whole(syntax: str, share: float) -> None:
    shape = FrameShape(64, 48, 1, 8, 8)
    native = np.random.default_rng(3).bytes(shape.frame_bytes)
    frame = encoded(native, syntax, shape)
    cut = frame[: int(len(frame) * share)]
    try:
        seen = decoded(cut, syntax, shape)
    except PixelsUnreadable:
        return
    assert seen == native  # what was cut off was nothing but padding


@pytest.mark.parametrize("syntax", sorted(ENCODABLE))
@pytest.mark.parametrize("garbage", [b"", b"\xff\xd8\xff", b"\0" * 500, b"\xff\x4f\xff\x51" * 20])
def test_garbage_is_no_picture(syntax: str, garbage: bytes) -> None:
    with pytest.raises(PixelsUnreadable):
        decoded(garbage, syntax, FrameShape(64, 48, 1, 8, 8))


@pytest.mark.parametrize("syntax", sorted(ENCODABLE))
def test_a_picture_of_another_size_is_not_the_frame(syntax: str) -> None:
    shape = FrameShape(64, 48, 1, 8, 8)
    frame = encoded(bytes(shape.frame_bytes), syntax, shape)
    with pytest.raises(PixelsUnreadable):
        decoded(frame, syntax, replace(shape, Rows=20_000, Columns=20_000))


def test_a_syntax_without_a_decoder_says_nothing_against_the_pixels() -> None:
    with pytest.raises(SyntaxUnknown):
        decoded(b"video", "1.2.840.10008.1.2.4.102", FrameShape(4, 4))


@pytest.mark.parametrize("transformed", [False, True])
def test_colour_in_a_wavelet_is_read_with_and_without_its_transformation(transformed: bool) -> None:
    shape = FrameShape(24, 32, 3, 8, 8, 0, "RGB")
    picture = np.random.default_rng(4).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    htj2k = imagecodecs.htj2k_encode(picture, reversible=True, rgb=transformed)
    assert decoded(bytes(htj2k), HTJ2K_LOSSLESS, shape) == picture.tobytes()
    j2k = imagecodecs.jpeg2k_encode(
        picture, level=0, codecformat="j2k", reversible=True, mct=transformed
    )
    assert decoded(bytes(j2k), JPEG_2000_LOSSLESS, shape) == picture.tobytes()


def test_signed_values_that_a_coder_took_for_unsigned_get_their_sign_back() -> None:
    shape = FrameShape(2, 3, 1, 16, 12, 1)
    values = np.array([[-2048, -1, 0], [1, 2047, -5]], np.int16)
    as_bits = (values.view(np.uint16) & 0x0FFF).astype(np.uint16)
    frame = bytes(imagecodecs.jpegls_encode(as_bits))
    assert decoded(frame, JPEG_LS_LOSSLESS, shape) == values.tobytes()


@pytest.mark.parametrize(
    ("shape", "syntax", "possible"),
    [
        (FrameShape(8, 8, 1, 16), JPEG_BASELINE, False),
        (FrameShape(8, 8, 1, 8), JPEG_BASELINE, True),
        (FrameShape(8, 8, 1, 8, 8, 1), JPEG_BASELINE, False),
        (FrameShape(8, 8, 1, 1, 1), RLE, False),
        (FrameShape(8, 8, 1, 32, 32), JPEG_LS_LOSSLESS, False),
        (FrameShape(8, 8, 3, 8, 8, 0, "YBR_FULL_422"), JPEG_LS_LOSSLESS, False),
        (FrameShape(8, 8, 1, 32, 32, is_float=True), RLE, False),
        (FrameShape(8, 8, 4, 8, 8), JPEG_LS_LOSSLESS, False),
        (FrameShape(8, 8), "1.2.3", False),
    ],
)
def test_what_cannot_be_encoded_is_known_before(
    shape: FrameShape, syntax: str, possible: bool
) -> None:
    assert may_become(syntax, shape) is possible
    if not possible:
        with pytest.raises(CannotEncode):
            encoded(bytes(1024), syntax, shape)


def test_only_colour_that_is_transformed_is_called_rgb() -> None:
    ybr = FrameShape(8, 8, 3, 8, 8, 0, "YBR_FULL")
    assert native_shape(JPEG_BASELINE, ybr).PhotometricInterpretation == "RGB"
    assert native_shape(RLE, ybr) == ybr
    rct = replace(ybr, PhotometricInterpretation="YBR_RCT")
    assert native_shape(JPEG_2000_LOSSLESS, rct).PhotometricInterpretation == "RGB"
    grey = FrameShape(8, 8, 1, 8, 8)
    assert native_shape(JPEG_BASELINE, grey) == grey


@pytest.mark.parametrize(("samples", "bits"), [(1, 8), (1, 16), (3, 8), (3, 16)])
def test_pydicom_reads_the_run_lengths(samples: int, bits: int) -> None:
    """Noise, one value for longer than a run may be, and runs of every short length."""
    noise = np.random.default_rng(5).integers(0, 2**bits, (7, 300, samples))
    noise[2:5] = 77
    noise[5] = np.repeat(np.arange(24), np.arange(1, 25))[:300, None]
    colour = "RGB" if samples == 3 else "MONOCHROME2"
    shape = FrameShape(7, 300, samples, bits, bits, 0, colour)
    native = noise.astype(f"<u{bits // 8}").tobytes()
    frame = encoded(native, RLE, shape)
    planes = np.frombuffer(_rle_decode_frame(frame, 7, 300, samples, bits), shape.dtype)
    by_pixel = planes.reshape(samples, 7, 300).transpose(1, 2, 0)
    assert by_pixel.tobytes() == native
    assert len(frame) < len(native)
