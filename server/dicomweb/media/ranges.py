"""Bodies whose length is known: whole, or one range of them (RFC 9110 13 and 14).

A body is a row of segments. Each knows its length before a byte of it was made, so a range costs
only the segments it touches, and a list of frames holds one frame in memory at a time.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import PIL
import pydicom
from flask import Response, json, request

from server.archive import Stream
from server.dicomweb.media.answers import UNTRUSTED
from server.foundation.errors import BadRequest, body_of

PIECE_BYTES = 256 * 1024
VARIES = "Accept, Authorization, Cookie"
_MADE_WITH = (imagecodecs.__version__, PIL.__version__, pydicom.__version__)
_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,99})\s*-\s*([0-9]{0,99})", re.IGNORECASE)


class RangeBeyondEnd(BadRequest):
    """The range asked for begins behind the last byte."""


@dataclass(frozen=True)
class Segment:
    """`length` bytes of a body; `chunks(start, stop)` gives those from `start` to before `stop`.

    `is_good`: what they are made of was found and can be read.
    """

    length: int
    chunks: Callable[[int, int], Iterator[bytes]]
    is_good: bool = True


@dataclass(frozen=True)
class Span:
    """The bytes of a body from `start` to before `stop`."""

    start: int
    stop: int


def of_bytes(data: bytes) -> Segment:
    """Bytes that are there already."""

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        yield data[start:stop]

    return Segment(len(data), chunks)


def of_file(path: Path, offset: int, length: int) -> Segment:
    """`length` bytes of a file, read piece by piece from `offset` when they are wanted."""

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(offset + start)
            while start < stop:
                piece = file.read(min(PIECE_BYTES, stop - start))
                if not piece:
                    raise EOFError("A file ends before the length it had.")
                start += len(piece)
                yield piece

    return Segment(length, chunks)


def of_stream(begun: bytes, stream: Stream, length: int) -> Segment:
    """The first `length` bytes of `begun` and what follows it in `stream`: readable once."""

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        yield begun[start:stop]
        position = min(len(begun), length)
        if stop > position:
            stream.skip(max(0, start - position))
            yield from stream.chunks(stop - max(start, position))

    return Segment(length, chunks)


def of_made(length: int, make: Callable[[], bytes]) -> Segment:
    """Bytes that are made only when they are wanted, and must then be `length` long."""

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        data = make()
        if len(data) != length:
            raise EOFError("A part has another length than was said of it.")
        yield data[start:stop]

    return Segment(length, chunks, is_good=False)


def made(segment: Segment) -> Segment:
    """The same, made now if it was to be made later, so that what fails fails before any byte."""
    if segment.is_good:
        return segment
    return of_bytes(whole(segment))


def whole(segment: Segment) -> bytes:
    """All bytes of a segment at once."""
    return b"".join(segment.chunks(0, segment.length))


def strong_tag(*parts: object) -> str:
    """An entity tag that is the same for the same content in the same form.

    Other versions of what writes files and encodes pictures may write the same in other bytes.
    """
    text = "\0".join(map(str, (*_MADE_WITH, *parts)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_tag(state: os.stat_result) -> str:
    """The entity tag of a file that is sent as it lies there: the one that nginx gives it."""
    return f"{int(state.st_mtime):x}-{state.st_size:x}"


def counting_range(method: str, asked: str, condition: str, tag: str) -> str:
    """The Range header `asked` if it counts, else "": only for GET, and only if the If-Range
    header `condition` is empty or names what we have, `tag`.
    """
    if method != "GET":
        return ""
    condition = condition.strip()
    if condition and condition != f'"{tag}"':  # no weak tags, no dates: RFC 9110 13.1.5
        return ""
    return asked


def read_span(header: str, length: int) -> Span | None:
    """What a Range header asks for of a body of `length` bytes; None: the whole.

    What is no single range of bytes counts as not there (RFC 9110 14.2). Raises RangeBeyondEnd.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.group(1, 2) == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, stop = max(0, length - int(last)), length
    else:
        start = int(first)
        stop = min(length, int(last) + 1) if last else length
        if last and int(last) < start:
            return None
    if start >= stop:
        raise RangeBeyondEnd("The range asked for begins behind the last byte.")
    return Span(start, stop)


def unchanged(tag: str, cache: str) -> Response | None:
    """304 for whoever has these bytes already (RFC 9110 13.1.2), else None."""
    if not request.if_none_match.contains_weak(tag):
        return None
    response = Response(status=304)
    _describe(response, tag, cache)
    return response


def delivered(
    segments: Sequence[Segment],
    *,
    content_type: str,
    tag: str,
    cache: str,
    close: Callable[[], None] = lambda: None,
    around: Callable[[Span, int], tuple[bytes, bytes]] = lambda _span, _length: (b"", b""),
) -> Response:
    """The body, or the range of it that was asked for; `close` is called however it ends.

    `around(span, length)` is what stands before and behind the bytes `span` of all `length` ones, and
    counts in no range.
    """
    length = sum(segment.length for segment in segments)
    try:
        span = read_span(_range_header(tag), length)
    except RangeBeyondEnd as error:
        close()
        return _not_satisfiable(error, length, tag, cache)
    part = span or Span(0, length)
    before, behind = around(part, length)
    body = _within(before, _cut(segments, part), behind)
    response = Response(body, content_type=content_type)
    if span is not None:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{length}"
    response.content_length = len(before) + part.stop - part.start + len(behind)
    response.headers["Accept-Ranges"] = "bytes"
    _describe(response, tag, cache)
    response.call_on_close(close)
    return response


def flowing(
    chunks: Iterable[bytes],
    *,
    content_type: str,
    tag: str,
    cache: str,
    close: Callable[[], None] = lambda: None,
) -> Response:
    """A body whose length nobody knows before its end: it is always given whole."""
    response = Response(chunks, content_type=content_type)
    response.headers["Accept-Ranges"] = "none"
    _describe(response, tag, cache)
    response.call_on_close(close)
    return response


def caged(response: Response) -> Response:
    """The same answer with its content never run or framed: somebody else wrote it."""
    response.headers["Content-Security-Policy"] = UNTRUSTED
    return response


def _range_header(tag: str) -> str:
    asked, condition = (request.headers.get(name, "") for name in ("Range", "If-Range"))
    return counting_range(request.method, asked, condition, tag)


def _describe(response: Response, tag: str, cache: str) -> None:
    response.set_etag(tag)
    response.headers["Cache-Control"] = cache
    response.headers["Vary"] = VARIES
    response.headers["X-Content-Type-Options"] = "nosniff"


def _not_satisfiable(error: RangeBeyondEnd, length: int, tag: str, cache: str) -> Response:
    response = Response(json.dumps(body_of(error)), status=416, content_type="application/json")
    _describe(response, tag, cache)
    response.headers["Content-Range"] = f"bytes */{length}"
    response.headers["Cache-Control"] = "no-store"
    return response


def _within(before: bytes, chunks: Iterator[bytes], behind: bytes) -> Iterator[bytes]:
    if before:
        yield before
    yield from chunks
    if behind:
        yield behind


def _cut(segments: Sequence[Segment], span: Span) -> Iterator[bytes]:
    position = 0
    for segment in segments:
        start, stop = max(0, span.start - position), min(segment.length, span.stop - position)
        position += segment.length
        if start < stop:
            yield from segment.chunks(start, stop)
