"""Frames (PS3.18 10.4.1.6): the pixels a viewer scrolls through.

Nearly all frames are one uncompressed image per file. Orthanc's DICOMweb plugin takes 5 ms to cut
such a frame out; sending the file takes it less than 1 ms, and where the pixels lie stands in the
first bytes. So that is how they go: the file is read in pieces and passed on from where its pixels
begin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Response

from server.archive import Archive, ArchiveFailed, NotInArchive, Stream
from server.dicomweb.accept import (
    EXPLICIT_LITTLE,
    MULTIPART,
    OCTETS,
    FrameForm,
    choose_frames,
)
from server.dicomweb.answers import UNCHANGING, boundary_of, streamed
from server.dicomweb.multipart import closing, part_head, unwrap
from server.dicomweb.pixels import (
    HEAD_BYTES,
    LONGEST_HEADER_BYTES,
    PixelLayout,
    find_pixels,
    stored_syntax,
)
from server.dicomweb.scope import Pass, inside, outside, wishes
from server.foundation.errors import BadRequest, NotAcceptable, NotFound

MOST_FRAMES = 1000
READ_ON_BYTES = 256 * 1024  # so much behind the pixels is cheaper to read than a new connection


class FrameNotFound(NotFound):
    """The instance has fewer frames, or no pixels at all."""


class FrameUnreadable(NotAcceptable):
    """The pixel data of this frame is broken, or cannot be decoded here."""


@dataclass(frozen=True)
class _Part:
    """One frame, ready to leave: its length in bytes, its bytes, and how to let go of it."""

    length: int
    chunks: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True)
class _Pixels:
    """An instance whose frames were asked for. `stream` is its file behind the bytes of `head`."""

    archive: Archive
    path: str
    orthanc_id: str
    head: bytes
    stream: Stream
    layout: PixelLayout


def frames(pass_: Pass, study: str, series: str, instance: str, numbers: str) -> Response:
    """`GET .../frames/<numbers>`: one part per frame, in the order asked for."""
    path = inside(pass_, study, series, instance)
    wanted = _read_numbers(numbers)
    pixels = _open(pass_.archive, path, study, series, instance)
    try:
        _check(pixels.layout, wanted)
        form = choose_frames(wishes(), pixels.layout.TransferSyntaxUID, single=len(wanted) == 1)
        first = _part(pixels, form, wanted[0])
    except BaseException:
        pixels.stream.close()
        raise
    content_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax}"
    if not form.multipart:
        return streamed(
            first.chunks,
            content_type=content_type,
            length=first.length,
            cache=UNCHANGING,
            close=first.close,
        )
    boundary = boundary_of(path, numbers, content_type)
    head = part_head(boundary, content_type, first.length, first=True)
    length = len(head) + first.length + len(closing(boundary)) if len(wanted) == 1 else None
    return streamed(
        _body(pixels, form, wanted, first, boundary, content_type),
        content_type=f'{MULTIPART}; type="{form.media_type}"; boundary={boundary}',
        length=length,
        cache=UNCHANGING,
        close=first.close,
    )


def _read_numbers(numbers: str) -> list[int]:
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", numbers):
        raise BadRequest("Frame numbers are whole numbers with commas between them.")
    wanted = [int(number) for number in numbers.split(",")]
    if 0 in wanted:
        raise BadRequest("Frames are counted from 1.")
    if len(wanted) > MOST_FRAMES:
        raise BadRequest(f"At most {MOST_FRAMES} frames are given in one answer.")
    return wanted


def _open(archive: Archive, path: str, study: str, series: str, instance: str) -> _Pixels:
    for orthanc_id in archive.candidates(study, series, instance):
        try:
            stream = archive.open_file(orthanc_id)
        except NotInArchive:
            continue
        head, layout = _read_layout(stream)
        return _Pixels(archive, path, orthanc_id, head, stream, layout)
    raise outside()


def _read_layout(stream: Stream) -> tuple[bytes, PixelLayout]:
    """The file's first bytes, as many as it takes to know where its pixels lie."""
    head, size = b"", HEAD_BYTES
    while True:
        piece = stream.read(size - len(head))
        head += piece
        whole = len(head) < size
        layout = find_pixels(head, whole=whole)
        if layout is not None:
            return head, layout
        if whole or size >= LONGEST_HEADER_BYTES:
            # Not understood here: the number of frames is left to Orthanc.
            return head, PixelLayout(stored_syntax(head), MOST_FRAMES**2, 0, None)
        size *= 4


