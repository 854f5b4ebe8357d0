"""From answers about the hilum of the liver to facts: ducts, vessels, lobes, patient."""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Answers, Flag, Missing
from server.annotations.organs.scale import (
    Fact,
    degrees_of,
    disease_contradictions,
    group,
    known,
    unknown,
    word_of,
)
from server.annotations.organs.vessels import (
    contact_unknown,
    lumen_lost,
    vessel_answers,
    vessel_contradictions,
    vessel_remarks,
)

DUCTS: Final = {
    "common_hepatic_duct": "Common hepatic duct",
    "confluence": "Ductal confluence",
    "right_duct": "Right hepatic duct",
    "left_duct": "Left hepatic duct",
    "right_second_order": "Right second-order ducts",
    "left_second_order": "Left second-order ducts",
}
VESSELS: Final = {
    "main_pv": "Main portal vein",
    "right_pv": "Right portal vein",
    "left_pv": "Left portal vein",
    "cha": "Common hepatic artery",
    "pha": "Proper hepatic artery",
    "right_ha": "Right hepatic artery",
    "left_ha": "Left hepatic artery",
    "variant_ha": "Variant hepatic artery",
}
SIDES: Final = {"right": "left", "left": "right"}  # each with the other

# What a vessel may be, from best to worst. The degrees are those of the words in reporting:
# abutment up to 180, encasement over 180.
CLEAR, ABUTTED, ENCASED = 0, 1, 2
OVER: Final = 180
RUNGS: Final = {CLEAR: "clear", ABUTTED: "abutted", ENCASED: "encased, invaded or occluded"}

PROVEN: Final = ("none", "suspected", "probable", "proven")  # from best to worst


def duct(answers: Answers, name: str) -> Fact:
    """Whether a duct is involved."""
    value = group(answers, "ducts").get(name)
    if word_of(value, ("free", "involved")):
        return known(name, value == "involved")
    return unknown(name, False, True, f"/ducts/{name}", f"{DUCTS[name]} not assessed")


def vessel(answers: Answers, name: str) -> Fact:
    """A vessel as CLEAR, ABUTTED or ENCASED."""
    raw = vessel_answers(answers, name)
    degrees = degrees_of(raw.get("contact_deg"))
    if lumen_lost(raw) or (degrees or 0) > OVER:
        return known(name, ENCASED)
    if degrees == 0 or (degrees and raw.get("invaded") is False):
        return known(name, ABUTTED if degrees else CLEAR)
    if degrees is not None:
        text = f"{VESSELS[name]}: touched, {degrees}°, not stated whether invaded"
        return unknown(name, ABUTTED, ENCASED, f"/vessels/{name}/invaded", text)
    if raw.get("present") is False and "contact_deg" not in raw:
        return known(name, CLEAR)
    text = contact_unknown(raw, VESSELS[name])
    return unknown(name, CLEAR, ENCASED, f"/vessels/{name}/contact_deg", text)


def lobes(answers: Answers) -> tuple[Fact, Fact]:
    """Whether the right and the left lobe are atrophic."""
    value = word_of(answers.get("atrophy"), ("none", "right", "left"))
    if value is not None:
        return known("right_atrophy", value == "right"), known("left_atrophy", value == "left")
    gap = (Missing("/atrophy", "Lobar atrophy not assessed"),)
    return Fact("right_atrophy", False, True, gap), Fact("left_atrophy", False, True, gap)


def n2_proven(answers: Answers) -> Fact:
    """Whether nodes beyond the hepatoduodenal ligament are proven by histology."""
    value = word_of(answers.get("n2_nodes"), PROVEN)
    if value is not None:
        return known("n2_nodes", value == "proven")
    return unknown("n2_nodes", False, True, "/n2_nodes", "N2 nodes not assessed")


def fit(answers: Answers) -> Fact:
    """Whether the patient is medically unfit for the operation."""
    value = answers.get("fit_for_resection")
    if isinstance(value, bool):
        return known("unfit", not value)
    text = "Fitness for resection not assessed"
    return unknown("unfit", False, True, "/fit_for_resection", text)


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot both be true, as (JSON pointer, sentence)."""
    return [*vessel_contradictions(answers, VESSELS), *disease_contradictions(answers)]


def remarks(answers: Answers) -> tuple[Flag, ...]:
    """The contradictions as flags, and what was taken as harmless."""
    return vessel_remarks(answers, VESSELS, contradictions(answers))
