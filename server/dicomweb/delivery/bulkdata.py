"""Bulk data (PS3.18 10.4.1.1.5): one attribute's value, where a BulkDataURI points.

Pixel Data always leaves uncompressed, as the metadata beside the BulkDataURI describes it. An
encapsulated document leaves only when it is a PDF: browsers might run anything else.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from flask import Response

from server.archive import NotInArchive
from server.dicom.frame_shape import FrameShape
from server.dicom.removed_words import RemovedWords, removed_from_json
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE
from server.dicomweb.delivery.withheld import check_pixels
from server.dicomweb.media.accept import ANYTHING, JSON, MULTIPART, OCTETS, nothing_acceptable
from server.dicomweb.media.answers import UNCHANGING, boundary_of
from server.dicomweb.media.multipart import (
    KEPT_IN_MEMORY_BYTES,
    PIECE_BYTES,
    Unwrapped,
    closing,
    part_head,
    unwrap,
)
from server.dicomweb.media.ranges import (
    Segment,
    Span,
    caged,
    delivered,
    of_bytes,
    of_stream,
    strong_tag,
    unchanged,
)
from server.dicomweb.pixels.framing import Frames, Place, broken, native_segment_of_all, unreadable
from server.dicomweb.pixels.sources import open_frames
from server.dicomweb.views.scope import Pass, inside, outside, standing, wishes
from server.foundation.errors import Refused
from server.prepared.describing import described

PDF = "application/pdf"
PDF_BEGINS = b"%PDF"
ENCAPSULATED_DOCUMENT = "00420011"
PIXEL_DATA = "7fe00010"
FLOAT_BITS = {"7fe00008": 32, "7fe00009": 64}  # PS3.3 C.7.6.24, C.7.6.25
PIXEL_VALUES = (PIXEL_DATA, *FLOAT_BITS)
_BULK_PATH = re.compile(r"[0-9A-Fa-f]{8}(/[0-9]{1,6}/[0-9A-Fa-f]{8}){0,8}")


class DocumentIsNotPdf(Refused):
    """An encapsulated document that is no PDF never leaves as a document: browsers might run it."""


def bulkdata(pass_: Pass, study: str, series: str, instance: str, attribute: str) -> Response:
    """`GET .../bulk/<path>`: `path` is tags and item numbers, as in the metadata's BulkDataURI."""
    path = inside(pass_, study, series, instance)
    if not _BULK_PATH.fullmatch(attribute):
        raise outside()
    return _bulk(pass_, Place(study, series, instance, path), attribute.lower())


def document(pass_: Pass, place: Place) -> Response:
    """The encapsulated PDF of an instance. Raises NotInArchive when it holds none."""
    return _bulk(pass_, place, ENCAPSULATED_DOCUMENT)


def _bulk(pass_: Pass, place: Place, attribute: str) -> Response:
    is_document = attribute.endswith(ENCAPSULATED_DOCUMENT)
    media_type, multipart = _form((PDF, OCTETS) if is_document else (OCTETS,))
    removed = _check_visible(pass_, place, attribute)
    state = standing(pass_, place.study, place.series)
    tag = strong_tag("bulk", pass_.view.id, place.path, state, attribute, media_type, multipart)
    known = unchanged(tag, UNCHANGING)
    if known is not None:
        return known
    boundary = boundary_of(pass_.view.id, place.path, attribute)

    def around(span: Span, length: int) -> tuple[bytes, bytes]:
        """A range is one of the value, not of its wrapping (PS3.18 2019a 6.5.5.2.1)."""
        if not multipart:
            return b"", b""
        is_whole = span == Span(0, length)
        head = part_head(
            boundary,
            media_type,
            span.stop - span.start,
            first=True,
            location=location_of(pass_, place, attribute),
            content_range="" if is_whole else f"bytes {span.start}-{span.stop - 1}/{length}",
        )
        return head, closing(boundary)

    wrapped = f'{MULTIPART}; type="{media_type}"; boundary={boundary}'
    segments, close = value_of(pass_, place, attribute, removed)
    response = caged(
        delivered(
            segments,
            content_type=wrapped if multipart else media_type,
            tag=tag,
            cache=UNCHANGING,
            close=close,
            around=around,
        )
    )
    if is_document:
        response.headers["Content-Disposition"] = 'attachment; filename="document.pdf"'
    return response


def _form(offered: tuple[str, ...]) -> tuple[str, bool]:
    for wish in wishes():
        for media_type in offered:
            if wish.covers(media_type) and wish.transfer_syntax in (None, "*", EXPLICIT_LITTLE):
                return media_type, wish.multipart
    raise nothing_acceptable(offered)


def location_of(pass_: Pass, place: Place, attribute: str) -> str:
    """The address of one value, as this caller knows it."""
    uids = (place.study, place.series, place.instance)
    study, series, instance = (pass_.view.shown(uid) for uid in uids)
    return f"{pass_.prefix}/studies/{study}/series/{series}/instances/{instance}/bulk/{attribute}"


