"""What a consent to share says, when it stands, and how often a PIN may be wrong. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

OPINION: Final = "opinion"
OPINION_AND_IMAGES: Final = "opinion_and_images"
WHAT: Final[dict[str, str]] = {
    OPINION: "The opinion",
    OPINION_AND_IMAGES: "The opinion and the images",
}
RECIPIENTS: Final[dict[str, str]] = {
    "oncologist": "The treating oncologist",
    "own_doctor": "The patient's own doctor",
    "local_team": "Another member of the treating team",
    "patient": "The patient",
    "relative": "A relative",
    "other_centre": "Another centre",
    "insurer": "An insurer or payer",
    "other": "Somebody else",
}
GIVEN_BY: Final[dict[str, str]] = {
    "patient": "The patient",
    "representative": "A representative of the patient",
}
LONGEST_CONSENT_DAYS: Final = 366
USUAL_CONSENT_DAYS: Final = 90
OLDEST_CONSENT_DAYS: Final = 366  # one given longer ago is asked for again before it is relied on

PIN_DIGITS: Final = 6
FAILURES_BEFORE_WAITING: Final = 5
WAIT: Final = timedelta(minutes=15)
# One in a million for each try: fifteen tries leave a chance of 1 in 66,667 to whoever has the link.
FAILURES_BEFORE_SHUT: Final = 15

Standing = Literal["stands", "withdrawn", "over"]


@dataclass(frozen=True)
class Attempts:
    """How the PIN of a link stands after some tries."""

    failures: int
    locked_until: datetime | None


def standing(valid_until: date, revoked_at: datetime | None, now: datetime) -> Standing:
    """Whether a consent stands at `now`: to the end of its last day (UTC), unless withdrawn before."""
    if revoked_at is not None:
        return "withdrawn"
    return "stands" if now.date() <= valid_until else "over"


def is_shut(failures: int) -> bool:
    """Whether no PIN is looked at any more until a new one is made."""
    return failures >= FAILURES_BEFORE_SHUT


def waits_until(attempts: Attempts, now: datetime) -> datetime | None:
    """Until when no PIN is looked at, or None when one may be tried."""
    until = attempts.locked_until
    return until if until is not None and until > now else None


def after_failure(attempts: Attempts, now: datetime) -> Attempts:
    """A wrong PIN more: after every fifth in a row there is a wait of a quarter of an hour."""
    failures = attempts.failures + 1
    waits = failures % FAILURES_BEFORE_WAITING == 0
    return Attempts(failures, now + WAIT if waits else attempts.locked_until)
