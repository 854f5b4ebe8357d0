"""Reading the frames out of one DICOM file, one at a time: a file may be larger than memory."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames

from server.dicom.transfer_syntaxes import BIG_ENDIAN, UNCOMPRESSED, VIDEO
from server.prepared.codec import Layout

MOST_FRAMES = 1_000_000
_UNDEFINED = 0xFFFFFFFF
# Float Pixel Data, Double Float Pixel Data, Pixel Data: PS3.6
_FLOATS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009))
_PIXEL_DATA = (0x7FE0, 0x0010)


class NoFrames(ValueError):
    """The instance has pixels of which no single frame can be cut out; says why in a sentence."""


@dataclass(frozen=True)
class StoredInstance:
    """One file, open and read up to its pixels. `layout` is None when it has none.

    `value_bytes` is the length of the native value, None when it is encapsulated; `word_bytes` the
    width in which a big-endian file swaps them.
    """

    file: BinaryIO
    header: Dataset
    layout: Layout | None
    value_offset: int = 0
    value_bytes: int | None = None
    word_bytes: int = 1

    @property
    def SOPClassUID(self) -> str:  # noqa: N802 - the keyword of PS3.6
        """Of what kind the object is, "" when it does not say."""
        return str(self.header.get("SOPClassUID") or "")

    def frames(self) -> Iterator[bytes]:
        """The stored bytes of each frame in order, fewer when the file ends early.

        Native frames come little endian and each begins at a whole byte, encapsulated ones without
        their items. Each is read when it is asked for.
        """
        if self.layout is None:
            return iter(())
        if self.value_bytes is None:
            return self._encapsulated(self.layout)
        return self._native(self.layout)

    def _native(self, layout: Layout) -> Iterator[bytes]:
        assert self.value_bytes is not None
        bits = layout.frame_bits
        for index in range(layout.NumberOfFrames):
            first, last = index * bits // 8, ((index + 1) * bits + 7) // 8
            self.file.seek(self.value_offset + first)
            piece = self.file.read(max(0, min(last, self.value_bytes) - first))
            if not piece:
                return
            if bits % 8:
                piece = _shifted(piece, index * bits % 8, bits)
            elif self.word_bytes > 1:
                whole = len(piece) // self.word_bytes * self.word_bytes
                piece = np.frombuffer(piece[:whole], f">u{self.word_bytes}").byteswap().tobytes()
            yield piece

    def _encapsulated(self, layout: Layout) -> Iterator[bytes]:
        self.file.seek(self.value_offset)
        offsets = self.header.get("ExtendedOffsetTable")
        lengths = self.header.get("ExtendedOffsetTableLengths")
        found = generate_frames(
            self.file,
            number_of_frames=layout.NumberOfFrames,
            extended_offsets=(offsets, lengths) if offsets and lengths else None,
        )
        return islice(found, layout.NumberOfFrames)


def read_stored(file: BinaryIO) -> StoredInstance:
    """Read a file up to its pixels.

    Raises NoFrames, and whatever pydicom raises on bytes that are not what they say.
    """
    header = dcmread(file, stop_before_pixels=True)
    syntax = str(header.file_meta.TransferSyntaxUID)
    # A deflated data set was inflated to memory by pydicom and is read from there.
    source: BinaryIO = header.buffer if header.buffer is not None else file  # type: ignore[assignment]
    at = source.tell()
    start = source.read(12)
    tag = struct.unpack(_order(syntax) + "HH", start[:4]) if len(start) >= 8 else None
    if tag != _PIXEL_DATA and tag not in _FLOATS:
        if all(header.get(one) for one in ("Rows", "Columns", "BitsAllocated")):
            raise NoFrames("It has no pixels.")
        return StoredInstance(source, header, None)
    layout = _layout(header, syntax, is_float=tag in _FLOATS)
    if not 0 < layout.NumberOfFrames <= MOST_FRAMES or not layout.frame_bits > 0:
        raise NoFrames("Its rows, columns or number of frames make no picture.")
    if syntax in VIDEO:
        raise NoFrames("It is a video: it has no single frames.")
    explicit = not header.original_encoding[0]
    (length,) = struct.unpack_from(_order(syntax) + "I", start, 8 if explicit else 4)
    offset = at + (12 if explicit else 8)
    if syntax not in UNCOMPRESSED:
        return StoredInstance(source, header, layout, offset)
    if length == _UNDEFINED:
        raise NoFrames("Its pixels are wrapped as compressed ones, and said not to be compressed.")
    word = _word_bytes(layout, start[4:6]) if syntax == BIG_ENDIAN else 1
    if word > 1 and layout.frame_bytes % word:
        raise NoFrames("Its frames are stored big endian and do not end at a word's end.")
    return StoredInstance(source, header, layout, offset, length, word)


def _layout(header: Dataset, syntax: str, *, is_float: bool) -> Layout:
    allocated = int(header.BitsAllocated)
    return Layout(
        TransferSyntaxUID=syntax,
        Rows=int(header.Rows),
        Columns=int(header.Columns),
        NumberOfFrames=int(header.get("NumberOfFrames") or 1),
        SamplesPerPixel=int(header.get("SamplesPerPixel") or 1),
        BitsAllocated=allocated,
        BitsStored=int(header.get("BitsStored") or allocated),
        PixelRepresentation=int(header.get("PixelRepresentation") or 0),
        PhotometricInterpretation=str(header.get("PhotometricInterpretation") or "MONOCHROME2"),
        PlanarConfiguration=int(header.get("PlanarConfiguration") or 0),
        is_float=is_float,
    )


def _order(syntax: str) -> str:
    return ">" if syntax == BIG_ENDIAN else "<"


def _word_bytes(layout: Layout, vr: bytes) -> int:
    """How many bytes a big-endian file swaps. OB is not swapped, OW is, also where two samples of 8 bits
    share a word. Samples of 32 bits are swapped whole, as GDCM and pydicom write them; by the letter of
    PS3.5 7.3 an OW would be swapped by two bytes then too."""
    return 1 if vr == b"OB" else max(2, layout.BitsAllocated // 8)


def _shifted(piece: bytes, first_bit: int, bits: int) -> bytes:
    """`bits` bits beginning at `first_bit`, moved to begin at a byte (PS3.5 8.1.1: low bit first)."""
    unpacked = np.unpackbits(np.frombuffer(piece, np.uint8), bitorder="little")
    return np.packbits(unpacked[first_bit : first_bit + bits], bitorder="little").tobytes()


def size_of(file: BinaryIO) -> int:
    """How long an open file is, in bytes."""
    return file.seek(0, os.SEEK_END)
