"""A case and surgeons to hold against it; tests change what they are about."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from server.routing.values import Call, Candidate, CaseNeeds, Volume

TODAY = date(2026, 11, 20)
DUE = TODAY + timedelta(days=7)

NEEDS = CaseNeeds(
    today=TODAY,
    organ="pancreas",
    cancer="pancreas",
    calls=(
        Call("venous_reconstruction", "NCCN 2022"),
        Call("iort", "", needed=False),
    ),
    languages=("en",),
    country="GB",
    hospital_id="riverside",
    hospital_name="Riverside General Hospital",
    first_centre="St Mary's Hospital",
    due_on=DUE,
    tier="report",
    tier_title="Report only",
)

SURGEON = Candidate(
    person_id="p1",
    name="Dr Paolo Prandi",
    centre_id="c1",
    centre_name="Pancreas Institute",
    organs=frozenset({"pancreas"}),
    subspecialties=frozenset({"hpb"}),
    capabilities=frozenset({"venous_reconstruction", "iort"}),
    centre_kinds=frozenset({"pancreatic"}),
    volumes=(Volume("pancreatoduodenectomy", 2025, 94, "department register"),),
    languages=frozenset({"en", "it"}),
    countries=frozenset({"GB"}),
    load=1,
    most_cases=4,
    average_days=4.2,
    finished=12,
)


def needs(**changes: Any) -> CaseNeeds:
    """The case, changed."""
    return replace(NEEDS, **changes)


def surgeon(**changes: Any) -> Candidate:
    """The surgeon, changed."""
    return replace(SURGEON, **changes)
