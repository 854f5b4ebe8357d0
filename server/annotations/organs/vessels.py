"""What the answers say of a vessel whose wall is asked about by itself: invaded, or touched only.

Organs in which encasement counts as invasion read theirs by `generic/involvement.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from server.annotations.decision import Answers, Flag
from server.annotations.organs.scale import Fact, degrees_of, group, known, unknown


def vessel_answers(answers: Answers, name: str) -> Mapping[str, Any]:
    """The answers about one vessel, empty where there are none."""
    return group(group(answers, "vessels"), name)


def lumen_lost(raw: Mapping[str, Any]) -> bool:
    """Whether a vessel is said to be invaded, occluded or filled with tumour."""
    return (
        raw.get("invaded") is True
        or raw.get("patency") == "occluded"
        or raw.get("thrombus") == "tumour"
    )


def contact_unknown(raw: Mapping[str, Any], words: str) -> str:
    """The sentence, without its full stop, for a vessel of which no degrees are given."""
    why = "not visible" if raw.get("contact_deg") == "not_visible" else "not assessed"
    return f"{words}: contact {why}"


def vessel_invaded(answers: Answers, name: str, words: str) -> Fact:
    """Whether a vessel is invaded; contact alone leaves it open."""
    raw = vessel_answers(answers, name)
    degrees = degrees_of(raw.get("contact_deg"))
    if lumen_lost(raw):
        return known(name, True)
    if raw.get("invaded") is False or degrees == 0:
        return known(name, False)
    if degrees is not None:
        text = f"{words} touched, {degrees}°, invasion not decided"
        return unknown(name, False, True, f"/vessels/{name}/invaded", text)
    pointer = f"/vessels/{name}/contact_deg"
    return unknown(name, False, True, pointer, contact_unknown(raw, words))


def vessel_contradictions(answers: Answers, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Vessels invaded or filled with tumour that nothing touches, as (JSON pointer, sentence)."""
    for name, words in names.items():
        raw = vessel_answers(answers, name)
        degrees = degrees_of(raw.get("contact_deg"))
        if degrees == 0 and raw.get("invaded") is True:
            yield f"/vessels/{name}/invaded", f"{words}: invaded, and contact of 0°."
        if degrees == 0 and raw.get("thrombus") == "tumour":
            yield f"/vessels/{name}/thrombus", f"{words}: tumour thrombus, and contact of 0°."
        if raw.get("present") is False and (degrees or lumen_lost(raw)):
            yield f"/vessels/{name}/present", f"{words}: not present, and contact with it."


def lumen_taken(answers: Answers, names: Mapping[str, str]) -> Iterator[Flag]:
    """A flag for each touched vessel of which only the contact is stated, and not the lumen."""
    for name, words in names.items():
        raw = vessel_answers(answers, name)
        if not degrees_of(raw.get("contact_deg")):
            continue
        if raw.get("patency") is None or raw.get("thrombus") is None:
            text = f"{words}: lumen not stated, taken as open and free of thrombus."
            yield Flag("default_taken", text)


def vessel_remarks(
    answers: Answers, names: Mapping[str, str], wrong: Iterable[tuple[str, str]]
) -> tuple[Flag, ...]:
    """An organ's contradictions as flags, and what was taken as harmless of its vessels."""
    contradictions = (Flag("contradiction", text) for _, text in wrong)
    return (*contradictions, *lumen_taken(answers, names))
