"""How the bytes of a stored frame become the bytes of a prepared one, and back. Pure.

A frame that is kept without loss becomes lossless HTJ2K (ISO/IEC 15444-15, PS3.5 A.4.9) wherever that
holds every bit of it and viewers show it: grey frames of 8 or 16 bits, and RGB of 8 bits. It is decoded
again and compared before it is given out. Everything else stays as it is. Whatever cannot be decoded
gives an `Unreadable` with a sentence, never an exception.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from server.prepared.streams import (
    jpeg_picture,
    jpeg_whole,
    resolution_bytes,
    tile_parts_whole,
    wavelet_picture,
)

# PS3.6 table A-1
EXPLICIT_LE = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = frozenset({"1.2.840.10008.1.2", EXPLICIT_LE, "1.2.840.10008.1.2.1.99", BIG_ENDIAN})
RLE = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
JPEG_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K_RPCL = "1.2.840.10008.1.2.4.202"
HTJ2K = frozenset({"1.2.840.10008.1.2.4.201", HTJ2K_RPCL, "1.2.840.10008.1.2.4.203"})
# One stream over all frames: a single frame cannot be cut out (PS3.5 A.4.5 to A.4.8, A.4.11).
VIDEO = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))
LOSSLESS = NATIVE | JPEG_LOSSLESS | {RLE, JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS}

Pixels = NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """What an instance says of its pixels (PS3.3 C.7.6.3). `is_float` is for Float Pixel Data."""

    TransferSyntaxUID: str
    Rows: int
    Columns: int
    NumberOfFrames: int = 1
    SamplesPerPixel: int = 1
    BitsAllocated: int = 16
    BitsStored: int = 16
    PixelRepresentation: int = 0
    PhotometricInterpretation: str = "MONOCHROME2"
    PlanarConfiguration: int = 0
    is_float: bool = False

    @property
    def frame_bits(self) -> int:
        """The length of one uncompressed frame in bits."""
        samples = self.SamplesPerPixel
        if self.PhotometricInterpretation == "YBR_FULL_422":
            samples = 2  # two samples of each colour for four pixels (PS3.3 C.7.6.3.1.2)
        return self.Rows * self.Columns * samples * self.BitsAllocated

    @property
    def frame_bytes(self) -> int:
        """The length of one uncompressed frame, in whole bytes."""
        return (self.frame_bits + 7) // 8

    @property
    def dtype(self) -> np.dtype[Any]:
        """What one sample is in memory on this machine, little endian."""
        kind = "f" if self.is_float else "i" if self.PixelRepresentation == 1 else "u"
        return np.dtype(f"<{kind}{self.BitsAllocated // 8}")

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns), or (rows, columns, samples) for colour pixel by pixel."""
        grey = (self.Rows, self.Columns)
        return grey if self.SamplesPerPixel == 1 else (*grey, self.SamplesPerPixel)


class Unfitting(ValueError):
    """A compressed picture that is not the one its instance speaks of."""


@dataclass(frozen=True)
class Encoded:
    """A frame as it is to be kept: `resolution_bytes` as in PreparedInstance."""

    syntax: str
    data: bytes
    resolution_bytes: tuple[int, ...] = ()


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
    return EXPLICIT_LE if layout.TransferSyntaxUID in NATIVE else layout.TransferSyntaxUID


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
    if layout.TransferSyntaxUID in DECODERS:
        seen = decoded(layout, stored)
        if isinstance(seen, Unreadable):
            return seen
    syntax = kept_syntax(layout)
    lengths = resolution_bytes(stored) if syntax in HTJ2K else ()
    return Encoded(syntax, stored, lengths)


def decoded(layout: Layout, stored: bytes, syntax: str = "") -> Pixels | Unreadable:
    """The stored values of one frame: shape `layout.shape`, dtype `layout.dtype`.

    `syntax` is what the bytes are in, where it is not the instance's own. Colour is as the decoder
    gives it. Of a stream with fewer bits than are allocated, signed values are extended.
    """
    syntax = syntax or layout.TransferSyntaxUID
    try:
        if syntax in NATIVE:
            return _native(layout, stored)
        decoder = DECODERS.get(syntax)
        if decoder is None:
            return Unreadable(f"Its transfer syntax {syntax} cannot be decoded here.")
        return decoder(layout, stored)
    except MemoryError:
        return Unreadable("Decoding it takes more memory than one frame may have.")
    except Unfitting as reason:
        return Unreadable(f"{reason}.")
    except Exception:  # whatever a decoder makes of hostile bytes concerns this frame alone
        return Unreadable("Its pixels are damaged.")


def _whole(layout: Layout, stored: bytes) -> Unreadable | None:
    if not stored:
        return Unreadable("It has no pixels.")
    if layout.TransferSyntaxUID in NATIVE and len(stored) < layout.frame_bytes:
        return Unreadable(f"It ends early: {len(stored)} of {layout.frame_bytes} bytes are there.")
    if layout.TransferSyntaxUID in HTJ2K and not tile_parts_whole(stored):
        return Unreadable("It ends early: its codestream is not complete.")
    if layout.TransferSyntaxUID in JPEG_LOSSY and not jpeg_whole(stored):
        return Unreadable("It ends early: its JPEG stream is not complete.")
    return None


