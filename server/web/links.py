"""Access links: the page behind them, and the one POST that turns a token into a visit."""

from __future__ import annotations

from flask import Response, jsonify, make_response, render_template, request

from server.access.actions import begin_launch, use_token
from server.access.door import Route, holder_of
from server.access.permissions import Action
from server.cases.queries import case_by_id
from server.foundation.errors import BadRequest
from server.people.queries import person as person_of
from server.web import cookies
from server.web.visit import Visit


class LinkIsForPrograms(BadRequest):
    """An archive grant has no case to open."""


def open_page(visit: Visit) -> str:
    """The page that reads the token from the address's fragment, which no server ever sees."""
    return render_template("open.html")


def open_link(visit: Visit) -> Response:
    """Exchange a token for a visit bound to a cookie."""
    body = request.get_json(silent=True)
    token = body.get("token") if isinstance(body, dict) else None
    grant = use_token(visit.session, token if isinstance(token, str) else "", visit.now)
    if grant.case_id is None:
        raise LinkIsForPrograms(
            "This token is for a program and opens no case.",
            remedy="Use it as “Authorization: Bearer …” with DICOMweb.",
        )
    case = case_by_id(visit.session, grant.case_id)
    person = person_of(visit.session, grant.person_id) if grant.person_id else None
    begun = begin_launch(visit.session, case, now=visit.now, grant=grant, person=person)
    visit.note(actor=holder_of(grant).text, case_number=case.number, launch=begun.launch.id)
    response = make_response(jsonify({"location": f"/r/{begun.launch.id}/"}))
    settings = visit.services.settings
    cookies.give(
        response,
        settings,
        cookies.launch_name(settings, begun.launch.id),
        begun.secret,
        expires_at=begun.launch.expires_at,
    )
    return response


ROUTES = [
    Route("/open", open_page, Action.PUBLIC),
    Route("/open", open_link, Action.OPEN_LINK, ("POST",)),
]
