"""Which readings are worth a line in the trail: the first within a while, not every refresh."""

from __future__ import annotations

import threading
import time

REMEMBERED_FOR_S = 900.0
MOST_REMEMBERED = 5000


class Openings:
    """Remembers for a quarter of an hour who opened what. One per process, safe between threads."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def is_first(self, actor: str, what: str) -> bool:
        """Whether this actor has not opened this within the last quarter of an hour."""
        now, key = time.monotonic(), (actor, what)
        with self._lock:
            if self._until.get(key, 0.0) > now:
                return False
            if len(self._until) >= MOST_REMEMBERED:
                self._until.clear()
            self._until[key] = now + REMEMBERED_FOR_S
            return True

    def is_known(self, actor: str, what: str) -> bool:
        """Whether this actor has opened this within the last quarter of an hour."""
        return self._until.get((actor, what), 0.0) > time.monotonic()
