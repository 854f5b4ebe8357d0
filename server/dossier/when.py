"""Dates of a history, which are often known to the month or the year only. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime

from server.dossier.quantities import EARTH_IS_AHEAD

_PARTIAL = re.compile(r"([12][0-9]{3})(?:-([0-9]{1,2}))?(?:-([0-9]{1,2}))?")


def partial(text: str) -> str | None:
    """`2026`, `2026-05` or `2026-05-12`, with two digits for month and day; None where it is no date."""
    found = _PARTIAL.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        date(year or 1, month or 1, day or 1)
    except ValueError:
        return None
    return "-".join([str(year), *(f"{part:02d}" for part in (month, day) if part is not None)])


def in_the_future(partial_date: str, now: datetime) -> bool:
    """Whether the date begins later than now, wherever on earth it was written."""
    today = (now + EARTH_IS_AHEAD).date().isoformat()
    return partial_date > today[: len(partial_date)]


def before(one: str, other: str) -> bool:
    """Whether a date lies before another, as far as both are known."""
    length = min(len(one), len(other))
    return one[:length] < other[:length]
