"""From answers about the hilum of the liver to facts: ducts, vessels, lobes, patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from server.annotations.decision import Answers, Flag, Missing
from server.annotations.organs.scale import (
    Fact,
    degrees_of,
    disease_contradictions,
    group,
    known,
    lumen_taken,
    unknown,
    word_of,
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
    raw = group(answers, "vessels").get(name)
    raw = raw if isinstance(raw, Mapping) else {}
    degrees = degrees_of(raw.get("contact_deg"))
    if _lost(raw) or (degrees or 0) > OVER:
        return known(name, ENCASED)
    if degrees == 0 or (degrees and raw.get("invaded") is False):
        return known(name, ABUTTED if degrees else CLEAR)
    if degrees is not None:
        text = f"{VESSELS[name]}: touched, {degrees}°, not stated whether invaded"
        return unknown(name, ABUTTED, ENCASED, f"/vessels/{name}/invaded", text)
    if raw.get("present") is False and "contact_deg" not in raw:
        return known(name, CLEAR)
    why = "not visible" if raw.get("contact_deg") == "not_visible" else "not assessed"
    text = f"{VESSELS[name]}: contact {why}"
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
    return [*_of_vessels(answers), *disease_contradictions(answers)]


def remarks(answers: Answers) -> tuple[Flag, ...]:
    """The contradictions as flags, and what was taken as harmless."""
    wrong = (Flag("contradiction", text) for _, text in contradictions(answers))
    return (*wrong, *lumen_taken(answers, VESSELS))


def _lost(raw: Mapping[str, Any]) -> bool:
    return (
        raw.get("invaded") is True
        or raw.get("patency") == "occluded"
        or raw.get("thrombus") == "tumour"
    )


def _of_vessels(answers: Answers) -> Iterator[tuple[str, str]]:
    vessels = group(answers, "vessels")
    for name, words in VESSELS.items():
        raw = vessels.get(name)
        if not isinstance(raw, Mapping):
            continue
        degrees = degrees_of(raw.get("contact_deg"))
        if degrees == 0 and raw.get("invaded") is True:
            yield f"/vessels/{name}/invaded", f"{words}: invaded, and contact of 0°."
        if degrees == 0 and raw.get("thrombus") == "tumour":
            yield f"/vessels/{name}/thrombus", f"{words}: tumour thrombus, and contact of 0°."
        if raw.get("present") is False and (degrees or _lost(raw)):
            yield f"/vessels/{name}/present", f"{words}: not present, and contact with it."
