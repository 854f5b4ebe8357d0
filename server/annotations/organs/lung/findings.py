"""From answers about the chest to facts: what is invaded, and which stations are positive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from server.annotations.decision import Answers, Flag, Missing, Option, Options
from server.annotations.organs.scale import (
    Fact,
    disease_contradictions,
    distant_disease,
    group,
    invasion,
    known,
    unknown,
    word_of,
)
from server.annotations.organs.vessels import (
    vessel_contradictions,
    vessel_invaded,
    vessel_remarks,
)

LOBES: Final = {"rul": "right", "rml": "right", "rll": "right", "lul": "left", "lll": "left"}
SIDES: Final = ("right", "left")

# By the T category that invasion makes, s43055-019-0081-0 table 1.
T2_STRUCTURES: Final = {"main_bronchus": "Main bronchus", "visceral_pleura": "Visceral pleura"}
T3_STRUCTURES: Final = {
    "chest_wall": "Chest wall",
    "phrenic_nerve": "Phrenic nerve",
    "parietal_pericardium": "Parietal pericardium",
}
T4_STRUCTURES: Final = {
    "diaphragm": "Diaphragm",
    "mediastinum": "Mediastinum",
    "heart": "Heart",
    "trachea": "Trachea",
    "carina": "Carina",
    "oesophagus": "Oesophagus",
    "recurrent_laryngeal_nerve": "Recurrent laryngeal nerve",
    "vertebral_body": "Vertebral body",
}
# Great vessels as listed in ctsnet Mountain p53.
GREAT_VESSELS: Final = {
    "aorta": "Aorta",
    "svc": "SVC",
    "ivc": "IVC",
    "main_pa": "Main pulmonary artery",
    "intrapericardial_pa": "Intrapericardial pulmonary artery",
    "intrapericardial_pv": "Intrapericardial pulmonary veins",
}
OTHER_VESSELS: Final = {
    "lobar_pa": "Interlobar or lobar pulmonary artery",
    "subclavian_artery": "Subclavian artery",
    "brachiocephalic_vein": "Brachiocephalic vein",
}
VESSELS: Final = {**GREAT_VESSELS, **OTHER_VESSELS}

PAIRED: Final = {  # station number -> what it is called
    "1": "low cervical, supraclavicular",
    "2": "upper paratracheal",
    "3a": "prevascular",
    "4": "lower paratracheal",
    "8": "paraoesophageal",
    "9": "pulmonary ligament",
    "10": "hilar",
    "11": "interlobar",
    "12_14": "lobar to subsegmental",
}
SINGLE: Final = {
    "3p": "retrotracheal",
    "5": "subaortic",
    "6": "para-aortic",
    "7": "subcarinal",
}
STATIONS: Final = {
    **{
        f"s{number}_{side}": f"{number.replace('_', '-')}{side[0].upper()} ({words})"
        for number, words in PAIRED.items()
        for side in SIDES
    },
    **{f"s{number}": f"{number} ({words})" for number, words in SINGLE.items()},
}
HILAR: Final = ("10", "11", "12_14")
STATUSES: Final = ("sampled_negative", "negative", "suspicious", "proven")  # from best to worst
POSITIVE: Final = Option(
    "positive",
    ("suspicious", "proven"),
    "suspicious",
    "Which stations count: those suspicious by size or uptake and the proven ones, or those "
    "proven by tissue alone.",
)
NODULES: Final = ("none", "same_lobe", "other_ipsilateral_lobe", "contralateral")


def sides(answers: Answers) -> tuple[str, ...]:
    """The side of the primary; both where the lobe is not stated."""
    lobe = word_of(answers.get("lobe"), tuple(LOBES))
    return (LOBES[lobe],) if lobe else SIDES


def invaded(
    answers: Answers, options: Options, names: Mapping[str, str]
) -> Iterator[tuple[str, Fact]]:
    """Structures with their words: whether they are invaded."""
    for name, words in names.items():
        yield words, invasion(answers, ("structures", name), words, options)


def great_vessels(answers: Answers) -> Iterator[tuple[str, Fact]]:
    """The great vessels with their words: whether they are invaded."""
    for name, words in GREAT_VESSELS.items():
        yield words, vessel_invaded(answers, name, words)


def nodule(answers: Answers) -> Fact:
    """Where a separate tumour nodule lies, as a place in NODULES."""
    value = word_of(answers.get("separate_nodule"), NODULES)
    if value is not None:
        return known("nodule", NODULES.index(value))
    text = "Separate tumour nodules not assessed"
    return unknown("nodule", 0, len(NODULES) - 1, "/separate_nodule", text)


def nodule_of_same_lung(answers: Answers) -> Fact:
    """The same for the T category, of which a nodule in the other lung is no part."""
    fact, last = nodule(answers), NODULES.index("contralateral")
    if fact.best == last:
        return known("nodule", 0)
    return Fact("nodule", fact.best, min(fact.worst, last - 1), fact.gaps)


def metastatic(answers: Answers) -> Fact:
    """Distant disease, or a nodule in the other lung, which is M1a."""
    elsewhere, place = distant_disease(answers), nodule(answers)
    last = NODULES.index("contralateral")
    gaps = (*elsewhere.gaps, *place.gaps)
    best = elsewhere.best or place.best == last
    return Fact("m1", best, elsewhere.worst or place.worst == last, () if best else gaps)


def n_of(station: str, side: str) -> int:
    """The N category a positive station makes in a primary of that side (8th edition)."""
    number, _, where = station[1:].rpartition("_")
    if station in ("s7", "s3p"):
        return 2
    if station in ("s5", "s6"):  # both lie on the left
        return 2 if side == "left" else 3
    if number == "1" or where != side:
        return 3
    return 1 if number in HILAR else 2


RANKS: Final = {side: {name: n_of(name, side) for name in STATIONS} for side in SIDES}


def station(answers: Answers, name: str, options: Options) -> Fact:
    """Whether a station is positive."""
    value = word_of(group(answers, "stations").get(name), STATUSES)
    if value is None:
        text = f"Station {STATIONS[name]} not assessed"
        return unknown(name, False, True, f"/stations/{name}", text)
    counted = ("proven",) if options.get(POSITIVE.name) == "proven" else ("suspicious", "proven")
    return known(name, value in counted)


def nodes(answers: Answers, options: Options) -> tuple[Fact, Fact, Fact]:
    """The N category 0-3; whether several N2 stations are positive; which stations are, in words.

    Where the side is not stated the first two are judged for both.
    """
    found = {name: station(answers, name, options) for name in STATIONS}
    ranks = [RANKS[side] for side in sides(answers)]
    ends = [_ends(found, rank) for rank in ranks]
    n = (min(end[0] for end in ends), max(end[1] for end in ends))
    several = (min(end[2] for end in ends) > 1, max(end[3] for end in ends) > 1)
    open_stations = {name: fact.gaps for name, fact in found.items() if fact.gaps}
    gaps = [
        gap
        for name, of_station in open_stations.items()
        for gap in of_station
        if any(rank[name] > n[0] for rank in ranks)
    ]
    more = [
        gap
        for name, of_station in open_stations.items()
        for gap in of_station
        if any(rank[name] == 2 for rank in ranks)
    ]
    lobe = Missing("/lobe", "Lobe of the tumour not stated")
    if len({end[:2] for end in ends}) > 1:
        gaps.insert(0, lobe)
    if len({(end[2] > 1, end[3] > 1) for end in ends}) > 1:
        more.insert(0, lobe)
    positive = tuple(STATIONS[name] for name, fact in found.items() if fact.best)
    return (
        Fact("n", *n, tuple(gaps) if n[0] != n[1] else ()),
        Fact("several_n2", *several, tuple(more) if several[0] != several[1] else ()),
        known("positive", positive),
    )


def _ends(found: Mapping[str, Fact], rank: Mapping[str, int]) -> tuple[int, int, int, int]:
    """N at best and at worst, and the number of positive N2 stations at best and at worst."""
    best = [rank[name] for name, fact in found.items() if fact.best]
    worst = [rank[name] for name, fact in found.items() if fact.worst]
    return max(best, default=0), max(worst, default=0), best.count(2), worst.count(2)


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot both be true, as (JSON pointer, sentence)."""
    found = [*disease_contradictions(answers), *vessel_contradictions(answers, VESSELS)]
    if answers.get("separate_nodule") == "contralateral" and answers.get("m_status") == "m0":
        found.append(("/m_status", "M0 is given, and a tumour nodule in the other lung (M1a)."))
    return found


def remarks(answers: Answers) -> tuple[Flag, ...]:
    """The contradictions as flags, and what was taken as harmless."""
    return vessel_remarks(answers, VESSELS, contradictions(answers))


def unproven_stations(answers: Answers, options: Options) -> tuple[Flag, ...]:
    """A flag where stations are suspicious and only those proven by tissue are counted."""
    stations = group(answers, "stations")
    seen = [words for name, words in STATIONS.items() if stations.get(name) == "suspicious"]
    if not seen or options.get(POSITIVE.name) != "proven":
        return ()
    return (Flag("unproven", f"Suspicious, not proven, and not counted: {', '.join(seen)}."),)
