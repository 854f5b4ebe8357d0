"""The one decoder of stored frames: bytes in a transfer syntax become an array of stored values. Pure.

What a stream says of its size is compared with the header before memory is taken for it. Colour is
as the decoder gives it: out of a JPEG (10918-1) and out of a wavelet with its own transformation it
is RGB (PS3.5 8.2.1, 8.2.4), everywhere else as it was stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from server.dicom.codestreams import (
    Picture,
    jpeg_picture,
    jpeg_whole,
    tile_parts_whole,
    wavelet_picture,
)
from server.dicom.frame_shape import FrameShape
from server.dicom.transfer_syntaxes import (
    HTJ2K,
    JPEG_2000,
    JPEG_LOSSLESS,
    JPEG_LOSSY,
    JPEG_LS,
    RLE,
    UNCOMPRESSED,
)

_YBR_IN_JPEG = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422")
_MARKERS_BYTES = 4096
_JPEG_BEGINS = b"\xff\xd8"  # SOI: ISO/IEC 10918-1 table B.1
_ADOBE = b"\xff\xee\x00\x0eAdobe"  # a whole APP14 marker: ISO/IEC 10918-6 6.5.3

Pixels = NDArray[Any]


class PixelsUnreadable(ValueError):
    """The bytes of a frame are not what their transfer syntax and their header promise. Its text is
    a sentence about the frame."""


class SyntaxUnknown(PixelsUnreadable):
    """There is no decoder here for this transfer syntax: nothing is said against the pixels."""


def decoded(frame: bytes, syntax: str, shape: FrameShape) -> Pixels:
    """The stored values of one frame; uncompressed ones come little endian.

    Shape (Rows, Columns) or (Rows, Columns, SamplesPerPixel), dtype `shape.dtype`; of single bits
    (Rows, Columns) of uint8. Raises PixelsUnreadable.
    """
    if syntax in UNCOMPRESSED:
        return native_picture(frame, shape)
    decode = _DECODERS.get(syntax)
    if decode is None:
        raise SyntaxUnknown(f"Its transfer syntax {syntax} cannot be decoded here.")
    try:
        return decode(frame, shape)
    except PixelsUnreadable:
        raise
    except MemoryError as error:
        raise PixelsUnreadable("Decoding it takes more memory than one frame may have.") from error
    except (
        Exception
    ) as error:  # whatever a decoder makes of hostile bytes concerns this frame alone
        raise PixelsUnreadable("Its pixels are damaged.") from error


def native_picture(frame: bytes, shape: FrameShape) -> Pixels:
    """An uncompressed frame as `decoded` gives it. Raises PixelsUnreadable."""
    whole = native_bytes(frame, shape)
    if shape.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(whole, np.uint8), bitorder="little")
        return bits[: shape.Rows * shape.Columns].reshape(shape.Rows, shape.Columns)
    if shape.is_subsampled:
        raise PixelsUnreadable(
            "Its colour is shared by two pixels each, which is not decoded here."
        )
    try:
        flat = np.frombuffer(whole, shape.dtype)
    except TypeError as error:
        raise PixelsUnreadable("Its samples are of no size that is known here.") from error
    return _by_pixel(flat, shape) if shape.PlanarConfiguration else flat.reshape(size_of(shape))


def native_bytes(frame: bytes, shape: FrameShape) -> bytes:
    """The bytes of an uncompressed frame without padding. Raises PixelsUnreadable for too few."""
    length = shape.frame_bytes
    if len(frame) < length:
        raise PixelsUnreadable(f"It ends early: {len(frame)} of {length} bytes are there.")
    return frame[:length]


def size_of(shape: FrameShape) -> tuple[int, ...]:
    """(Rows, Columns), or (Rows, Columns, SamplesPerPixel) for colour pixel by pixel."""
    grey = (shape.Rows, shape.Columns)
    return grey if shape.SamplesPerPixel == 1 else (*grey, shape.SamplesPerPixel)


def _by_pixel(flat: Pixels, shape: FrameShape) -> Pixels:
    """Colour that lies plane by plane, pixel by pixel."""
    if shape.SamplesPerPixel == 1:
        return flat.reshape(size_of(shape))
    planes = flat.reshape(shape.SamplesPerPixel, shape.Rows, shape.Columns)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def _run_length(frame: bytes, shape: FrameShape) -> Pixels:
    """PS3.5 annex G: one segment per byte of a sample, colour plane by plane."""
    unsigned = np.dtype(f"<u{shape.dtype.itemsize}")
    raw = bytes(imagecodecs.dicomrle_decode(frame, dtype=unsigned))
    if len(raw) < shape.frame_bytes:
        raise PixelsUnreadable("It holds fewer pixels than its rows and columns say.")
    return _by_pixel(np.frombuffer(raw[: shape.frame_bytes], shape.dtype), shape)


def _jpeg(frame: bytes, shape: FrameShape) -> Pixels:
    picture = _checked(jpeg_picture(frame), shape)
    _check_end(jpeg_whole(frame))
    is_ybr = shape.PhotometricInterpretation in _YBR_IN_JPEG
    begun = frame[:_MARKERS_BYTES]
    # What the picture says of its own colour goes before what the header says of it.
    if shape.SamplesPerPixel == 1 or _ADOBE in begun or (b"JFIF" in begun and not is_ybr):
        return _conformed(shape, imagecodecs.jpeg8_decode(frame), picture)
    space = "YCBCR" if is_ybr else "RGB"
    found = imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace="RGB")
    return _conformed(shape, found, picture)


def _jpeg_lossless(frame: bytes, shape: FrameShape) -> Pixels:
    """Two decoders, because each refuses streams that the other reads. Never another colour space:
    lossless means the samples as they are."""
    picture = _checked(jpeg_picture(frame), shape)
    try:
        found = imagecodecs.jpegsof3_decode(frame)
    except imagecodecs.Jpegsof3Error:
        _check_end(jpeg_whole(frame))
        found = imagecodecs.ljpeg_decode(frame)
    return _conformed(shape, found, picture)


def _jpeg_ls(frame: bytes, shape: FrameShape) -> Pixels:
    picture = _checked(jpeg_picture(frame), shape)
    return _conformed(shape, imagecodecs.jpegls_decode(frame), picture)


def _jpeg_2000(frame: bytes, shape: FrameShape) -> Pixels:
    picture = _checked(wavelet_picture(frame), shape)
    # Without a colour transformation the decoders would give plane by plane.
    return _conformed(shape, imagecodecs.jpeg2k_decode(frame, planar=False), picture)


def _htj2k(frame: bytes, shape: FrameShape) -> Pixels:
    picture = _checked(wavelet_picture(frame), shape)
    _check_end(tile_parts_whole(frame))
    return _conformed(shape, imagecodecs.htj2k_decode(frame, planar=False), picture)


def _checked(picture: Picture, shape: FrameShape) -> Picture:
    if picture[:3] != (shape.Rows, shape.Columns, shape.SamplesPerPixel):
        raise PixelsUnreadable("Its picture has another size than its rows and columns say.")
    return picture


def _check_end(is_whole: bool) -> None:
    # These decoders fill up in silence what is missing at the end.
    if not is_whole:
        raise PixelsUnreadable("It ends early: its stream is not complete.")


def _conformed(shape: FrameShape, found: Any, picture: Picture) -> Pixels:
    """What a decoder gave as `shape.dtype`.

    Some encoders write the bits of signed values as unsigned ones, or the reverse: then the values
    are those of the bits that are both in the stream and said to be stored.
    """
    container, precision = shape.dtype, picture[3]
    width = 8 * container.itemsize
    if precision > width:
        raise PixelsUnreadable("Its picture has more bits than the instance says.")
    pixels = np.ascontiguousarray(found)
    if pixels.shape != size_of(shape):
        raise PixelsUnreadable("Its picture has another size than its rows and columns say.")
    if pixels.dtype.kind == container.kind:
        return pixels.astype(container, copy=False)
    unused = width - min(precision, shape.BitsStored or width)
    bits = pixels.astype(f"<u{container.itemsize}", copy=False)
    return (bits << unused).view(container) >> unused if unused else bits.view(container)


_DECODERS: dict[str, Callable[[bytes, FrameShape], Pixels]] = {
    RLE: _run_length,
    **dict.fromkeys(JPEG_LOSSY, _jpeg),
    **dict.fromkeys(JPEG_LOSSLESS, _jpeg_lossless),
    **dict.fromkeys(JPEG_LS, _jpeg_ls),
    **dict.fromkeys(JPEG_2000, _jpeg_2000),
    **dict.fromkeys(HTJ2K, _htj2k),
}
DECODABLE = frozenset(_DECODERS)


def is_doubtful(frame: bytes, syntax: str) -> bool:
    """Whether a stored frame does not begin and end as its transfer syntax demands.

    A few bytes are looked at, so that a good frame costs nothing. Run lengths have no such marks, and are
    decoded as quickly as they are looked through: they are always doubtful.
    """
    if syntax in JPEG_2000 or syntax in HTJ2K:
        return not (tile_parts_whole(frame) and jpeg_whole(frame))  # EOC is EOI's code
    if syntax in JPEG_LOSSY or syntax in JPEG_LOSSLESS or syntax in JPEG_LS:
        return not (frame.startswith(_JPEG_BEGINS) and jpeg_whole(frame))
    return syntax == RLE
