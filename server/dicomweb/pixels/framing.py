"""Frames of one instance, wherever they come from, and what can be wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from server.dicom.decoding import PixelsUnreadable, SyntaxUnknown
from server.dicom.frame_shape import FrameShape
from server.dicomweb.media.ranges import Segment, made, of_bytes, of_made
from server.dicomweb.pixels.transcoding import CannotEncode, decoded, encoded
from server.foundation.errors import NotAcceptable, NotFound

MOST_TRIED = 1000


class FrameNotFound(NotFound):
    """The instance has fewer frames, or no pixels at all."""


class FrameBroken(NotFound):
    """The pixel data of this frame is truncated or corrupt: no form of it can be given."""


class FrameUnreadable(NotAcceptable):
    """This frame exists, but cannot be given in the form asked for."""


@dataclass(frozen=True)
class Place:
    """Which instance, by the archive's UIDs, and its path below the DICOMweb root."""

    study: str
    series: str
    instance: str
    path: str


class Frames(Protocol):
    """The frames of one instance. Whoever holds them must close them."""

    @property
    def orthanc_id(self) -> str: ...

    @property
    def stored(self) -> str:
        """The transfer syntax they are stored in; uncompressed ones count as Explicit VR LE."""
        ...

    @property
    def have(self) -> tuple[str, ...]:
        """The transfer syntaxes they can be given in without work: the best first, `stored` last."""
        ...

    @property
    def count(self) -> int: ...

    @property
    def is_proven(self) -> bool:
        """Whether it is known without decoding them which native frames can be given."""
        ...

    @property
    def shape(self) -> FrameShape | None:
        """What a native frame looks like; None when the header is not understood here."""
        ...

    def check(self, number: int) -> None:
        """Raises FrameBroken for a frame that is known to be unreadable."""
        ...

    def check_all(self) -> None:
        """Raises FrameBroken when some frame is known to be unreadable."""
        ...

    def ready(self, number: int, syntax: str) -> Segment:
        """Frame `number` (from 1) in one of the syntaxes of `have`. Raises FrameBroken."""
        ...

    def native(self, number: int) -> bytes:
        """The frame in Explicit VR Little Endian. Raises FrameBroken and FrameUnreadable."""
        ...

    def close(self) -> None: ...


def broken(what: str = "") -> FrameBroken:
    """The error for pixels that cannot be read in any form."""
    return FrameBroken(
        "The pixel data of this frame is broken and cannot be shown.",
        remedy="Ask the hospital to send this image again.",
        cause=what,
    )


def unreadable() -> FrameUnreadable:
    """The error for pixels that can be given, but not so."""
    return FrameUnreadable(
        "This frame cannot be decoded here.",
        remedy="Ask for it as it is stored, with transfer-syntax=*.",
    )


def native_segment(frames: Frames, number: int) -> Segment:
    """The native frame, made when it is wanted, where its length is known before; else made now."""
    shape = frames.shape
    if shape is None or shape.BitsAllocated % 8:
        return of_bytes(frames.native(number))
    return of_made(shape.frame_bytes, lambda: frames.native(number))


def native_segment_of_all(frames: Frames) -> Segment:
    """The native frames one behind the other, of equal length each; the first is made now.

    Raises FrameBroken and FrameUnreadable, also for frames that do not end with a byte. Of frames that
    nobody has decoded yet, the first `MOST_TRIED` are, so that a broken one is told before any byte.
    """
    frames.check_all()
    shape = frames.shape
    if shape is None or shape.BitsAllocated % 8 or not shape.frame_bytes:
        raise unreadable()
    each = shape.frame_bytes
    first = made(native_segment(frames, 1))
    for number in range(2, 1 if frames.is_proven else min(frames.count, MOST_TRIED) + 1):
        frames.native(number)

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        for index in range(start // each, -(-stop // each)):
            frame = native_segment(frames, index + 1) if index else first
            begin = index * each
            yield from frame.chunks(max(0, start - begin), min(each, stop - begin))

    return Segment(each * frames.count, chunks)


def decoded_or_broken(frame: bytes, syntax: str, shape: FrameShape) -> bytes:
    """The native frame. Raises FrameBroken, and SyntaxUnknown without a decoder."""
    try:
        return decoded(frame, syntax, shape)
    except SyntaxUnknown:
        raise
    except PixelsUnreadable as error:
        raise broken(str(error)) from error


def encoded_or_told(native: bytes, syntax: str, shape: FrameShape | None) -> bytes:
    """The frame in another transfer syntax. Raises FrameUnreadable, also without a shape."""
    told = FrameUnreadable(
        "This frame cannot be given in the transfer syntax asked for.",
        remedy="Ask for any, with transfer-syntax=*.",
    )
    if shape is None:
        raise told
    try:
        return encoded(native, syntax, shape)
    except CannotEncode as error:
        raise told from error
