"""From answers about the pelvis to facts: structures, compartments, vessels, nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from server.annotations.decision import Answers, Flag, Options
from server.annotations.organs.scale import (
    Fact,
    degrees_of,
    disease_contradictions,
    group,
    invasion,
    known,
    listed,
    number_of,
    unknown,
    word_of,
)
from server.annotations.organs.vessels import (
    contact_unknown,
    vessel_answers,
    vessel_contradictions,
    vessel_invaded,
    vessel_remarks,
)

STRUCTURES: Final = {
    "bladder": "Bladder",
    "prostate": "Prostate",
    "seminal_vesicles": "Seminal vesicles",
    "uterus": "Uterus",
    "vagina": "Vagina",
    "ureter_left": "Left ureter",
    "ureter_right": "Right ureter",
    "urethra": "Urethra",
    "pelvic_floor": "Pelvic floor",
    "piriformis": "Piriformis muscle",
    "obturator_nerve": "Obturator nerve",
    "sciatic_nerve": "Sciatic nerve or sacral plexus",
    "pubic_bone": "Pubic bone",
}
# The seven compartments of pelvic MRI, doi 10.1097/SLA.0000000000005715.
COMPARTMENTS: Final = {
    "peritoneal_reflection": "Peritoneal reflection",
    "anterior_above": "Anterior compartment above the peritoneal reflection",
    "anterior_below": "Anterior compartment below the peritoneal reflection",
    "central": "Central compartment",
    "posterior": "Posterior compartment",
    "lateral": "Lateral compartment",
    "inferior": "Inferior compartment",
}
SACRUM: Final = ("none", "coccyx", "s5", "s4", "s3", "s2", "s1")  # from best to worst
SIDES: Final = ("left", "right")
EXTERNAL_ILIAC: Final = {
    f"external_iliac_{kind}_{side}": f"{side.capitalize()} external iliac {kind}"
    for side in SIDES
    for kind in ("artery", "vein")
}
INTERNAL_ILIAC: Final = {
    f"internal_iliac_{kind}_{side}": f"{side.capitalize()} internal iliac {kind}"
    for side in SIDES
    for kind in ("artery", "vein")
}
VESSELS: Final = {**EXTERNAL_ILIAC, **INTERNAL_ILIAC}
OVER: Final = 180
# Depth beyond the muscularis propria in mm, doi 10.5812/iranjradiol.16801: ends of T3a, T3b, T3c.
T3_MM: Final = (1.0, 5.0, 15.0)


def structures(answers: Answers, options: Options) -> Iterator[tuple[str, Fact]]:
    """Every structure and vessel of the pelvis with its words, and the sacrum: whether invaded."""
    for name, words in STRUCTURES.items():
        yield words, invasion(answers, ("structures", name), words, options)
    level = sacrum(answers)
    yield "Sacrum or coccyx", Fact("sacrum", level.best > 0, level.worst > 0, level.gaps)
    for name, words in VESSELS.items():
        yield words, vessel_invaded(answers, name, words)


def compartments(
    answers: Answers, options: Options, names: tuple[str, ...]
) -> Iterator[tuple[str, Fact]]:
    """Compartments with their words: whether they are invaded."""
    for name in names:
        words = COMPARTMENTS[name]
        yield words, invasion(answers, ("compartments", name), words, options)


def sacrum(answers: Answers) -> Fact:
    """The highest level of the sacrum that is invaded, as a place in SACRUM."""
    value = word_of(answers.get("sacrum_level"), SACRUM)
    if value is not None:
        return known("sacrum", SACRUM.index(value))
    text = "Invasion of the sacrum not assessed"
    return unknown("sacrum", 0, len(SACRUM) - 1, "/sacrum_level", text)


def encased(answers: Answers, name: str) -> Fact:
    """Whether a vessel is touched over 180 degrees."""
    raw = vessel_answers(answers, name)
    degrees = degrees_of(raw.get("contact_deg"))
    if degrees is not None:
        return known(name, degrees > OVER)
    text = contact_unknown(raw, VESSELS[name])
    return unknown(name, False, True, f"/vessels/{name}/contact_deg", text)


def external_iliac(answers: Answers) -> Fact:
    """The external iliac vessels that are encased."""
    return listed("iliac", ((w, encased(answers, name)) for name, w in EXTERNAL_ILIAC.items()))


def external_iliac_occluded(answers: Answers) -> Fact:
    """The external iliac vessels that are occluded, of which the published list does not speak."""
    names = (w for n, w in EXTERNAL_ILIAC.items() if _patency(answers, n) == "occluded")
    return known("occluded", tuple(names))


def _patency(answers: Answers, name: str) -> object:
    return vessel_answers(answers, name).get("patency")


def touched_vessels(answers: Answers) -> tuple[str, ...]:
    """The vessels with any contact, or occluded."""
    return tuple(
        name
        for name in VESSELS
        if degrees_of(vessel_answers(answers, name).get("contact_deg"))
        or _patency(answers, name) == "occluded"
    )


def after_radiotherapy(answers: Answers) -> tuple[bool, ...]:
    """Whether the imaging follows radiotherapy; both where that is not stated."""
    value = answers.get("after_radiotherapy")
    return (value,) if isinstance(value, bool) else (False, True)


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot both be true, as (JSON pointer, sentence)."""
    return [
        *_wall(answers),
        *_inside(answers),
        *vessel_contradictions(answers, VESSELS),
        *disease_contradictions(answers),
    ]


def remarks(answers: Answers) -> tuple[Flag, ...]:
    """The contradictions as flags, and what was taken as harmless."""
    return vessel_remarks(answers, VESSELS, contradictions(answers))


def _wall(answers: Answers) -> Iterator[tuple[str, str]]:
    stage, depth = answers.get("ct"), number_of(answers.get("extramural_depth_mm"))
    if stage == "t1_t2" and depth:
        yield "/ct", f"T1 or T2 is given, and a depth of {depth:g} mm beyond the muscularis."
    if depth is not None and not _goes_with(stage, depth):
        yield "/ct", f"{str(stage).upper()} is given, and a depth of {depth:g} mm."
    invaded = [
        words for words, fact in structures(answers, {"contact": "not-invaded"}) if fact.best
    ]
    if invaded and word_of(stage, ("t1_t2", "t3a", "t3b", "t3c", "t3d", "t4a")):
        yield "/ct", f"{str(stage)[:3].upper()} is given, and an invaded structure: {invaded[0]}."


def _goes_with(stage: object, depth_mm: float) -> bool:
    """Whether a sub-stage of T3 can have that depth; both T3b and T3c are printed to hold 5 mm."""
    first, second, third = T3_MM
    return {
        "t3a": 0 < depth_mm < first,
        "t3b": first <= depth_mm <= second,
        "t3c": second <= depth_mm <= third,
        "t3d": depth_mm > third,
    }.get(str(stage), True)


def _inside(answers: Answers) -> Iterator[tuple[str, str]]:
    compartment = group(answers, "compartments")
    if compartment.get("lateral") == "clear":
        for name in touched_vessels(answers):
            yield (
                "/compartments/lateral",
                f"Lateral compartment clear, and contact with the {VESSELS[name].lower()}.",
            )
    sacral = word_of(answers.get("sacrum_level"), SACRUM[1:])
    if compartment.get("posterior") == "clear" and sacral not in (None, "coccyx"):
        yield "/compartments/posterior", "Posterior compartment clear, and the sacrum invaded."
