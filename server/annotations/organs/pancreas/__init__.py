"""Pancreatic ductal adenocarcinoma: vessel by vessel, judged by published criteria."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation
from server.annotations.organs.organ import Organ
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    LOCALLY_ADVANCED,
    METASTATIC,
    RESECTABLE,
)
from server.annotations.organs.pancreas.findings import contradictions
from server.annotations.organs.pancreas.nccn_2022 import NCCN_2022
from server.annotations.organs.signing import (
    contradicted,
    reason_problems,
    reassessment_problems,
)
from server.foundation.errors import FieldProblem

RULESETS: Final = (NCCN_2022.ruleset(),)

# Which computed categories each verdict goes with. "Imaging insufficient" goes with none: where a
# set could compute a definite category, saying so asks for a reason.
AGREEING: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({RESECTABLE}),
    "resectable_with_conditions": frozenset({RESECTABLE, BORDERLINE}),
    "conversion_then_reassess": frozenset({BORDERLINE, LOCALLY_ADVANCED}),
    "not_resectable_here": frozenset({LOCALLY_ADVANCED, METASTATIC}),
    "metastatic_no_surgery": frozenset({METASTATIC}),
}


def _own_problems(answers: Answers, evaluations: list[Evaluation]) -> list[FieldProblem]:
    verdict = answers.get("verdict")
    against = contradicted(verdict, evaluations, AGREEING)
    if verdict == "insufficient_imaging":
        against = [evaluation for evaluation in evaluations if evaluation.category]
    return [
        *(
            FieldProblem(pointer, f"{text} Correct one of them.")
            for pointer, text in contradictions(answers)
        ),
        *reason_problems(answers, against),
        *reassessment_problems(answers),
    ]


PANCREAS: Final = Organ(
    id="pancreas",
    title="Pancreas (ductal adenocarcinoma)",
    folder=Path(__file__).parent,
    rulesets=RULESETS,
    own_problems=_own_problems,
)