def _check_visible(pass_: Pass, place: Place, attribute: str) -> RemovedWords | None:
    """Raises StudyOutsideGrant for what the metadata of this caller does not point to. Gives the words
    that may not stand in the value."""
    if not pass_.view.pseudonymised:
        return None
    check_pixels(pass_, place)
    if (
        attribute in PIXEL_VALUES
    ):  # Orthanc's metadata point to them only where they are plain integers
        return None
    with pass_.archive.open_dicomweb(f"{place.path}/metadata", accept=JSON) as stream:
        dataset = next(described(pass_.archive, stream), {})
    shown: dict[str, Any] | None = pass_.view.json(dataset)
    *items, tag = attribute.upper().split("/")
    for sequence, number in zip(items[::2], items[1::2], strict=True):
        values = (shown or {}).get(sequence, {}).get("Value", [])
        shown = values[int(number) - 1] if 0 < int(number) <= len(values) else None
    if shown is None or "BulkDataURI" not in shown.get(tag, {}):
        raise outside()
    return removed_from_json(dataset)


def _check_served(pass_: Pass, place: Place) -> None:
    """Raises StudyOutsideGrant for an instance of a study that only shares its UID with the case's.

    Orthanc's plugin goes by UIDs alone and would give it.
    """
    for orthanc_id in pass_.archive.candidates(place.study, place.series, place.instance):
        with contextlib.suppress(NotInArchive):
            pass_.archive.instance(orthanc_id)
            return
    raise outside()


def value_of(
    pass_: Pass, place: Place, attribute: str, removed: RemovedWords | None = None
) -> tuple[list[Segment], Callable[[], None]]:
    """One value in pieces whose lengths are known, and what to call when it was read.

    A value other than pixels in which one of the `removed` words stands is not given.
    Raises StudyOutsideGrant, NotInArchive, FrameBroken, FrameUnreadable and DocumentIsNotPdf.
    """
    if attribute == PIXEL_DATA or (pass_.view.pseudonymised and attribute in FLOAT_BITS):
        frames = open_frames(pass_, place)
        if frames.count == 0 or not _is_value_of(attribute, frames.shape):
            frames.close()
            raise outside()
        if _is_made_of_frames(pass_, frames):
            return _frames_together(frames), frames.close
        frames.close()
        if frames.shape is None and frames.stored not in ("", EXPLICIT_LITTLE):
            raise unreadable()
        if pass_.view.pseudonymised:
            return _no_more_than_pixels(pass_, place, frames)
    else:
        _check_served(pass_, place)
    part = unwrap(pass_.archive.open_dicomweb(f"{place.path}/bulk/{attribute}", accept=ANYTHING))
    if attribute.endswith(ENCAPSULATED_DOCUMENT):
        part = _only_pdf(part)
    if removed is None:
        return [_whole(part)], part.stream.close
    return _without(removed, part)


def _is_value_of(attribute: str, shape: FrameShape | None) -> bool:
    """Whether pixels of this shape stand in this of the three attributes that hold pixels."""
    if shape is None or not shape.is_float:
        return attribute == PIXEL_DATA
    return FLOAT_BITS.get(attribute) == shape.BitsAllocated


def _is_made_of_frames(pass_: Pass, frames: Frames) -> bool:
    """Whether the value is the frames one behind the other, and not simply what is stored.

    Behind the pixels there may be anything, which only a reader who may know everything is given.
    """
    shape = frames.shape
    whole_bytes = shape is not None and shape.BitsAllocated % 8 == 0
    return whole_bytes and (pass_.view.pseudonymised or frames.have != (EXPLICIT_LITTLE,))


def _frames_together(frames: Frames) -> list[Segment]:
    try:
        whole = native_segment_of_all(frames)
    except BaseException:
        frames.close()
        raise
    return [whole, of_bytes(b"\0" * (whole.length % 2))]


def _no_more_than_pixels(
    pass_: Pass, place: Place, frames: Frames
) -> tuple[list[Segment], Callable[[], None]]:
    """Frames of single bits, which follow each other within bytes, without what is behind them."""
    if frames.shape is None:
        raise outside()
    length = -(-frames.shape.frame_bits * frames.count // 8)
    part = unwrap(pass_.archive.open_dicomweb(f"{place.path}/bulk/{PIXEL_DATA}", accept=ANYTHING))
    if part.length < length:
        part.stream.close()
        raise broken("the value of Pixel Data is too short")
    pixels = of_stream(part.begun[:length], part.stream, length)
    return [pixels, of_bytes(b"\0" * (length % 2))], part.stream.close


def _whole(part: Unwrapped) -> Segment:
    segment = of_stream(part.begun[: part.length], part.stream, part.length)

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        yield from segment.chunks(start, stop)
        if stop == part.length:
            part.stream.read(64 * 1024)  # the closing boundary, so that the line stays usable

    return Segment(part.length, chunks)


def _without(removed: RemovedWords, part: Unwrapped) -> tuple[list[Segment], Callable[[], None]]:
    """The value from a copy, for it must be known to its end. Raises StudyOutsideGrant."""
    segment = _whole(part)
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY_BYTES))
        with contextlib.closing(part.stream):
            file.writelines(segment.chunks(0, segment.length))
        file.seek(0)
        if removed.stand_in_file(cast(BinaryIO, file), segment.length):
            raise outside()
        close = opened.pop_all().close

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, PIECE_BYTES):
            file.seek(at)
            yield file.read(min(PIECE_BYTES, stop - at))

    return [Segment(segment.length, chunks)], close


def _only_pdf(part: Unwrapped) -> Unwrapped:
    begun = part.begun
    while len(begun) < min(len(PDF_BEGINS), part.length):
        piece = part.stream.read(min(4096, part.length - len(begun)))
        if not piece:
            break
        begun += piece
    if not begun.startswith(PDF_BEGINS):
        part.stream.close()
        raise DocumentIsNotPdf("This document is not a PDF and is not given out.")
    return Unwrapped(part.content_type, part.length, begun, part.stream)
