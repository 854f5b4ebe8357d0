"""Lung: T by size and invasion, N by station, stage, and function after the operation."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation
from server.annotations.organs.lung.findings import contradictions
from server.annotations.organs.lung.function import PPO
from server.annotations.organs.lung.stage import (
    BELOW,
    EORTC,
    NO_AGREEMENT,
    POTENTIALLY,
    ROBINSON_N2,
    STAGE_IV,
    TNM8_N,
    TNM8_STAGE,
    UNRESECTABLE,
)
from server.annotations.organs.lung.tumour import TNM8_T
from server.annotations.organs.organ import Organ
from server.annotations.organs.signing import (
    contradicted,
    reason_problems,
    reassessment_problems,
)
from server.foundation.errors import FieldProblem

TABLES: Final = (TNM8_T, TNM8_N, TNM8_STAGE, ROBINSON_N2, EORTC, PPO)

# Which subsets each verdict goes with, where the survey is what speaks of resectability.
AGREEING: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({BELOW, POTENTIALLY}),
    "resectable_with_conditions": frozenset({BELOW, POTENTIALLY, NO_AGREEMENT}),
    "not_resectable_here": frozenset({NO_AGREEMENT, UNRESECTABLE, STAGE_IV}),
    "metastatic_no_surgery": frozenset({STAGE_IV}),
}


def _own_problems(answers: Answers, evaluations: list[Evaluation]) -> list[FieldProblem]:
    survey = [said for said in evaluations if said.ruleset == EORTC.id]
    return [
        *(
            FieldProblem(pointer, f"{text} Correct one of them.")
            for pointer, text in contradictions(answers)
        ),
        *reason_problems(answers, contradicted(answers.get("verdict"), survey, AGREEING)),
        *reassessment_problems(answers),
    ]


LUNG: Final = Organ(
    id="lung",
    title="Lung (non-small cell carcinoma)",
    folder=Path(__file__).parent,
    rulesets=tuple(table.ruleset() for table in TABLES),
    own_problems=_own_problems,
)
