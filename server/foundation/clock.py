"""The only place that asks what time it is."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """A moment as `2026-11-20T08:30:00.123456+00:00`, always in UTC and of one length."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
