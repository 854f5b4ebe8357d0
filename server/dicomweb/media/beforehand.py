"""Parts that are made before the first byte of their answer leaves.

Whoever has begun a body can only break it off when a part turns out not to be makeable, and a part left
out would let a client take the next one for it. So all parts of a list are made first. What they come to
is kept in a file without a name; beyond `KEPT_BYTES` they are made a second time when they are sent, so
that an answer takes neither memory nor disk without bound.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from functools import partial

from server.dicomweb.media.multipart import KEPT_IN_MEMORY_BYTES
from server.dicomweb.media.ranges import PIECE_BYTES, Segment, of_made

KEPT_BYTES = 64 * 1024 * 1024


class Beforehand:
    """The parts of one answer. Whoever holds it must close it."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._file = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY_BYTES)  # noqa: SIM115 - see close
        self._room = kept_bytes
        self._end = 0
        self._is_usable = True

    def part(self, make: Callable[[], bytes]) -> Segment:
        """What `make` gives, made now. Raises whatever it raises."""
        data = make()
        if not self._is_usable or self._end + len(data) > self._room:
            return of_made(len(data), make)
        start = self._end
        self._end += len(data)
        try:
            self._file.seek(start)
            self._file.write(data)
            self._file.flush()
        except OSError:  # the disk is full: what was kept cannot be relied on either
            self._is_usable = False
        return Segment(len(data), partial(self._chunks, make, start))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def _chunks(
        self, make: Callable[[], bytes], start: int, first: int, last: int
    ) -> Iterator[bytes]:
        if not self._is_usable:
            yield make()[first:last]
            return
        position, stop = start + first, start + last
        while position < stop:
            self._file.seek(position)
            piece = self._file.read(min(PIECE_BYTES, stop - position))
            position += len(piece)
            yield piece