def _native(layout: Layout, stored: bytes) -> Pixels:
    if layout.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(stored, np.uint8), bitorder="little")
        return bits[: layout.Rows * layout.Columns].reshape(layout.shape)
    count = layout.Rows * layout.Columns * layout.SamplesPerPixel
    flat = np.frombuffer(stored, layout.dtype, count)
    if layout.SamplesPerPixel > 1 and layout.PlanarConfiguration == 1:
        planes = flat.reshape(layout.SamplesPerPixel, layout.Rows, layout.Columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    return flat.reshape(layout.shape)


def _run_length(layout: Layout, stored: bytes) -> Pixels:
    """PS3.5 annex G: one segment per byte of a sample, colour plane by plane."""
    unsigned = np.dtype(f"<u{layout.BitsAllocated // 8}")
    raw = bytes(imagecodecs.dicomrle_decode(stored, dtype=unsigned))
    if len(raw) < layout.frame_bytes:
        raise Unfitting("It holds fewer pixels than its rows and columns say")
    flat = np.frombuffer(raw, layout.dtype, layout.frame_bytes // unsigned.itemsize)
    if layout.SamplesPerPixel == 1:
        return flat.reshape(layout.shape)
    planes = flat.reshape(layout.SamplesPerPixel, layout.Rows, layout.Columns)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def _wavelet(decode: Callable[[bytes], Any]) -> Callable[[Layout, bytes], Pixels]:
    def read(layout: Layout, stored: bytes) -> Pixels:
        picture = wavelet_picture(stored)
        if picture[:3] != (layout.Rows, layout.Columns, layout.SamplesPerPixel):
            raise Unfitting("Its picture has another size than its rows and columns say")
        return _conformed(layout, decode(stored), picture[3])

    return read


def _dct(decode: Callable[[bytes], Any]) -> Callable[[Layout, bytes], Pixels]:
    def read(layout: Layout, stored: bytes) -> Pixels:
        picture = jpeg_picture(stored)
        if picture[:3] != (layout.Rows, layout.Columns, layout.SamplesPerPixel):
            raise Unfitting("Its picture has another size than its rows and columns say")
        return _conformed(layout, decode(stored), picture[3])

    return read


def _conformed(layout: Layout, found: Any, precision: int) -> Pixels:
    """What a decoder gave as `layout.dtype`; `precision` is the stream's bits per sample."""
    width = layout.BitsAllocated
    if precision > width:
        raise Unfitting("Its picture has more bits than the instance says")
    pixels = np.ascontiguousarray(found)
    if pixels.shape != layout.shape:
        raise Unfitting("Its picture has another size than its rows and columns say")
    unsigned = pixels.astype(np.dtype(f"<u{width // 8}"), copy=False)
    if layout.PixelRepresentation != 1:
        return unsigned
    missing = width - precision
    return (
        (unsigned << missing).view(layout.dtype) >> missing
        if missing
        else unsigned.view(layout.dtype)
    )


def _lossless_jpeg(stored: bytes) -> Any:
    """Two decoders, because each refuses streams that the other reads."""
    try:
        return imagecodecs.jpegsof3_decode(stored)
    except imagecodecs.Jpegsof3Error:
        return imagecodecs.ljpeg_decode(stored)


DECODERS: dict[str, Callable[[Layout, bytes], Pixels]] = {
    RLE: _run_length,
    JPEG_LS_LOSSLESS: _dct(imagecodecs.jpegls_decode),
    JPEG_LS_NEAR: _dct(imagecodecs.jpegls_decode),
    JPEG_2000_LOSSLESS: _wavelet(imagecodecs.jpeg2k_decode),
    JPEG_2000: _wavelet(imagecodecs.jpeg2k_decode),
    **dict.fromkeys(JPEG_LOSSLESS, _dct(_lossless_jpeg)),
    **dict.fromkeys(JPEG_LOSSY, _dct(imagecodecs.jpeg8_decode)),
    **dict.fromkeys(HTJ2K, _wavelet(imagecodecs.htj2k_decode)),
}


def _htj2k(pixels: Pixels) -> Encoded | Unreadable:
    """RPCL, five halvings, one tile-part for each resolution with their lengths in front (TLM)."""
    try:
        data = bytes(
            imagecodecs.htj2k_encode(
                np.ascontiguousarray(pixels), reversible=True, tlm=True, tilepart=1
            )
        )
        again = imagecodecs.htj2k_decode(data)
    except (MemoryError, imagecodecs.Htj2kError, ValueError):
        return Unreadable("It cannot be encoded.", not_held=True)
    if again.dtype != pixels.dtype or not np.array_equal(again, pixels):
        return Unreadable("It does not come back bit for bit.", not_held=True)
    return Encoded(HTJ2K_RPCL, data, resolution_bytes(data))


if sys.byteorder != "little":  # arrays are handed to the encoder as they lie in memory
    raise ImportError("Margin prepares frames on little-endian machines only.")
