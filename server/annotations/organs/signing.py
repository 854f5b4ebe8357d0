"""What signing asks of every organ: a reason for overriding, and when to look again."""

from __future__ import annotations

from collections.abc import Mapping

from server.annotations.decision import Answers, Category, Evaluation
from server.annotations.fields import answer_at, is_answered
from server.foundation.errors import FieldProblem

# An opinion that does not lead to an operation now must say when to look again and at what.
VERDICTS_TO_REASSESS = ("conversion_then_reassess", "not_resectable_here")


def contradicted(
    verdict: object, evaluations: list[Evaluation], agreeing: Mapping[str, frozenset[Category]]
) -> list[Evaluation]:
    """The evaluations none of whose possible categories goes with the verdict.

    `agreeing` names, for each verdict, the categories it goes with; a verdict not named goes with
    all. An interval is contradicted only when no step of it agrees.
    """
    if not isinstance(verdict, str) or verdict not in agreeing:
        return []
    return [e for e in evaluations if not _allows(e, agreeing[verdict])]


def reason_problems(answers: Answers, against: list[Evaluation]) -> list[FieldProblem]:
    """Asks for a reason where evaluations stand against the verdict."""
    if not against or is_answered(answers.get("verdict_reason")):
        return []
    first = against[0]
    message = (
        f'The verdict differs from "{first.label}" ({first.title}). '
        "It may, but overriding asks for a reason; write one."
    )
    return [FieldProblem("/verdict_reason", message)]


def reassessment_problems(answers: Answers) -> list[FieldProblem]:
    """Asks when to look again, and at what, where the verdict is not an operation now."""
    if answers.get("verdict") not in VERDICTS_TO_REASSESS:
        return []
    found = []
    when = [answer_at(answers, ("reassess_after", key)) for key in ("date", "event")]
    if not any(is_answered(value) for value in when):
        message = "Reassess: this verdict needs a date or an event after which to look again."
        found.append(FieldProblem("/reassess_after", message))
    if not is_answered(answer_at(answers, ("reassess_after", "finding"))):
        message = "Reassess: name the finding that has to be measured again."
        found.append(FieldProblem("/reassess_after/finding", message))
    return found


def _allows(evaluation: Evaluation, agreeing: frozenset[Category]) -> bool:
    best, worst = evaluation.best, evaluation.worst
    if best is None or worst is None:
        return True
    return any(best <= step <= worst for step in agreeing)
