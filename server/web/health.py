"""Whether the web server lives."""

from __future__ import annotations

from flask import Response
from sqlalchemy import text

from server.access.action import Action
from server.access.door import Route
from server.web.visit import Visit


def healthz(visit: Visit) -> Response:
    """`ok` when the web server and its database answer."""
    visit.session.execute(text("SELECT 1"))
    return Response("ok", mimetype="text/plain")


ROUTES = [Route("/healthz", healthz, Action.PUBLIC)]
