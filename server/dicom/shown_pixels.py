"""The pixels of a DICOM file as a pseudonymised reader is given them: in place, a frame at a time."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, Final

from server.dicom.confidentiality import PIXELS
from server.dicom.remarks import StreamNotUnderstood, without_remarks
from server.dicom.transfer_syntaxes import RLE

_UNDEFINED: Final = 0xFFFFFFFF
_ITEM, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)  # PS3.5 7.5
_BEGINNINGS: Final = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")  # of a JPEG and of a JPEG 2000 stream
# No table of more frames than a million is believed.
_LONGEST_TABLE_BYTES: Final = 8 * 1024**2

Piece = tuple[int | None, int]
Fragment = tuple[int, int]


class FileNotUnderstood(ValueError):
    """The bytes are not a DICOM file of which every part can be accounted for."""


@dataclass(frozen=True)
class PixelElements:
    """How the pixel elements of a file are written: byte order as `struct` names it, the number of
    frames, the bytes that native frames take together (None where that cannot be told), and where
    the file ends."""

    TransferSyntaxUID: str
    order: str
    implicit: bool
    frames: int
    native_bytes: int | None
    end: int


def shown_pixels(file: BinaryIO, at: int, layout: PixelElements) -> Iterator[Piece]:
    """The pieces of the file from `at` on that are pixel elements: (start, stop), or (None, number)
    of zero bytes in place of padding. What else stands behind the pixels is left out.

    Remarks in compressed frames are overwritten in the file before. Raises FileNotUnderstood.
    """
    while at + 8 <= layout.end:
        file.seek(at)
        head = file.read(12)
        group, number = struct.unpack_from(layout.order + "HH", head)
        start = at + (8 if layout.implicit else 12)
        if group << 16 | number not in PIXELS or start > layout.end:
            return
        (length,) = struct.unpack_from(layout.order + "I", head, start - at - 4)
        if length == _UNDEFINED:
            end = used = _cleared(file, start, layout)
        else:
            end = start + length
            used = min(end, start + _used_bytes(layout, length))
        if end > layout.end:
            raise FileNotUnderstood("Its pixels end early.")
        yield at, used
        if end > used:
            yield None, end - used
        at = end


def _used_bytes(layout: PixelElements, length: int) -> int:
    """How many bytes the frames take of native pixels; behind them is padding. An odd last byte is
    left together with its word, for in big endian the padding stands before it."""
    used = layout.native_bytes
    return length if used is None else used + used % 2


def _cleared(file: BinaryIO, at: int, layout: PixelElements) -> int:
    """Clears encapsulated frames whose items begin at `at`; gives where they end."""
    items, end = _items(file, at, layout)
    if layout.TransferSyntaxUID == RLE or len(items) < 2:
        return end
    for fragments in _frames(file, items[0], items[1:], layout.frames):
        _clear_frame(file, fragments, layout.TransferSyntaxUID)
    return end


def _items(file: BinaryIO, at: int, layout: PixelElements) -> tuple[list[Fragment], int]:
    """Of each item of encapsulated pixels where its value begins and ends, the offset table first
    (PS3.5 A.4); and where they all end."""
    found: list[Fragment] = []
    while at + 8 <= layout.end:
        file.seek(at)
        group, number, length = struct.unpack(layout.order + "HHI", file.read(8))
        at += 8
        if (group, number) == _SEQUENCE_END:
            return found, at
        if (group, number) != _ITEM or length == _UNDEFINED:
            break
        found.append((at, at + length))
        at += length
    raise FileNotUnderstood("Its pixels end early.")


def _frames(
    file: BinaryIO, table: Fragment, fragments: list[Fragment], count: int
) -> Iterator[list[Fragment]]:
    """The fragments of each frame."""
    if count == 1:
        yield fragments
        return
    if len(fragments) == count:
        yield from ([one] for one in fragments)
        return
    firsts = _by_table(file, table, fragments, count) or _by_beginning(file, fragments, count)
    for first, following in pairwise([*firsts, len(fragments)]):
        yield fragments[first:following]


def _by_table(
    file: BinaryIO, table: Fragment, fragments: list[Fragment], count: int
) -> list[int] | None:
    """The number of the first fragment of each frame, by the basic offset table."""
    start, stop = table
    if stop - start != 4 * count or stop - start > _LONGEST_TABLE_BYTES:
        return None
    file.seek(start)
    offsets = struct.unpack(f"<{count}I", file.read(stop - start))
    numbers = {begin - 8 - stop: number for number, (begin, _) in enumerate(fragments)}
    found = [numbers.get(offset, -1) for offset in offsets]
    is_in_order = found[0] == 0 and all(one < other for one, other in pairwise(found))
    return found if is_in_order else None


def _by_beginning(file: BinaryIO, fragments: list[Fragment], count: int) -> list[int]:
    """The same by how a stream begins. Raises FileNotUnderstood."""
    found = []
    for number, (start, _) in enumerate(fragments):
        file.seek(start)
        if file.read(4).startswith(_BEGINNINGS):
            found.append(number)
    if len(found) != count or found[0] != 0:
        raise FileNotUnderstood("Its frames cannot be told from each other.")
    return found


def _clear_frame(file: BinaryIO, fragments: list[Fragment], syntax: str) -> None:
    frame = b"".join(_read(file, one) for one in fragments)
    try:
        shown = without_remarks(frame, syntax)
    except StreamNotUnderstood as problem:
        raise FileNotUnderstood(str(problem)) from problem
    if shown is frame:
        return
    position = 0
    for start, stop in fragments:
        file.seek(start)
        file.write(shown[position : position + stop - start])
        position += stop - start
    file.seek(0, os.SEEK_END)


def _read(file: BinaryIO, fragment: Fragment) -> bytes:
    start, stop = fragment
    file.seek(start)
    return file.read(stop - start)
