"""Where the frames lie in a DICOM file, found in its first bytes. Pure."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial

from server.dicom.frame_shape import FrameShape
from server.dicom.transfer_syntaxes import BIG_ENDIAN
from server.dicomweb.media.accept import NATIVE

HEAD_BYTES = 64 * 1024
LONGEST_HEADER_BYTES = 4 * 1024 * 1024
_UNDEFINED = 0xFFFFFFFF
# Float Pixel Data, Double Float Pixel Data, Pixel Data (PS3.6)
_FLOATS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009))
_PIXEL_DATA = (0x7FE0, 0x0010)
_NEEDED = [
    0x00280002,  # SamplesPerPixel
    0x00280004,  # PhotometricInterpretation
    0x00280006,  # PlanarConfiguration
    0x00280008,  # NumberOfFrames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00280100,  # BitsAllocated
    0x00280101,  # BitsStored
    0x00280103,  # PixelRepresentation
]
# What pydicom raises on bytes that end early or are not what they say: then Orthanc must find out.
_UNREADABLE = (
    InvalidDicomError,
    AttributeError,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class PixelLayout:
    """What a file says of its pixels.

    `frames` is 1 or more, or 0 when there are no pixels. `value_offset` is where the value of Pixel
    Data begins, in bytes from the beginning of the file. `frame_bytes` is the length of one frame,
    or None where frames are not simply one behind the other: encapsulated, or not in whole bytes.
    `value_bytes` is the length of the whole value as the file states it, None when encapsulated;
    `word_bytes` the width in which a big-endian file swaps it.
    """

    TransferSyntaxUID: str
    frames: int
    value_offset: int
    frame_bytes: int | None
    shape: FrameShape | None = None
    value_bytes: int | None = None
    word_bytes: int = 1

    def holds(self, number: int) -> bool:
        """Whether the value is long enough for frame `number`, as far as that can be told."""
        if self.value_bytes is None or self.shape is None:
            return True
        return number * self.shape.frame_bits <= self.value_bytes * 8


def stored_syntax(head: bytes) -> str:
    """The transfer syntax in a file's meta information; empty when that cannot be read."""
    try:
        begun = read_partial(BytesIO(head), stop_when=lambda *_: True)
        return str(begun.file_meta.TransferSyntaxUID)
    except _UNREADABLE:
        return ""


def find_pixels(head: bytes, *, whole: bool) -> PixelLayout | None:
    """The layout according to the first bytes of a file; `whole` when they are all there are.

    None when more bytes are needed to say (or, if `whole`, when the file cannot be understood).
    """
    file = BytesIO(head)
    try:
        header = dcmread(file, stop_before_pixels=True, specific_tags=list(_NEEDED))
        syntax = str(header.file_meta.TransferSyntaxUID)
        at = file.tell()
        is_plain = syntax in NATIVE or syntax == BIG_ENDIAN
        if not is_plain and not header.file_meta.TransferSyntaxUID.is_encapsulated:
            if "Rows" not in header:
                return PixelLayout(syntax, 0, 0, None)
            return PixelLayout(syntax, _frames(header), 0, None, FrameShape.read(header))
        if at + 12 > len(head):
            return PixelLayout(syntax, 0, 0, None) if whole else None
        order = ">" if syntax == BIG_ENDIAN else "<"
        tag = struct.unpack_from(f"{order}HH", head, at)
        if tag not in (*_FLOATS, _PIXEL_DATA):
            return PixelLayout(syntax, 0, 0, None)
        offset, length = _value(head, at, order, explicit=not header.is_implicit_VR)
        frames = _frames(header)
        shape = replace(FrameShape.read(header), is_float=tag in _FLOATS)
        if length == _UNDEFINED:
            return PixelLayout(syntax, frames, offset, None, shape)
        whole_bytes = shape.frame_bits and shape.frame_bits % 8 == 0
        frame_bytes = shape.frame_bytes if whole_bytes else None
        width = _word_bytes(head, at, shape) if syntax == BIG_ENDIAN else 1
        return PixelLayout(syntax, frames, offset, frame_bytes, shape, length, width)
    except _UNREADABLE:
        return None


def _value(head: bytes, at: int, order: str, *, explicit: bool) -> tuple[int, int]:
    """Offset and length of the value of the element at `at` (PS3.5 7.1)."""
    start = at + 12 if explicit else at + 8
    (length,) = struct.unpack_from(f"{order}I", head, start - 4)
    return start, length


def _word_bytes(head: bytes, at: int, shape: FrameShape) -> int:
    """PS3.5 7.3: OB is not swapped, OW is, also where two samples of 8 bits share a word."""
    return 1 if head[at + 4 : at + 6] == b"OB" else max(2, shape.BitsAllocated // 8)


def _frames(header: Dataset) -> int:
    return max(1, int(header.get("NumberOfFrames") or 1))
