"""Inflow, outflow and bile drainage of the remnant: kept, to be reconstructed, or lost.

The published predicate (PMC8870224 table 1) is that every segment that stays keeps all three. It
does not say when a structure touched by tumour is kept; here one that is invaded, occluded or
filled with tumour counts as lost to the tumour unless it can be reconstructed, and the rules say
`derived`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Flag,
    Missing,
    Ruleset,
    Trust,
    result,
)
from server.annotations.organs.liver.findings import (
    ALWAYS_NEEDED,
    VESSELS,
    contradictions,
    vessel_answers,
)

KEPT: Final = Category(0, "kept", "Inflow, outflow and drainage kept")
RECONSTRUCTION: Final = Category(1, "reconstruction", "Kept by reconstruction")
LOST: Final = Category(2, "lost", "Inflow, outflow or drainage lost")

SOURCE: Final = "PMC8870224 table 1: inflow, outflow and biliary drainage of every remnant segment"
RULES: Final = {RECONSTRUCTION: "STR-RECONSTRUCTION", LOST: "STR-LOST"}


@dataclass(frozen=True)
class Structure:
    """One vessel or duct: the best and worst it can be for the remnant, and what is not known."""

    name: str
    best: Category
    worst: Category
    how: str = ""
    missing: str = ""
    missing_field: str = ""

    @property
    def words(self) -> str:
        """The structure's name in words."""
        return VESSELS[self.name][0]


def evaluate(answers: Answers) -> Evaluation:
    """The predicate applied to answers of any shape."""
    found = [_structure(name, raw) for name, raw in vessel_answers(answers)]
    best = max((item.best for item in found), default=KEPT)
    worst = max((item.worst for item in found), default=KEPT)
    touched = [item for item in found if item.best > KEPT]
    return Evaluation(
        ruleset=RULESET.id,
        title=RULESET.title,
        version=RULESET.version,
        **result(best, worst),
        fired=tuple(_fired(found, best, worst)),
        missing=tuple(_missing(found, best, worst)),
        capabilities=tuple(dict.fromkeys(VESSELS[item.name][1] for item in touched)),
        flags=tuple(Flag("contradiction", text) for _, text in contradictions(answers)),
    )


def _structure(name: str, raw: Mapping[str, Any]) -> Structure:
    if raw.get("present") is False:
        return Structure(name, KEPT, KEPT)
    stays = True if name in ALWAYS_NEEDED else {"yes": True, "no": False}.get(_in_remnant(raw))
    if stays is False:
        return Structure(name, KEPT, KEPT)
    how, rebuilt = _how_lost(raw), raw.get("reconstructable")
    worst = RECONSTRUCTION if rebuilt == "yes" else LOST
    if not how:
        return _not_seen_lost(name, raw, worst)
    best = LOST if rebuilt == "no" else RECONSTRUCTION
    if stays is None:
        text = f"{how}; not stated whether it serves the remnant"
        return Structure(name, KEPT, worst, how, text, "in_remnant")
    text = f"{how}; not stated whether it can be reconstructed"
    return Structure(name, best, worst, how, text, "reconstructable")


def _not_seen_lost(name: str, raw: Mapping[str, Any], worst: Category) -> Structure:
    """A structure of which nothing says that it is lost; contact alone does not say that it is kept."""
    contact = raw.get("contact_deg")
    if not isinstance(contact, int | float):
        return Structure(name, KEPT, worst, "", "not assessed", "contact_deg")
    if contact == 0 or raw.get("invaded") is False:
        return Structure(name, KEPT, KEPT)
    text = f"touched, {contact}°, not stated whether invaded"
    return Structure(name, KEPT, worst, "", text, "invaded")


def _in_remnant(raw: Mapping[str, Any]) -> str:
    value = raw.get("in_remnant")
    return value if isinstance(value, str) else ""


def _how_lost(raw: Mapping[str, Any]) -> str:
    if raw.get("invaded") is True:
        return "invaded"
    if raw.get("patency") == "occluded":
        return "occluded"
    return "filled with tumour" if raw.get("thrombus") == "tumour" else ""


def _fired(found: list[Structure], best: Category, worst: Category) -> Iterator[Fired]:
    for item in found:
        if item.best == best and best > KEPT:
            done = "not reconstructable" if best == LOST else "to be reconstructed"
            text = f"{item.words} serves the remnant and is {item.how}; {done}."
            yield Fired(RULES[best], SOURCE, Trust.DERIVED, text)
    if worst == KEPT:
        text = "No structure that serves the remnant is lost to the tumour."
        yield Fired("STR-KEPT", SOURCE, Trust.SOURCED, text)


def _missing(found: list[Structure], best: Category, worst: Category) -> Iterator[Missing]:
    if best == worst:
        return
    for item in found:
        if item.worst > max(item.best, best):
            pointer = f"/vessels/{item.name}/{item.missing_field}"
            yield Missing(pointer, f"{item.words}: {item.missing}.")


RULESET: Final = Ruleset(
    id="remnant-structures",
    title="Inflow, outflow and drainage of the remnant",
    version="PMC8870224",
    source=SOURCE,
    apply=lambda answers, _options: evaluate(answers),
)
