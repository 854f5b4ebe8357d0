"""How often a program may ask: so many requests a minute for each key, over all web processes here.

gunicorn loads the application before it makes its processes (`server.processes.programs`), so that what is
mapped here is the same memory in all of them. It is no record: a restart begins anew, and a second machine
counts for itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import mmap
import os
import struct
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from server.foundation.errors import TooMany

MINUTE_S: Final = 60.0
# What is kept of a key: the beginning of its hash, the requests left, when that was so, when its use was
# noted last; both moments by the monotonic clock, in s.
_SLOT: Final = struct.Struct("<16sddd")
_SLOTS: Final = 8192
_NEIGHBOURS: Final = 16
_NOBODY: Final = bytes(16)


class TooManyRequests(TooMany):
    """This key asked more often than it is answered."""


class Pace:
    """A bucket of requests for each key, filled evenly; one for all threads, and for all processes that
    are forked from here.

    A key that was silent for a minute may send a minute's requests at once.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._kept = mmap.mmap(-1, _SLOTS * _SLOT.size)
        # A lock on a file ends with the process that has it, however that ends; it keeps out other
        # processes and not other threads.
        self._file, name = tempfile.mkstemp()
        Path(name).unlink()
        weakref.finalize(self, os.close, self._file)
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count one request. Raises TooManyRequests, saying in how many seconds there is room again."""
        now, per_second = self._clock(), self._per_minute / MINUTE_S
        with self._held():
            place, left, at, noted = self._of(key, now)
            left = min(float(self._per_minute), left + max(0.0, now - at) * per_second)
            self._keep(place, key, left - 1 if left >= 1 else left, now, noted)
        if left < 1:
            wait_s = math.ceil((1 - left) / per_second)
            raise TooManyRequests(
                f"This key asks more than {self._per_minute} times a minute.",
                remedy=f"Wait {wait_s} s and ask again; ask for several things at once where you can.",
                retry_after_s=wait_s,
            )

    def is_first_of_minute(self, key: str) -> bool:
        """Whether nobody asked this of the key within the last minute."""
        now = self._clock()
        with self._held():
            place, left, at, noted = self._of(key, now)
            if now - noted < MINUTE_S:
                return False
            self._keep(place, key, left, at, now)
            return True

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _of(self, key: str, now: float) -> tuple[int, float, float, float]:
        """The key's place, requests left, since when, and when its use was noted. A key that is not
        there gets the place among its neighbours that was silent longest: its bucket is full again."""
        name = _name(key)
        first = int.from_bytes(name[:8], "little")
        oldest, oldest_at = 0, math.inf
        for step in range(_NEIGHBOURS):
            place = (first + step) % _SLOTS * _SLOT.size
            kept, left, at, noted = _SLOT.unpack_from(self._kept, place)
            if kept == name:
                return place, left, at, noted
            silent_since = -math.inf if kept == _NOBODY else at
            if silent_since < oldest_at:
                oldest, oldest_at = place, silent_since
        return oldest, float(self._per_minute), now, -math.inf

    def _keep(self, place: int, key: str, left: float, at: float, noted: float) -> None:
        _SLOT.pack_into(self._kept, place, _name(key), left, at, noted)


def _name(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:16]
