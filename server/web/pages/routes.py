"""Every page's address, in the order in which people meet them."""

from __future__ import annotations

from server.access.door import Route
from server.web.pages import (
    arrivals,
    assets,
    audit,
    cases,
    entrance,
    files,
    grants,
    hospitals,
    jobs,
    launches,
    people,
    steps,
    visits,
    worklist,
)

ROUTES: list[Route] = [
    *assets.ROUTES,
    *entrance.ROUTES,
    *worklist.ROUTES,
    *arrivals.ROUTES,
    *cases.ROUTES,
    *steps.ROUTES,
    *grants.ROUTES,
    *launches.ROUTES,
    *files.ROUTES,
    *visits.ROUTES,
    *hospitals.ROUTES,
    *people.ROUTES,
    *audit.ROUTES,
    *jobs.ROUTES,
]
