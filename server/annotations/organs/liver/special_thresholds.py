"""Minimum remnants for one operation, one disease or one measurement, beside those by background.

Where the material read does not name the denominator of a percentage, the measured liver without
tumour is taken, and the rule says `derived`.
"""

from __future__ import annotations

from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Missing,
    Option,
    Options,
    Ruleset,
    Trust,
    result,
)
from server.annotations.fields import answer_at
from server.annotations.organs.liver.laboratory import HBS, PLATELETS, amount
from server.annotations.organs.liver.open_rules import (
    NO,
    Finding,
    OpenRule,
    OpenTable,
    all_of,
    still_open,
    yes,
)
from server.annotations.organs.liver.remnant import (
    ADEQUATE,
    ANY_BACKGROUND,
    INADEQUATE,
    Family,
    Limit,
)
from server.annotations.organs.liver.thresholds import (
    BODY_SURFACE,
    BODY_WEIGHT,
    FIBROTIC,
    MEASURED,
    NORMAL,
    TABLE,
)

SURFACE_SOURCE: Final = f"{TABLE}; s12893-021-01065-x"
BILE_DUCT_SOURCE: Final = "PMC7893452 (liver failure 22 % below, 6.4 % from it)"
HEMI_SOURCE: Final = "BSR20190088 (hemihepatectomy for HCC; denominator not stated)"
CHINA_SOURCE: Final = (
    "Published knowledge base of HCC guidelines (secondary; denominator not stated)"
)
PLATELET_SOURCE: Final = "PMC7002877"
HBS_SOURCE: Final = "PMC7260406"
KUBOTA_SOURCE: Final = f"Kubota (40 or 50 % by ICG); {TABLE}"
NO_DENOMINATOR: Final = "the measured liver without tumour (denominator not stated in the source)"
HEMIHEPATECTOMIES: Final = ("right_hepatectomy", "left_hepatectomy")
# What right and left hepatectomy remove, with or without segment I; Brisbane 2000 (dxye.com).
HALVES: Final = (frozenset({"V", "VI", "VII", "VIII"}), frozenset({"II", "III", "IV"}))
# The rule behind each word of `cirrhosis`; where it is not answered both stand.
BY_CIRRHOSIS: Final = {"no": "FLR-B-FIBROSIS", "yes": "FLR-B-CIRRHOSIS"}


def _by_cirrhosis(
    limits: tuple[Limit, ...], answers: Answers
) -> tuple[tuple[Limit, ...], tuple[Missing, ...]]:
    """Of the two minima for a fibrotic liver, the one its cirrhosis decides."""
    if not any(limit.background == FIBROTIC for limit in limits):
        return limits, ()
    wanted = BY_CIRRHOSIS.get(str(answers.get("cirrhosis")))
    if wanted is None:
        return limits, (Missing("/cirrhosis", "Not stated whether there is cirrhosis."),)
    return tuple(one for one in limits if one.background != FIBROTIC or one.rule == wanted), ()


def _bile_duct(answers: Answers) -> str:
    if answers.get("bile_duct_resection") == "yes":
        return ""
    return "This minimum is for a hepatectomy with bile duct resection."


def _hemihepatectomy_for_hcc(answers: Answers) -> str:
    operation = answer_at(dict(answers), ("recommendation", "operation"))
    half = operation in HEMIHEPATECTOMIES if operation else _removes_a_half(answers)
    if answers.get("entity") == "hcc" and half:
        return ""
    return "This minimum is for right or left hepatectomy for hepatocellular carcinoma."


def _removes_a_half(answers: Answers) -> bool:
    """Whether the segments to be removed are those of a hemihepatectomy."""
    removed = answers.get("planned_resection")
    return isinstance(removed, list) and {str(one) for one in removed} - {"I"} in HALVES


def _hcc_without_cirrhosis(answers: Answers) -> str:
    if answers.get("entity", "hcc") == "hcc" and answers.get("cirrhosis") == "no":
        return ""
    return "These minima are for hepatocellular carcinoma without cirrhosis."


