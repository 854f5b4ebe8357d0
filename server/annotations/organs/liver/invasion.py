"""Invasion of portal veins (vp), hepatic veins (vv) and bile ducts (b), Japanese classification.

vp is published (PMC4284342; wjgnet v28/i7/704 fig. 2, which also gives Cheng's types); the words of
vv and b are from general knowledge and shown as not verified. What the vessel table records raises
the least the code can be; what is left open stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Flag,
    Missing,
    Options,
    Ruleset,
    Trust,
    result,
)
from server.annotations.organs.liver.open_rules import (
    NO,
    Finding,
    OpenRule,
    OpenTable,
    State,
    still_open,
    yes,
)
from server.annotations.organs.liver.tumour import lost

CHENG: Final = {"vp2": "I", "vp3": "II", "vp4": "III"}
VP_SOURCE: Final = "vp: PMC4284342; Cheng type: wjgnet v28/i7/704 fig. 2"
GK_SOURCE: Final = "Japanese classification, wording from general knowledge"


@dataclass(frozen=True)
class Tree:
    """One of the three codes. `orders` names, for each step, the structures whose loss means it."""

    field: str
    title: str
    source: str
    trust: Trust
    words: tuple[str, ...]
    orders: Mapping[int, tuple[str, ...]]

    def step(self, rank: int) -> Category:
        """The step of that number."""
        code = f"{self.field}{rank}"
        return Category(rank, code, f"{code} {self.words[rank]}")

    @property
    def last(self) -> int:
        """The number of the worst step."""
        return len(self.words) - 1


VP: Final = Tree(
    "vp",
    "Portal vein invasion (vp)",
    VP_SOURCE,
    Trust.SOURCED,
    (
        "none",
        "beyond second-order branches",
        "second-order branch",
        "first-order branch",
        "main trunk or contralateral branch",
    ),
    {
        4: ("main_pv",),
        3: ("right_pv", "left_pv"),
        2: ("right_anterior_pv", "right_posterior_pv", "umbilical_portion"),
    },
)
VV: Final = Tree(
    "vv",
    "Hepatic vein invasion (vv)",
    GK_SOURCE,
    Trust.GENERAL_KNOWLEDGE,
    ("none", "peripheral branch", "major hepatic vein", "IVC"),
    {3: ("ivc",), 2: ("rhv", "mhv", "lhv", "inferior_rhv")},
)
B: Final = Tree(
    "b",
    "Bile duct invasion (b)",
    GK_SOURCE,
    Trust.GENERAL_KNOWLEDGE,
    (
        "none",
        "third-order or more peripheral duct",
        "second-order duct",
        "first-order duct",
        "common hepatic duct",
    ),
    {
        4: ("common_duct",),
        3: ("right_duct", "left_duct", "confluence"),
        2: ("right_second_order_ducts", "left_second_order_ducts"),
    },
)
TREES: Final = (VP, VV, B)


@dataclass(frozen=True)
class Extent:
    """The least and most a code can be, with what the least rests on and what would narrow it."""

    least: int
    most: int
    text: str = ""
    missing: tuple[Missing, ...] = ()


def extent(tree: Tree, answers: Answers) -> Extent:
    """The code between its ends, from the answer given and from the vessel table."""
    given = _given(tree, answers)
    seen, where = 0, ""
    for rank, names in tree.orders.items():
        found = [finding for name in names if (finding := lost(answers, name)).state == State.YES]
        if found and rank > seen:
            seen, where = rank, " ".join(finding.text for finding in found)
    if given is not None:
        if seen > given:
            return Extent(seen, seen, where)
        return Extent(given, given, f"{tree.field}{given} {tree.words[given]}.")
    missing = (Missing(f"/{tree.field}", f"{tree.title} not assessed."),)
    return Extent(seen, max(_unseen(tree, answers, seen), seen), where, missing)


def at_least(tree: Tree, rank: int) -> Callable[[Answers, Options], Finding]:
    """A finding: the code is `rank` or worse."""

    def finding(answers: Answers, _options: Options) -> Finding:
        found = extent(tree, answers)
        if found.least >= rank:
            return yes(f"{tree.title}: {found.text}")
        if found.most < rank:
            return NO
        return still_open(*((one.pointer, one.text) for one in found.missing))

    return finding


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Codes that the vessel table does not allow, as (JSON pointer, sentence)."""
    found = []
    for tree in TREES:
        given = _given(tree, answers)
        if given is None:
            continue
        seen = extent(tree, {**answers, tree.field: None})
        if seen.least > given:
            text = f"{tree.field}{given} is given, and {seen.text[0].lower()}{seen.text[1:]}"
            found.append((f"/{tree.field}", text))
        elif seen.most < given:
            text = f"{tree.field}{given} is given, and the vessels it means are free of tumour."
            found.append((f"/{tree.field}", text))
    return found


