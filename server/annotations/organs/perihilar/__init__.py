"""Perihilar cholangiocarcinoma: ducts, vessels and lobes of the hilum, and what would remain."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation
from server.annotations.organs.liver.remnant import volume_contradictions
from server.annotations.organs.organ import Organ
from server.annotations.organs.perihilar.bismuth_corlette import BISMUTH_CORLETTE
from server.annotations.organs.perihilar.findings import contradictions
from server.annotations.organs.perihilar.mskcc import (
    MSKCC_T_STAGE,
    MSKCC_UNRESECTABILITY,
    NO_CRITERION,
    RELATIVE,
    UNRESECTABLE,
)
from server.annotations.organs.perihilar.remnant import (
    ADEQUATE,
    BORDERLINE,
    REMNANT_TABLES,
    SURFACE,
)
from server.annotations.organs.signing import (
    contradicted,
    reason_problems,
    reassessment_problems,
)
from server.foundation.errors import FieldProblem

TABLES: Final = (MSKCC_UNRESECTABILITY, BISMUTH_CORLETTE, MSKCC_T_STAGE, *REMNANT_TABLES)

# Which computed categories each verdict goes with; type and T stage alone contradict no verdict.
CRITERIA_AGREE: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({NO_CRITERION}),
    "resectable_with_conditions": frozenset({NO_CRITERION, RELATIVE}),
    "not_resectable_here": frozenset({RELATIVE, UNRESECTABLE}),
    "metastatic_no_surgery": frozenset({UNRESECTABLE}),
}
VOLUME_AGREES: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({ADEQUATE}),
    "resectable_with_conditions": frozenset({ADEQUATE, BORDERLINE}),
}


def _own_problems(answers: Answers, evaluations: list[Evaluation]) -> list[FieldProblem]:
    wrong = [*contradictions(answers), *volume_contradictions(answers)]
    verdict = answers.get("verdict")
    criteria = [said for said in evaluations if said.ruleset == MSKCC_UNRESECTABILITY.id]
    volumes = [said for said in evaluations if said.ruleset == SURFACE.id]
    against = [
        *contradicted(verdict, criteria, CRITERIA_AGREE),
        *contradicted(verdict, volumes, VOLUME_AGREES),
    ]
    return [
        *(FieldProblem(pointer, f"{text} Correct one of them.") for pointer, text in wrong),
        *reason_problems(answers, against),
        *reassessment_problems(answers),
    ]


PERIHILAR: Final = Organ(
    id="perihilar",
    title="Perihilar cholangiocarcinoma",
    folder=Path(__file__).parent,
    rulesets=tuple(table.ruleset() for table in TABLES),
    own_problems=_own_problems,
)
