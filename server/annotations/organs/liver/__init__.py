"""Liver: hepatocellular carcinoma, colorectal metastases, intrahepatic cholangiocarcinoma."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation, Trust
from server.annotations.organs.liver.findings import contradictions
from server.annotations.organs.liver.remnant import ADEQUATE, BORDERLINE, volume_contradictions
from server.annotations.organs.liver.structures import KEPT, RECONSTRUCTION
from server.annotations.organs.liver.structures import RULESET as STRUCTURES
from server.annotations.organs.liver.thresholds import FAMILIES
from server.annotations.organs.organ import Organ
from server.annotations.organs.signing import (
    contradicted,
    reason_problems,
    reassessment_problems,
)
from server.foundation.errors import FieldProblem

RULESETS: Final = (*(family.ruleset() for family in FAMILIES), STRUCTURES)

# What is left of the liver does not alone make it resectable, so only verdicts to operate can
# contradict. Each scale has its own categories.
VOLUME_AGREES: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({ADEQUATE}),
    "resectable_with_conditions": frozenset({ADEQUATE, BORDERLINE}),
}
STRUCTURES_AGREE: Final[dict[str, frozenset[Category]]] = {
    verdict: frozenset({KEPT, RECONSTRUCTION}) for verdict in VOLUME_AGREES
}


def _own_problems(answers: Answers, evaluations: list[Evaluation]) -> list[FieldProblem]:
    wrong = [*contradictions(answers), *volume_contradictions(answers)]
    verdict = answers.get("verdict")
    volumes = [e for e in evaluations if e.ruleset != STRUCTURES.id and _verified(e)]
    structures = [e for e in evaluations if e.ruleset == STRUCTURES.id]
    against = [
        *contradicted(verdict, volumes, VOLUME_AGREES),
        *contradicted(verdict, structures, STRUCTURES_AGREE),
    ]
    return [
        *(FieldProblem(pointer, f"{text} Correct one of them.") for pointer, text in wrong),
        *reason_problems(answers, against),
        *reassessment_problems(answers),
    ]


def _verified(evaluation: Evaluation) -> bool:
    """A number that nobody has verified is shown, but asks nobody for a reason."""
    return all(fired.trust != Trust.GENERAL_KNOWLEDGE for fired in evaluation.fired)


LIVER: Final = Organ(
    id="liver",
    title="Liver (HCC, colorectal metastases, intrahepatic cholangiocarcinoma)",
    folder=Path(__file__).parent,
    rulesets=RULESETS,
    own_problems=_own_problems,
)