def evaluate(tree: Tree, ruleset: Ruleset, answers: Answers) -> Evaluation:
    """The code of answers of any shape."""
    if answers.get("entity") == "crlm":
        text = f"{tree.title} is not recorded for colorectal metastases."
        return Evaluation(
            ruleset.id, ruleset.title, ruleset.version, flags=(Flag("not_addressed", text),)
        )
    found = extent(tree, answers)
    best, worst = tree.step(found.least), tree.step(found.most)
    definite = best == worst
    fired = Fired(
        f"{tree.field.upper()}-{found.least}", tree.source, tree.trust, found.text or best.label
    )
    flags = tuple(
        Flag("contradiction", text)
        for pointer, text in contradictions(answers)
        if pointer == f"/{tree.field}"
    )
    return Evaluation(
        ruleset.id,
        ruleset.title,
        ruleset.version,
        **result(best, worst),
        fired=(fired,) if definite or found.least else (),
        missing=() if definite else found.missing,
        flags=(*flags, *(_cheng(tree, best) if definite else ())),
    )


def _given(tree: Tree, answers: Answers) -> int | None:
    value = answers.get(tree.field)
    codes = [f"{tree.field}{rank}" for rank in range(tree.last + 1)]
    return codes.index(value) if isinstance(value, str) and value in codes else None


def _unseen(tree: Tree, answers: Answers, seen: int) -> int:
    """The worst that can hide in what was not assessed.

    Branches of the second order are never all on the list, so that step always stays possible.
    """
    hidden = 2
    for rank, names in tree.orders.items():
        if any(lost(answers, name).state == State.OPEN for name in names):
            hidden = max(hidden, rank)
    # A first-order branch may be the one opposite to the tumour, which makes it the worst.
    return tree.last if tree is VP and seen == 3 else hidden


def _cheng(tree: Tree, step: Category) -> tuple[Flag, ...]:
    kind = CHENG.get(step.code)
    if tree is not VP or kind is None:
        return ()
    return (Flag("cheng_type", f"Cheng type {kind}; IV where the SMV is reached."),)


def _ruleset(tree: Tree, version: str) -> Ruleset:
    ruleset = Ruleset(
        id=f"japan-{tree.field}",
        title=tree.title,
        version=version,
        source=tree.source,
        apply=lambda answers, _options: evaluate(tree, ruleset, answers),
    )
    return ruleset


RULESETS: Final = (
    _ruleset(VP, "PMC4284342"),
    _ruleset(VV, "not verified"),
    _ruleset(B, "not verified"),
)

RADICAL: Final = Category(0, "radical_possible", "Within the criteria for radical resection")
BEYOND: Final = Category(1, "not_radical", "Beyond the criteria for radical resection")
RADICAL_SOURCE: Final = "Chinese criteria for radical resection of HCC, in public text (secondary)"
HCC_RADICAL: Final = OpenTable(
    id="hcc-radical-china",
    title="HCC: radical resection (Chinese criteria)",
    version="public text, secondary",
    source=RADICAL_SOURCE,
    lowest=RADICAL,
    otherwise=Fired(
        "HCR-0",
        RADICAL_SOURCE,
        Trust.GENERAL_KNOWLEDGE,
        "No thrombus in the portal trunk and its primary branches, the common hepatic duct and its "
        "primary branches, the main hepatic veins or the IVC.",
    ),
    rules=tuple(
        OpenRule(rule, BEYOND, RADICAL_SOURCE, Trust.GENERAL_KNOWLEDGE, at_least(tree, rank))
        for rule, tree, rank in (("HCR-1", VP, 3), ("HCR-2", B, 3), ("HCR-3", VV, 2))
    ),
    applies=lambda answers: (
        ""
        if answers.get("entity", "hcc") == "hcc"
        else "These criteria are for hepatocellular carcinoma."
    ),
)
