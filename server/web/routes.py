"""Every address of the web room, on one page."""

from __future__ import annotations

from server.access.door import Route
from server.web import (
    health,
    links,
    opinion_files,
    panel,
    phases,
    recorded,
    rules,
    viewer,
    volumetry_tasks,
)
from server.web.api import page as api_page
from server.web.api.table import ROUTES as API
from server.web.pages.routes import ROUTES as PAGES

ROUTES: list[Route] = [
    *health.ROUTES,
    *links.ROUTES,
    *opinion_files.ROUTES,
    *PAGES,
    *api_page.ROUTES,
    *API,
    *panel.ROUTES,
    *phases.ROUTES,
    *recorded.ROUTES,
    *rules.ROUTES,
    *viewer.ROUTES,
    *volumetry_tasks.ROUTES,
]
