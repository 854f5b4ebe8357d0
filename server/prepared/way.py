"""Preparing makes way while somebody waits for what is not prepared.

Metadata of a series that is not prepared are worked out by the archive while a person waits, and the
encoders keep every processor busy. Whoever passes them through says so by the time of a file on the shelf,
which the preparing process looks at between frames: they are different processes, perhaps in different
containers, that share this folder alone.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

NAME: Final = ".way"
MOMENT_S: Final = 0.5  # longer than a click's pauses between one question and the next
LOOKED_EVERY_S: Final = 0.05
# However many people wait, preparing, which is what will help them all, has half of the time.
MOST_S: Final = 2.0


class Way:
    """The wish for quiet on the shelf at `root`. One for each thread that gives way."""

    def __init__(
        self,
        root: Path,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._file = root / NAME
        self._clock = clock
        self._sleep = sleep
        self._works_until = 0.0

    def ask(self, seconds: float = MOMENT_S) -> None:
        """Somebody is waiting now and will for so long, MOST_S at most. Costs microseconds."""
        until = self._clock() + min(seconds, MOST_S)
        with contextlib.suppress(OSError):  # a shelf that cannot be written prepares nothing
            if not self._file.exists():
                self._file.touch(mode=0o600)
            os.utime(self._file, (until, until))

    def give(self) -> None:
        """Return when nobody waits, or when it has been long enough."""
        began = now = self._clock()
        if now < self._works_until:
            return
        while self._is_asked(now) and now - began < MOST_S:
            self._sleep(LOOKED_EVERY_S)
            now = self._clock()
        if now > began:
            self._works_until = now + (now - began)

    def _is_asked(self, now: float) -> bool:
        """A time far ahead is a clock that was set back, and nobody's wish."""
        try:
            return 0 < self._file.stat().st_mtime - now <= MOST_S
        except OSError:
            return False
