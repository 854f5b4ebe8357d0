"""How many bodies are on their way in at once.

A body comes as slowly as its line, and holds a thread for as long. So there are only so many places for
bodies, of which nobody gets more than a share, and the last third is kept for those who have none yet.
Counted for one process: its threads are what has to be left for others.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from server.foundation.errors import Unavailable

AGAIN_AFTER_S: Final = 5
# For each thread that answers pages so many more take bodies in bulk; they wait for their lines and
# compute next to nothing.
IN_BULK_PER_THREAD: Final = 2


class NoPlaceFree(Unavailable):
    """As much is on its way in as is taken at once, altogether or by one sender."""


class Places:
    """Places for bodies: `whole` in all, of which one sender has at most `of_one`."""

    def __init__(self, whole: int, of_one: int) -> None:
        self._whole = max(1, whole)
        self._of_one = max(1, of_one)
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, by: str) -> Iterator[None]:
        """Have a place for as long as the block runs. Raises NoPlaceFree, which says when to ask again."""
        with self._lock:
            has, free = self._taken[by], self._whole - self._taken.total()
            if has >= self._of_one or free <= (self._whole // 3 if has else 0):
                raise NoPlaceFree(
                    "Too much is being sent at once just now.",
                    remedy="Send it again in a few seconds; what came before is kept.",
                    retry_after_s=AGAIN_AFTER_S,
                )
            self._taken[by] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[by] -= 1
                if not self._taken[by]:
                    del self._taken[by]


def places_in_bulk(web_threads: int) -> Places:
    """For uploads and images; a case has at most a quarter of them."""
    whole = IN_BULK_PER_THREAD * web_threads
    return Places(whole, whole // 4)


def places_for_forms(web_threads: int) -> Places:
    """For all other bodies, among the threads that answer pages: half of these are never held up."""
    return Places(web_threads // 2, web_threads // 4)
