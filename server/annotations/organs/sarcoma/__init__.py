"""Retroperitoneal sarcoma: what goes with it en bloc, and what speaks against resection."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Category, Evaluation, Trust
from server.annotations.organs.generic.involvement import CLEAR, TAKEN
from server.annotations.organs.organ import Organ
from server.annotations.organs.sarcoma import findings
from server.annotations.organs.sarcoma.findings import (
    ARTERIES,
    BONES,
    COELIACO_MESENTERIC,
    NERVES,
    ORGANS,
    PROVEN,
    VEINS,
    VESSELS,
    contradictions,
    not_planned,
)
from server.annotations.organs.scale import CONTACT, Case, Rule, RuleTable, sentence
from server.annotations.organs.signing import (
    contradicted,
    reason_problems,
    reassessment_problems,
)
from server.foundation.errors import FieldProblem

RESECTABLE: Final = Category(0, "resectable", "Resectable without other organs")
EN_BLOC: Final = Category(1, "en_bloc", "Resectable en bloc with other structures")
UNRESECTABLE: Final = Category(2, "unresectable", "Technically unresectable")
METASTATIC: Final = Category(3, "metastatic", "Metastatic")
SERIES: Final = "s10434-020-08789-9: 322 patients, 6.2 % technically unresectable"
STATEMENTS: Final = "TARPSWG statements (petermac 5539)"

TYPE_IV: Final = Category(0, "IV", "Type IV, neither artery nor vein")
TYPE_III: Final = Category(1, "III", "Type III, vein")
TYPE_II: Final = Category(2, "II", "Type II, artery")
TYPE_I: Final = Category(3, "I", "Type I, artery and vein")
SCHWARZBACH: Final = "Schwarzbach, general knowledge"


# The renal vessels leave with the kidney; losing them makes nothing unresectable.
NEEDED: Final = tuple(name for name in VESSELS if not name.startswith("renal"))


def _taken(case: Case, name: str) -> bool:
    return bool(case[name] == TAKEN)


def _lost(case: Case, name: str) -> bool:
    return _taken(case, name) and bool(case[f"{name}_lost"])


def _named(names: dict[str, str], case: Case, words: str) -> str:
    there = [title for name, title in names.items() if _taken(case, name)]
    return f"{', '.join(there)} {words}."


def _lost_rule(number: int, name: str) -> Rule:
    dominant = name in COELIACO_MESENTERIC
    return Rule(
        f"RPS-U-{number}",
        UNRESECTABLE,
        f"{SERIES}, dominantly for coeliaco-mesenteric vessels" if dominant else SERIES,
        Trust.DERIVED,
        lambda case: _lost(case, name),
        sentence(f"{VESSELS[name]} invaded or encased, not reconstructable."),
    )


def _capabilities(case: Case) -> tuple[str, ...]:
    needed = {
        "multivisceral_resection": any(_taken(case, name) for name in ORGANS),
        "ivc_reconstruction": _taken(case, "ivc"),
        "venous_reconstruction": _taken(case, "smv_pv"),
        "arterial_resection": any(_taken(case, name) for name in ("ca", "sma")),
        "vascular_reconstruction": any(
            _taken(case, name) for name in VESSELS if name == "aorta" or "iliac" in name
        ),
        "nerve_resection": any(_taken(case, name) for name in NERVES),
        "bone_resection": any(_taken(case, name) for name in BONES),
    }
    return tuple(name for name, wanted in needed.items() if wanted)


RESECTABILITY: Final = RuleTable(
    id="rps-resectability",
    title="Retroperitoneal sarcoma: resectability",
    version="s10434-020-08789-9",
    source=f"{SERIES}; {STATEMENTS}",
    read=findings.everything,
    rules=(
        Rule(
            "RPS-M-1",
            METASTATIC,
            STATEMENTS,
            Trust.DERIVED,
            lambda case: bool(case["m1"]),
            sentence("Proven distant metastasis."),
        ),
        Rule(
            "RPS-M-2",
            METASTATIC,
            STATEMENTS,
            Trust.DERIVED,
            lambda case: bool(case["sarcomatosis"] == PROVEN),
            sentence("Proven sarcomatosis."),
        ),
        Rule(
            "RPS-U-1",
            UNRESECTABLE,
            SERIES,
            Trust.DERIVED,
            lambda case: bool(case["rest"]),
            sentence("Only an incomplete resection (R2) is expected."),
        ),
        *(_lost_rule(number, name) for number, name in enumerate(NEEDED, start=2)),
        Rule(
            "RPS-E-1",
            EN_BLOC,
            STATEMENTS,
            Trust.DERIVED,
            lambda case: any(_taken(case, name) for name in ORGANS),
            lambda case: _named(ORGANS, case, "invaded"),
        ),
        Rule(
            "RPS-E-2",
            EN_BLOC,
            STATEMENTS,
            Trust.DERIVED,
            lambda case: any(_taken(case, name) for name in VESSELS),
            lambda case: _named(VESSELS, case, "invaded or encased, to be reconstructed"),
        ),
        Rule(
            "RPS-E-3",
            EN_BLOC,
            STATEMENTS,
            Trust.DERIVED,
            lambda case: any(_taken(case, name) for name in NERVES),
            lambda case: _named(NERVES, case, "invaded"),
        ),
    ),
    otherwise=Rule(
        "RPS-R",
        RESECTABLE,
        SERIES,
        Trust.DERIVED,
        lambda _case: True,
        sentence("No organ, vessel or nerve is invaded or encased; complete resection expected."),
    ),
    options=(CONTACT,),
    capabilities=_capabilities,
)

VESSEL_TYPE: Final = RuleTable(
    id="schwarzbach",
    title="Vessel involvement (Schwarzbach)",
    version="not verified",
    source=SCHWARZBACH,
    read=findings.vessels_only,
    rules=(
        Rule(
            "SB-III",
            TYPE_III,
            SCHWARZBACH,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: _any(case, VEINS),
            sentence("A major vein is touched or taken."),
        ),
        Rule(
            "SB-II",
            TYPE_II,
            SCHWARZBACH,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: _any(case, ARTERIES),
            sentence("A major artery is touched or taken."),
        ),
        Rule(
            "SB-I",
            TYPE_I,
            SCHWARZBACH,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: _any(case, ARTERIES) and _any(case, VEINS),
            sentence("A major artery and a major vein are touched or taken."),
        ),
    ),
    otherwise=Rule(
        "SB-IV",
        TYPE_IV,
        SCHWARZBACH,
        Trust.GENERAL_KNOWLEDGE,
        lambda _case: True,
        sentence("No major vessel is touched."),
    ),
)


def _any(case: Case, names: dict[str, str]) -> bool:
    return any(case[name] > CLEAR for name in names)


AGREEING: Final[dict[str, frozenset[Category]]] = {
    "resectable_now": frozenset({RESECTABLE, EN_BLOC}),
    "resectable_with_conditions": frozenset({RESECTABLE, EN_BLOC}),
    "not_resectable_here": frozenset({EN_BLOC, UNRESECTABLE, METASTATIC}),
    "metastatic_no_surgery": frozenset({METASTATIC}),
}


def _own_problems(answers: Answers, evaluations: list[Evaluation]) -> list[FieldProblem]:
    judged = [one for one in evaluations if one.ruleset == RESECTABILITY.id]
    verdict = answers.get("verdict")
    against = contradicted(verdict, judged, AGREEING)
    operates = verdict in ("resectable_now", "resectable_with_conditions")
    wrong = [*contradictions(answers), *(not_planned(answers) if operates else ())]
    return [
        *(FieldProblem(pointer, f"{text} Correct one of them.") for pointer, text in wrong),
        *reason_problems(answers, against),
        *reassessment_problems(answers),
    ]


SARCOMA: Final = Organ(
    id="sarcoma",
    title="Retroperitoneal sarcoma",
    folder=Path(__file__).parent,
    rulesets=(RESECTABILITY.ruleset(), VESSEL_TYPE.ruleset()),
    own_problems=_own_problems,
)
