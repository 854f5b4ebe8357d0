"""The structures of a retroperitoneal sarcoma by name, and what its rules read of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from server.annotations.decision import Answers, Flag, Options
from server.annotations.organs import scale
from server.annotations.organs.generic import involvement
from server.annotations.organs.scale import Fact, Reading

ARTERIES: Final = {
    "aorta": "Aorta",
    "ca": "Coeliac axis",
    "sma": "SMA",
    "renal_artery": "Renal artery",
    "common_iliac_artery": "Common iliac artery",
    "external_iliac_artery": "External iliac artery",
}
VEINS: Final = {
    "ivc": "IVC",
    "smv_pv": "SMV/PV",
    "renal_vein": "Renal vein",
    "common_iliac_vein": "Common iliac vein",
    "external_iliac_vein": "External iliac vein",
}
VESSELS: Final = {**ARTERIES, **VEINS}
# Coeliaco-mesenteric, in the words of the series on unresectability.
COELIACO_MESENTERIC: Final = ("ca", "sma", "smv_pv")
ORGANS: Final = {
    "kidney": "Kidney",
    "adrenal_gland": "Adrenal gland",
    "ureter": "Ureter",
    "colon": "Colon",
    "small_intestine": "Small intestine",
    "duodenum": "Duodenum",
    "pancreas": "Pancreas",
    "spleen": "Spleen",
    "stomach": "Stomach",
    "liver": "Liver",
    "diaphragm": "Diaphragm",
    "psoas": "Psoas muscle",
    "abdominal_wall": "Abdominal wall",
    "bladder": "Bladder",
    "uterus_adnexa": "Uterus and adnexa",
    "spine": "Vertebra",
    "neural_foramen": "Neural foramen",
    "pelvic_bone": "Pelvic bone",
}
BONES: Final = ("spine", "neural_foramen", "pelvic_bone")
NERVES: Final = {
    "femoral_nerve": "Femoral nerve",
    "lumbar_plexus": "Lumbar plexus",
    "obturator_nerve": "Obturator nerve",
    "sciatic_nerve": "Sciatic nerve or sacral plexus",
}
CERTAINTIES: Final = ("none", "suspected", "probable", "proven")
PROVEN: Final = 3


def everything(answers: Answers, options: Options) -> Reading:
    """What the set on resectability reads."""
    return Reading(
        (
            scale.distant_disease(answers),
            scale.rung(
                "sarcomatosis",
                answers.get("sarcomatosis"),
                CERTAINTIES,
                "/sarcomatosis",
                "Sarcomatosis",
            ),
            _rest(answers),
            *_vessel_facts(answers),
            *(
                involvement.structure_fact(answers, (within, name), words, options)
                for within, names in (("organs", ORGANS), ("nerves", NERVES))
                for name, words in names.items()
            ),
        ),
        flags=tuple(_flags(answers)),
    )


def vessels_only(answers: Answers, _options: Options) -> Reading:
    """What the type of vessel involvement reads."""
    return Reading(
        tuple(involvement.vessel_fact(answers, name, words) for name, words in VESSELS.items())
    )


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot both be true, as (JSON pointer, sentence)."""
    return [
        *involvement.contradictions(answers, VESSELS),
        *scale.disease_contradictions(answers),
    ]


def not_planned(answers: Answers) -> Iterator[tuple[str, str]]:
    """What is invaded and not among what is to be resected, as (JSON pointer, sentence)."""
    for within, plan, names in (
        ("organs", "en_bloc_organs", ORGANS),
        ("nerves", "en_bloc_nerves", NERVES),
    ):
        planned = answers.get(plan)
        invaded = [
            words
            for name, words in names.items()
            if scale.group(answers, within).get(name) == "invaded"
            and not (isinstance(planned, list) and name in planned)
        ]
        if invaded:
            yield f"/{plan}", f"Invaded, and not to be resected: {', '.join(invaded)}."


def _vessel_facts(answers: Answers) -> Iterator[Fact]:
    for name, words in VESSELS.items():
        yield involvement.vessel_fact(answers, name, words)
        yield involvement.lost_fact(answers, name, words)


def _rest(answers: Answers) -> Fact:
    value = answers.get("expected_resection")
    if value in ("r0_r1", "r2"):
        return scale.known("rest", value == "r2")
    text = "Resection expected not assessed"
    return scale.unknown("rest", False, True, "/expected_resection", text)


def _flags(answers: Answers) -> Iterator[Flag]:
    yield from scale.unproven_disease(answers)
    yield from involvement.haze_flags(answers, VESSELS)
    if answers.get("multifocality") == "multifocal":
        yield Flag("multifocal", "Multifocal: managed by the TARPSWG statements (petermac 5539).")
    if answers.get("sarcomatosis") in ("suspected", "probable"):
        yield Flag("unproven", f"Sarcomatosis: {answers['sarcomatosis']}, not proven.")
    nerves = answers.get("en_bloc_nerves")
    if isinstance(nerves, list) and nerves:
        named = ", ".join(NERVES.get(str(name), str(name)) for name in nerves)
        yield Flag("nerve_deficit", f"To be resected: {named}; a deficit is to be expected.")
    for _, text in (*contradictions(answers), *not_planned(answers)):
        yield Flag("contradiction", text)
