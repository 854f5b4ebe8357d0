"""The only place that asks what time it is.

Whatever is a way in (the application, the worker, a job, a command) is made with a `Clock` and asks that;
rules and actions below are handed a moment. So a week can be played through in a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """A moment as `2026-11-20T08:30:00.123456+00:00`, always in UTC and of one length."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def utc_iso_ms(moment: datetime) -> str:
    """A moment as `2026-11-20T08:30:00.123Z`: what files written for others say."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
