"""Pancreatic ductal adenocarcinoma: vessel by vessel, judged by published criteria."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation
from server.annotations.organs.organ import Organ
from server.annotations.organs.pancreas.ahpba_2009 import AHPBA_2009
from server.annotations.organs.pancreas.alliance_a021101 import ALLIANCE_A021101
from server.annotations.organs.pancreas.dpcg_2012 import DPCG_2012
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    LOCALLY_ADVANCED,
    METASTATIC,
    RESECTABLE,
)
from server.annotations.organs.pancreas.findings import contradictions
from server.annotations.organs.pancreas.iap_2017 import IAP_2017
from server.annotations.organs.pancreas.jps_7 import JPS_7
from server.annotations.organs.pancreas.mdacc_2006 import MDACC_2006
from server.annotations.organs.pancreas.nccn_2022 import NCCN_2022
from server.annotations.organs.pancreas.nccn_legacy import NCCN_LEGACY
from server.annotations.organs.signing import (
    contradicted,
    reason_problems,
    reassessment_problems,
)
from server.foundation.errors import FieldProblem

# The first is the reference: what signing asks a reason against.
TABLES: Final = (
    NCCN_2022,
    NCCN_LEGACY,
    AHPBA_2009,
    MDACC_2006,
    ALLIANCE_A021101,
    IAP_2017,
    JPS_7,
    DPCG_2012,
)
RULESETS: Final = tuple(table.ruleset() for table in TABLES)

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
    evaluations = [said for said in evaluations if said.ruleset == NCCN_2022.id]
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
    one_scale=True,
)
