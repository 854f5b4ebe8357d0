"""When an opinion is due. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta

TARGET_DAYS = (
    7  # calendar days from complete records; requirements.md, contradictions: "default target 7"
)
LIMIT_DAYS = 14  # same place: "limit 14 calendar days"
SOON = timedelta(days=2)


def due_on(records_complete_at: datetime) -> date:
    """The day by which the opinion is promised (UTC calendar days)."""
    return records_complete_at.date() + timedelta(days=TARGET_DAYS)


def after_hold(due: date, held_since: datetime, now: datetime) -> date:
    """The promised day once the clock runs again: later by the whole days it stood still."""
    return due + timedelta(days=max(0, (now.date() - held_since.date()).days))


def urgency(due: date | None, now: datetime) -> str:
    """`none`, `later`, `soon` (within two days) or `overdue`."""
    if due is None:
        return "none"
    today = now.date()
    if today > due:
        return "overdue"
    return "soon" if due - today <= SOON else "later"
