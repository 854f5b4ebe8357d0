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

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import RLELossless

from server.dicomweb.accept import EXPLICIT_LITTLE, NATIVE
from server.dicomweb.pixels import FrameShape
from server.prepared.streams import jpeg_picture, jpeg_whole, tile_parts_whole, wavelet_picture

RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_RPCL = "1.2.840.10008.1.2.4.202"
HTJ2K = "1.2.840.10008.1.2.4.203"

LOSSY_QUALITY = 90  # of JPEG baseline, for whoever names it
_RESOLUTION_TILE_PARTS = 1  # OpenJPH: one tile-part for each resolution
_YBR_IN_JPEG = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422")
_MARKERS_BYTES = 4096
_ADOBE = b"\xff\xee\x00\x0eAdobe"  # a whole APP14 marker: ISO/IEC 10918-6 6.5.3

# Every codec of imagecodecs raises an error of its own; all are RuntimeErrors.
_CODEC_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, struct.error)

Picture = NDArray[np.generic]


class PixelsUnreadable(ValueError):
    """The bytes of this frame are not what their transfer syntax and their header promise."""


class SyntaxUnknown(PixelsUnreadable):
    """There is no decoder here for this transfer syntax: nothing is said against the pixels."""


class CannotEncode(ValueError):
    """This frame cannot be had in that transfer syntax, not without loss or not at all."""


def decoded(frame: bytes, syntax: str, shape: FrameShape) -> bytes:
    """The native frame of a stored one. Raises PixelsUnreadable."""
    if syntax in NATIVE:
        return _whole(frame, shape)
    decode = _DECODERS.get(syntax)
    if decode is None:
        raise SyntaxUnknown("Pixels in this transfer syntax cannot be decoded here.")
    try:
        return _native(decode(frame, shape), shape)
    except _CODEC_ERRORS as error:
        raise PixelsUnreadable("The pixels of this frame are broken.") from error


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
        frame = encode(picture_of(native, shape), shape)
        if syntax != JPEG_BASELINE and decoded(frame, syntax, shape) != native:
            raise CannotEncode("This frame would not be the same in this transfer syntax.")
    except (*_CODEC_ERRORS, NotImplementedError) as error:
        if isinstance(error, CannotEncode):
            raise
        raise CannotEncode("This frame cannot be encoded in this transfer syntax.") from error
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
    is_jpeg = syntax in (JPEG_BASELINE, JPEG_EXTENDED)
    transformed = shape.PhotometricInterpretation in ("YBR_RCT", "YBR_ICT")
    if shape.SamplesPerPixel != 3 or not (is_jpeg or transformed):
        return shape
    return replace(shape, PhotometricInterpretation="RGB")


def picture_of(native: bytes, shape: FrameShape) -> Picture:
    """The native frame as an array: (Rows, Columns) or (Rows, Columns, SamplesPerPixel).

    dtype (u)int8, 16 or 32. Raises PixelsUnreadable when there are too few bytes.
    """
    flat = np.frombuffer(_whole(native, shape), shape.dtype)
    samples = shape.SamplesPerPixel
    if samples == 1:
        return flat.reshape(shape.Rows, shape.Columns)
    if shape.PlanarConfiguration:
        return flat.reshape(samples, shape.Rows, shape.Columns).transpose(1, 2, 0)
    return flat.reshape(shape.Rows, shape.Columns, samples)


def _whole(frame: bytes, shape: FrameShape) -> bytes:
    length = shape.frame_bytes
    if len(frame) < length:
        raise PixelsUnreadable("This frame has fewer pixels than its header says.")
    return frame[:length]


def _native(picture: Picture, shape: FrameShape) -> bytes:
    """The bytes of a decoded picture in the container that the header describes."""
    colour = (shape.SamplesPerPixel,) if shape.SamplesPerPixel > 1 else ()
    if picture.shape != (shape.Rows, shape.Columns, *colour):
        raise PixelsUnreadable("The pixels of this frame are not as many as its header says.")
    container = shape.dtype
    if picture.dtype.kind != container.kind:
        # Signs: some encoders write the bits of a signed value as an unsigned one, or the reverse.
        unused = 8 * container.itemsize - min(shape.BitsStored, 8 * container.itemsize)
        bits = picture.astype(f"u{container.itemsize}")
        picture = (bits << unused).view(container) >> unused
    picture = picture.astype(container, copy=False)
    if colour and shape.PlanarConfiguration:
        picture = picture.transpose(2, 0, 1)
    return picture.tobytes()


def _jpeg(frame: bytes, shape: FrameShape) -> Picture:
    _check_size(jpeg_picture(frame), shape)
    _check_end(jpeg_whole(frame))
    is_ybr = shape.PhotometricInterpretation in _YBR_IN_JPEG
    begun = frame[:_MARKERS_BYTES]
    # What the picture says of its own colour goes before what the header says of it.
    if shape.SamplesPerPixel == 1 or _ADOBE in begun or (b"JFIF" in begun and not is_ybr):
        return imagecodecs.jpeg8_decode(frame)
    space = "YCBCR" if is_ybr else "RGB"
    return imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace="RGB")


def _jpeg_lossless(frame: bytes, shape: FrameShape) -> Picture:
    _check_size(jpeg_picture(frame), shape)
    # Never another colour space: lossless means the samples as they are.
    return imagecodecs.jpegsof3_decode(frame)


