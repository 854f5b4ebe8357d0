"""Every page's address, in the order in which people meet them."""

from __future__ import annotations

from server.access.door import Route
from server.web.pages import (
    arrivals,
    assets,
    audit,
    cases,
    documents,
    entrance,
    files,
    grants,
    hospitals,
    imaging,
    jobs,
    launches,
    people,
    records,
    records_request,
    records_values,
    revisions,
    specimens,
    steps,
    uploads,
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
    *revisions.ROUTES,
    *grants.ROUTES,
    *launches.ROUTES,
    *files.ROUTES,
    *uploads.ROUTES,
    *records.ROUTES,
    *records_values.ROUTES,
    *records_request.ROUTES,
    *specimens.ROUTES,
    *documents.ROUTES,
    *visits.ROUTES,
    *imaging.ROUTES,
    *hospitals.ROUTES,
    *people.ROUTES,
    *audit.ROUTES,
    *jobs.ROUTES,
]
