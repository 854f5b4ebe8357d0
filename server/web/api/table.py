"""Every endpoint of the API, in the order in which its description tells them."""

from __future__ import annotations

from typing import Final

from server.access.action import Action
from server.access.door import Route
from server.web import rules
from server.web.api import (
    about,
    afterwards,
    assignment,
    cases,
    centres,
    clock,
    comparison,
    documents,
    figures,
    imaging,
    links,
    notices,
    offers,
    opinions,
    outcomes,
    panels,
    questions,
    ranking,
    records,
    registry,
    research,
    sending,
    sharing,
    specimens,
    surgeons,
    uploading,
    values,
    webhooks,
)
from server.web.api.endpoint import Endpoint, Media

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *about.ENDPOINTS,
    *cases.ENDPOINTS,
    # Before what lists uploads, so that OPTIONS is answered by the protocol and not by Flask.
    *uploading.ENDPOINTS,
    *sending.ENDPOINTS,
    *imaging.ENDPOINTS,
    *records.ENDPOINTS,
    *values.ENDPOINTS,
    *documents.ENDPOINTS,
    *specimens.ENDPOINTS,
    *questions.ENDPOINTS,
    *clock.ENDPOINTS,
    *centres.ENDPOINTS,
    *surgeons.ENDPOINTS,
    *registry.ENDPOINTS,
    *ranking.ENDPOINTS,
    *assignment.ENDPOINTS,
    *offers.ENDPOINTS,
    *panels.ENDPOINTS,
    *links.ENDPOINTS,
    *opinions.ENDPOINTS,
    *comparison.ENDPOINTS,
    *sharing.ENDPOINTS,
    *afterwards.ENDPOINTS,
    *outcomes.ENDPOINTS,
    *figures.ENDPOINTS,
    *research.ENDPOINTS,
    *notices.ENDPOINTS,
    *webhooks.ENDPOINTS,
)
_JSON = "application/json"
# Older than the API's version and at addresses of their own: described here, routed there.
ELSEWHERE: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        "GET", "/api/rules", rules.list_rules, Action.RULES_EVALUATE, "Criteria",
        "Which published criteria there are", Media(_JSON, "As docs/rules.md explains."), base="",
    ),
    Endpoint(
        "POST", "/api/rules/<organ>/<ruleset>", rules.evaluate_rules, Action.RULES_EVALUATE,
        "Criteria", "What a criteria set makes of findings",
        Media(_JSON, "As docs/rules.md explains."), raw_body=_JSON, base="",
        description="A case, an array of at most 500 cases, or an object of `case` and `options`.",
    ),
)  # fmt: skip
DESCRIBED: Final = (*ENDPOINTS, *ELSEWHERE)
ROUTES: Final[list[Route]] = [endpoint.route() for endpoint in ENDPOINTS]
