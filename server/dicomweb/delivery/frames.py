"""Frames (PS3.18 10.4.1.6): the pixels a viewer scrolls through, in the form that it asks for."""

from __future__ import annotations

import re
from functools import partial

from flask import Response

from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE
from server.dicomweb.delivery.withheld import check_pixels
from server.dicomweb.media.accept import MULTIPART, OCTETS, FrameForm, choose_frames
from server.dicomweb.media.answers import UNCHANGING, boundary_of
from server.dicomweb.media.beforehand import Beforehand
from server.dicomweb.media.multipart import closing, part_head
from server.dicomweb.media.ranges import (
    Segment,
    delivered,
    file_tag,
    made,
    of_bytes,
    of_file,
    strong_tag,
    unchanged,
    whole,
)
from server.dicomweb.pixels.framing import (
    FrameNotFound,
    Frames,
    Place,
    encoded_or_told,
    native_segment,
)
from server.dicomweb.pixels.sources import PreparedFrames, open_frames
from server.dicomweb.pixels.transcoding import may_become
from server.dicomweb.views.scope import Pass, inside, standing, wishes
from server.foundation.errors import BadRequest
from server.prepared.shelf import FRAME_CONTENT_TYPE

MOST_FRAMES = 1000
LONGEST_NUMBERS = 10 * MOST_FRAMES


def frames(pass_: Pass, study: str, series: str, instance: str, numbers: str) -> Response:
    """`GET .../frames/<numbers>`: one part per frame, in the order asked for."""
    path = inside(pass_, study, series, instance)
    wanted = read_numbers(numbers)
    place = Place(study, series, instance, path)
    check_pixels(pass_, place)
    found = open_frames(pass_, place)
    try:
        check_numbers(found, wanted)
        form = choose_frames(
            wishes(), found.have, single=len(wanted) == 1, can_make=lambda to: can_make(found, to)
        )
        return _answer(pass_, found, form, wanted, standing(pass_, study, series))
    except BaseException:
        found.close()
        raise


def read_numbers(numbers: str) -> list[int]:
    """A list of frame numbers as it stands in an address. Raises BadRequest."""
    if len(numbers) > LONGEST_NUMBERS or not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", numbers):
        raise BadRequest(
            "Frame numbers are whole numbers with commas between them, "
            f"at most {MOST_FRAMES} in one request."
        )
    wanted = [int(number) for number in numbers.split(",")]
    if 0 in wanted:
        raise BadRequest("Frames are counted from 1.")
    if len(wanted) > MOST_FRAMES:
        raise BadRequest(f"At most {MOST_FRAMES} frames are given in one answer.")
    return wanted


def check_numbers(found: Frames, wanted: list[int]) -> None:
    """Raises FrameNotFound when the instance has not all of these frames."""
    if found.count == 0:
        raise FrameNotFound("This instance has no pixel data.")
    if max(wanted) > found.count:
        raise FrameNotFound(f"This instance has {found.count} frame(s).")


def can_make(found: Frames, syntax: str) -> bool:
    """Whether frames can be encoded in `syntax`, by what their header says of them."""
    return found.shape is not None and may_become(syntax, found.shape)


def _answer(pass_: Pass, found: Frames, form: FrameForm, wanted: list[int], state: str) -> Response:
    if isinstance(found, PreparedFrames):
        whole = _prepared_file(found, form, wanted)
        if whole is not None:
            return whole
    tag = strong_tag("frames", pass_.view.id, found.orthanc_id, state, *wanted, form)
    known = unchanged(tag, UNCHANGING)
    if known is not None:
        found.close()
        return known
    content_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax}"
    for number in wanted:
        found.check(number)
    beforehand = Beforehand()

    def close() -> None:
        beforehand.close()
        found.close()

    try:
        parts = _parts(found, form.transfer_syntax, wanted, beforehand)
    except BaseException:
        beforehand.close()
        raise
    outer = content_type
    if form.multipart:
        boundary = boundary_of(pass_.view.id, found.orthanc_id, *map(str, wanted), content_type)
        outer = f'{MULTIPART}; type="{form.media_type}"; boundary={boundary}'
        parts = _wrapped(parts, boundary, content_type)
    return delivered(parts, content_type=outer, tag=tag, cache=UNCHANGING, close=close)


def _parts(found: Frames, syntax: str, wanted: list[int], beforehand: Beforehand) -> list[Segment]:
    """Each frame, its length known. Raises FrameBroken and FrameUnreadable for any of them."""
    first = made(segment_of(found, syntax, wanted[0]))
    rest = (
        segment_of(found, syntax, number)
        if _is_sure(found, syntax, number)
        else beforehand.part(partial(_frame, found, syntax, number))
        for number in wanted[1:]
    )
    return [first, *rest]


def _prepared_file(found: PreparedFrames, form: FrameForm, wanted: list[int]) -> Response | None:
    """The one file that is the whole answer, as it lies on the shelf."""
    if len(wanted) > 1 or not form.multipart or form.media_type != OCTETS:
        return None
    path = found.path(wanted[0])
    if form.transfer_syntax != found.have[0]:
        return None
    try:
        state = path.stat()
    except OSError:
        return None
    tag = file_tag(state)
    return unchanged(tag, UNCHANGING) or delivered(
        [of_file(path, 0, state.st_size)],
        content_type=FRAME_CONTENT_TYPE,
        tag=tag,
        cache=UNCHANGING,
        close=found.close,
    )


def segment_of(found: Frames, syntax: str, number: int) -> Segment:
    """A frame in a transfer syntax. Raises FrameBroken and FrameUnreadable."""
    found.check(number)
    if syntax in found.have:
        return found.ready(number, syntax)
    if syntax == EXPLICIT_LITTLE:
        return native_segment(found, number)
    return of_bytes(encoded_or_told(found.native(number), syntax, found.shape))


def _frame(found: Frames, syntax: str, number: int) -> bytes:
    return whole(segment_of(found, syntax, number))


def _is_sure(found: Frames, syntax: str, number: int) -> bool:
    """Whether a frame is known to be good, and how long it is, before it is made."""
    if isinstance(found, PreparedFrames) and syntax == found.have[0]:
        return found.path(number).exists()
    is_whole = found.shape is not None and found.shape.BitsAllocated % 8 == 0
    return syntax == EXPLICIT_LITTLE and is_whole and found.is_proven


def _wrapped(parts: list[Segment], boundary: str, content_type: str) -> list[Segment]:
    segments: list[Segment] = []
    for position, part in enumerate(parts):
        head = part_head(boundary, content_type, part.length, first=position == 0)
        segments += [of_bytes(head), part]
    return [*segments, of_bytes(closing(boundary))]
