"""Short lists that somebody writes, a line each: what to measure again, what to examine first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LONGEST_LINE: Final = 300
MOST_LINES: Final = 20


def kept_lines(lines: Iterable[str]) -> list[str]:
    """The lines that say something, each once, in their order; what is too long or too much is cut."""
    kept = [line.strip()[:LONGEST_LINE] for line in lines if line.strip()]
    return list(dict.fromkeys(kept))[:MOST_LINES]
