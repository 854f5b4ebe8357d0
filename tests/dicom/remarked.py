"""Compressed frames with a name in every place of theirs that holds no picture."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np

from tests.dicom.planted import MARK

NAME = f"{MARK}^MARIE ".encode()
JPEG_BASELINE, JPEG_LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
JPEG_2000, HTJ2K = "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">HH", marker, len(content) + 2) + content


def in_jpeg(stream: bytes) -> bytes:
    """In comments, in application data of many kinds, before the frame, before the scan, behind it
    and behind the end."""
    end = stream.rindex(b"\xff\xd9")
    behind = segment(0xFFFE, NAME) + segment(0xFFEF, NAME)
    return in_jpeg_ls(stream[:end] + behind + stream[end:])


def in_jpeg_ls(stream: bytes) -> bytes:
    """The same, except behind the scan, where its decoder takes nothing but the end."""
    jfif = b"JFIF\0\1\1\0\0\1\0\1\1\1" + NAME  # with a thumbnail
    front = b"".join(
        [
            segment(0xFFE0, jfif),
            segment(0xFFE1, b"Exif\0\0" + NAME),
            segment(0xFFE2, b"ICC_PROFILE\0" + NAME),
            segment(0xFFE8, b"SPIFF\0" + NAME),
            segment(0xFFED, b"Photoshop 3.0\0" + NAME),
            segment(0xFFFE, NAME),
        ]
    )
    scan = stream.index(b"\xff\xda")
    return stream[:2] + front + stream[2:scan] + segment(0xFFFE, NAME) + stream[scan:] + NAME


def in_wavelet(stream: bytes) -> bytes:
    """In comments of the main header and of the first tile-part, and behind the end."""
    tile = stream.index(b"\xff\x90\x00\x0a")
    (length,) = struct.unpack_from(">I", stream, tile + 6)
    main = segment(0xFF64, b"\0\1" + NAME)
    inner = segment(0xFF64, b"\0\1" + NAME) + segment(0xFF64, b"\0\0" + NAME)
    assert length, "the encoder wrote no length"
    return b"".join(
        [
            stream[:tile] + main,
            stream[tile : tile + 6] + struct.pack(">I", length + len(inner)),
            stream[tile + 10 : tile + 12] + inner,
            stream[tile + 12 :] + NAME,
        ]
    )


def _lossless_jpeg(pixels: Any) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=8))


CODERS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], bytes]]] = {
    JPEG_BASELINE: (lambda one: bytes(imagecodecs.jpeg8_encode(one, 90)), in_jpeg),
    JPEG_LOSSLESS: (_lossless_jpeg, in_jpeg),
    JPEG_LS: (lambda one: bytes(imagecodecs.jpegls_encode(one)), in_jpeg_ls),
    JPEG_LS_NEAR: (lambda one: bytes(imagecodecs.jpegls_encode(one, level=2)), in_jpeg_ls),
    JPEG_2000: (
        lambda one: bytes(imagecodecs.jpeg2k_encode(one, level=40, codecformat="j2k")),
        in_wavelet,
    ),
    HTJ2K: (lambda one: bytes(imagecodecs.htj2k_encode(one, reversible=True)), in_wavelet),
}


def picture(colour: bool = False) -> Any:
    """(64, 48) or (64, 48, 3) of uint8: a gradient with some noise."""
    grey = np.add.outer(np.arange(64), np.arange(48)) + np.random.default_rng(5).integers(
        0, 40, (64, 48)
    )
    one = grey.astype(np.uint8)
    return np.stack([one, one[::-1], one[:, ::-1]], axis=2) if colour else one


def remarked(syntax: str, *, colour: bool = False) -> bytes:
    """A frame of 64 x 48 pixels in this transfer syntax, with a name in every place."""
    encode, plant = CODERS[syntax]
    frame = plant(encode(picture(colour)))
    assert NAME in frame
    return frame
