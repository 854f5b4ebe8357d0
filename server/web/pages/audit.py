"""The audit trail for those who look after it: its newest lines, and whether the chain is whole."""

from __future__ import annotations

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.foundation.audit import newest, verify
from server.web.pages.layout import page
from server.web.visit import Visit

LINES_PER_PAGE = 100
MOST_LINES = 5000
# Walking a longer chain takes more than a second; it is then walked on demand.
VERIFIED_UNASKED = 20_000
OUTCOMES = ("done", "allowed", "refused")


def trail(visit: Visit) -> Response:
    asked = {name: request.args.get(name, "").strip() for name in ("case", "actor", "outcome")}
    wanted = _lines_wanted(request.args.get("lines", ""))
    lines = newest(
        visit.session,
        case_number=asked["case"].upper(),
        actor=asked["actor"],
        outcome=asked["outcome"],
        limit=wanted + 1,
    )
    last = newest(visit.session, limit=1)
    total = last[0].sequence if last else 0
    walk = total <= VERIFIED_UNASKED or request.args.get("verify") == "1"
    return page(
        visit,
        "audit.html",
        lines=lines[:wanted],
        more=min(wanted * 2, MOST_LINES) if len(lines) > wanted < MOST_LINES else None,
        asked=asked,
        narrow=any(asked.values()),
        outcomes=OUTCOMES,
        total=total,
        chain=verify(visit.session) if walk else None,
    )


def _lines_wanted(asked: str) -> int:
    if asked.isascii() and asked.isdecimal() and len(asked) < 6:
        return max(1, min(int(asked), MOST_LINES))
    return LINES_PER_PAGE


ROUTES = [Route("/audit", trail, Action.AUDIT_READ)]