BODY_SURFACE_BACKGROUND: Final = Family(
    id="flr-body-surface-background",
    title="FLR to body surface, by background",
    version="s12893-021-01065-x",
    source=SURFACE_SOURCE,
    unit=BODY_SURFACE.unit,
    denominator=BODY_SURFACE.denominator,
    index=BODY_SURFACE.index,
    limits=(
        Limit("FLR-B-NORMAL", NORMAL, 203, SURFACE_SOURCE, Trust.SOURCED),
        Limit("FLR-B-FIBROSIS", FIBROTIC, 194, SURFACE_SOURCE, Trust.SOURCED),
        Limit("FLR-B-CIRRHOSIS", FIBROTIC, 224, SURFACE_SOURCE, Trust.SOURCED),
    ),
    narrowed=_by_cirrhosis,
)
BILE_DUCT: Final = Family(
    id="flr-bile-duct",
    title="FLR to body surface, with bile duct resection",
    version="PMC7893452",
    source=BILE_DUCT_SOURCE,
    unit=BODY_SURFACE.unit,
    denominator=BODY_SURFACE.denominator,
    index=BODY_SURFACE.index,
    limits=(Limit("FLR-D-300", ANY_BACKGROUND, 300, BILE_DUCT_SOURCE, Trust.SOURCED),),
    applies=_bile_duct,
)
HEMIHEPATECTOMY: Final = Family(
    id="flr-hemihepatectomy-hcc",
    title="FLR for hemihepatectomy in HCC",
    version="BSR20190088",
    source=HEMI_SOURCE,
    unit="%",
    denominator=NO_DENOMINATOR,
    index=MEASURED.index,
    limits=(Limit("FLR-H-42.7", ANY_BACKGROUND, 42.7, HEMI_SOURCE, Trust.DERIVED),),
    applies=_hemihepatectomy_for_hcc,
)
HCC_GUIDELINES: Final = Family(
    id="flr-hcc-guidelines",
    title="FLR in HCC without cirrhosis (NHC or NCCN)",
    version="secondary",
    source=CHINA_SOURCE,
    unit="%",
    denominator=NO_DENOMINATOR,
    index=MEASURED.index,
    limits=(
        Limit("FLR-G-NHC", ANY_BACKGROUND, 30, CHINA_SOURCE, Trust.GENERAL_KNOWLEDGE, "nhc-30"),
        Limit("FLR-G-NCCN", ANY_BACKGROUND, 20, CHINA_SOURCE, Trust.GENERAL_KNOWLEDGE, "nccn-20"),
    ),
    options=(Option("guideline", ("nhc-30", "nccn-20"), "nhc-30", "Whose minimum applies."),),
    applies=_hcc_without_cirrhosis,
)
MEASURED_FIBROSIS: Final = Family(
    id="flr-measured-fibrosis",
    title="Measured FLR in fibrosis or cirrhosis, other minima",
    version="PMC6422720",
    source=f"{TABLE}; s00268-010-0663-5",
    unit="%",
    denominator=MEASURED.denominator,
    index=MEASURED.index,
    limits=(
        Limit("FLR-K-40", FIBROTIC, 40, KUBOTA_SOURCE, Trust.SOURCED, "kubota-40"),
        Limit("FLR-K-50", FIBROTIC, 50, KUBOTA_SOURCE, Trust.SOURCED, "kubota-50"),
        Limit(
            "FLR-K-OVER-50",
            FIBROTIC,
            50,
            "s00268-010-0663-5 (cirrhosis)",
            Trust.SOURCED,
            "over-50",
            exclusive=True,
        ),
        Limit(
            "FLR-K-SECONDARY",
            FIBROTIC,
            30,
            "30 to 40 %, secondary source",
            Trust.GENERAL_KNOWLEDGE,
            "secondary-30",
        ),
    ),
    options=(
        Option(
            "fibrosis",
            ("kubota-50", "kubota-40", "over-50", "secondary-30"),
            "kubota-50",
            "Whose minimum applies; Kubota's depends on ICG, and the cut was not read.",
        ),
    ),
)
SPECIAL_FAMILIES: Final = (
    MEASURED_FIBROSIS,
    BODY_SURFACE_BACKGROUND,
    BILE_DUCT,
    HEMIHEPATECTOMY,
    HCC_GUIDELINES,
)

NOT_PREDICTED: Final = Category(0, "not_predicted", "Liver failure not predicted")
PREDICTED: Final = Category(1, "predicted", "Liver failure predicted")


def _small_for_weight(answers: Answers, _options: Options) -> Finding:
    index = BODY_WEIGHT.index(answers)
    if index.most < 0.55:
        return yes(f"FLR {index.most:.2f} % of body weight, below 0.55 %.")
    if index.least >= 0.55:
        return NO
    return still_open(*((one.pointer, one.text) for one in index.missing))


def _few_platelets(answers: Answers, _options: Options) -> Finding:
    platelets = amount(answers, PLATELETS)
    if not platelets.known:
        return still_open((f"/{PLATELETS.field}", "Platelets not entered."))
    return yes(f"Platelets {platelets.least:g} ×10⁹/L.") if platelets.least < 140 else NO


WEIGHT_AND_PLATELETS: Final = OpenTable(
    id="flr-weight-platelets",
    title="FLR to body weight with platelets",
    version="PMC7002877",
    source=PLATELET_SOURCE,
    lowest=NOT_PREDICTED,
    otherwise=Fired(
        "FLR-P-0",
        PLATELET_SOURCE,
        Trust.SOURCED,
        "FLR from 0.55 % of body weight, or platelets from 140 ×10⁹/L.",
    ),
    rules=(
        OpenRule(
            "FLR-P-1",
            PREDICTED,
            PLATELET_SOURCE,
            Trust.SOURCED,
            lambda a, o: all_of([_small_for_weight(a, o), _few_platelets(a, o)]),
        ),
    ),
)


def _function(answers: Answers, _options: Options) -> Evaluation:
    """Mebrofenin uptake of the remnant against 2.7 per cent per minute per m2."""
    value = amount(answers, HBS)
    best = ADEQUATE if value.most >= 2.7 else INADEQUATE
    worst = ADEQUATE if value.least >= 2.7 else INADEQUATE
    text = f"Uptake of the remnant {value.least:g} %/min/m², minimum 2.7 %/min/m²."
    return Evaluation(
        FUNCTION.id,
        FUNCTION.title,
        FUNCTION.version,
        **result(best, worst),
        fired=(Fired("FLR-F-2.7", HBS_SOURCE, Trust.SOURCED, text),) if value.known else (),
        missing=() if value.known else (HBS.missing,),
    )


FUNCTION: Final = Ruleset(
    "flr-function", "FLR function (mebrofenin)", "PMC7260406", HBS_SOURCE, _function
)
