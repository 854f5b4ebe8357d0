"""How an assessment in person stands, and what may follow what. Pure, and all in one table."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from server.foundation.errors import Conflict


class Standing(StrEnum):
    """How an assessment in person stands."""

    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    DONE = "done"
    NOT_NEEDED = "not_needed"
    DECLINED = "declined"


class AssessmentOver(Conflict):
    """The assessment in person is not in a state in which this can be noted."""


LABELS: Final[dict[Standing, str]] = {
    Standing.REQUESTED: "Requested",
    Standing.SCHEDULED: "Scheduled",
    Standing.DONE: "Done",
    Standing.NOT_NEEDED: "Not needed any more",
    Standing.DECLINED: "Declined by the patient",
}
TONES: Final[dict[Standing, str]] = {
    Standing.REQUESTED: "warn",
    Standing.SCHEDULED: "info",
    Standing.DONE: "good",
    Standing.NOT_NEEDED: "idle",
    Standing.DECLINED: "idle",
}
_OVER: Final = (Standing.DONE, Standing.NOT_NEEDED, Standing.DECLINED)
FOLLOWS: Final[dict[Standing, frozenset[Standing]]] = {
    Standing.REQUESTED: frozenset({Standing.SCHEDULED, *_OVER}),
    Standing.SCHEDULED: frozenset({Standing.SCHEDULED, *_OVER}),
    **dict.fromkeys(_OVER, frozenset[Standing]()),
}

# What a visit can need, requirements 46 and 48 (000 L47; 001 L48).
NEEDS: Final[dict[str, str]] = {
    "referral": "Referral letter",
    "cost_estimate": "Cost estimate",
    "travel": "Travel planning",
    "visa": "Visa letter",
    "interpreter": "Interpreter",
    "fitness_to_fly": "Fitness to travel",
    "admission": "Admission to hospital",
    "companion": "Room for a companion",
    "slides": "Slides or blocks brought along",
}


def after(now: Standing, then: Standing) -> Standing:
    """The standing that follows; raises AssessmentOver."""
    if then not in FOLLOWS[now]:
        raise AssessmentOver(
            f"This assessment is “{LABELS[now].lower()}” and cannot become "
            f"“{LABELS[then].lower()}”.",
            remedy="Reload the page: somebody may have changed it meanwhile.",
        )
    return then
