"""Words put together as English does it. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`; empty for no words."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last
