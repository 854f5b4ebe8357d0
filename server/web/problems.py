"""The only place that knows HTTP statuses: every broken promise leaves in one shape."""

from __future__ import annotations

from flask import Response, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from server.foundation.errors import (
    BadRequest,
    Conflict,
    Damaged,
    Invalid,
    MarginError,
    NoRoom,
    NotAcceptable,
    NotFound,
    NotUnderstood,
    Refused,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
    body_of,
)
from server.web.headers import FRAMED_POLICY
from server.web.languages import speak_to_stranger

STATUS: dict[type[MarginError], int] = {
    BadRequest: 400,
    Unauthenticated: 401,
    Refused: 403,
    NotFound: 404,
    NotAcceptable: 406,
    Conflict: 409,
    NotUnderstood: 412,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Invalid: 422,
    TooMany: 429,
    Damaged: 460,  # of tus 1.0, checksum
    Unavailable: 503,
    NoRoom: 507,
}
TITLES = {
    400: "This request cannot be understood",
    401: "Please sign in",
    403: "You may not do this",
    404: "Not found",
    405: "This cannot be done at this address",
    409: "Somebody was faster",
    413: "This is too large",
    415: "This kind of file is not taken",
    422: "Something needs to be corrected",
    429: "Too much was asked at once",
    500: "Something went wrong here",
    503: "The archive does not answer",
    507: "There is no room left",
}
_OF_OURS = "Nothing of this was kept. Try again, and tell the coordinator if it stays so."


# What a page is called where the name of its status would mislead: nobody can sign in again here.
TITLES_OF_CODES = {
    "offer_not_open": "This offer is not open any more",
    "not_asked": "You are not asked to review this case",
    "no_longer_yours": "This case is not with you any more",
    "consent_withdrawn": "This is no longer shared with you",
    "consent_over": "This is no longer shared with you",
    "consent_missing": "This is not shared with you",
    "grant_revoked": "This access was withdrawn",
    "grant_expired": "This access has expired",
    "no_place_free": "Too much is being sent at once",
    "database_away": "Margin does not reach its records",
    "database_not_writable": "Margin cannot keep anything at present",
}


# Where whoever came by a link, and nobody else, meets an error.
BY_LINK = ("/r/", "/open")
# What our own pages show in a frame: what goes wrong there is said in the frame, too.
FRAMED = "/opinion/preview"


def status_of(error: MarginError) -> int:
    """The HTTP status of an error's family."""
    for family, status in STATUS.items():
        if isinstance(error, family):
            return status
    return 500


def wants_json() -> bool:
    """Whether the asker is a program: the panel, a DICOMweb client, a script."""
    path = request.path
    if path.startswith("/dicom-web") or "/dicom-web" in path or "/api/" in path:
        return True
    if path == "/openapi.json":
        return True
    if "Tus-Resumable" in request.headers:
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" or request.is_json


def response_to(error: MarginError) -> Response:
    """The answer to a broken promise: JSON for programs, a page for people."""
    status = status_of(error)
    if wants_json():
        response = jsonify(body_of(error))
    else:
        title = TITLES_OF_CODES.get(error.code) or TITLES.get(status, "Something went wrong")
        if "spoken" not in g and request.path.startswith(BY_LINK):
            speak_to_stranger()
        framed = request.path.endswith(FRAMED)
        template = "problem_framed.html" if framed else "problem.html"
        response = make_response(render_template(template, error=error, title=title))
        if framed:
            response.headers["Content-Security-Policy"] = FRAMED_POLICY
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    if "retry_after_s" in error.facts:
        response.headers["Retry-After"] = str(error.facts["retry_after_s"])
    if status == 401 and request.path.startswith(("/dicom-web", "/api/")):
        response.headers["WWW-Authenticate"] = 'Bearer realm="margin"'
    return response


class SomethingFailed(MarginError):
    """A fault of Margin's own; what it was stands in the log of the web server."""


def from_http(error: HTTPException) -> Response:
    """Flask's own exceptions (no such address, wrong method, too large) in the same shape."""
    families: dict[int, type[MarginError]] = {
        400: BadRequest,
        404: NotFound,
        413: TooLarge,
        415: UnsupportedMedia,
        500: SomethingFailed,
    }
    status = error.code or 500
    family = families.get(status, BadRequest)
    remedy = _OF_OURS if family is SomethingFailed else "Check the address."
    response = response_to(family(TITLES.get(status, "This cannot be done") + ".", remedy=remedy))
    response.status_code = status
    if status == 405 and error.get_response().headers.get("Allow"):
        response.headers["Allow"] = error.get_response().headers["Allow"]
    return response
