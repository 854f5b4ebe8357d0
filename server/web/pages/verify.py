"""The public page that says whether an opinion is genuine. No account, no patient, nothing kept."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from flask import Response, jsonify, request

from server.access.action import Action
from server.access.door import Route
from server.answers.verifying import verified_addendum
from server.foundation.errors import BadRequest, TooLarge, TooMany
from server.opinions.verifying import Asked, Verified, mark_in, verify
from server.web.bodies import fields_of_body
from server.web.pages.layout import page
from server.web.visit import Visit

LARGEST_BYTES: Final = 30_000_000  # an opinion with its pictures has some 2 MB
LONGEST_ANSWER: Final = 200


class QuestionNotUnderstood(BadRequest):
    """What was asked about is neither a file nor a number."""


class DocumentTooLarge(TooLarge):
    """The file is larger than any opinion."""


def verify_page(visit: Visit) -> Response:
    """The page, empty."""
    return _shown(visit, None)


def verify_asked(visit: Visit) -> Response:
    """The answer: JSON for the page's script, the page again for a form."""
    asked = _json_asked() if request.is_json else _form_asked()
    try:
        answer = verify(
            visit.session,
            asked,
            source=request.remote_addr or "",
            now=visit.now,
            elsewhere=verified_addendum,
        )
    except TooMany as error:
        if request.is_json:
            raise
        return _shown(visit, None, refused=error)
    visit.note(
        outcome=answer.outcome.value, **({"opinion": answer.number} if answer.number else {})
    )
    if request.is_json:
        return jsonify(_json_of(answer))
    return _shown(visit, answer, asked=asked)


def _shown(visit: Visit, answer: Verified | None, **facts: Any) -> Response:
    return page(visit, "verify.html", answer=answer, **{"asked": Asked(), **facts})


def _json_of(answer: Verified) -> dict[str, str | None]:
    return {
        "outcome": answer.outcome.value,
        "number": answer.number or None,
        "status": answer.status or None,
        "signed_on": answer.signed_on.isoformat() if answer.signed_on else None,
        "superseded_by": answer.superseded_by or None,
        "superseded_on": answer.superseded_on.isoformat() if answer.superseded_on else None,
    }


def _json_asked() -> Asked:
    names = ("sha256", "number", "code")
    body = fields_of_body({}, optional=dict.fromkeys(names, str))
    given = [body.get(name, "") for name in names]
    if any(len(one) > LONGEST_ANSWER for one in given):
        raise QuestionNotUnderstood("The body is not a question.", remedy="Reload the page.")
    return Asked(*given)


def _form_asked() -> Asked:
    """From the form: a file is read once, hashed, searched for the mark of an opinion, and let go."""
    number = request.form.get("number", "")[:LONGEST_ANSWER]
    code = request.form.get("code", "")[:LONGEST_ANSWER]
    sent = request.files.get("document")
    if sent is None or not sent.filename:
        return Asked("", number, code)
    if (request.content_length or 0) > LARGEST_BYTES:
        raise DocumentTooLarge("This file is larger than any opinion.")
    content = sent.stream.read(LARGEST_BYTES + 1)
    found = mark_in(content)
    if found is not None and not (number and code):
        number, code = found
    return Asked(sha256(content).hexdigest(), number, code)


ROUTES = [
    Route("/verify", verify_page, Action.PUBLIC),
    Route("/verify", verify_asked, Action.PUBLIC, ("POST",)),
]
