"""Which findings hold a case above a category, and what a set makes of those findings alone.

Asked where sets disagree. A finding is one answer that is not at its least: the degrees of a vessel,
its contour, CA 19-9. It holds the case above a category when the case, with it set back to its least,
is no longer above. Pure; judged on the best case, which for a definite category is the whole truth.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from server.annotations.decision import Category, Held, in_sentence
from server.annotations.organs.pancreas.findings import CLEAR, VESSELS, Case, Vessel
from server.annotations.organs.rule import PublishedRule
from server.foundation.sentences import listed

# The contacts at which published sets cut, so that one degree decides: 90, 180 and 270.
CUTS_DEG: Final = (90, 180, 270)  # PMC7603933 table 3, s13063-016-1262-z table 1
# What is asked of the whole patient beside the site, at its least.
PATIENT: Final = {"m1": False, "ca19_9_u_ml": None, "node_proven": None, "ecog": None}
SUSPECTED: Final = "suspected"
# Vessel by vessel, degrees first: tried first as what does not matter, so that 120 degrees with a
# deformed contour name the contour where it is the contour that counts.
ATTRIBUTES: Final = tuple(field.name for field in fields(Vessel))
DEGREES: Final = "contact_deg"
_CONTOURS: Final = {
    "unilateral_narrowing": "narrowed on one side",
    "irregular": "with an irregular contour",
    "bilateral_narrowing": "narrowed on both sides",
    "deformed": "deformed",
    "occluded": "occluded",
}

# A vessel and its attribute, or something of the patient and an empty text.
Finding = tuple[str, str]


@dataclass(frozen=True)
class TableGrounds:
    """A table of rules and the case it judged; `lowest` is its category where no rule applies."""

    rules: tuple[PublishedRule[Case], ...]
    lowest: Category
    addressed: frozenset[str]
    case: Case

    def held_above(self, category: Category) -> Held:
        """The fewest findings without which the case is not above `category`, and the rules they fire.

        None can be left out of them; they are none only where the case is not above it anyway.
        """
        deciding = tuple(rule for rule in self.rules if rule.category > category)

        def above(case: Case) -> bool:
            return any(rule.applies(case) for rule in deciding)

        held = list(_findings(self.case))
        for finding in tuple(held):
            others = [one for one in held if one != finding]
            if not above(_without(self.case, others)):
                held = others
        at_the_cut = {
            name
            for name in (name for name, attribute in held if attribute == DEGREES)
            if self.case.vessel(name).contact_deg in CUTS_DEG
            and not above(_one_degree_less(self.case, name))
        }
        return Held(
            tuple(held),
            _words(self.case, held, at_the_cut),
            tuple(_line(rule, self.case) for rule in deciding if rule.applies(self.case)),
        )

    def alone(self, held: Held) -> tuple[str, ...]:
        """What the set says of a case with nothing but the vessels and values of these findings."""
        parts = {part for part, _ in held.findings}
        case = _without(self.case, [one for one in _findings(self.case) if one[0] not in parts])
        fired = [rule for rule in self.rules if rule.applies(case)]
        if fired:
            worst = max(rule.category for rule in fired)
            return tuple(_line(rule, case) for rule in fired if rule.category == worst)
        if not parts & self.addressed and parts <= VESSELS.keys():
            names = listed(VESSELS[part] for part in VESSELS if part in parts)
            return (f"{names} not addressed.",)
        return (f"{held.words}, and nothing else, {in_sentence(self.lowest.label)}.",)


def _line(rule: PublishedRule[Case], case: Case) -> str:
    return f"{rule.text(case).removesuffix('.')} ({rule.id})."


def _one_degree_less(case: Case, name: str) -> Case:
    vessel = case.vessel(name)
    return case.with_parts({name: replace(vessel, contact_deg=vessel.contact_deg - 1)})


def _findings(case: Case) -> Iterator[Finding]:
    """Everything that is not at its least, in the order of the form."""
    for name in VESSELS:
        vessel = case.vessel(name)
        if vessel != CLEAR:
            for attribute in ATTRIBUTES:
                if getattr(vessel, attribute) != getattr(CLEAR, attribute):
                    yield name, attribute
    for name, least in PATIENT.items():
        if getattr(case, name) != least:
            yield name, ""
    if case.suspected:
        yield SUSPECTED, ""


def _without(case: Case, findings: Collection[Finding]) -> Case:
    """The case with these findings at their least."""
    least: dict[str, dict[str, Any]] = {}
    own: dict[str, Any] = {}
    for part, attribute in findings:
        if part == SUSPECTED:
            own[part] = ()
        elif part in PATIENT:
            own[part] = PATIENT[part]
        else:
            least.setdefault(part, {})[attribute] = getattr(CLEAR, attribute)
    vessels = {name: replace(case.vessel(name), **values) for name, values in least.items()}
    return replace(case, vessels={**case.vessels, **vessels}, **own)


def _words(case: Case, held: Collection[Finding], at_the_cut: Collection[str]) -> str:
    """The findings as a sentence begins with them: "at exactly 180 degrees of the SMA".

    `at_the_cut` names the vessels of which one degree less would not do.
    """
    parts: dict[str, set[str]] = {}
    for part, attribute in held:
        parts.setdefault(part, set()).add(attribute)
    return listed(
        _vessel_words(part, case.vessel(part), attributes, part in at_the_cut)
        if part in VESSELS
        else _patient_words(case, part)
        for part, attributes in parts.items()
    )


def _vessel_words(name: str, vessel: Vessel, held: set[str], exact: bool) -> str:
    title = in_sentence(VESSELS[name])
    more = [words for attribute, words in _attribute_words(vessel) if attribute in held]
    if not vessel.touched:
        return f"with the {title} {' and '.join(more)}"
    exactly = "exactly " if exact else ""
    unit = "degree" if vessel.contact_deg == 1 else "degrees"
    return ", ".join([f"at {exactly}{vessel.contact_deg} {unit} of the {title}", *more])


def _attribute_words(vessel: Vessel) -> Iterator[tuple[str, str]]:
    reached = [in_sentence(VESSELS[to]) for to in VESSELS if to in vessel.extends_to]
    if "hepatic_bifurcation" in vessel.extends_to:
        reached.append("hepatic bifurcation")
    yield "contour", _CONTOURS.get(vessel.contour, vessel.contour)
    yield "thrombus", f"with {vessel.thrombus} thrombus"
    yield "reconstructable", "not reconstructable"
    yield "extends_to", f"extending to the {listed(reached)}"
    yield "beyond_inferior_duodenum", "beyond the inferior border of the duodenum"
    yield "short_segment", "over a long segment"


def _patient_words(case: Case, part: str) -> str:
    return {
        "m1": "with distant metastasis",
        "ca19_9_u_ml": f"with CA 19-9 {case.ca19_9_u_ml or 0:g} U/mL",
        "node_proven": "with a regional node proven",
        "ecog": f"with ECOG {case.ecog}",
        SUSPECTED: f"with a suspected metastasis ({', '.join(case.suspected)})",
    }[part]
