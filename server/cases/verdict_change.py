"""Whether the second opinion changed the first verdict. Pure, and all in one table.

Both verdicts are read as what they mean for the patient: an operation, an operation only under
conditions or after treatment, or none. The table says what each pair comes to; the pairs that can be
argued about have their reason beside them. The signed verdicts are those of every organ's form
(`core.json`, verdict), and mean the same in each; where an organ comes to need another reading, it gets
a row of its own in `OF_ORGAN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Change(StrEnum):
    """What the second opinion did to the first verdict."""

    CHANGED = "changed"
    PARTLY = "partly"
    CONFIRMED = "confirmed"
    NOT_COMPARABLE = "not_comparable"


CHANGE_LABELS: Final[dict[Change, str]] = {
    Change.CHANGED: "Changed",
    Change.PARTLY: "Partly changed",
    Change.CONFIRMED: "Confirmed",
    Change.NOT_COMPARABLE: "Not comparable",
}

C, P, K, N = Change.CHANGED, Change.PARTLY, Change.CONFIRMED, Change.NOT_COMPARABLE
TABLE: Final[dict[str, dict[str, Change]]] = {
    "unresectable": {
        "resectable_now": C,
        # An operation is offered, if only where the conditions can be met.
        "resectable_with_conditions": C,
        # The operation is not offered yet, but a way to it is: requirement 43's second category.
        "conversion_then_reassess": P,
        "not_resectable_here": K,
        "metastatic_no_surgery": K,
        "insufficient_imaging": N,
    },
    "borderline": {
        # Both saw an operation; the second one asks for nothing before it.
        "resectable_now": P,
        "resectable_with_conditions": K,
        "conversion_then_reassess": K,
        "not_resectable_here": C,
        "metastatic_no_surgery": C,
        "insufficient_imaging": N,
    },
    "resectable": {
        "resectable_now": K,
        "resectable_with_conditions": P,
        "conversion_then_reassess": P,
        "not_resectable_here": C,
        "metastatic_no_surgery": C,
        "insufficient_imaging": N,
    },
}
OF_ORGAN: Final[dict[str, Mapping[str, Mapping[str, Change]]]] = {}

INCONCLUSIVE: Final = "insufficient_imaging"


def verdict_change(local_category: str, verdict: str, organ: str = "") -> Change:
    """What a signed `verdict` did to the local one.

    Not comparable: a local team that could not say or of which nothing is stated, an opinion for which the
    imaging was insufficient, and a verdict that the table does not know.
    """
    table = OF_ORGAN.get(organ, TABLE)
    return table.get(local_category, {}).get(verdict, Change.NOT_COMPARABLE)
