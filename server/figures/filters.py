"""Which cases the figures are asked of, as it stands in an address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

from server.foundation.days import WRITE_A_DAY, day_typed
from server.foundation.errors import FieldProblem

LONGEST: Final = 200
DAYS: Final = ("since", "until")


@dataclass(frozen=True)
class Filters:
    """Empty text and None mean "all".

    `since` and `until` are the first and the last day on which the first opinion was signed.
    `hospital_ids` is what whoever asks may see at all, None meaning every hospital.
    """

    cancer: str = ""
    centre: str = ""
    reviewer: str = ""
    hospital: str = ""
    since: date | None = None
    until: date | None = None
    hospital_ids: frozenset[str] | None = None

    @property
    def chosen(self) -> dict[str, str]:
        """What was chosen, as it stands in the address."""
        said = {key: value for key, value in asdict(self).items() if key != "hospital_ids"}
        return {
            key: value.isoformat() if isinstance(value, date) else str(value)
            for key, value in said.items()
            if value
        }


def read_filters(
    query: Mapping[str, str], hospital_ids: frozenset[str] | None
) -> tuple[Filters, list[FieldProblem]]:
    """The filters of an address, and what of it cannot be understood (which is then left out)."""
    problems = []
    days: dict[str, date | None] = dict.fromkeys(DAYS)
    for name in DAYS:
        text = query.get(name, "").strip()
        if text:
            days[name] = day_typed(text)
            if days[name] is None:
                problems.append(FieldProblem(f"/{name}", WRITE_A_DAY))
    since, until = days["since"], days["until"]
    if since and until and since > until:
        problems.append(FieldProblem("/until", "The period ends before it begins."))
    texts = {
        name: query.get(name, "").strip()[:LONGEST]
        for name in ("cancer", "centre", "reviewer", "hospital")
    }
    return Filters(**texts, since=since, until=until, hospital_ids=hospital_ids), problems
