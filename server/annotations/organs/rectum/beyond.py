"""What lies beyond the mesorectal plane, and what was once held against resecting it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from server.annotations.decision import Answers, Category, Flag, Options, Trust
from server.annotations.organs.rectum.findings import (
    COMPARTMENTS,
    SACRUM,
    compartments,
    external_iliac,
    external_iliac_occluded,
    remarks,
    sacrum,
    structures,
    touched_vessels,
)
from server.annotations.organs.scale import (
    CONTACT,
    Case,
    Reading,
    Rule,
    RuleTable,
    distant_disease,
    invasion,
    known,
    listed,
    sentence,
    unproven_disease,
    yes_or_no,
)

COMPARTMENT_SOURCE: Final = (
    "Seven compartments of pelvic MRI, doi 10.1097/SLA.0000000000005715; that what lies outside "
    "the central one needs surgery beyond TME is derived"
)
HISTORIC_SOURCE: Final = "wjgnet 1007-9327 v23/i23/4170 (table 1), recurrent rectal cancer"

WITHIN: Final = Category(0, "within_tme", "Within the mesorectal plane")
BEYOND: Final = Category(1, "beyond_tme", "Beyond the mesorectal plane")
NOT_LISTED: Final = Category(0, "not_listed", "No listed contraindication")
LISTED: Final = Category(1, "listed", "Listed contraindication, centre-dependent")

# The mesorectum itself, and the peritoneum that is taken with it.
INSIDE: Final = ("central", "peritoneal_reflection")
OUTSIDE: Final = tuple(name for name in COMPARTMENTS if name not in INSIDE)
# Above the S2-S3 junction, wjgnet v23/i23/4170 table 1.
HIGH_SACRUM: Final = SACRUM.index("s2")

# What each invaded part would ask of an operation; derived.
NEEDS: Final = {
    "Bladder": "pelvic_exenteration",
    "Prostate": "pelvic_exenteration",
    "Seminal vesicles": "pelvic_exenteration",
    "Urethra": "pelvic_exenteration",
    "Uterus": "pelvic_exenteration",
    "Vagina": "pelvic_exenteration",
    "Left ureter": "ureter_reconstruction",
    "Right ureter": "ureter_reconstruction",
    "Pelvic floor": "extralevator_excision",
    "Piriformis muscle": "pelvic_sidewall_resection",
    "Obturator nerve": "pelvic_sidewall_resection",
    "Sciatic nerve or sacral plexus": "pelvic_sidewall_resection",
    "Pubic bone": "pubic_bone_resection",
    "Sacrum or coccyx": "sacrectomy",
    COMPARTMENTS["lateral"]: "pelvic_sidewall_resection",
    COMPARTMENTS["inferior"]: "extralevator_excision",
    COMPARTMENTS["anterior_above"]: "pelvic_exenteration",
    COMPARTMENTS["anterior_below"]: "pelvic_exenteration",
}


def _parts(answers: Answers, options: Options) -> Reading:
    outside = [*compartments(answers, options, OUTSIDE), *structures(answers, options)]
    vessels = known("vessels", touched_vessels(answers))
    return Reading((listed("parts", outside), vessels), remarks(answers))


def _needs(case: Case) -> tuple[str, ...]:
    needed = [NEEDS[part] for part in case["parts"] if part in NEEDS]
    if any("artery" in name for name in case["vessels"]):
        needed.append("arterial_resection")
    if any("vein" in name for name in case["vessels"]):
        needed.append("iliac_vein_reconstruction")
    return tuple(dict.fromkeys(needed))


BEYOND_TME: Final = RuleTable(
    id="beyond-tme",
    title="Compartments beyond TME",
    version="10.1097/SLA.0000000000005715",
    source=COMPARTMENT_SOURCE,
    read=_parts,
    rules=(
        Rule(
            "BT-1",
            BEYOND,
            COMPARTMENT_SOURCE,
            Trust.DERIVED,
            lambda case: bool(case["parts"]),
            lambda case: f"Invaded: {', '.join(case['parts'])}.",
        ),
    ),
    otherwise=Rule(
        "BT-0",
        WITHIN,
        COMPARTMENT_SOURCE,
        Trust.DERIVED,
        lambda _case: True,
        sentence("No compartment but the central one, and no other structure, is invaded."),
    ),
    options=(CONTACT,),
    capabilities=_needs,
)


def _historic(answers: Answers, options: Options) -> Reading:
    pubic = invasion(answers, ("structures", "pubic_bone"), "Pubic bone", options)
    facts = (
        distant_disease(answers),
        yes_or_no(answers, "primary_stage_iv", "Stage IV of the primary"),
        sacrum(answers),
        yes_or_no(answers, "sidewall_circumferential", "Circumferential sidewall involvement"),
        yes_or_no(answers, "hydronephrosis", "Hydronephrosis"),
        external_iliac(answers),
        external_iliac_occluded(answers),
        pubic,
        yes_or_no(answers, "sciatic_notch", "Extension through the sciatic notch"),
        known("disease", answers.get("disease")),
    )
    return Reading(facts, (*remarks(answers), *unproven_disease(answers)))


def _warning(case: Case, _best: Category, _worst: Category) -> Iterable[Flag]:
    text = "Written as what was once held against surgery; what is possible depends on the centre."
    yield Flag("centre_dependent", text)
    if case["disease"] == "primary":
        yield Flag("not_addressed", "The list is of recurrent cancer; this is a primary tumour.")


def _historic_rule(number: int, name: str, text: str) -> Rule:
    return Rule(
        f"EX-{number}",
        LISTED,
        HISTORIC_SOURCE,
        Trust.SOURCED,
        lambda case: bool(case[name]),
        sentence(text),
    )


HISTORIC: Final = RuleTable(
    id="exenteration-historic",
    title="Historic contraindications to exenteration",
    version="2017",
    source=HISTORIC_SOURCE,
    read=_historic,
    rules=(
        _historic_rule(1, "m1", "Distant metastases."),
        _historic_rule(2, "primary_stage_iv", "The primary was stage IV."),
        Rule(
            "EX-3",
            LISTED,
            HISTORIC_SOURCE,
            Trust.SOURCED,
            lambda case: case["sacrum"] >= HIGH_SACRUM,
            lambda case: f"Sacrum invaded up to {SACRUM[case['sacrum']].upper()}.",
        ),
        Rule(
            "EX-4",
            LISTED,
            HISTORIC_SOURCE,
            Trust.SOURCED,
            lambda case: case["sidewall_circumferential"] and case["hydronephrosis"],
            sentence("Circumferential involvement of the sidewall with hydronephrosis."),
        ),
        Rule(
            "EX-5",
            LISTED,
            HISTORIC_SOURCE,
            Trust.SOURCED,
            lambda case: bool(case["iliac"]),
            lambda case: f"Encased over 180°: {', '.join(case['iliac'])}.",
        ),
        Rule(
            "EX-8",
            LISTED,
            HISTORIC_SOURCE,
            Trust.DERIVED,
            lambda case: bool(case["occluded"]),
            lambda case: f"Occluded, taken as encased: {', '.join(case['occluded'])}.",
        ),
        _historic_rule(6, "pubic_bone", "Anterior pubic bone invaded."),
        _historic_rule(7, "sciatic_notch", "Tumour through the sciatic notch."),
    ),
    otherwise=Rule(
        "EX-0",
        NOT_LISTED,
        HISTORIC_SOURCE,
        Trust.SOURCED,
        lambda _case: True,
        sentence("None of the seven listed conditions."),
    ),
    options=(CONTACT,),
    remarks=_warning,
)

BEYOND_TABLES: Final = (BEYOND_TME, HISTORIC)
