"""HTML to PDF in a process of its own, so that a web process need not hold what only printing needs."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from server.foundation.errors import Unavailable

LONGEST_S: Final = 60


class NotPrinted(Unavailable):
    """The page could not be made into a PDF just now."""


def printed(html: str) -> bytes:
    """Self-contained HTML as PDF/UA-1; it may hold no pictures but inline SVG. Raises NotPrinted."""
    command = [sys.executable, "-m", "server.opinions.pdf"]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, the page comes by its input
            command, input=html.encode(), capture_output=True, check=True, timeout=LONGEST_S
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise NotPrinted(
            "The page could not be made into a PDF.", remedy="Try again in a moment."
        ) from error
    return done.stdout
