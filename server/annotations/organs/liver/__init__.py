"""Liver: hepatocellular carcinoma, colorectal metastases, intrahepatic cholangiocarcinoma."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation, Trust
from server.annotations.organs.liver import (
    albi,
    augmentation,
    child_pugh,
    colorectal,
    findings,
    invasion,
    laboratory,
    makuuchi,
    meld,
    tumour,
)
from server.annotations.organs.liver.portal_hypertension import CSPH
from server.annotations.organs.liver.remnant import ADEQUATE, BORDERLINE, volume_contradictions
from server.annotations.organs.liver.special_thresholds import (
    FUNCTION,
    SPECIAL_FAMILIES,
    WEIGHT_AND_PLATELETS,
)
from server.annotations.organs.liver.staging import BCLC, FOCI, MILAN
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

VOLUMES: Final = tuple(family.ruleset() for family in (*FAMILIES, *SPECIAL_FAMILIES))
RULESETS: Final = (
    *VOLUMES,
    WEIGHT_AND_PLATELETS.ruleset(),
    FUNCTION,
    augmentation.RULESET,
    STRUCTURES,
    *colorectal.rulesets(),
    BCLC.ruleset(),
    MILAN.ruleset(),
    invasion.HCC_RADICAL.ruleset(),
    *invasion.RULESETS,
    FOCI.ruleset(),
    child_pugh.RULESET,
    albi.RULESET,
    meld.RULESET,
    meld.RULESET_NA,
    makuuchi.RULESET,
    CSPH.ruleset(),
)
# The references of signing: the other minima, for one operation or disease, are shown and ask nothing.
REFERENCES: Final = frozenset(family.id for family in FAMILIES)

# What is left of the liver does not alone make it resectable, so only verdicts to operate can
# contradict. Each scale has its own categories.
VOLUME_AGREES: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({ADEQUATE}),
    "resectable_with_conditions": frozenset({ADEQUATE, BORDERLINE}),
}
STRUCTURES_AGREE: Final[dict[str, frozenset[Category]]] = {
    verdict: frozenset({KEPT, RECONSTRUCTION}) for verdict in VOLUME_AGREES
}


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot all be true, as (JSON pointer, sentence)."""
    return [
        *findings.contradictions(answers),
        *volume_contradictions(answers),
        *tumour.contradictions(answers),
        *invasion.contradictions(answers),
        *laboratory.contradictions(answers),
        *augmentation.contradictions(answers),
    ]


def _own_problems(answers: Answers, evaluations: list[Evaluation]) -> list[FieldProblem]:
    verdict = answers.get("verdict")
    volumes = [e for e in evaluations if e.ruleset in REFERENCES and _verified(e)]
    structures = [e for e in evaluations if e.ruleset == STRUCTURES.id]
    against = [
        *contradicted(verdict, volumes, VOLUME_AGREES),
        *contradicted(verdict, structures, STRUCTURES_AGREE),
    ]
    return [
        *(
            FieldProblem(pointer, f"{text} Correct one of them.")
            for pointer, text in contradictions(answers)
        ),
        *reason_problems(answers, against),
        *reassessment_problems(answers),
    ]


def _verified(evaluation: Evaluation) -> bool:
    """A minimum that nobody has verified, or derived, is shown and asks nobody for a reason."""
    return all(fired.trust == Trust.SOURCED for fired in evaluation.fired)


LIVER: Final = Organ(
    id="liver",
    title="Liver (HCC, colorectal metastases, intrahepatic cholangiocarcinoma)",
    folder=Path(__file__).parent,
    rulesets=RULESETS,
    own_problems=_own_problems,
)
