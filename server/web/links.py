"""Access links: the page behind them, and the one POST that turns a token into a visit.

What is shared on a consent opens with a PIN besides, which was sent another way.
"""

from __future__ import annotations

from flask import Response, jsonify, make_response, render_template

from server.access.action import Action
from server.access.actions import begin_launch, use_token
from server.access.door import Route, holder_of
from server.access.records import Grant
from server.access.sharing_actions import Opened, open_share
from server.cases.queries import case_by_id
from server.foundation.clock import iso
from server.foundation.errors import BadRequest
from server.people.queries import person as person_of
from server.web import cookies
from server.web.bodies import fields_of_body
from server.web.languages import speak_to_stranger
from server.web.shared_places import SHARED_PAGE
from server.web.telling_after import share_opened
from server.web.visit import Visit
from server.web.wording import count

# What stands at the PIN's field when it did not open; each is an answer of 401.
REFUSED = {
    "pin_wrong": "This PIN is not right.",
    "pin_locked": "There were too many wrong PINs.",
    "pin_shut": "There were too many wrong PINs: this link takes no further one.",
}


class LinkIsForPrograms(BadRequest):
    """An archive grant has no case to open."""


def open_page(visit: Visit) -> str:
    """The page that reads the token from the address's fragment, which no server ever sees."""
    speak_to_stranger()
    return render_template("open.html")


def open_link(visit: Visit) -> Response:
    """Exchange a token for a visit bound to a cookie; where something is shared, with its PIN."""
    sent = fields_of_body({"token": str}, optional={"pin": str})
    token, pin = sent["token"], sent.get("pin", "")
    opened = open_share(visit.session, token, pin, visit.now)
    if opened is not None and opened.grant is None:
        return _pin_answer(visit, opened)
    grant = opened.grant if opened and opened.grant else use_token(visit.session, token, visit.now)
    return _begin(visit, grant, shared=opened is not None)


def _begin(visit: Visit, grant: Grant, *, shared: bool) -> Response:
    if grant.case_id is None:
        raise LinkIsForPrograms(
            "This token is for a program and opens no case.",
            remedy="Use it as “Authorization: Bearer …” with DICOMweb.",
        )
    case = case_by_id(visit.session, grant.case_id)
    person = person_of(visit.session, grant.person_id) if grant.person_id else None
    begun = begin_launch(
        visit.session, case, now=visit.now, lasts=visit.lasts, grant=grant, person=person
    )
    visit.note(actor=holder_of(grant).text, case_number=case.number, launch=begun.launch.id)
    place = SHARED_PAGE if shared else ""
    if shared:
        share_opened(visit, case, begun.launch.id)
    response = make_response(jsonify({"location": f"/r/{begun.launch.id}/{place}"}))
    cookies.give_visit(response, visit.services.settings, begun)
    return response


def _pin_answer(visit: Visit, opened: Opened) -> Response:
    """The PIN is asked for, or was wrong. An answer, not an exception: the count must be kept."""
    grant = opened.share.grant
    case = case_by_id(visit.session, opened.share.consent.case_id)
    visit.note(actor=holder_of(grant).text, case_number=case.number, said=opened.said)
    if opened.said == "pin_asked":
        return jsonify({"asks_for": "pin"})
    remedy = "Type the six digits as they were told to you."
    if opened.wait_until is not None:
        minutes = max(1, -(-int((opened.wait_until - visit.now).total_seconds()) // 60))
        remedy = f"Wait {count(minutes, 'minute')} and try again, or ask who sent you the link."
    elif opened.said == "pin_shut":
        remedy = "Ask the coordinator for a new PIN."
    error = {"code": opened.said, "message": REFUSED[opened.said], "remedy": remedy, "problems": []}
    if opened.wait_until is not None:
        error["wait_until"] = iso(opened.wait_until)
    response = make_response(jsonify({"error": error}), 401)
    response.headers["Cache-Control"] = "no-store"
    return response


ROUTES = [
    Route("/open", open_page, Action.PUBLIC),
    Route("/open", open_link, Action.OPEN_LINK, ("POST",)),
]