def _check(layout: PixelLayout, wanted: list[int]) -> None:
    if layout.frames == 0:
        raise FrameNotFound("This instance has no pixel data.")
    if max(wanted) > layout.frames:
        raise FrameNotFound(f"This instance has {layout.frames} frame(s).")


def _part(pixels: _Pixels, form: FrameForm, number: int) -> _Part:
    layout = pixels.layout
    if not form.decode and layout.frames == 1 and layout.frame_bytes is not None:
        return _from_file(pixels, layout.frame_bytes)
    pixels.stream.close()
    try:
        if form.decode or not layout.TransferSyntaxUID:
            return _decoded(pixels, number)
        return _cut_out(pixels, number)
    except (ArchiveFailed, NotInArchive) as error:
        raise _unreadable() from error


def _from_file(pixels: _Pixels, length: int) -> _Part:
    """The only frame of an uncompressed file, passed on while the file is read."""
    stream, start = pixels.stream, pixels.layout.value_offset
    total = stream.content_length
    if total is not None and total < start + length:
        raise _unreadable()
    return _Part(length, _pixels_of(pixels, start, length), stream.close)


def _pixels_of(pixels: _Pixels, start: int, length: int) -> Iterator[bytes]:
    begun = pixels.head[start : start + length]
    yield begun
    yield from pixels.stream.chunks(length - len(begun))
    pixels.stream.read(READ_ON_BYTES)


def _cut_out(pixels: _Pixels, number: int) -> _Part:
    """A frame as it is stored, cut out by Orthanc."""
    stream = pixels.archive.open_frame(pixels.orthanc_id, number - 1)
    length, expected = stream.content_length, pixels.layout.frame_bytes
    if length is None or expected not in (None, length):
        stream.close()
        raise _unreadable()
    return _Part(length, stream.chunks(), stream.close)


def _decoded(pixels: _Pixels, number: int) -> _Part:
    """A frame that Orthanc makes Explicit VR Little Endian."""
    accept = f'{MULTIPART}; type="{OCTETS}"; transfer-syntax={EXPLICIT_LITTLE}'
    stream = pixels.archive.open_dicomweb(f"{pixels.path}/frames/{number}", accept=accept)
    part = unwrap(stream)
    return _Part(part.length, part.chunks(), stream.close)


def _unreadable() -> FrameUnreadable:
    return FrameUnreadable(
        "This frame cannot be given: its pixels are broken, or cannot be decoded here.",
        remedy="Ask for it as it is stored, with transfer-syntax=*.",
    )


def _body(
    pixels: _Pixels,
    form: FrameForm,
    wanted: list[int],
    first: _Part,
    boundary: str,
    content_type: str,
) -> Iterator[bytes]:
    for position, number in enumerate(wanted):
        part = first if position == 0 else _part(_again(pixels), form, number)
        try:
            yield part_head(boundary, content_type, part.length, first=position == 0)
            yield from part.chunks
        finally:
            part.close()
    yield closing(boundary)


def _again(pixels: _Pixels) -> _Pixels:
    """The same file from its beginning, where a frame is taken from the file more than once."""
    if pixels.layout.frames != 1 or pixels.layout.frame_bytes is None:
        return pixels
    stream = pixels.archive.open_file(pixels.orthanc_id)
    head = stream.read(len(pixels.head))
    return _Pixels(pixels.archive, pixels.path, pixels.orthanc_id, head, stream, pixels.layout)
