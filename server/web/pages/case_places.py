"""The pages of one case: which there are, and which of them this visitor may open."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from server.access.action import Action
from server.web.taking_part import part_in
from server.web.visit import Visit


@dataclass(frozen=True)
class CasePlace:
    """One page of a case: its name, where it lies below the case, and who may open it.

    `by_link` says whether it exists below `/r/<launch>` too, `by_account` whether below `/cases`;
    `of_panels` whether only of a case that a panel looks at.
    """

    label: str
    path: str
    action: Action
    by_link: bool = True
    by_account: bool = True
    of_panels: bool = False


# In the order in which the work on a case goes.
PLACES = (
    CasePlace("Overview", "", Action.CASE_READ),
    CasePlace("Records", "/records", Action.RECORDS_READ),
    CasePlace("Routing", "/routing", Action.CASE_ROUTE, by_link=False),
    CasePlace("Assignment", "/assignment", Action.CASE_ASSIGN, by_link=False),
    CasePlace("Clock", "/clock", Action.CLOCK_READ, by_link=False),
    CasePlace("Questions", "/questions", Action.QUESTIONS_READ),
    CasePlace("Panel", "/panel", Action.PANEL_READ, of_panels=True),
    CasePlace("Opinion", "/opinion", Action.ANNOTATION_SIGN),
    CasePlace("Two opinions", "/answer", Action.ANSWER_READ),
    CasePlace("Sharing", "/sharing", Action.SHARING_READ),
    CasePlace("Afterwards", "/afterwards", Action.AFTERCARE_READ),
    CasePlace("Outcome", "/outcome", Action.OUTCOME_READ),
    CasePlace("Notices", "/notices", Action.NOTICES_CHOOSE, by_account=False),
)


@dataclass(frozen=True)
class Tab:
    """A place as this visitor sees it."""

    label: str
    address: str
    here: bool


def base_of(visit: Visit) -> str:
    """Where the pages of this case begin for this visitor."""
    launch = visit.admission.launch
    return f"/r/{launch.id}" if launch else f"/cases/{visit.case.number}"


def case_tabs(visit: Visit) -> list[Tab]:
    """The pages of this case that this visitor may open, the one that is open marked."""
    base, by_link = base_of(visit), visit.admission.launch is not None
    open_to_visitor = [
        place
        for place in PLACES
        if (place.by_link if by_link else place.by_account)
        and visit.may(place.action)
        and (not place.of_panels or part_in(visit).panel is not None)
    ]
    return [
        Tab(place.label, _address(base, place.path, by_link), _is_here(base, place.path))
        for place in open_to_visitor
    ]


def _address(base: str, path: str, by_link: bool) -> str:
    return base + path if path or not by_link else f"{base}/"


def _is_here(base: str, path: str) -> bool:
    where = request.path.rstrip("/")
    if not path:
        return where == base
    return where == base + path or where.startswith(f"{base}{path}/")
