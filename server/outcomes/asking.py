"""When somebody is asked what became of a patient. Pure.

Asked once when it is time and once more, and then not again: whoever does not answer two mails does not
answer a third. What stays unanswered is listed on the page of figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

# Margin's own choice, after a habit: the Dutch liver panel discusses unresected cases again every two
# months (the project's own description of it; not verified).
FIRST_AFTER: Final = timedelta(days=60)
AGAIN_AFTER: Final = timedelta(days=30)
# What was due longer ago is old news: a service that was away for so long does not ask for all of it.
ASKED_WITHIN: Final = timedelta(days=60)


@dataclass(frozen=True)
class Asking:
    """That somebody is to be asked about a case. `key` names this asking for good."""

    case_id: str
    due_on: date
    key: str


def first_due(signed_on: date) -> date:
    """When the outcome is asked for the first time: so long after the opinion was signed."""
    return signed_on + FIRST_AFTER


def earliest(today: date) -> date:
    """The earliest day due that is still asked for."""
    return today - ASKED_WITHIN


def asking(case_id: str, due_on: date, about: str, today: date) -> Asking | None:
    """What is to be asked today of an outcome that was due on that day; None when nothing is.

    `about` names what is waited for: an entry whose next update is due, or the first one of a case.
    """
    late = today - due_on
    if late < timedelta() or late > ASKED_WITHIN:
        return None
    time = 2 if late >= AGAIN_AFTER else 1
    return Asking(case_id, due_on, f"outcome.wanted:{about}:{due_on.isoformat()}:{time}")
