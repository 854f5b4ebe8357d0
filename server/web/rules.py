"""The published criteria for programs: which there are, and what they make of a case or of many."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, jsonify, request

from server.access.action import Action
from server.access.door import Route
from server.annotations.judging import CaseRefused, Judge, as_json, listing, parsed
from server.annotations.validation import said
from server.foundation.errors import BadRequest, TooLarge
from server.web.visit import Visit

# One request holds a transaction: about 1.5 ms for each case.
MOST_CASES: Final = 500
MOST_BYTES: Final = 4 * 1024 * 1024


class RequestNotUnderstood(BadRequest):
    """Something stands in the address, or beside a "case" in the body, that is not known."""


class TooManyCases(TooLarge):
    """More cases were sent in one request than are evaluated in one."""


class BodyTooLarge(TooLarge):
    """The body is larger than any request for evaluations needs to be."""


def list_rules(_visit: Visit) -> Response:
    """Which rulesets there are."""
    return jsonify(listing())


def evaluate_rules(visit: Visit, organ: str, ruleset: str) -> Response:
    """A case or an array of cases, judged by one ruleset."""
    if request.args:
        raise RequestNotUnderstood(
            f"{said(min(request.args))} in the address is not known.",
            remedy='Send options in the body: {"case": ..., "options": {"NAME": "VALUE"}}.',
        )
    text = request.stream.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise BodyTooLarge(
            f"The body is larger than {MOST_BYTES // 1024 // 1024} MB.",
            remedy="Send the cases in several requests.",
        )
    case, options = _case_and_options(parsed(text))
    judge = Judge.named(organ, ruleset, options)
    if not isinstance(case, list):
        visit.note(organ=judge.organ.id, ruleset=judge.ruleset.id, cases=1)
        return jsonify(judge.evaluation(case))
    if len(case) > MOST_CASES:
        raise TooManyCases(
            f"{len(case)} cases were sent; one request takes {MOST_CASES}.",
            remedy="Send them in several requests.",
        )
    results = judge.results(case)
    refused = sum(isinstance(result, CaseRefused) for result in results)
    visit.note(
        organ=judge.organ.id, ruleset=judge.ruleset.id, cases=len(case), not_evaluated=refused
    )
    return jsonify([as_json(result) for result in results])


def _case_and_options(body: Any) -> tuple[Any, Any]:
    """A body is a case, an array of cases, or an object with either as "case"."""
    if not isinstance(body, dict) or "case" not in body:
        return body, None
    unknown = sorted(set(body) - {"case", "options"})
    if unknown:
        raise RequestNotUnderstood(
            f'{said(unknown[0])} beside "case" is not known.',
            remedy='Beside "case" there is only "options".',
        )
    return body["case"], body.get("options")


ROUTES = [
    route
    for prefix, by_key in (("/api/rules", True), ("/r/<launch>/api/rules", False))
    for route in (
        Route(prefix, list_rules, Action.RULES_EVALUATE, by_key=by_key),
        Route(
            f"{prefix}/<organ>/<ruleset>",
            evaluate_rules,
            Action.RULES_EVALUATE,
            ("POST",),
            by_key=by_key,
        ),
    )
]
