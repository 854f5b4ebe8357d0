"""How fast programs may ask: so many requests a minute for each key, counted in each web process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from server.foundation.errors import TooMany

MINUTE_S = 60.0
MOST_REMEMBERED = 10_000


class TooManyRequests(TooMany):
    """This key asked more often than it is answered."""


class Pace:
    """A bucket of requests for each key, filled evenly. One per process, safe between threads.

    A key that was silent for a minute may send a minute's requests at once.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        self._noted: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count one request. Raises TooManyRequests, saying in how many seconds there is room again."""
        now, per_second = self._clock(), self._per_minute / MINUTE_S
        with self._lock:
            left, at = self._left.get(key, (float(self._per_minute), now))
            left = min(float(self._per_minute), left + (now - at) * per_second)
            if len(self._left) >= MOST_REMEMBERED:
                self._left.clear()
            self._left[key] = (left - 1 if left >= 1 else left, now)
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
        with self._lock:
            if now - self._noted.get(key, -math.inf) < MINUTE_S:
                return False
            if len(self._noted) >= MOST_REMEMBERED:
                self._noted.clear()
            self._noted[key] = now
            return True
