"""What is known of number, size, spread and involvement of a liver tumour. Bounds, never guesses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.annotations.decision import Answers, Flag
from server.annotations.organs.liver.findings import VESSELS
from server.annotations.organs.liver.open_rules import (
    NO,
    Finding,
    State,
    any_of,
    inner,
    still_open,
    yes,
)
from server.annotations.organs.liver.remnant import number, positive

SLOTS: Final = tuple(f"lesion_{index}" for index in range(1, 9))
SEGMENTS: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
SITES: Final = {
    "lung": "Lung",
    "peritoneum": "Peritoneum",
    "nonregional_nodes": "Distant nodes",
    "bone": "Bone",
    "other": "Other site",
}


@dataclass(frozen=True)
class Span:
    """A quantity between the least and the most it can be; infinite where nothing bounds it."""

    least: float
    most: float
    missing: tuple[tuple[str, str], ...] = ()

    def over(self, limit: float, text: str) -> Finding:
        """Whether it is more than `limit`."""
        if self.least > limit:
            return yes(text)
        return NO if self.most <= limit else still_open(*self.missing)

    def at_least(self, limit: float, text: str) -> Finding:
        """Whether it is `limit` or more."""
        if self.least >= limit:
            return yes(text)
        return NO if self.most < limit else still_open(*self.missing)


def lesions(answers: Answers) -> list[Mapping[str, Any]]:
    """The lesions described one by one, in the order of their places in the form."""
    found = [answers.get(slot) for slot in SLOTS]
    return [one for one in found if isinstance(one, Mapping) and one]


def lesion_count(answers: Answers) -> Span:
    """How many lesions there are; those described are the least it can be."""
    given = number(answers, "lesion_count")
    if given is not None and given >= 0:
        return Span(given, given)
    missing = (("/lesion_count", "Number of lesions not entered."),)
    return Span(max(1, len(lesions(answers))), math.inf, missing)


def largest_mm(answers: Answers) -> Span:
    """The largest lesion in mm, as entered, or from the lesions described."""
    given = positive(answers, "largest_mm")
    if given is not None:
        return Span(given, given)
    sizes = [positive(one, "size_mm") for one in lesions(answers)]
    measured = [size for size in sizes if size is not None]
    count = number(answers, "lesion_count")
    if measured and None not in sizes and count is not None and count <= len(measured):
        return Span(max(measured), max(measured))
    missing = (("/largest_mm", "Size of the largest lesion not entered."),)
    return Span(max(measured, default=0), math.inf, missing)


def segment_count(answers: Answers) -> Span:
    """How many Couinaud segments are involved."""
    given = answers.get("segments_involved")
    named = {one for one in given if one in SEGMENTS} if isinstance(given, list) else set()
    for one in lesions(answers):
        here = one.get("segments")
        named |= {item for item in here if item in SEGMENTS} if isinstance(here, list) else set()
    if isinstance(given, list):
        return Span(len(named), len(named))
    return Span(len(named), 8, (("/segments_involved", "Segments involved not entered."),))


def involved_percent(answers: Answers) -> Span:
    """Which share of the liver is tumour, in per cent: as entered, else from the volumes."""
    given = number(answers, "liver_involved_percent")
    if given is not None and 0 <= given <= 100:
        return Span(given, given)
    tumour, total = number(answers, "tumour_ml"), positive(answers, "total_liver_ml")
    if tumour is not None and total is not None and 0 <= tumour < total:
        return Span(100 * tumour / total, 100 * tumour / total)
    missing = (("/liver_involved_percent", "Share of the liver involved not entered."),)
    return Span(0, 100, missing)


def lost(answers: Answers, name: str) -> Finding:
    """Whether a vessel or duct is invaded, occluded or filled with tumour."""
    raw = inner(inner(answers, "vessels"), name)
    title = VESSELS[name][0]
    for is_there, how in (
        (raw.get("invaded") is True, "invaded"),
        (raw.get("patency") == "occluded", "occluded"),
        (raw.get("thrombus") == "tumour", "filled with tumour"),
    ):
        if is_there:
            return yes(f"{title} {how}.")
    if raw.get("present") is False:
        return NO
    contact = number(raw, "contact_deg")
    if contact == 0 or (contact is not None and raw.get("invaded") is False):
        return NO
    if contact is not None:
        return still_open((f"/vessels/{name}/invaded", f"{title}: not stated whether invaded."))
    return still_open((f"/vessels/{name}/contact_deg", f"{title} not assessed."))


def distant(answers: Answers) -> Finding:
    """Proven spread outside the liver, regional nodes apart. Suspected spread does not count."""
    if answers.get("m_status") == "m1":
        return yes("Proven distant metastasis (M1).")
    settled = answers.get("m_status") == "m0"
    return any_of(_site(answers, site, words, settled) for site, words in SITES.items())


def outside(answers: Answers) -> Finding:
    """Proven spread outside the liver, regional nodes included."""
    return any_of([distant(answers), _site(answers, "regional_nodes", "Regional nodes", False)])


def suspected(answers: Answers) -> Finding:
    """Spread outside the liver that is suspected or probable, not proven."""
    states = inner(answers, "metastases")
    there = [
        f"{words} {states.get(site)}."
        for site, words in (*SITES.items(), ("regional_nodes", "Regional nodes"))
        if states.get(site) in ("suspected", "probable")
    ]
    return yes(" ".join(there)) if there else NO


def suspected_flags(answers: Answers) -> tuple[Flag, ...]:
    """What is suspected, not counted, as flags."""
    found = suspected(answers)
    if found.state != State.YES:
        return ()
    return (Flag("suspected_metastasis", f"Suspected and not counted: {found.text}"),)


def tumour_flags(answers: Answers) -> tuple[Flag, ...]:
    """What cannot both be true of the tumour, and what is suspected and not counted."""
    wrong = (Flag("contradiction", text) for _, text in contradictions(answers))
    return (*wrong, *suspected_flags(answers))


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers on the tumour that cannot both be true, as (JSON pointer, sentence)."""
    found = []
    count, described = number(answers, "lesion_count"), lesions(answers)
    if count is not None and len(described) > count:
        text = f"{len(described)} lesions are described, and {count:g} counted."
        found.append(("/lesion_count", text))
    given = positive(answers, "largest_mm")
    sizes = [size for one in described if (size := positive(one, "size_mm")) is not None]
    if given is not None and sizes and max(sizes) > given:
        text = f"A lesion of {max(sizes):g} mm is described; the largest is said to be {given:g}."
        found.append(("/largest_mm", text))
    if answers.get("m_status") == "m0" and distant({**answers, "m_status": ""}).state == State.YES:
        found.append(("/m_status", "M0 is given, and a proven metastasis."))
    return found


def _site(answers: Answers, site: str, words: str, settled: bool) -> Finding:
    value = inner(answers, "metastases").get(site)
    if value == "proven":
        return yes(f"{words}: proven metastasis.")
    if value in ("none", "suspected", "probable") or settled:
        return NO
    return still_open((f"/metastases/{site}", f"{words}: metastases not assessed."))
