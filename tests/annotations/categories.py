"""What a criteria set says, short enough to stand in a table of expectations."""

from __future__ import annotations

from server.annotations.decision import Evaluation


def category_of(found: Evaluation) -> str:
    """The category's code, or the two ends of the interval: `B`, or `A..C`."""
    if found.category:
        return found.category.code
    assert found.best and found.worst
    return f"{found.best.code}..{found.worst.code}"
