"""When something is sent, sent again, and given up. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final

# A mail server that puts a stranger off ("greylisting", RFC 6647 section 5: retries within the first
# minutes to hours) is asked again soon; one that is down is given more than four days before a person
# has to look (RFC 5321 section 4.5.4.1: "the give-up time generally needs to be at least 4-5 days").
WAITS: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=24),
    timedelta(hours=24),
    timedelta(hours=24),
)
ATTEMPTS: Final = len(WAITS) + 1
# Before the working day of Europe begins and within that of Asia.
DIGEST_AT: Final = time(5, 0, tzinfo=UTC)
# A webhook that nothing got through to for this long is switched off; the longest wait fits in often.
SWITCHED_OFF_AFTER: Final = timedelta(days=5)
FAILURES_BEFORE_OFF: Final = 10
# Longer than any one try takes (mail.LONGEST_S): a mail waits for so long when its sender is killed.
CLAIM: Final = timedelta(minutes=2)
# A server that has just failed to answer is not waited for again within this time.
SPARED: Final = timedelta(seconds=60)
FORGOTTEN_AFTER: Final = timedelta(minutes=15)


def retry_at(attempts: int, now: datetime) -> datetime | None:
    """When to try again after `attempts` failures; None when it is given up."""
    return now + WAITS[attempts - 1] if attempts < ATTEMPTS else None


def next_digest(now: datetime) -> datetime:
    """The next moment at which the day's digests go out."""
    today = datetime.combine(now.astimezone(UTC).date(), DIGEST_AT)
    return today if now < today else today + timedelta(days=1)


def is_switched_off(failures: int, failing_since: datetime | None, now: datetime) -> bool:
    """Whether a webhook failed for so long, and so often, that a person has to look at it."""
    return (
        failing_since is not None
        and failures >= FAILURES_BEFORE_OFF
        and now - failing_since >= SWITCHED_OFF_AFTER
    )
