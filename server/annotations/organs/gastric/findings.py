"""The structures of a gastric case by name, and what its rules read of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from server.annotations.decision import Answers, Flag, Options
from server.annotations.organs import scale
from server.annotations.organs.generic import involvement
from server.annotations.organs.scale import Fact, Reading

# Counted by the criteria: every major vessel but the splenic artery; what leaves with the stomach
# is no reason either.
MAJOR: Final = {
    "ca": "Coeliac axis",
    "cha": "CHA",
    "pha": "PHA",
    "sma": "SMA",
    "aorta": "Aorta",
    "smv_pv": "SMV/PV",
    "ivc": "IVC",
}
RECORDED: Final = {
    "left_gastric_artery": "Left gastric artery",
    "splenic_artery": "Splenic artery",
    "splenic_vein": "Splenic vein",
}
VESSELS: Final = {**MAJOR, **RECORDED}
ORGANS: Final = {
    "pancreas": "Pancreas",
    "transverse_colon": "Transverse colon",
    "spleen": "Spleen",
    "liver": "Liver",
    "diaphragm": "Diaphragm",
    "small_intestine": "Small intestine",
    "adrenal_gland": "Adrenal gland",
    "kidney": "Kidney",
    "abdominal_wall": "Abdominal wall",
    "retroperitoneum": "Retroperitoneum",
}
NODES: Final = {
    "mesenteric_root_nodes": "Nodes at the root of the mesentery",
    "para_aortic_nodes": "Para-aortic nodes",
}
CERTAINTIES: Final = ("none", "suspected", "probable", "proven")
PROBABLE, PROVEN = 2, 3


def spread_and_vessels(answers: Answers, _options: Options) -> Reading:
    """What the criteria for unresectability read."""
    return Reading(
        (
            scale.distant_disease(answers),
            scale.rung(
                "peritoneal_metastasis",
                answers.get("peritoneal_metastasis"),
                CERTAINTIES,
                "/peritoneal_metastasis",
                "Peritoneal metastasis",
            ),
            _cytology(answers),
            *(
                scale.rung(name, answers.get(name), CERTAINTIES, f"/{name}", words)
                for name, words in NODES.items()
            ),
            *(involvement.vessel_fact(answers, name, words) for name, words in MAJOR.items()),
        ),
        flags=tuple(_flags(answers)),
    )


def neighbours(answers: Answers, options: Options) -> Reading:
    """What T4b reads: each adjacent structure."""
    return Reading(
        tuple(
            involvement.structure_fact(answers, ("organs", name), words, options)
            for name, words in ORGANS.items()
        ),
        flags=tuple(Flag("contradiction", text) for _, text in contradictions(answers)),
    )


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot both be true, as (JSON pointer, sentence)."""
    found = [
        *involvement.contradictions(answers, VESSELS),
        *scale.disease_contradictions(answers),
    ]
    invaded = [words for name, words in ORGANS.items() if _is_invaded(answers, name)]
    if invaded and answers.get("ct") in ("t1", "t2", "t3", "t4a"):
        text = f"cT{str(answers['ct'])[1:]} is given, and {', '.join(invaded)} invaded."
        found.append(("/ct", text))
    if answers.get("cytology") == "positive" and answers.get("laparoscopy") == "not_done":
        text = "Cytology is positive, and no laparoscopy was done."
        found.append(("/laparoscopy", text))
    stations = answers.get("stations_involved")
    if isinstance(stations, list) and "16" in stations and _none(answers, "para_aortic_nodes"):
        text = "Station 16 is given as involved, and no para-aortic nodes."
        found.append(("/para_aortic_nodes", text))
    if scale.number_of(answers.get("pci")) and _none(answers, "peritoneal_metastasis"):
        text = f"A peritoneal cancer index of {answers['pci']}, and no peritoneal metastasis."
        found.append(("/peritoneal_metastasis", text))
    return found


def _none(answers: Answers, name: str) -> bool:
    return answers.get(name) == "none"


def _is_invaded(answers: Answers, name: str) -> bool:
    return scale.group(answers, "organs").get(name) == "invaded"


def _cytology(answers: Answers) -> Fact:
    value = answers.get("cytology")
    if value in ("negative", "positive"):
        return scale.known("cytology", value == "positive")
    done = " was not done" if value == "not_done" else " not assessed"
    return scale.unknown("cytology", False, True, "/cytology", f"Peritoneal cytology{done}")


def _flags(answers: Answers) -> Iterator[Flag]:
    yield from scale.unproven_disease(answers)
    yield from involvement.haze_flags(answers, VESSELS)
    for pointer, words in {**NODES, "peritoneal_metastasis": "Peritoneal metastasis"}.items():
        value = answers.get(pointer)
        if value in ("suspected", "probable"):
            yield Flag("unproven", f"{words}: {value}, not proven.")
    for name, words in RECORDED.items():
        fact = involvement.vessel_fact(answers, name, words)
        if fact.best == involvement.TAKEN:
            text = f"{words} invaded or encased: recorded, not counted by these criteria."
            yield Flag("not_addressed", text)
    for _, text in contradictions(answers):
        yield Flag("contradiction", text)