def _jpeg_ls(frame: bytes, shape: FrameShape) -> Picture:
    _check_size(jpeg_picture(frame), shape)
    return imagecodecs.jpegls_decode(frame)


def _jpeg_2000(frame: bytes, shape: FrameShape) -> Picture:
    _check_size(wavelet_picture(frame), shape)
    return imagecodecs.jpeg2k_decode(frame, planar=False)


def _htj2k(frame: bytes, shape: FrameShape) -> Picture:
    _check_size(wavelet_picture(frame), shape)
    _check_end(tile_parts_whole(frame))
    return imagecodecs.htj2k_decode(frame, planar=False)


def _rle(frame: bytes, shape: FrameShape) -> Picture:
    plane = np.dtype(f"<u{shape.dtype.itemsize}")
    flat = np.frombuffer(imagecodecs.dicomrle_decode(frame, dtype=plane), plane)
    size = shape.Rows * shape.Columns * shape.SamplesPerPixel
    if flat.size < size:
        raise PixelsUnreadable("The pixels of this frame are not as many as its header says.")
    picture = flat[:size].view(shape.dtype)
    if shape.SamplesPerPixel == 1:
        return picture.reshape(shape.Rows, shape.Columns)
    return picture.reshape(shape.SamplesPerPixel, shape.Rows, shape.Columns).transpose(1, 2, 0)


def _check_size(picture: tuple[int, int, int, int], shape: FrameShape) -> None:
    """Compares what the stream says of its size before memory is taken for it."""
    if picture[:3] != (shape.Rows, shape.Columns, shape.SamplesPerPixel):
        raise PixelsUnreadable("The pixels of this frame are not as many as its header says.")


def _check_end(is_whole: bool) -> None:
    # These decoders fill up in silence what is missing at the end.
    if not is_whole:
        raise PixelsUnreadable("The pixels of this frame end early.")


_DECODERS: dict[str, Callable[[bytes, FrameShape], Picture]] = {
    RLE: _rle,
    JPEG_BASELINE: _jpeg,
    JPEG_EXTENDED: _jpeg,
    JPEG_LOSSLESS: _jpeg_lossless,
    JPEG_LOSSLESS_SV1: _jpeg_lossless,
    JPEG_LS: _jpeg_ls,
    JPEG_LS_NEAR: _jpeg_ls,
    JPEG_2000_LOSSLESS: _jpeg_2000,
    JPEG_2000: _jpeg_2000,
    HTJ2K_LOSSLESS: _htj2k,
    HTJ2K_RPCL: _htj2k,
    HTJ2K: _htj2k,
}
DECODABLE = frozenset(_DECODERS)


def _unsigned(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture).view(f"u{picture.dtype.itemsize}")


def _is_rgb(shape: FrameShape) -> bool:
    return shape.PhotometricInterpretation == "RGB"


def _to_rle(picture: Picture, shape: FrameShape) -> bytes:
    return bytes(
        get_encoder(RLELossless).encode(
            _unsigned(picture).tobytes(),
            rows=shape.Rows,
            columns=shape.Columns,
            samples_per_pixel=shape.SamplesPerPixel,
            bits_allocated=shape.BitsAllocated,
            bits_stored=shape.BitsAllocated,
            pixel_representation=0,
            photometric_interpretation="RGB" if shape.SamplesPerPixel == 3 else "MONOCHROME2",
            planar_configuration=0,
            number_of_frames=1,
        )
    )


def _to_jpeg(picture: Picture, shape: FrameShape) -> bytes:
    picture = np.ascontiguousarray(picture)
    if shape.SamplesPerPixel == 1:
        return bytes(imagecodecs.jpeg8_encode(picture, LOSSY_QUALITY))
    space = "RGB" if _is_rgb(shape) else "YCBCR"
    return bytes(
        imagecodecs.jpeg8_encode(
            picture, LOSSY_QUALITY, colorspace=space, outcolorspace="YCBCR", subsampling="422"
        )
    )


def _to_jpeg_lossless(picture: Picture, shape: FrameShape) -> bytes:
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


def _to_jpeg_ls(picture: Picture, shape: FrameShape) -> bytes:
    # Noise grows when it is coded, and the encoder's own guess of its room is too small then.
    room = 2 * picture.nbytes + 4096
    return bytes(imagecodecs.jpegls_encode(_unsigned(picture), out=room))


def _to_jpeg_2000(picture: Picture, shape: FrameShape) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(picture),
            level=0,
            codecformat="j2k",
            reversible=True,
            mct=_is_rgb(shape),
        )
    )


def _to_htj2k(picture: Picture, shape: FrameShape) -> bytes:
    return bytes(
        imagecodecs.htj2k_encode(
            np.ascontiguousarray(picture),
            reversible=True,
            rgb=_is_rgb(shape),
            tlm=True,
            tilepart=_RESOLUTION_TILE_PARTS,
        )
    )


_ENCODERS: dict[str, Callable[[Picture, FrameShape], bytes]] = {
    RLE: _to_rle,
    JPEG_BASELINE: _to_jpeg,
    JPEG_LOSSLESS_SV1: _to_jpeg_lossless,
    JPEG_LS: _to_jpeg_ls,
    JPEG_2000_LOSSLESS: _to_jpeg_2000,
    HTJ2K_LOSSLESS: _to_htj2k,
    HTJ2K_RPCL: _to_htj2k,
}
ENCODABLE = frozenset(_ENCODERS)
