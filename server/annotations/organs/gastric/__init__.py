"""Stomach: features of unresectability as the CSCO lists them, and invasion of neighbours (T4b)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation, Option, Trust
from server.annotations.organs.gastric import findings
from server.annotations.organs.gastric.findings import (
    MAJOR,
    NODES,
    ORGANS,
    PROBABLE,
    PROVEN,
    contradictions,
)
from server.annotations.organs.generic.involvement import TAKEN
from server.annotations.organs.organ import Organ
from server.annotations.organs.scale import CONTACT, Case, Rule, RuleTable, option, sentence
from server.annotations.organs.signing import (
    contradicted,
    reason_problems,
    reassessment_problems,
)
from server.foundation.errors import FieldProblem

NO_FEATURE: Final = Category(0, "no_feature", "No listed feature of unresectability")
LOCAL: Final = Category(1, "locally_unresectable", "Locally unresectable")
METASTATIC: Final = Category(2, "metastatic", "Metastatic")
SOURCE: Final = "CSCO guidelines for gastric cancer, PMC6423835"
NOT_T4B: Final = Category(0, "not_t4b", "No neighbour invaded")
T4B: Final = Category(1, "t4b", "Neighbour invaded (T4b)")
TNM_SOURCE: Final = "TNM: adjacent structures of the stomach, general knowledge"


def _counts(case: Case, name: str) -> bool:
    least = PROBABLE if option(case, "nodes") == "probable" else PROVEN
    return bool(case[name] >= least)


def _vessel_rule(number: int, name: str) -> Rule:
    return Rule(
        f"GC-U-{number}",
        LOCAL,
        f"{SOURCE}; encasement as more than 180°",
        Trust.SOURCED,
        lambda case: bool(case[name] == TAKEN),
        sentence(f"{MAJOR[name]} invaded or encased."),
    )


UNRESECTABLE: Final = RuleTable(
    id="csco-unresectable",
    title="CSCO: unresectability",
    version="PMC6423835",
    source=SOURCE,
    read=findings.spread_and_vessels,
    rules=(
        Rule(
            "GC-M-1",
            METASTATIC,
            SOURCE,
            Trust.SOURCED,
            lambda case: bool(case["m1"]),
            sentence("Proven distant metastasis."),
        ),
        Rule(
            "GC-M-2",
            METASTATIC,
            SOURCE,
            Trust.SOURCED,
            lambda case: bool(case["peritoneal_metastasis"] == PROVEN),
            sentence("Proven peritoneal metastasis."),
        ),
        Rule(
            "GC-M-3",
            METASTATIC,
            SOURCE,
            Trust.SOURCED,
            lambda case: bool(case["cytology"]),
            sentence("Peritoneal cytology positive."),
        ),
        Rule(
            "GC-U-1",
            LOCAL,
            SOURCE,
            Trust.SOURCED,
            lambda case: _counts(case, "mesenteric_root_nodes"),
            sentence(f"{NODES['mesenteric_root_nodes']} involved."),
        ),
        Rule(
            "GC-U-2",
            LOCAL,
            SOURCE,
            Trust.SOURCED,
            lambda case: _counts(case, "para_aortic_nodes"),
            sentence(f"{NODES['para_aortic_nodes']} involved."),
        ),
        *(_vessel_rule(number, name) for number, name in enumerate(MAJOR, start=3)),
    ),
    otherwise=Rule(
        "GC-R",
        NO_FEATURE,
        SOURCE,
        Trust.SOURCED,
        lambda _case: True,
        sentence("No distant or peritoneal spread, distant node or encased vessel."),
    ),
    options=(
        Option(
            "nodes",
            ("proven", "probable"),
            "proven",
            "From which certainty nodes at the root of the mesentery and beside the aorta count.",
        ),
    ),
)

NEIGHBOURS: Final = RuleTable(
    id="gastric-t4b",
    title="T4b: neighbours invaded",
    version="TNM 8, not verified",
    source=TNM_SOURCE,
    read=findings.neighbours,
    rules=tuple(
        Rule(
            f"GC-T4B-{number}",
            T4B,
            TNM_SOURCE,
            Trust.GENERAL_KNOWLEDGE,
            lambda case, name=name: bool(case[name] == TAKEN),  # type: ignore[misc]
            sentence(f"{words} invaded."),
        )
        for number, (name, words) in enumerate(ORGANS.items(), start=1)
    ),
    otherwise=Rule(
        "GC-T4B-0",
        NOT_T4B,
        TNM_SOURCE,
        Trust.GENERAL_KNOWLEDGE,
        lambda _case: True,
        sentence("None of the adjacent structures is invaded."),
    ),
    options=(CONTACT,),
    capabilities=lambda case: (
        ("multivisceral_resection",) if any(case[name] == TAKEN for name in ORGANS) else ()
    ),
)

AGREEING: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({NO_FEATURE}),
    "resectable_with_conditions": frozenset({NO_FEATURE}),
    "metastatic_no_surgery": frozenset({METASTATIC}),
}


def _own_problems(answers: Answers, evaluations: list[Evaluation]) -> list[FieldProblem]:
    listed = [one for one in evaluations if one.ruleset == UNRESECTABLE.id]
    against = contradicted(answers.get("verdict"), listed, AGREEING)
    return [
        *(
            FieldProblem(pointer, f"{text} Correct one of them.")
            for pointer, text in contradictions(answers)
        ),
        *reason_problems(answers, against),
        *reassessment_problems(answers),
    ]


GASTRIC: Final = Organ(
    id="gastric",
    title="Stomach (adenocarcinoma, junction included)",
    folder=Path(__file__).parent,
    rulesets=(UNRESECTABLE.ruleset(), NEIGHBOURS.ruleset()),
    own_problems=_own_problems,
)
