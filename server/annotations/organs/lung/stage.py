"""Lung: N category, Robinson's N2, stage, and where surveyed experts did not agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from server.annotations.decision import Answers, Category, Flag, Options, Trust
from server.annotations.organs.lung.findings import (
    POSITIVE,
    T4_STRUCTURES,
    great_vessels,
    invaded,
    metastatic,
    nodes,
    remarks,
    unproven_stations,
)
from server.annotations.organs.lung.tumour import SOURCE, T2B, T3, T4, T_STEPS, TNM8_T
from server.annotations.organs.scale import (
    CONTACT,
    Case,
    Fact,
    Reading,
    Rule,
    RuleTable,
    judged,
    known,
    listed,
    rung,
    sentence,
    unproven_disease,
    yes_or_no,
)

ROBINSON: Final = "Robinson classification of N2 (secondary; the paper was not read)"
STAGE_SOURCE: Final = SOURCE
STAGE_UNREAD: Final = "TNM lung, 8th edition; this group of the table was not read"
SURVEY: Final = "EORTC survey on resectable stage III, PMID 39705827 (abstract)"

N_STEPS: Final = tuple(Category(rank, f"N{rank}", f"Category N{rank}") for rank in range(4))


def _stations(case: Case) -> str:
    return f"Positive: {', '.join(case['positive'])}."


def _read_n(answers: Answers, options: Options) -> Reading:
    return Reading(nodes(answers, options), unproven_stations(answers, options))


def _n_rule(step: Category) -> Rule:
    def applies(case: Case) -> bool:
        return bool(case["n"] == step.rank)

    return Rule(f"L{step.code[0]}-{step.rank}", step, SOURCE, Trust.SOURCED, applies, _stations)


TNM8_N: Final = RuleTable(
    id="tnm8-n",
    title="N category (TNM 8)",
    version="8",
    source=SOURCE,
    read=_read_n,
    rules=tuple(_n_rule(step) for step in reversed(N_STEPS[1:])),
    otherwise=Rule(
        "LN-0",
        N_STEPS[0],
        SOURCE,
        Trust.SOURCED,
        lambda _case: True,
        sentence("No positive station."),
    ),
    options=(POSITIVE,),
    capabilities=lambda case: ("invasive_nodal_staging",) if case["n"] > 1 else (),
)


FOUND: Final = ("pathology", "intraoperative", "preoperative")  # from best to worst
ROBINSON_STEPS: Final = (
    Category(0, "no_n2", "No N2"),
    Category(1, "IIIA1", "Group IIIA1, incidental"),
    Category(2, "IIIA2", "Group IIIA2, single station found at operation"),
    Category(3, "IIIA3", "Group IIIA3, known before operation"),
    Category(4, "IIIA4", "Group IIIA4, bulky or fixed"),
    Category(5, "n3", "Beyond this classification: N3"),
)


def _read_robinson(answers: Answers, options: Options) -> Reading:
    found = rung("found", answers.get("n2_found"), FOUND, "/n2_found", "When N2 was found")
    bulky = yes_or_no(answers, "n2_bulky", "Bulky or fixed N2 nodes")
    facts = (*nodes(answers, options), found, bulky)
    return Reading(facts, unproven_stations(answers, options))


def _robinson_step(case: Case) -> int:
    if case["n"] != 2:
        return 5 if case["n"] == 3 else 0
    if case["n2_bulky"]:
        return 4
    if case["found"] == FOUND.index("preoperative"):
        return 3
    if case["found"] == FOUND.index("intraoperative"):
        return 3 if case["several_n2"] else 2
    return 1


def _robinson_rule(step: Category) -> Rule:
    def applies(case: Case) -> bool:
        return _robinson_step(case) == step.rank

    code = step.code.upper().replace("IIIA", "")
    return Rule(f"LR-{code}", step, ROBINSON, Trust.GENERAL_KNOWLEDGE, applies, _stations)


ROBINSON_N2: Final = RuleTable(
    id="robinson-n2",
    title="Robinson N2",
    version="not verified",
    source=ROBINSON,
    read=_read_robinson,
    rules=tuple(_robinson_rule(step) for step in reversed(ROBINSON_STEPS[1:])),
    otherwise=Rule(
        "LR-0",
        ROBINSON_STEPS[0],
        ROBINSON,
        Trust.GENERAL_KNOWLEDGE,
        lambda _case: True,
        sentence("No N2 station is positive."),
    ),
    options=(POSITIVE,),
)


STAGES: Final = ("IA1", "IA2", "IA3", "IB", "IIA", "IIB", "IIIA", "IIIB", "IIIC", "IV")
STAGE_STEPS: Final = tuple(
    Category(rank, code, f"Stage {code}") for rank, code in enumerate(STAGES)
)
# Rows N0 to N3; columns T1a, T1b, T1c, T2a, T2b, T3, T4.
GROUPS: Final = (
    ("IA1", "IA2", "IA3", "IB", "IIA", "IIB", "IIIA"),
    ("IIB", "IIB", "IIB", "IIB", "IIB", "IIIA", "IIIA"),
    ("IIIA", "IIIA", "IIIA", "IIIA", "IIIA", "IIIB", "IIIB"),
    ("IIIB", "IIIB", "IIIB", "IIIB", "IIIB", "IIIC", "IIIC"),
)
STAGES_READ: Final = STAGES[: STAGES.index("IIIA")]


def stage(t: int, n: int, *, m1: bool) -> str:
    """The stage from the ranks of T (0-6) and N (0-3), and distant disease."""
    return "IV" if m1 else GROUPS[n][t]


def _tnm(answers: Answers, options: Options) -> tuple[Fact, ...]:
    return (judged("t", TNM8_T, answers, options), *nodes(answers, options), metastatic(answers))


def _read_stage(answers: Answers, options: Options) -> Reading:
    unproven = (*unproven_disease(answers), *unproven_stations(answers, options))
    flags = (*remarks(answers), *unproven)
    return Reading(_tnm(answers, options), flags)


def _stage(case: Case) -> str:
    return stage(case["t"], case["n"], m1=case["m1"])


def _tnm_text(case: Case) -> str:
    return f"{T_STEPS[case['t']].code} N{case['n']} {'M1' if case['m1'] else 'M0'}."


def _stage_rule(step: Category) -> Rule:
    was_read = step.code in STAGES_READ
    return Rule(
        f"LS-{step.code}",
        step,
        STAGE_SOURCE if was_read else STAGE_UNREAD,
        Trust.SOURCED if was_read else Trust.GENERAL_KNOWLEDGE,
        lambda case: _stage(case) == step.code,
        _tnm_text,
    )


TNM8_STAGE: Final = RuleTable(
    id="tnm8-stage",
    title="Stage (TNM 8)",
    version="8",
    source=STAGE_SOURCE,
    read=_read_stage,
    rules=tuple(_stage_rule(step) for step in reversed(STAGE_STEPS[1:])),
    otherwise=_stage_rule(STAGE_STEPS[0]),
    options=(CONTACT, POSITIVE),
)


BELOW: Final = Category(0, "below_stage_iii", "Below stage III, not surveyed")
POTENTIALLY: Final = Category(1, "potentially_resectable", "Potentially resectable")
NO_AGREEMENT: Final = Category(2, "no_agreement", "No agreement on resectability")
UNRESECTABLE: Final = Category(3, "unresectable", "Unresectable")
STAGE_IV: Final = Category(4, "stage_iv", "Stage IV, not surveyed")


def _read_survey(answers: Answers, options: Options) -> Reading:
    structures = invaded(answers, options, T4_STRUCTURES)
    parts = listed("parts", [*structures, *great_vessels(answers)])
    invasive = Fact("invasive", bool(parts.best), bool(parts.worst), parts.gaps)
    bulky = yes_or_no(answers, "n2_bulky", "Bulky N2 nodes")
    facts = (*_tnm(answers, options), invasive, bulky, known("parts", parts.best))
    return Reading(facts, unproven_stations(answers, options))


def survey_step(case: Case) -> Category:
    """Where the survey stands on a subset: smaller is up to T2b, larger T3 and T4 by size."""
    t, n = case["t"], case["n"]
    if case["m1"]:
        return STAGE_IV
    if n == 3:
        return UNRESECTABLE
    invasive = t == T4.rank and case["invasive"]
    if n == 2:
        return _n2_step(case, invasive=invasive)
    if invasive:
        return NO_AGREEMENT
    return POTENTIALLY if t == T4.rank or (t == T3.rank and n == 1) else BELOW


def _n2_step(case: Case, *, invasive: bool) -> Category:
    smaller = case["t"] <= T2B.rank
    if case["n2_bulky"]:
        return UNRESECTABLE
    if case["several_n2"]:
        return NO_AGREEMENT if smaller else UNRESECTABLE
    return POTENTIALLY if smaller and not invasive else NO_AGREEMENT


def _survey_text(case: Case) -> str:
    words = [_tnm_text(case)[:-1]]
    if case["n"] == 2:
        words.append("several N2 stations" if case["several_n2"] else "one N2 station")
        words.append("bulky" if case["n2_bulky"] else "not bulky")
    if case["t"] == T4.rank:
        words.append("T4 by invasion" if case["invasive"] else "T4 by size or nodule")
    return f"{', '.join(words)}."


def _survey_rule(step: Category, id_: str, trust: Trust = Trust.DERIVED) -> Rule:
    def applies(case: Case) -> bool:
        return survey_step(case) == step

    return Rule(id_, step, SURVEY, trust, applies, _survey_text)


def _survey_remarks(_case: Case, best: Category, worst: Category) -> Iterable[Flag]:
    if best <= UNRESECTABLE and worst >= POTENTIALLY:
        text = (
            "The abstract names the subsets without agreement; that better ones were held "
            "resectable and worse ones unresectable is derived, and so is smaller as up to T2b."
        )
        yield Flag("derived", text)


EORTC: Final = RuleTable(
    id="eortc-stage-iii",
    title="EORTC survey, stage III",
    version="2024",
    source=SURVEY,
    read=_read_survey,
    rules=(
        _survey_rule(STAGE_IV, "LE-4"),
        _survey_rule(UNRESECTABLE, "LE-3"),
        _survey_rule(NO_AGREEMENT, "LE-2", Trust.SOURCED),
        _survey_rule(POTENTIALLY, "LE-1"),
    ),
    otherwise=_survey_rule(BELOW, "LE-0"),
    options=(CONTACT, POSITIVE),
    remarks=_survey_remarks,
)
