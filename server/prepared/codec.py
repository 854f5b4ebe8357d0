"""How the bytes of a stored frame become the bytes of a prepared one, and back. Pure.

A frame that is kept without loss becomes lossless HTJ2K (ISO/IEC 15444-15, PS3.5 A.4.9) wherever that
holds every bit of it and viewers show it: grey frames of 8 or 16 bits, and RGB of 8 bits. It is decoded
again and compared before it is given out. Everything else stays as it is. Whatever cannot be decoded
gives an `Unreadable` with a sentence, never an exception.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import imagecodecs
import numpy as np

from server.dicom import decoding
from server.dicom.codestreams import jpeg_whole, resolution_bytes, tile_parts_whole
from server.dicom.decoding import DECODABLE, Pixels, PixelsUnreadable
from server.dicom.frame_shape import FrameShape
from server.dicom.remarks import StreamNotUnderstood, without_remarks
from server.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    HTJ2K,
    HTJ2K_RPCL,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS,
    JPEG_LOSSY,
    JPEG_LS_LOSSLESS,
    RLE,
    UNCOMPRESSED,
)
from server.prepared.manifest import NO_REMARKS, REMARKS, UNKNOWN

LOSSLESS = UNCOMPRESSED | JPEG_LOSSLESS | {RLE, JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS}


@dataclass(frozen=True, kw_only=True)
class Layout(FrameShape):
    """What an instance says of its pixels (PS3.3 C.7.6.3). `is_float` is for Float Pixel Data."""

    TransferSyntaxUID: str
    NumberOfFrames: int = 1


@dataclass(frozen=True)
class Encoded:
    """A frame as it is to be kept: `resolution_bytes` and `remarks` as in PreparedInstance.

    `bare` is the frame without its remarks, where it has some.
    """

    syntax: str
    data: bytes
    resolution_bytes: tuple[int, ...] = ()
    remarks: int = NO_REMARKS
    bare: bytes = b""


@dataclass(frozen=True)
class Unreadable:
    """A frame that cannot be given, and why, in a sentence for a person.

    `not_held`: it can be read, and only HTJ2K does not give it back bit for bit.
    """

    reason: str
    not_held: bool = False


def fits_htj2k(layout: Layout) -> bool:
    """Whether frames of this layout become HTJ2K: every bit is held, and viewers show it.

    OHIF's decoder knows 8 and 16 bits; colour plane by plane would be shown as noise, because a
    codestream has no planes while the metadata go on speaking of them.
    """
    if layout.is_float or layout.TransferSyntaxUID not in LOSSLESS:
        return False
    if layout.SamplesPerPixel == 1:
        return layout.BitsAllocated in (8, 16)
    return (
        layout.SamplesPerPixel == 3
        and layout.BitsAllocated == 8
        and layout.PlanarConfiguration == 0
        and layout.PhotometricInterpretation in ("RGB", "YBR_RCT")
    )


def kept_syntax(layout: Layout) -> str:
    """What frames are in when they do not become HTJ2K: as stored, native ones little endian."""
    return EXPLICIT_LITTLE if layout.TransferSyntaxUID in UNCOMPRESSED else layout.TransferSyntaxUID


def prepared(layout: Layout, stored: bytes, *, htj2k: bool) -> Encoded | Unreadable:
    """One frame as it is to be kept, from its bytes as stored (native ones little endian already).

    `htj2k` False leaves the encoding as it is and only looks whether the frame can be decoded, where
    there is a decoder: others may have one for what is unknown here.
    """
    whole = _whole(layout, stored)
    if whole is not None:
        return whole
    if htj2k:
        pixels = decoded(layout, stored)
        if isinstance(pixels, Unreadable):
            return pixels
        return _htj2k(pixels)
    if layout.TransferSyntaxUID in DECODABLE:
        seen = decoded(layout, stored)
        if isinstance(seen, Unreadable):
            return seen
    syntax = kept_syntax(layout)
    lengths = resolution_bytes(stored) if syntax in HTJ2K else ()
    try:
        bare = without_remarks(stored, syntax)
    except StreamNotUnderstood:
        return Encoded(syntax, stored, lengths, UNKNOWN)
    if bare is stored:
        return Encoded(syntax, stored, lengths)
    return Encoded(syntax, stored, lengths, REMARKS, bare)


def decoded(layout: Layout, stored: bytes, syntax: str = "") -> Pixels | Unreadable:
    """The stored values of one frame, as `decoding.decoded` gives them.

    `syntax` is what the bytes are in, where it is not the instance's own.
    """
    try:
        return decoding.decoded(stored, syntax or layout.TransferSyntaxUID, layout)
    except PixelsUnreadable as reason:
        return Unreadable(str(reason))


def _whole(layout: Layout, stored: bytes) -> Unreadable | None:
    if not stored:
        return Unreadable("It has no pixels.")
    if layout.TransferSyntaxUID in UNCOMPRESSED and len(stored) < layout.frame_bytes:
        return Unreadable(f"It ends early: {len(stored)} of {layout.frame_bytes} bytes are there.")
    if layout.TransferSyntaxUID in HTJ2K and not tile_parts_whole(stored):
        return Unreadable("It ends early: its codestream is not complete.")
    if layout.TransferSyntaxUID in JPEG_LOSSY and not jpeg_whole(stored):
        return Unreadable("It ends early: its JPEG stream is not complete.")
    return None


def _htj2k(pixels: Pixels) -> Encoded | Unreadable:
    """RPCL, five halvings, one tile-part for each resolution with their lengths in front (TLM)."""
    try:
        data = bytes(
            imagecodecs.htj2k_encode(
                np.ascontiguousarray(pixels), reversible=True, tlm=True, tilepart=1
            )
        )
        again = imagecodecs.htj2k_decode(data, planar=False)
    except (MemoryError, imagecodecs.Htj2kError, ValueError):
        return Unreadable("It cannot be encoded.", not_held=True)
    if again.dtype != pixels.dtype or not np.array_equal(again, pixels):
        return Unreadable("It does not come back bit for bit.", not_held=True)
    return Encoded(HTJ2K_RPCL, data, resolution_bytes(data))


if sys.byteorder != "little":  # arrays are handed to the encoder as they lie in memory
    raise ImportError("Margin prepares frames on little-endian machines only.")
