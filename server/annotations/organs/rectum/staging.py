"""Rectum: margin, depth, T4, N, veins and sphincter, each a set of its own."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Option,
    Options,
    Trust,
)
from server.annotations.organs.rectum.findings import (
    T3_MM,
    compartments,
    remarks,
    structures,
)
from server.annotations.organs.scale import (
    CONTACT,
    Case,
    Reading,
    Rule,
    RuleTable,
    known,
    listed,
    number_of,
    option,
    rung,
    sentence,
    unknown,
    word_of,
    yes_or_no,
)

ESGAR: Final = "ESGAR 2016 consensus, PMC5834554 (table 2)"
DEPTH_SOURCE: Final = "T3 sub-stages by depth, doi 10.5812/iranjradiol.16801 (abstract)"
UICC: Final = "UICC/AJCC TNM, 8th edition; not read"
EMVI_SOURCE: Final = (
    "EMVI score 0 to 4 of the rectal MRI literature; that 3 is positive is not read"
)
ELSEWHERE: Final = "Usage beside ESGAR: reached is involved, 1 mm or less threatened; not read"
MRF_MM: Final = 1.0  # involved at or below, PMC5834554

CLEAR: Final = Category(0, "clear", "Mesorectal fascia clear")
THREATENED: Final = Category(1, "threatened", "Mesorectal fascia threatened")
INVOLVED: Final = Category(2, "involved", "Mesorectal fascia involved")


def _distance(answers: Answers, _options: Options) -> Reading:
    value = number_of(answers.get("mrf_distance_mm"))
    if value is not None:
        return Reading((known("mm", value),))
    text = "Distance to the mesorectal fascia not assessed"
    return Reading((unknown("mm", inf, 0.0, "/mrf_distance_mm", text),))


def _within(case: Case) -> bool:
    return bool(case["mm"] <= MRF_MM)


def _mm(text: str) -> Callable[[Case], str]:
    return lambda case: f"Distance to the mesorectal fascia {case['mm']:g} mm, {text}."


MRF: Final = RuleTable(
    id="mrf-esgar-2016",
    title="Mesorectal fascia (predicted margin)",
    version="2016",
    source=ESGAR,
    read=_distance,
    rules=(
        Rule(
            "MRF-I",
            INVOLVED,
            ESGAR,
            Trust.SOURCED,
            lambda case: _within(case) and option(case, "at_1_mm") == "involved",
            _mm("1 mm or less"),
        ),
        Rule(
            "MRF-0",
            INVOLVED,
            ELSEWHERE,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: case["mm"] == 0 and option(case, "at_1_mm") == "threatened",
            _mm("reached"),
        ),
        Rule(
            "MRF-T",
            THREATENED,
            ELSEWHERE,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: 0 < case["mm"] <= MRF_MM and option(case, "at_1_mm") == "threatened",
            _mm("1 mm or less and not reached"),
        ),
    ),
    otherwise=Rule("MRF-C", CLEAR, ESGAR, Trust.SOURCED, lambda _case: True, _mm("more than 1 mm")),
    options=(
        Option(
            "at_1_mm",
            ("involved", "threatened"),
            "involved",
            "What 1 mm or less is called: involved (ESGAR), or threatened until the fascia is "
            "reached (usage elsewhere, not verified).",
        ),
    ),
)


WALL: Final = Category(0, "within_wall", "Within the muscularis")
T3: Final = tuple(Category(n, f"T3{x}", f"Sub-stage T3{x}") for n, x in enumerate("abcd", start=1))


def _depth(answers: Answers, _options: Options) -> Reading:
    value = number_of(answers.get("extramural_depth_mm"))
    flags = remarks(answers)
    if value is not None:
        return Reading((known("mm", value),), flags)
    text = "Depth beyond the muscularis not assessed"
    return Reading((unknown("mm", 0.0, inf, "/extramural_depth_mm", text),), flags)


def _at_5(case: Case) -> bool:
    return bool(case["mm"] == T3_MM[1] and option(case, "at_5_mm") == "T3c")


def _depth_text(case: Case) -> str:
    return f"{case['mm']:g} mm beyond the muscularis."


def _t3(index: int, applies: Callable[[Case], bool]) -> Rule:
    step = T3[index]
    return Rule(
        f"T3-{step.code[-1].upper()}", step, DEPTH_SOURCE, Trust.SOURCED, applies, _depth_text
    )


T3_DEPTH: Final = RuleTable(
    id="t3-depth",
    title="T3 sub-stage by depth",
    version="2018",
    source=DEPTH_SOURCE,
    read=_depth,
    rules=(
        _t3(0, lambda case: 0 < case["mm"] < T3_MM[0]),
        _t3(1, lambda case: T3_MM[0] <= case["mm"] <= T3_MM[1]),
        _t3(2, lambda case: T3_MM[1] < case["mm"] <= T3_MM[2] or _at_5(case)),
        _t3(3, lambda case: case["mm"] > T3_MM[2]),
    ),
    otherwise=Rule(
        "T3-0",
        WALL,
        DEPTH_SOURCE,
        Trust.SOURCED,
        lambda _case: True,
        sentence("Nothing beyond the muscularis."),
    ),
    options=(
        Option("at_5_mm", ("T3b", "T3c"), "T3b", "Both sub-stages are printed to begin at 5 mm."),
    ),
)


BELOW_T4: Final = Category(0, "below_t4", "Below T4")
T4A: Final = Category(1, "T4a", "Category T4a")
T4B: Final = Category(2, "T4b", "Category T4b")


def _organs(answers: Answers, options: Options) -> Reading:
    peritoneum = listed("t4a", compartments(answers, options, ("peritoneal_reflection",)))
    return Reading((peritoneum, listed("t4b", structures(answers, options))), remarks(answers))


T4: Final = RuleTable(
    id="tnm8-t4",
    title="T4 by structures (TNM 8)",
    version="8",
    source=UICC,
    read=_organs,
    rules=(
        Rule(
            "RT-4B",
            T4B,
            UICC,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: bool(case["t4b"]),
            lambda case: f"Invaded: {', '.join(case['t4b'])}.",
        ),
        Rule(
            "RT-4A",
            T4A,
            UICC,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: bool(case["t4a"]),
            sentence("Peritoneum at the reflection invaded."),
        ),
    ),
    otherwise=Rule(
        "RT-0",
        BELOW_T4,
        UICC,
        Trust.GENERAL_KNOWLEDGE,
        lambda _case: True,
        sentence("Neither the peritoneum nor another organ is invaded."),
    ),
    options=(CONTACT,),
)


N_STEPS: Final = tuple(
    Category(rank, code, f"Category {code}")
    for rank, code in enumerate(("N0", "N1c", "N1a", "N1b", "N2a", "N2b"))
)
N_FROM: Final = {2: 1, 3: 2, 4: 4, 5: 7}  # rank of N1a, N1b, N2a, N2b -> fewest nodes, TNM 8


def _count(answers: Answers, _options: Options) -> Reading:
    value = number_of(answers.get("suspicious_node_count"))
    text = "Number of suspicious nodes not given"
    count = (
        known("count", value)
        if value is not None
        else unknown("count", 0, inf, "/suspicious_node_count", text)
    )
    return Reading((count, yes_or_no(answers, "tumour_deposits", "Tumour deposits")))


def _n(rank: int) -> Rule:
    def applies(case: Case) -> bool:
        return bool(case["count"] >= N_FROM[rank])

    def text(case: Case) -> str:
        return f"{case['count']:g} suspicious regional nodes."

    step = N_STEPS[rank]
    return Rule(f"RN-{step.code[1:].upper()}", step, UICC, Trust.GENERAL_KNOWLEDGE, applies, text)


CN: Final = RuleTable(
    id="tnm8-cn",
    title="N by number of nodes (TNM 8)",
    version="8",
    source=UICC,
    read=_count,
    rules=(
        *(_n(rank) for rank in N_FROM),
        Rule(
            "RN-1C",
            N_STEPS[1],
            UICC,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: case["tumour_deposits"],
            sentence("Tumour deposits, no suspicious node."),
        ),
    ),
    otherwise=Rule(
        "RN-0",
        N_STEPS[0],
        UICC,
        Trust.GENERAL_KNOWLEDGE,
        lambda _case: True,
        sentence("No suspicious node, no tumour deposit."),
    ),
)


EMVI_SCORES: Final = ("emvi0", "emvi1", "emvi2", "emvi3", "emvi4")  # from best to worst
EMVI_POSITIVE_FROM: Final = 3  # not verified
EMVI_NEGATIVE: Final = Category(0, "negative", "Negative for venous invasion")
EMVI_POSITIVE: Final = Category(1, "positive", "Positive for venous invasion")


def _emvi(answers: Answers, _options: Options) -> Reading:
    return Reading((rung("score", answers.get("emvi"), EMVI_SCORES, "/emvi", "EMVI"),))


EMVI: Final = RuleTable(
    id="emvi",
    title="Extramural venous invasion",
    version="not verified",
    source=EMVI_SOURCE,
    read=_emvi,
    rules=(
        Rule(
            "EMVI-1",
            EMVI_POSITIVE,
            EMVI_SOURCE,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: case["score"] >= EMVI_POSITIVE_FROM,
            lambda case: f"EMVI score {case['score']}.",
        ),
    ),
    otherwise=Rule(
        "EMVI-0",
        EMVI_NEGATIVE,
        EMVI_SOURCE,
        Trust.GENERAL_KNOWLEDGE,
        lambda _case: True,
        lambda case: f"EMVI score {case['score']}.",
    ),
)


SPHINCTER_SOURCE: Final = f"{ESGAR}: levels; what each asks of the operation is derived"
LEVELS: Final = ("none", "internal", "intersphincteric", "external", "levator")
SPHINCTER_STEPS: Final = (
    Category(0, "free", "Sphincter free"),
    Category(1, "internal", "Internal sphincter involved"),
    Category(2, "intersphincteric", "Intersphincteric plane involved"),
    Category(3, "not_preserved", "External sphincter or levator involved"),
)
# What an operation needs at each step.
SPHINCTER_NEEDS: Final = {1: "intersphincteric_resection", 2: "extralevator_excision"}


def _sphincter(answers: Answers, _options: Options) -> Reading:
    value = word_of(answers.get("sphincter"), LEVELS)
    return Reading((rung("level", value, LEVELS, "/sphincter", "Sphincter"),))


def _level(rank: int) -> Rule:
    texts = {1: "Internal sphincter.", 2: "Intersphincteric plane.", 3: "External or levator."}
    return Rule(
        f"SPH-{rank}",
        SPHINCTER_STEPS[rank],
        SPHINCTER_SOURCE,
        Trust.DERIVED,
        lambda case: case["level"] >= rank,
        sentence(texts[rank]),
    )


def _sphincter_needs(case: Case) -> tuple[str, ...]:
    need = SPHINCTER_NEEDS.get(min(case["level"], 2))
    return (need,) if need else ()


SPHINCTER: Final = RuleTable(
    id="sphincter",
    title="Sphincter complex",
    version="2016",
    source=SPHINCTER_SOURCE,
    read=_sphincter,
    rules=tuple(_level(rank) for rank in (3, 2, 1)),
    otherwise=Rule(
        "SPH-0",
        SPHINCTER_STEPS[0],
        SPHINCTER_SOURCE,
        Trust.DERIVED,
        lambda _case: True,
        sentence("No part of the sphincter is involved."),
    ),
    capabilities=_sphincter_needs,
)

STAGING_TABLES: Final = (MRF, T3_DEPTH, T4, CN, EMVI, SPHINCTER)
