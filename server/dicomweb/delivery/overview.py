"""Two resources of our own for a viewer at the end of a long line: what to open, and a whole series
at a low resolution in one answer.

A frame of HTJ2K begins with a complete picture of itself at a low resolution. Over HTTP/1.1 six
connections and a round trip of 150 ms make 40 answers a second at most, so 450 slices asked one by
one take 11 s however small they are; here they come as one stream that fills the line. Each record
is a line of JSON and the bytes that it announces, the beginning of the frame's codestream; what is
missing is asked from the frame's own address by Range, so no byte travels twice, and with the record's
`etag` in If-Range, so that bytes of two encodings are never joined.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Response, request

from server.dicomweb.media.answers import CHANGING, streamed
from server.dicomweb.media.ranges import file_tag, strong_tag
from server.dicomweb.pixels.sources import shown_path
from server.dicomweb.views.scope import Pass, inside, outside
from server.foundation.errors import Invalid
from server.prepared.manifest import Manifest, PreparedInstance
from server.prepared.shelf import Shelf, frame_head

MEDIA_TYPE = "application/octet-stream"
DEFAULT_RESOLUTION = 128
LEAST_RESOLUTION, MOST_RESOLUTION = 16, 1024
# Every eighth slice first: the whole series can be scrolled after an eighth of the time.
STRIDES = (8, 4, 2, 1)
CHUNK_BYTES = 64 * 1024
_SERIES_TAGS = ("00080060", "0008103E", "00200011", "00200052", "00180050", "00080008")


class ResolutionInvalid(Invalid):
    """The resolution asked for is not a number in the allowed range."""


@dataclass(frozen=True)
class Prefix:
    """The beginning of one frame: `head` is the JSON line before it, `size` its bytes in `path`
    from `start` on."""

    head: bytes
    path: Path
    start: int
    size: int


def overview(pass_: Pass, study: str, series: str) -> Response:
    """`GET .../series/<series>/overview?resolution=128`: the beginning of every frame.

    Frames that have no low resolution are not in it, and of a series that is not prepared, or whose
    pixels this caller may not see, the answer is 204: what a client does not find here it asks for
    as a frame, and is refused there where that is due.
    """
    inside(pass_, study, series)
    resolution = _resolution()
    manifest = pass_.current(study, series)
    if manifest is None or not _is_cleared(pass_, manifest):
        _check_there(pass_, study, series, manifest)
        return _guarded(Response(status=204), "private, no-store")
    prefixes = prefixes_of(
        pass_.shelf, manifest, resolution, pass_.view.shown, bare=pass_.view.pseudonymised
    )
    # Each head names its frame as it lies there, so the heads name the whole answer.
    tag = strong_tag("overview", *(one.head for one in prefixes))
    if request.if_none_match.contains_weak(tag):
        unchanged = Response(status=304, headers={"Cache-Control": CHANGING})
        unchanged.set_etag(tag)
        return unchanged
    response = streamed(
        stream(prefixes),
        content_type=MEDIA_TYPE,
        length=sum(len(one.head) + one.size for one in prefixes),
        cache=CHANGING,
        close=lambda: None,
    )
    response.set_etag(tag)
    return response


def _is_cleared(pass_: Pass, manifest: Manifest) -> bool:
    if not pass_.view.pseudonymised:
        return True
    uids = manifest.StudyInstanceUID, manifest.SeriesInstanceUID
    cleared = pass_.holdings.clearance
    return all(
        cleared.is_given(pass_.view, *uids, one.SOPInstanceUID) for one in manifest.instances
    )


def _resolution() -> int:
    said = request.args.get("resolution", str(DEFAULT_RESOLUTION))
    if not said.isascii() or not said.isdigit() or len(said) > 4:
        raise ResolutionInvalid("The resolution is a number of pixels.")
    if not LEAST_RESOLUTION <= int(said) <= MOST_RESOLUTION:
        raise ResolutionInvalid(
            f"The resolution is between {LEAST_RESOLUTION} and {MOST_RESOLUTION} pixels."
        )
    return int(said)


def order(count: int) -> list[int]:
    """The numbers 0 to count - 1 in the order in which a series becomes visible. Pure.

    Every eighth slice, then every fourth, every second, and all: each from the middle outwards.
    """
    found: list[int] = []
    seen: set[int] = set()
    for stride in STRIDES:
        fresh = [one for one in range(count // 2 % stride, count, stride) if one not in seen]
        found.extend(sorted(fresh, key=lambda one: abs(one - count // 2)))
        seen.update(fresh)
    return found


def halvings_for(instance: PreparedInstance, levels: int, resolution: int) -> int:
    """How often a frame with `levels` resolutions is halved so that `resolution` pixels remain."""
    longest = max(instance.Rows, instance.Columns)
    halvings = 0
    while halvings < levels - 1 and longest / 2 ** (halvings + 1) >= resolution:
        halvings += 1
    return halvings


def prefixes_of(
    shelf: Shelf, manifest: Manifest, resolution: int, shown: Any = str, *, bare: bool = False
) -> list[Prefix]:
    """What is sent of a series, in the order in which it is sent. `shown` turns the archive's UIDs
    into the caller's; `bare`: without remarks in frames that are kept as they were stored. A record's
    `place` counts from 0 through the frames that are sent, in the order of the series; `etag` is what
    the frame's file is called when it is asked for alone."""
    found, frames = [], _frames_there(shelf, manifest, bare=bare)
    for position in order(len(frames)):
        instance, number, path, tag = frames[position]
        sizes = instance.resolution_bytes[number - 1]
        halvings = halvings_for(instance, len(sizes), resolution)
        total = instance.frame_bytes[number - 1]
        size = min(sizes[len(sizes) - 1 - halvings], total)
        start = len(frame_head(instance.frame_syntax, total))
        head = {
            "SOPInstanceUID": shown(instance.SOPInstanceUID),
            "frame": number,
            "place": position,
            "syntax": instance.frame_syntax,
            "halvings": halvings,
            "start": start,
            "bytes": size,
            "total": total,
            "etag": tag,
        }
        line = json.dumps(head, separators=(",", ":")).encode() + b"\n"
        found.append(Prefix(line, path, start, size))
    return found


