"""Days and moments as people and programs type them (ISO 8601). Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

WRITE_A_DAY: Final = "Write the date as 2026-11-20: year, month, day."


def day_typed(text: str) -> date | None:
    """The day that a text names, such as `2026-11-20`; None when it names none."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def moment_typed(text: str) -> datetime | None:
    """The moment that a text names, in UTC, which also holds where no zone is named; None for none."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC, the first day of the calendar may lie before it
        return None
