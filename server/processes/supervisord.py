"""supervisord, going on when its own words cannot be written.

It complains of a log that it cannot write on its error output. Where that is a file on the same full
disk, the complaint fails as well, and supervisord ended, and all programs with it.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TextIO

from supervisor import supervisord


class Unfailing(io.TextIOBase):
    """Writes to `stream` as long as that can be written to, and drops what cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()


if __name__ == "__main__":
    sys.stdout, sys.stderr = Unfailing(sys.stdout), Unfailing(sys.stderr)
    supervisord.main()
