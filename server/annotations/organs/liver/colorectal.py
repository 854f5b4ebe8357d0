"""Colorectal liver metastases: resectable, borderline, unresectable; and ESMO's two axes.

The first set is PMC8870224 table 1. It names what makes a case resectable and what makes it
unresectable; where a case fails the one without reaching the other the set is silent, and the rules
say `derived`. The ESMO categories are from general knowledge and shown as not verified.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Flag,
    Missing,
    Option,
    Options,
    Ruleset,
    Trust,
)
from server.annotations.organs.liver import structures
from server.annotations.organs.liver.open_rules import (
    NO,
    Finding,
    OpenFinding,
    OpenRule,
    OpenTable,
    State,
    all_of,
    any_of,
    still_open,
    word,
    yes,
)
from server.annotations.organs.liver.remnant import ADEQUATE
from server.annotations.organs.liver.thresholds import (
    FATTY,
    FIBROTIC,
    MEASURED,
    NORMAL,
    SEVERE,
    STANDARDISED,
)
from server.annotations.organs.liver.tumour import (
    SEGMENTS,
    distant,
    involved_percent,
    lesion_count,
    lost,
    outside,
    segment_count,
    suspected,
    tumour_flags,
)

RESECTABLE: Final = Category(0, "resectable", "Resectable")
BORDERLINE: Final = Category(1, "borderline", "Borderline resectable")
UNRESECTABLE: Final = Category(2, "unresectable", "Unresectable")
SOURCE: Final = "PMC8870224 table 1"
BACKGROUNDS: Final = (NORMAL, FATTY, SEVERE, FIBROTIC)
# Couinaud segments that share a border, as the Brisbane sections are drawn; derived.
NEIGHBOURS: Final = (
    {"I", "IV"},
    {"I", "VII"},
    {"II", "III"},
    {"II", "IV"},
    {"III", "IV"},
    {"IV", "V"},
    {"IV", "VIII"},
    {"V", "VI"},
    {"V", "VIII"},
    {"VI", "VII"},
    {"VII", "VIII"},
)


def crlm_only(answers: Answers) -> str:
    """Why a set for colorectal metastases does not speak of the case, or nothing."""
    return "" if answers.get("entity", "crlm") == "crlm" else "This set is for CRLM."


def _volume(answers: Answers) -> Evaluation:
    """The remnant by the formula's volume, or by the measured one where that gives no minimum."""
    said = STANDARDISED.ruleset().evaluate(answers)
    return said if said.best is not None else MEASURED.ruleset().evaluate(answers)


def _remnant_small(answers: Answers, _options: Options) -> Finding:
    if answers.get("background") in BACKGROUNDS:
        return _below_minimum(answers)
    # Each background has its own minimum, and one of them another denominator.
    tried = [_below_minimum({**answers, "background": one}) for one in BACKGROUNDS]
    if len({finding.state for finding in tried}) == 1 and tried[0].state != State.OPEN:
        return tried[0]
    gaps = dict.fromkeys(one for finding in tried for one in finding.missing)
    background = Missing("/background", "Background of the liver not assessed.")
    return Finding(State.OPEN, missing=(background, *gaps))


def _below_minimum(answers: Answers) -> Finding:
    said = _volume(answers)
    if said.best is None or said.worst is None:
        return still_open(("/background", "No minimum remnant for this background."))
    # Where a reader's variability straddles the minimum, the remnant is not said to be enough.
    if said.best > ADEQUATE:
        return yes(f"{said.title}: {said.fired[0].text if said.fired else said.label}")
    if said.worst == ADEQUATE:
        return NO
    return still_open(*((one.pointer, one.text) for one in said.missing))


def _structures(worst_wanted: Category) -> OpenFinding:
    def finding(answers: Answers, _options: Options) -> Finding:
        said = structures.evaluate(answers)
        assert said.best is not None and said.worst is not None
        if said.best >= worst_wanted:
            return yes(" ".join(fired.text for fired in said.fired))
        if said.worst < worst_wanted:
            return NO
        return still_open(*((one.pointer, one.text) for one in said.missing))

    return finding