def _frames_there(
    shelf: Shelf, manifest: Manifest, *, bare: bool
) -> list[tuple[PreparedInstance, int, Path, str]]:
    """Every frame that has a low resolution: its instance, its number, its file and how that is called."""
    uids = manifest.StudyInstanceUID, manifest.SeriesInstanceUID
    found = []
    for instance in manifest.instances:
        for number, sizes in enumerate(instance.resolution_bytes, 1):
            frame = shelf.frame(*uids, instance.SOPInstanceUID, number)
            path = shown_path(frame, instance, number) if bare else frame
            if not sizes or path is None:
                continue
            with contextlib.suppress(OSError):  # given up a moment ago
                found.append((instance, number, path, file_tag(path.stat())))
    return found


def stream(prefixes: Iterable[Prefix]) -> Iterator[bytes]:
    """The records one after the other, in pieces of about 64 kB.

    A file given up in the meantime ends the stream: its length was announced.
    """
    held: list[bytes] = []
    size = 0
    for one in prefixes:
        with one.path.open("rb", buffering=0) as file:
            file.seek(one.start)
            data = file.read(one.size)
        if len(data) != one.size:
            raise EOFError("A frame was made anew while the overview was sent.")
        held += (one.head, data)
        size += len(one.head) + len(data)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def opening(pass_: Pass, study: str) -> Response:
    """`GET .../studies/<study>/opening`: what a viewer asks for first, before it is running.

    The series that are prepared, each with what names it and with its middle frame.
    """
    inside(pass_, study)
    found = [
        described
        for manifest in pass_.shelf.study(study)
        if pass_.current(study, manifest.SeriesInstanceUID) is not None
        and _is_cleared(pass_, manifest)
        and (described := series_of(manifest, pass_)) is not None
    ]
    response = Response(json.dumps({"series": found}), content_type="application/json")
    return _guarded(response, CHANGING)


def _check_there(pass_: Pass, study: str, series: str, manifest: Manifest | None) -> None:
    """Raises StudyOutsideGrant for a series that is not one of this study."""
    holdings = pass_.holdings.study(study)
    if manifest is None and holdings is not None and series not in holdings.series:
        raise outside()


def _guarded(response: Response, cache: str) -> Response:
    response.headers["Cache-Control"] = cache
    response.headers["Vary"] = "Accept, Authorization, Cookie"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def series_of(manifest: Manifest, pass_: Pass) -> dict[str, Any] | None:
    """One series as the viewer needs it to choose its first image; None when it has no frames."""
    instances = [one for one in manifest.instances if any(one.frame_bytes)]
    attributes = pass_.view.json(manifest.attributes)
    if not instances or attributes is None:
        return None
    middle = manifest.opened_with or instances[len(instances) // 2].SOPInstanceUID
    return {
        "SeriesInstanceUID": pass_.view.shown(manifest.SeriesInstanceUID),
        "instances": len(manifest.instances),
        "middle": pass_.view.shown(middle),
        **{tag: attributes[tag] for tag in _SERIES_TAGS if tag in attributes},
    }
