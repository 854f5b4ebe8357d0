"""When a patient under therapy is looked at again. Pure.

Two of the source texts name a habit; both are offered as presets, each with the sentence it comes from,
and neither is evidence (the service's requirement 64).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

MOST_CYCLES: Final = 24
SHORTEST_CYCLE_DAYS: Final = 7
LONGEST_CYCLE_DAYS: Final = 56
USUAL_CYCLE_DAYS: Final = 14  # FOLFOX and FOLFIRINOX are given every two weeks; a default, no rule
LONGEST_WAIT_DAYS: Final = 730
USUAL_REMIND_DAYS: Final = 7
LONGEST_REMIND_DAYS: Final = 60

# Who can be told that a reassessment is due; the words of the notices.
REMINDED: Final[dict[str, str]] = {
    "hospital": "The hospital",
    "coordinator": "The coordinator",
    "surgeon": "The surgeon",
}


@dataclass(frozen=True)
class Preset:
    """A habit of the source texts: after how many cycles, in whose words. A claim, not evidence."""

    id: str
    label: str
    cycles: int
    source: str


PRESETS: Final[tuple[Preset, ...]] = (
    Preset("every-2-3", "After 2 cycles", 2, "source text 000, line 57: “every 2–3 cycles”, CRLM"),
    Preset(
        "every-2-3-late", "After 3 cycles", 3, "source text 000, line 57: “every 2–3 cycles”, CRLM"
    ),
    Preset("after-4-6", "After 4 cycles", 4, "source text 001, line 28: “after 4–6 cycles”, CRLM"),
    Preset(
        "after-4-6-late", "After 6 cycles", 6, "source text 001, line 28: “after 4–6 cycles”, CRLM"
    ),
)
PRESET_IDS: Final = frozenset(one.id for one in PRESETS)


def due_on(starts_on: date, cycles: int, cycle_days: int) -> date:
    """The day after so many cycles of so many days (calendar days), begun on `starts_on`."""
    return starts_on + timedelta(days=cycles * cycle_days)


def days_left(due: date, today: date) -> int:
    """Days until a reassessment; negative once the day is past."""
    return (due - today).days


def is_to_remind(due: date, remind_days: int, today: date) -> bool:
    """Whether a reminder is due: `remind_days` calendar days before, and at any time after that."""
    return today >= due - timedelta(days=remind_days)
