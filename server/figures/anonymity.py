"""No record of an export may be one of a few: small groups are merged, and what stays small is withheld.

Pure. k-anonymity (Sweeney L, Int J Uncertain Fuzz 2002;10:557-570) over what somebody outside could know
of a patient: the kind of cancer, the country of the hospital, and the half-year of the opinion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

ANY: Final = "*"
LEAST_K: Final = 5
USUAL_K: Final = 5
MOST_K: Final = 100


@dataclass(frozen=True)
class Known:
    """What could be known of one case from elsewhere. `*` is "not said"."""

    organ: str
    cancer: str
    country: str
    half_year: str


@dataclass(frozen=True)
class Guarded:
    """What may be said of each case, in the order given; None: the case is withheld.

    `coarsened` counts the cases of which less is said than is known, `withheld` those left out.
    """

    said: tuple[Known | None, ...]
    coarsened: int
    withheld: int


def guarded(cases: Sequence[Known], k: int) -> Guarded:
    """Say less and less of the cases that stand in a group of fewer than `k`, then withhold them.

    First the country goes, then the half-year, then the kind of cancer; the organ stays. Raises
    ValueError for a `k` below 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}")
    said: list[Known | None] = [None] * len(cases)
    waiting = list(range(len(cases)))
    for coarser in _STEPS:
        groups: dict[Known, list[int]] = defaultdict(list)
        for place in waiting:
            groups[coarser(cases[place])].append(place)
        waiting = []
        for group, places in groups.items():
            if len(places) >= k:
                for place in places:
                    said[place] = group
            else:
                waiting.extend(places)
    coarsened = sum(
        1 for one, all_ in zip(said, cases, strict=True) if one is not None and one != all_
    )
    return Guarded(tuple(said), coarsened, len(waiting))


def _as_known(case: Known) -> Known:
    return case


def _without_country(case: Known) -> Known:
    return replace(case, country=ANY)


def _without_half_year(case: Known) -> Known:
    return replace(case, country=ANY, half_year=ANY)


def _organ_only(case: Known) -> Known:
    return Known(case.organ, ANY, ANY, ANY)


_STEPS: Final = (_as_known, _without_country, _without_half_year, _organ_only)