def _spared(answers: Answers, _options: Options) -> Finding:
    """Fewer than two adjacent segments stay; where only the removed ones are given, the rest does."""
    given, removed = answers.get("planned_remnant"), answers.get("planned_resection")
    if isinstance(given, list) and given:
        kept = {one for one in given if one in SEGMENTS}
    elif isinstance(removed, list) and removed:
        kept = {one for one in SEGMENTS if one not in removed}
    else:
        return still_open(("/planned_remnant", "Segments that stay not entered."))
    if any(pair <= kept for pair in NEIGHBOURS):
        return NO
    return yes("Fewer than two adjacent segments stay.")


def _unresectable_outside(answers: Answers, _options: Options) -> Finding:
    """Spread outside the liver that cannot be resected."""
    cannot = word(
        answers,
        "extrahepatic_resectable",
        {"no": "It cannot be resected."},
        "Resectability of the spread outside the liver",
    )
    return all_of([outside(answers), cannot])


def _both_portal(answers: Answers, _options: Options) -> Finding:
    return all_of(lost(answers, name) for name in ("right_pv", "left_pv"))


def _main_portal(answers: Answers, _options: Options) -> Finding:
    """The trunk feeds both branches; the table names the branches alone."""
    return lost(answers, "main_pv")


def _all_veins(answers: Answers, _options: Options) -> Finding:
    return all_of(lost(answers, name) for name in ("rhv", "mhv", "lhv"))


def _r0(*values: str) -> OpenFinding:
    sentences = {
        "complex_procedure": "R0 only with a complex procedure.",
        "r1_only": "No more than R1 is expected.",
        "not_possible": "Complete resection is not possible.",
    }

    def finding(answers: Answers, _options: Options) -> Finding:
        return word(answers, "r0_by", {one: sentences[one] for one in values}, "How R0 is reached")

    return finding


def _numerous(answers: Answers, options: Options) -> Finding:
    if options["numerous"] == "not-counted":
        return NO
    return lesion_count(answers).at_least(int(options["numerous"]), "Numerous metastases.")


def _progression(answers: Answers, _options: Options) -> Finding:
    words = {"yes": "Progression on therapy."}
    return word(answers, "progression_on_therapy", words, "Progression on therapy")


def _remarks(answers: Answers, _options: Options) -> Iterable[Flag]:
    if "entity" not in answers:
        yield Flag("entity_not_stated", "Tumour not stated; judged as colorectal metastases.")
    yield from tumour_flags(answers)


def _rule(
    rule: str, category: Category, finding: OpenFinding, trust: Trust = Trust.SOURCED
) -> OpenRule:
    return OpenRule(rule, category, SOURCE, trust, finding)


CRLM: Final = OpenTable(
    id="crlm-resectability",
    title="CRLM: resectability",
    version="PMC8870224",
    source=SOURCE,
    lowest=RESECTABLE,
    otherwise=Fired(
        "CRLM-R",
        SOURCE,
        Trust.SOURCED,
        "R0 possible; two adjacent segments spared; inflow, outflow and drainage kept; remnant "
        "enough for its background.",
    ),
    rules=(
        _rule(
            "CRLM-U-1",
            UNRESECTABLE,
            lambda a, _: involved_percent(a).over(70, "More than 70 % of the liver involved."),
        ),
        _rule(
            "CRLM-U-2",
            UNRESECTABLE,
            lambda a, _: segment_count(a).over(6, "More than six segments involved."),
        ),
        _rule("CRLM-U-3", UNRESECTABLE, _both_portal),
        _rule("CRLM-U-9", UNRESECTABLE, _main_portal, Trust.DERIVED),
        _rule("CRLM-U-4", UNRESECTABLE, _all_veins),
        _rule("CRLM-U-5", UNRESECTABLE, _r0("not_possible"), Trust.DERIVED),
        _rule("CRLM-U-6", UNRESECTABLE, _structures(structures.LOST), Trust.DERIVED),
        _rule("CRLM-U-7", UNRESECTABLE, _spared, Trust.DERIVED),
        _rule("CRLM-U-8", UNRESECTABLE, _unresectable_outside, Trust.DERIVED),
        _rule("CRLM-B-1", BORDERLINE, _r0("r1_only")),
        _rule("CRLM-B-2", BORDERLINE, _r0("complex_procedure"), Trust.DERIVED),
        OpenRule(
            "CRLM-B-3",
            BORDERLINE,
            f"{SOURCE} (numerous; the number from general knowledge)",
            Trust.GENERAL_KNOWLEDGE,
            _numerous,
        ),
        _rule("CRLM-B-4", BORDERLINE, _progression),
        _rule("CRLM-B-5", BORDERLINE, lambda a, _: any_of([suspected(a), outside(a)])),
        _rule("CRLM-B-6", BORDERLINE, _remnant_small, Trust.DERIVED),
        _rule("CRLM-B-7", BORDERLINE, _structures(structures.RECONSTRUCTION), Trust.DERIVED),
    ),
    options=(
        Option(
            "numerous",
            ("5", "not-counted"),
            "5",
            "How many metastases are numerous; the publication gives no number.",
        ),
    ),
    applies=crlm_only,
    remarks=_remarks,
    capabilities=lambda answers: structures.evaluate(answers).capabilities,
)

