"""Lung: the T category of the 8th edition, by size, invasion and separate nodules."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Final

from server.annotations.decision import Answers, Category, Flag, Options, Trust
from server.annotations.organs.lung.findings import (
    NODULES,
    OTHER_VESSELS,
    T2_STRUCTURES,
    T3_STRUCTURES,
    T4_STRUCTURES,
    great_vessels,
    invaded,
    nodule_of_same_lung,
    remarks,
)
from server.annotations.organs.scale import (
    CONTACT,
    Case,
    Reading,
    Rule,
    RuleTable,
    degrees_of,
    known,
    listed,
    number_of,
    sentence,
    unknown,
    yes_or_no,
)
from server.annotations.organs.vessels import vessel_answers

SOURCE: Final = "TNM lung, 8th edition, s43055-019-0081-0 (table 1)"
T4_SOURCE: Final = f"{SOURCE}; great vessels as in ctsnet Mountain p53"

T_STEPS: Final = tuple(
    Category(rank, code, f"Category {code}")
    for rank, code in enumerate(("T1a", "T1b", "T1c", "T2a", "T2b", "T3", "T4"))
)
T1A, T1B, T1C, T2A, T2B, T3, T4 = T_STEPS
# Largest size in mm up to which a category goes, s43055-019-0081-0 table 1.
UP_TO_MM: Final = {T1A: 10, T1B: 20, T1C: 30, T2A: 40, T2B: 50, T3: 70}
SAME_LOBE: Final = NODULES.index("same_lobe")
OTHER_LOBE: Final = NODULES.index("other_ipsilateral_lobe")

# What each invaded or touched part would ask of an operation; derived.
NEEDS: Final = {
    "Main bronchus": "sleeve_resection",
    "Chest wall": "chest_wall_resection",
    "Diaphragm": "diaphragm_reconstruction",
    "Heart": "cardiopulmonary_bypass",
    "Trachea": "carinal_resection",
    "Carina": "carinal_resection",
    "Vertebral body": "vertebral_resection",
    "Aorta": "cardiopulmonary_bypass",
    "SVC": "svc_reconstruction",
    "IVC": "ivc_reconstruction",
    "Main pulmonary artery": "cardiopulmonary_bypass",
    "Intrapericardial pulmonary artery": "pneumonectomy",
    "Intrapericardial pulmonary veins": "pneumonectomy",
    "Interlobar or lobar pulmonary artery": "pulmonary_artery_reconstruction",
    "Subclavian artery": "arterial_resection",
    "Brachiocephalic vein": "svc_reconstruction",
}


def read(answers: Answers, options: Options) -> Reading:
    """The facts that make the T category."""
    size = number_of(answers.get("size_mm"))
    text = "Size of the tumour not given"
    atelectasis = yes_or_no(answers, "atelectasis", "Atelectasis to the hilum")
    t2 = [*invaded(answers, options, T2_STRUCTURES), ("Atelectasis to the hilum", atelectasis)]
    others = tuple(words for name, words in OTHER_VESSELS.items() if _touched(answers, name))
    return Reading(
        (
            known("mm", size) if size else unknown("mm", 0.0, inf, "/size_mm", text),
            listed("t2", t2),
            listed("t3", invaded(answers, options, T3_STRUCTURES)),
            listed("t4", [*invaded(answers, options, T4_STRUCTURES), *great_vessels(answers)]),
            nodule_of_same_lung(answers),
            known("others", others),
        ),
        (*remarks(answers), *_other_lung(answers)),
    )


def _other_lung(answers: Answers) -> Iterable[Flag]:
    if answers.get("separate_nodule") == "contralateral":
        yield Flag("m1a", "A tumour nodule in the other lung is M1a, and no T category.")


def _touched(answers: Answers, name: str) -> bool:
    raw = vessel_answers(answers, name)
    return bool(degrees_of(raw.get("contact_deg"))) or raw.get("invaded") is True


def _size(case: Case) -> str:
    return f"Size {case['mm']:g} mm."


def _by_size(step: Category, over: float, up_to: float) -> Rule:
    def applies(case: Case) -> bool:
        return bool(over < case["mm"] <= up_to)

    return Rule(f"LT-{step.code[1:].upper()}-S", step, SOURCE, Trust.SOURCED, applies, _size)


def _by_parts(step: Category, name: str, source: str) -> Rule:
    def applies(case: Case) -> bool:
        return bool(case[name])

    def text(case: Case) -> str:
        return f"{', '.join(case[name])}."

    return Rule(f"LT-{step.code[1:].upper()}-I", step, source, Trust.SOURCED, applies, text)


def _by_nodule(step: Category, place: int, text: str) -> Rule:
    def applies(case: Case) -> bool:
        return bool(case["nodule"] >= place)

    id_ = f"LT-{step.code[1:].upper()}-N"
    return Rule(id_, step, SOURCE, Trust.SOURCED, applies, sentence(text))


def _remarks(case: Case, _best: Category, _worst: Category) -> Iterable[Flag]:
    if "Recurrent laryngeal nerve" in case["t4"]:
        text = "The recurrent laryngeal nerve is invaded: usually inoperable (ctsnet Mountain p53)."
        yield Flag("recurrent_laryngeal_nerve", text)
    for words in case["others"]:
        yield Flag("not_addressed", f"{words} touched: no T category follows from it.")


def _capabilities(case: Case) -> tuple[str, ...]:
    parts = (*case["t2"], *case["t3"], *case["t4"], *case["others"])
    return tuple(dict.fromkeys(NEEDS[part] for part in parts if part in NEEDS))


TNM8_T: Final = RuleTable(
    id="tnm8-t",
    title="T category (TNM 8)",
    version="8",
    source=T4_SOURCE,
    read=read,
    rules=(
        _by_size(T4, UP_TO_MM[T3], inf),
        _by_parts(T4, "t4", T4_SOURCE),
        _by_nodule(T4, OTHER_LOBE, "Separate nodule in another lobe of the same lung."),
        _by_size(T3, UP_TO_MM[T2B], UP_TO_MM[T3]),
        _by_parts(T3, "t3", SOURCE),
        _by_nodule(T3, SAME_LOBE, "Separate nodule in the same lobe."),
        _by_size(T2B, UP_TO_MM[T2A], UP_TO_MM[T2B]),
        _by_size(T2A, UP_TO_MM[T1C], UP_TO_MM[T2A]),
        _by_parts(T2A, "t2", SOURCE),
        _by_size(T1C, UP_TO_MM[T1B], UP_TO_MM[T1C]),
        _by_size(T1B, UP_TO_MM[T1A], UP_TO_MM[T1B]),
    ),
    otherwise=Rule("LT-1A", T1A, SOURCE, Trust.SOURCED, lambda _case: True, _size),
    options=(CONTACT,),
    remarks=_remarks,
    capabilities=_capabilities,
)
