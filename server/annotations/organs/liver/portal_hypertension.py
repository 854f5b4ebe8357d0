"""Clinically significant portal hypertension, measured or by its surrogates; not verified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from server.annotations.decision import Answers, Category, Fired, Flag, Options, Trust
from server.annotations.organs.liver.laboratory import HVPG, PLATELETS, amount
from server.annotations.organs.liver.open_rules import (
    NO,
    Finding,
    OpenRule,
    OpenTable,
    State,
    all_of,
    still_open,
    word,
    yes,
)

ABSENT: Final = Category(0, "absent", "No clinically significant portal hypertension")
PRESENT: Final = Category(1, "present", "Clinically significant portal hypertension")
SOURCE: Final = "HVPG from 10 mmHg; varices or splenomegaly with platelets below 100 ×10⁹/L"
LIMIT_SOURCE: Final = "PMC3235591"


def surrogates(answers: Answers, _options: Options) -> Finding:
    """Varices or splenomegaly together with platelets below 100 ×10⁹/L."""
    platelets = amount(answers, PLATELETS)
    if not platelets.known:
        few = still_open((f"/{PLATELETS.field}", "Platelets not entered."))
    else:
        few = yes(f"Platelets {platelets.least:g} ×10⁹/L.") if platelets.least < 100 else NO
    signs = word(
        answers,
        "varices_or_splenomegaly",
        {"yes": "Varices or splenomegaly."},
        "Varices or splenomegaly",
    )
    return all_of([signs, few])


def measured(answers: Answers, _options: Options) -> Finding:
    """HVPG of 10 mmHg or more; only a measurement said not to have been made leaves it out."""
    value = amount(answers, HVPG)
    if value.known:
        return yes(f"HVPG {value.least:g} mmHg.") if value.least >= 10 else NO
    if answers.get("hvpg_measured") == "no":
        return NO
    if answers.get("hvpg_measured") == "yes":
        return still_open((f"/{HVPG.field}", "HVPG said to be measured, and not entered."))
    return still_open(("/hvpg_measured", "HVPG neither entered nor said not to be measured."))


def _remarks(answers: Answers, options: Options) -> Iterator[Flag]:
    removed = answers.get("planned_resection")
    there = max(measured(answers, options).state, surrogates(answers, options).state)
    if there == State.YES and isinstance(removed, list) and len(removed) >= 2:
        text = (
            f"Portal hypertension and {len(removed)} segments to be removed: resection of two or "
            f"more is not recommended ({LIMIT_SOURCE})."
        )
        yield Flag("resection_limit", text)


CSPH: Final = OpenTable(
    id="portal-hypertension",
    title="Clinically significant portal hypertension",
    version="not verified",
    source=f"{SOURCE} (general knowledge); limit of resection: {LIMIT_SOURCE}",
    lowest=ABSENT,
    otherwise=Fired("CSPH-0", SOURCE, Trust.GENERAL_KNOWLEDGE, "Neither measured nor by signs."),
    rules=(
        OpenRule("CSPH-1", PRESENT, SOURCE, Trust.GENERAL_KNOWLEDGE, measured),
        OpenRule("CSPH-2", PRESENT, SOURCE, Trust.GENERAL_KNOWLEDGE, surrogates),
    ),
    remarks=_remarks,
)
