"""What a tumour does to a structure: clear, touched, or taken. Bounds where it was not assessed.

A vessel is taken where it is invaded, or touched over more than 180 degrees (encasement, in the
words of the ESR's vessel poster); an organ, muscle, bone or nerve where it is invaded. Stranding
without solid contact is not contact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from server.annotations.decision import Answers, Flag, Missing, Options
from server.annotations.organs.scale import (
    Fact,
    contact_is_open,
    degrees_of,
    group,
    haze_text,
    known,
    rung,
    unknown,
)
from server.annotations.organs.vessels import vessel_answers

CLEAR, TOUCHED, TAKEN = 0, 1, 2
ENCASED_OVER_DEG: Final = 180
STATES: Final = ("clear", "contact", "invaded")


def vessel_fact(answers: Answers, name: str, words: str) -> Fact:
    """A vessel from CLEAR to TAKEN, under its own name."""
    raw = vessel_answers(answers, name)
    pointer = f"/vessels/{name}/contact_deg"
    if raw.get("invaded") is True:
        return known(name, TAKEN)
    contact, kind = degrees_of(raw.get("contact_deg")), raw.get("contact_kind")
    if contact is None and "contact_deg" not in raw and kind in ("none", "haze_only"):
        return known(name, CLEAR)
    if contact is None:
        solid = "contact_deg" not in raw and kind == "solid"
        text = f"{words}: degrees of solid contact not given" if solid else f"{words} not assessed"
        return unknown(name, TOUCHED if solid else CLEAR, TAKEN, pointer, text)
    if contact == 0 or kind == "haze_only":
        return known(name, CLEAR)
    if contact > ENCASED_OVER_DEG:
        return known(name, TAKEN)
    if raw.get("invaded") is False:
        return known(name, TOUCHED)
    gap = Missing(f"/vessels/{name}/invaded", f"{words} touched, not stated whether invaded")
    return Fact(name, TOUCHED, TAKEN, (gap,))


def lost_fact(answers: Answers, name: str, words: str) -> Fact:
    """Whether a vessel, where it is taken, cannot be reconstructed; under `NAME_lost`."""
    said = vessel_answers(answers, name).get("reconstructable")
    if said in ("yes", "no"):
        return known(f"{name}_lost", said == "no")
    text = f"{words}: not stated whether it can be reconstructed"
    return unknown(f"{name}_lost", False, True, f"/vessels/{name}/reconstructable", text)


def structure_fact(answers: Answers, where: tuple[str, str], words: str, options: Options) -> Fact:
    """An organ, muscle, bone or nerve, by its group and name there, from CLEAR to TAKEN.

    Contact without a stated invasion is no assessed absence of one, so it may be (`CONTACT`).
    """
    group_name, name = where
    pointer, value = f"/{group_name}/{name}", group(answers, group_name).get(name)
    if value == "contact" and contact_is_open(options):
        gap = Missing(pointer, f"{words} touched, invasion not decided")
        return Fact(name, TOUCHED, TAKEN, (gap,))
    return rung(name, value, STATES, pointer, words)


def haze_flags(answers: Answers, names: Mapping[str, str]) -> Iterator[Flag]:
    """Stranding without solid contact, which is printed and not counted."""
    for name, words in names.items():
        raw = vessel_answers(answers, name)
        if raw.get("contact_kind") == "haze_only":
            yield Flag("haze_only", haze_text(words, raw.get("contact_deg")))


def contradictions(answers: Answers, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Answers about vessels that cannot both be true, as (JSON pointer, sentence)."""
    for name, words in names.items():
        raw: Mapping[str, Any] = vessel_answers(answers, name)
        contact, kind = degrees_of(raw.get("contact_deg")), raw.get("contact_kind")
        if contact == 0 and raw.get("invaded") is True:
            yield f"/vessels/{name}/invaded", f"{words}: invaded, and contact of 0°."
        if contact == 0 and kind == "solid":
            yield f"/vessels/{name}/contact_kind", f"{words}: solid contact, and contact of 0°."
        if contact and kind == "none":
            yield (
                f"/vessels/{name}/contact_kind",
                f"{words}: no contact, and contact of {contact}°.",
            )
        if kind == "haze_only" and raw.get("invaded") is True:
            yield f"/vessels/{name}/invaded", f"{words}: invaded, and stranding only."
