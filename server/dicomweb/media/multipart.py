"""Multipart bodies (RFC 2046, RFC 2387): written with known lengths, read in bounded pieces."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO, Protocol

from server.archive import ArchiveFailed, Stream
from server.foundation.errors import BadRequest, TooLarge

PIECE_BYTES = 64 * 1024
LONGEST_HEAD_BYTES = 8192
KEPT_IN_MEMORY_BYTES = 1024 * 1024
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")  # RFC 2046 5.1.1


class Source(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes: ...


def part_head(
    boundary: str,
    content_type: str,
    length: int | None,
    *,
    first: bool,
    location: str = "",
    content_range: str = "",
) -> bytes:
    """What stands before a part's bytes. `Content-Type` is spelled as OHIF's parser wants it."""
    lines = [f"--{boundary}", f"Content-Type: {content_type}"]
    if location:
        lines.append(f"Content-Location: {location}")
    if content_range:
        lines.append(f"Content-Range: {content_range}")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return (head if first else "\r\n" + head).encode()


def closing(boundary: str) -> bytes:
    """What stands after the last part's bytes."""
    return f"\r\n--{boundary}--\r\n".encode()


@dataclass(frozen=True)
class Unwrapped:
    """The one part of a multipart answer of Orthanc: its bytes are the next `length` of `stream`,
    preceded by `begun`, which were read already and count within `length`."""

    content_type: str
    length: int
    begun: bytes
    stream: Stream

    def chunks(self) -> Iterator[bytes]:
        """The part's bytes, then nothing: the closing boundary is read so that the line stays
        usable.
        """
        yield self.begun[: self.length]
        yield from self.stream.chunks(max(0, self.length - len(self.begun)))
        while self.stream.read(PIECE_BYTES):
            pass


def unwrap(stream: Stream) -> Unwrapped:
    """Takes Orthanc's wrapping, which names its own host, off a multipart answer of one part.

    An answer that is not multipart is its own part. Raises ArchiveFailed when neither length is
    known.
    """
    if not stream.content_type.lower().startswith("multipart/"):
        if stream.content_length is None:
            raise _unreadable()
        return Unwrapped(stream.content_type, stream.content_length, b"", stream)
    begun = stream.read(LONGEST_HEAD_BYTES)
    head, found, rest = begun.partition(b"\r\n\r\n")
    headers = _headers(head)
    length = headers.get("content-length", "")
    if not found or not length.isdigit():
        raise _unreadable()
    return Unwrapped(headers.get("content-type", ""), int(length), rest, stream)


def _unreadable() -> ArchiveFailed:
    return ArchiveFailed(
        "The image archive answered in a form unknown to us.", status_of_archive=200
    )


def _headers(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


@dataclass(frozen=True)
class Received:
    """One part of a body that was sent to us. `file` holds its bytes from the beginning; small ones
    stay in memory, large ones on disk, and all vanish with the next part. `location` is its
    Content-Location, "" when it has none."""

    content_type: str
    file: BinaryIO
    size_bytes: int
    location: str = ""


class PartReader:
    """Reads a multipart body from `source` part after part, never more than one at a time.

    Raises BadRequest for a body that is not what `boundary` promises (also when it ends early) and
    TooLarge for a part above `most_bytes`.
    """

    def __init__(self, source: Source, boundary: str, *, most_bytes: int) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise BadRequest("The multipart body has no usable boundary.")
        self._source = source
        self._delimiter = f"\r\n--{boundary}".encode()
        self._most_bytes = most_bytes
        self._held = b"\r\n"  # the first boundary may stand at the very beginning

    def __iter__(self) -> Iterator[Received]:
        self._copy_until_delimiter(None)
        while not self._ended():
            headers = _headers(self._head())
            with tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY_BYTES) as file:
                size = self._copy_until_delimiter(file)
                file.seek(0)
                yield Received(
                    headers.get("content-type", ""),
                    file,  # type: ignore[arg-type]
                    size,
                    headers.get("content-location", ""),
                )

    def _more(self) -> None:
        piece = self._source.read(PIECE_BYTES)
        if not piece:
            raise BadRequest("The multipart body ends before its last boundary.")
        self._held += piece

    def _ended(self) -> bool:
        """Whether the boundary just read was the closing one; else its line is read to the end."""
        while len(self._held) < 2:
            self._more()
        if self._held.startswith(b"--"):
            return True
        while b"\r\n" not in self._held:
            if len(self._held) > LONGEST_HEAD_BYTES:
                raise BadRequest("A boundary line of the multipart body does not end.")
            self._more()
        rest, _, self._held = self._held.partition(b"\r\n")
        if rest.strip(b" \t"):
            raise BadRequest("A boundary line of the multipart body has something behind it.")
        return False

    def _head(self) -> bytes:
        if self._held.startswith(b"\r\n"):
            self._held = self._held[2:]
            return b""
        while b"\r\n\r\n" not in self._held:
            if len(self._held) > LONGEST_HEAD_BYTES:
                raise BadRequest("The headers of a part do not end.")
            self._more()
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        return head

    def _copy_until_delimiter(self, file: IO[bytes] | None) -> int:
        """Moves bytes to `file` (None: nowhere) up to the next boundary, and reads over that."""
        copied = 0
        while True:
            at = self._held.find(self._delimiter)
            safe = at if at >= 0 else max(0, len(self._held) - len(self._delimiter) + 1)
            copied += safe
            if copied > self._most_bytes:
                raise TooLarge(
                    f"One part is larger than the {self._most_bytes // 1_000_000} MB taken here.",
                    remedy="Send it in smaller instances.",
                )
            if file is not None:
                file.write(self._held[:safe])
            if at >= 0:
                self._held = self._held[at + len(self._delimiter) :]
                return copied
            self._held = self._held[safe:]
            self._more()
