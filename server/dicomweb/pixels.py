"""Where the frames lie in a DICOM file, found in its first bytes. Pure."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial

from server.dicomweb.accept import NATIVE

HEAD_BYTES = 64 * 1024
LONGEST_HEADER_BYTES = 4 * 1024 * 1024
_UNDEFINED = 0xFFFFFFFF
_PIXEL_DATA = (0x7FE0, 0x0010)
_NEEDED = [0x00280002, 0x00280008, 0x00280010, 0x00280011, 0x00280100]
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
    """

    TransferSyntaxUID: str
    frames: int
    value_offset: int
    frame_bytes: int | None


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
        if syntax not in NATIVE and not header.file_meta.TransferSyntaxUID.is_encapsulated:
            return PixelLayout(syntax, int(header.get("NumberOfFrames") or 1), 0, None)
        if at + 12 > len(head):
            return PixelLayout(syntax, 0, 0, None) if whole else None
        if struct.unpack_from("<HH", head, at) != _PIXEL_DATA:
            return PixelLayout(syntax, 0, 0, None)
        offset, length = _value(head, at, explicit=not header.is_implicit_VR)
        frames = int(header.get("NumberOfFrames") or 1)
        frame_bytes = None if length == _UNDEFINED else _frame_bytes(header, frames, length)
        return PixelLayout(syntax, frames, offset, frame_bytes)
    except _UNREADABLE:
        return None


def _value(head: bytes, at: int, *, explicit: bool) -> tuple[int, int]:
    """Offset and length of the value of the element at `at` (PS3.5 7.1)."""
    start = at + 12 if explicit else at + 8
    (length,) = struct.unpack_from("<I", head, start - 4)
    return start, length


def _frame_bytes(header: Dataset, frames: int, length: int) -> int | None:
    bits = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel", 1))
    bits *= int(header.BitsAllocated)
    if bits % 8 == 0 and length - bits // 8 * frames in (0, 1):  # 1: padded to even length
        return bits // 8
    return length if frames == 1 and length % 2 == 0 and bits % 8 == 0 else None