ESMO_SOURCE: Final = "ESMO 2016 consensus, general knowledge"
A0: Final = Category(0, "none", "No technical contraindication")
A2: Final = Category(1, "A2", "Relative technical contraindication (A2)")
A1: Final = Category(2, "A1", "Absolute technical contraindication (A1)")
B0: Final = Category(0, "none", "No oncological contraindication")
B3: Final = Category(1, "B3", "Progression (B3)")
B2: Final = Category(2, "B2", "Five lesions or more (B2)")
B1: Final = Category(3, "B1", "Concomitant unresectable extrahepatic disease (B1)")


def _below_30(answers: Answers, _options: Options) -> Finding:
    """A measured remnant under 30 per cent, so that R0 with 30 per cent needs more than one step."""
    index = MEASURED.index(answers)
    if index.most < 30:
        return yes(f"Measured remnant {index.most:.1f} %, below 30 %.")
    if index.least >= 30:
        return NO
    return still_open(*((one.pointer, one.text) for one in index.missing))


def _esmo_rule(rule: str, category: Category, finding: OpenFinding) -> OpenRule:
    return OpenRule(rule, category, ESMO_SOURCE, Trust.GENERAL_KNOWLEDGE, finding)


def _esmo_outside(answers: Answers, options: Options) -> Finding:
    cannot = word(
        answers,
        "extrahepatic_resectable",
        {"no": "Not resectable."},
        "Resectability of the spread outside the liver",
    )
    return all_of([distant(answers), cannot])


ESMO_TECHNICAL: Final = OpenTable(
    id="esmo-technical",
    title="ESMO 2016: technical",
    version="2016, not verified",
    source=ESMO_SOURCE,
    lowest=A0,
    otherwise=Fired(
        "ESMO-A-0", ESMO_SOURCE, Trust.GENERAL_KNOWLEDGE, "R0 with 30 % remnant, in one step."
    ),
    rules=(
        _esmo_rule("ESMO-A1-1", A1, _r0("not_possible")),
        _esmo_rule("ESMO-A1-2", A1, _esmo_outside),
        _esmo_rule("ESMO-A2-1", A2, _r0("complex_procedure", "r1_only")),
        OpenRule("ESMO-A2-2", A2, ESMO_SOURCE, Trust.DERIVED, _below_30),
    ),
    applies=crlm_only,
    remarks=_remarks,
)
ESMO_ONCOLOGICAL: Final = OpenTable(
    id="esmo-oncological",
    title="ESMO 2016: oncological",
    version="2016, not verified",
    source=ESMO_SOURCE,
    lowest=B0,
    otherwise=Fired(
        "ESMO-B-0", ESMO_SOURCE, Trust.GENERAL_KNOWLEDGE, "Under five lesions, no progression."
    ),
    rules=(
        _esmo_rule("ESMO-B1", B1, _esmo_outside),
        _esmo_rule(
            "ESMO-B2", B2, lambda a, _: lesion_count(a).at_least(5, "Five lesions or more.")
        ),
        _esmo_rule("ESMO-B3", B3, _progression),
    ),
    enumerated=True,
    applies=crlm_only,
    remarks=_remarks,
)


def rulesets() -> tuple[Ruleset, ...]:
    """The three sets, in the order in which they are shown."""
    return tuple(table.ruleset() for table in (CRLM, ESMO_TECHNICAL, ESMO_ONCOLOGICAL))
