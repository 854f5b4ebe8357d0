"""Rectum: margin, compartments and nodes of a primary or recurrent rectal cancer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation
from server.annotations.organs.organ import Organ
from server.annotations.organs.rectum.beyond import BEYOND_TABLES, HISTORIC, NOT_LISTED
from server.annotations.organs.rectum.findings import contradictions
from server.annotations.organs.rectum.nodes import NODE_TABLES
from server.annotations.organs.rectum.staging import CLEAR, MRF, STAGING_TABLES, THREATENED
from server.annotations.organs.signing import (
    contradicted,
    reason_problems,
    reassessment_problems,
)
from server.foundation.errors import FieldProblem

TABLES: Final = (*STAGING_TABLES, *NODE_TABLES, *BEYOND_TABLES)

# A margin that is not clear goes with no verdict of an operation without conditions.
MARGIN_AGREES: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({CLEAR, THREATENED}),
}
HISTORIC_AGREES: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({NOT_LISTED}),
}


def _own_problems(answers: Answers, evaluations: list[Evaluation]) -> list[FieldProblem]:
    verdict = answers.get("verdict")
    margin = [said for said in evaluations if said.ruleset == MRF.id]
    historic = [said for said in evaluations if said.ruleset == HISTORIC.id]
    against = [
        *contradicted(verdict, margin, MARGIN_AGREES),
        *contradicted(verdict, historic, HISTORIC_AGREES),
    ]
    return [
        *(
            FieldProblem(pointer, f"{text} Correct one of them.")
            for pointer, text in contradictions(answers)
        ),
        *reason_problems(answers, against),
        *reassessment_problems(answers),
    ]


RECTUM: Final = Organ(
    id="rectum",
    title="Rectum (primary and recurrent cancer)",
    folder=Path(__file__).parent,
    rulesets=tuple(table.ruleset() for table in TABLES),
    own_problems=_own_problems,
)
