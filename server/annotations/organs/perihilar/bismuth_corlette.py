"""Bismuth-Corlette type of a perihilar cholangiocarcinoma, from the ducts that are involved."""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Answers, Category, Options, Trust
from server.annotations.organs.perihilar.findings import duct
from server.annotations.organs.scale import (
    Case,
    Reading,
    Rule,
    RuleTable,
    sentence,
    yes_or_no,
)

SOURCE: Final = "Bismuth-Corlette, as described in reviews"

TYPE_1: Final = Category(0, "I", "Type I")
TYPE_2: Final = Category(1, "II", "Type II")
# The two sides are equally far: neither is better than the other.
TYPE_3A: Final = Category(2, "IIIa", "Type IIIa")
TYPE_3B: Final = Category(2, "IIIb", "Type IIIb")
TYPE_4: Final = Category(3, "IV", "Type IV")

RIGHT: Final = "right_second_order"
LEFT: Final = "left_second_order"


def _read(answers: Answers, _options: Options) -> Reading:
    ducts = tuple(duct(answers, name) for name in ("confluence", RIGHT, LEFT))
    return Reading((*ducts, yes_or_no(answers, "multifocal", "Multifocal disease")))


def _only(case: Case, name: str, other: str) -> bool:
    return bool(case[name] and not case[other])


BISMUTH_CORLETTE: Final = RuleTable(
    id="bismuth-corlette",
    title="Bismuth-Corlette type",
    version="1992",
    source=SOURCE,
    read=_read,
    rules=(
        Rule(
            "BC-IV",
            TYPE_4,
            SOURCE,
            Trust.SOURCED,
            lambda case: case[RIGHT] and case[LEFT],
            sentence("Second-order ducts of both sides involved."),
        ),
        Rule(
            "BC-IV-M",
            TYPE_4,
            SOURCE,
            Trust.SOURCED,
            lambda case: case["multifocal"],
            sentence("Multifocal tumour of the bile ducts."),
        ),
        Rule(
            "BC-IIIA",
            TYPE_3A,
            SOURCE,
            Trust.SOURCED,
            lambda case: _only(case, RIGHT, LEFT),
            sentence("Right second-order ducts involved, left ones free."),
        ),
        Rule(
            "BC-IIIB",
            TYPE_3B,
            SOURCE,
            Trust.SOURCED,
            lambda case: _only(case, LEFT, RIGHT),
            sentence("Left second-order ducts involved, right ones free."),
        ),
        Rule(
            "BC-II",
            TYPE_2,
            SOURCE,
            Trust.SOURCED,
            lambda case: case["confluence"],
            sentence("Confluence reached, second-order ducts not."),
        ),
    ),
    otherwise=Rule(
        "BC-I",
        TYPE_1,
        SOURCE,
        Trust.SOURCED,
        lambda _case: True,
        sentence("Below the confluence."),
    ),
)
