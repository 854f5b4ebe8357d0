"""The audit trail for those who look after it: its newest lines, and whether the chain is whole."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy import func, select

from server.access.door import Route
from server.access.permissions import Action
from server.foundation.audit import AuditLine, verify
from server.web.pages.layout import page
from server.web.visit import Visit

LINES_PER_PAGE = 100
# Walking a longer chain takes more than a second; it is then walked on demand.
VERIFIED_UNASKED = 20_000
OUTCOMES = ("done", "allowed", "refused")


def trail(visit: Visit) -> Response:
    asked = {name: request.args.get(name, "").strip() for name in ("case", "actor", "outcome")}
    before = request.args.get("before", "")
    wanted = select(AuditLine).order_by(AuditLine.sequence.desc()).limit(LINES_PER_PAGE + 1)
    if asked["case"]:
        wanted = wanted.where(AuditLine.case_number == asked["case"].upper())
    if asked["actor"]:
        wanted = wanted.where(AuditLine.actor.icontains(asked["actor"], autoescape=True))
    if asked["outcome"] in OUTCOMES:
        wanted = wanted.where(AuditLine.outcome == asked["outcome"])
    if before.isdecimal() and len(before) < 16:
        wanted = wanted.where(AuditLine.sequence < int(before))
    lines = list(visit.session.scalars(wanted))
    total = visit.session.scalar(select(func.count(AuditLine.sequence))) or 0
    walk = total <= VERIFIED_UNASKED or request.args.get("verify") == "1"
    return page(
        visit,
        "audit.html",
        lines=lines[:LINES_PER_PAGE],
        older=lines[LINES_PER_PAGE - 1].sequence if len(lines) > LINES_PER_PAGE else None,
        asked=asked,
        narrow=any(asked.values()),
        outcomes=OUTCOMES,
        total=total,
        chain=verify(visit.session) if walk else None,
    )


ROUTES = [Route("/audit", trail, Action.AUDIT_READ)]
