"""Frames from one transfer syntax into another. Pure.

Everything goes by way of the native frame: Explicit VR Little Endian, exactly as the metadata
describes it (also its PlanarConfiguration), except that colour which a JPEG holds as YBR leaves as
RGB, for that is what every decoder gives (PS3.5 8.2.1, 8.2.4). What is called lossless is decoded
again and compared before it is given out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

import imagecodecs
import numpy as np

from server.dicom import decoding
from server.dicom.decoding import Pixels, native_bytes, native_picture
from server.dicom.frame_shape import FrameShape
from server.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    HTJ2K_LOSSLESS,
    HTJ2K_RPCL,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS_SV1,
    JPEG_LOSSY,
    JPEG_LS_LOSSLESS,
    RLE,
)
from server.dicomweb.media.accept import NATIVE

LOSSY_QUALITY = 90  # of JPEG baseline, for whoever names it
_RLE_HEADER_BYTES, _RLE_MOST_SEGMENTS = 64, 15  # PS3.5 G.5
_RESOLUTION_TILE_PARTS = 1  # OpenJPH: one tile-part for each resolution


class CannotEncode(ValueError):
    """This frame cannot be had in that transfer syntax, not without loss or not at all."""


def decoded(frame: bytes, syntax: str, shape: FrameShape) -> bytes:
    """The native frame of a stored one. Raises PixelsUnreadable."""
    if syntax in NATIVE:
        return native_bytes(frame, shape)
    picture = decoding.decoded(frame, syntax, shape)
    if picture.ndim == 3 and shape.PlanarConfiguration:
        picture = picture.transpose(2, 0, 1)
    return picture.tobytes()


def encoded(native: bytes, syntax: str, shape: FrameShape) -> bytes:
    """A native frame in another transfer syntax; `shape` is that of the native frame.

    Raises CannotEncode.
    """
    if syntax == EXPLICIT_LITTLE:
        return native
    encode = _ENCODERS.get(syntax)
    if encode is None or not may_become(syntax, shape):
        raise CannotEncode("Frames of this kind cannot be given in this transfer syntax.")
    try:
        frame = encode(native_picture(native, shape), shape)
        is_same = syntax == JPEG_BASELINE or decoded(frame, syntax, shape) == native
    # Every codec of imagecodecs raises an error of its own; all are RuntimeErrors.
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise CannotEncode("This frame cannot be encoded in this transfer syntax.") from error
    if not is_same:
        raise CannotEncode("This frame would not be the same in this transfer syntax.")
    return frame


def may_become(syntax: str, shape: FrameShape) -> bool:
    """Whether native frames of this shape can be encoded in `syntax`, as far as can be told."""
    if syntax == EXPLICIT_LITTLE:
        return True
    if syntax not in _ENCODERS or shape.is_subsampled or shape.is_float:
        return False
    if shape.SamplesPerPixel not in (1, 3):
        return False
    if syntax == JPEG_BASELINE:
        return shape.BitsAllocated == 8 and not shape.PixelRepresentation
    return shape.BitsAllocated in (8, 16)


def native_shape(syntax: str, shape: FrameShape) -> FrameShape:
    """What a frame stored in `syntax` is once it is decoded: colour out of a JPEG is RGB."""
    is_jpeg = syntax in JPEG_LOSSY
    transformed = shape.PhotometricInterpretation in ("YBR_RCT", "YBR_ICT")
    if shape.SamplesPerPixel != 3 or not (is_jpeg or transformed):
        return shape
    return replace(shape, PhotometricInterpretation="RGB")


def _unsigned(picture: Pixels) -> Pixels:
    return np.ascontiguousarray(picture).view(f"u{picture.dtype.itemsize}")


def _is_rgb(shape: FrameShape) -> bool:
    return shape.PhotometricInterpretation == "RGB"


def _to_rle(picture: Pixels, shape: FrameShape) -> bytes:
    """PS3.5 annex G: a segment for each byte of each sample, the highest first, each row by itself."""
    samples = picture.reshape(shape.Rows, shape.Columns, shape.SamplesPerPixel)
    octets = np.ascontiguousarray(samples).view(np.uint8).reshape(*samples.shape, -1)
    segments = []
    for sample in range(octets.shape[2]):
        for place in reversed(range(octets.shape[3])):
            rows = np.ascontiguousarray(octets[:, :, sample, place])
            packed = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in rows)
            segments.append(packed + b"\0" * (len(packed) % 2))
    begins = accumulate((len(one) for one in segments[:-1]), initial=_RLE_HEADER_BYTES)
    numbers = [len(segments), *begins, *[0] * (_RLE_MOST_SEGMENTS - len(segments))]
    return struct.pack("<16I", *numbers) + b"".join(segments)


def _to_jpeg(picture: Pixels, shape: FrameShape) -> bytes:
    picture = np.ascontiguousarray(picture)
    if shape.SamplesPerPixel == 1:
        return bytes(imagecodecs.jpeg8_encode(picture, LOSSY_QUALITY))
    space = "RGB" if _is_rgb(shape) else "YCBCR"
    return bytes(
        imagecodecs.jpeg8_encode(
            picture, LOSSY_QUALITY, colorspace=space, outcolorspace="YCBCR", subsampling="422"
        )
    )


def _to_jpeg_lossless(picture: Pixels, shape: FrameShape) -> bytes:
    space = "RGB" if shape.SamplesPerPixel == 3 else None
    return bytes(
        imagecodecs.jpeg8_encode(
            _unsigned(picture),
            lossless=True,
            predictor=1,  # process 14, selection value 1 (PS3.5 Table 8.2-1)
            bitspersample=shape.BitsAllocated,
            colorspace=space,
            outcolorspace=space,
        )
    )


def _to_jpeg_ls(picture: Pixels, shape: FrameShape) -> bytes:
    # Noise grows when it is coded, and the encoder's own guess of its room is too small then.
    room = 2 * picture.nbytes + 4096
    return bytes(imagecodecs.jpegls_encode(_unsigned(picture), out=room))


def _to_jpeg_2000(picture: Pixels, shape: FrameShape) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(picture),
            level=0,
            codecformat="j2k",
            reversible=True,
            mct=_is_rgb(shape),
        )
    )


def _to_htj2k(picture: Pixels, shape: FrameShape) -> bytes:
    return bytes(
        imagecodecs.htj2k_encode(
            np.ascontiguousarray(picture),
            reversible=True,
            rgb=_is_rgb(shape),
            tlm=True,
            tilepart=_RESOLUTION_TILE_PARTS,
        )
    )


_ENCODERS: dict[str, Callable[[Pixels, FrameShape], bytes]] = {
    RLE: _to_rle,
    JPEG_BASELINE: _to_jpeg,
    JPEG_LOSSLESS_SV1: _to_jpeg_lossless,
    JPEG_LS_LOSSLESS: _to_jpeg_ls,
    JPEG_2000_LOSSLESS: _to_jpeg_2000,
    HTJ2K_LOSSLESS: _to_htj2k,
    HTJ2K_RPCL: _to_htj2k,
}
ENCODABLE = frozenset(_ENCODERS)
