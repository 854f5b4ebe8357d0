"""Applies a table of rules to findings: the category, or the interval of what is possible.

A ruleset is a table of rules, each raising the case to at least one category; the category is the
worst of those that fire, which is the same as going down the published order and stopping at the
first. If every rule is monotone (a worse finding never unfires it without another rule as bad
firing instead), the best case and the worst case bound everything that can hide in what was not
assessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Flag,
    Missing,
    Options,
    Trust,
    result,
)
from server.annotations.organs.pancreas.findings import (
    VESSELS,
    Case,
    Findings,
    Unknown,
    Vessel,
    read,
)
from server.annotations.organs.pancreas.grounds import TableGrounds
from server.annotations.organs.rule import PublishedRule, PublishedTable
from server.annotations.organs.scale import sentence

RESECTABLE: Final = Category(0, "resectable", "Resectable")
BORDERLINE: Final = Category(1, "borderline", "Borderline resectable")
LOCALLY_ADVANCED: Final = Category(2, "locally_advanced", "Locally advanced")
METASTATIC: Final = Category(3, "metastatic", "Metastatic")
# Where contact with the CHA may go on to, in the words of NCCN and IAP (PMC7603933 table 3).
BEYOND_CHA: Final = frozenset({"ca", "pha", "hepatic_bifurcation"})
# First branches, in the words of the older NCCN tables (s43055-021-00496-z table 1).
FIRST_JEJUNAL: Final = frozenset({"first_jejunal_artery", "first_jejunal_vein"})


Rule = PublishedRule[Case]


@dataclass(frozen=True)
class Table(PublishedTable):
    """A published criteria set for the pancreas.

    `addressed` names the vessels its text speaks of; solid contact with any other is flagged.
    `reads` names what it asks of a vessel beyond the degrees, as (vessel, attribute of Vessel).
    `remarks` gives flags of its own, from the best case and the ends of what is possible.
    `capabilities` says what an operation on a (best) case would need.
    """

    rules: tuple[Rule, ...]
    otherwise: Fired
    addressed: frozenset[str]
    reads: frozenset[tuple[str, str]]
    capabilities: Callable[[Case], tuple[str, ...]]
    remarks: Callable[[Case, Category, Category], Iterable[Flag]] = lambda *_: ()

    def evaluate(self, answers: Answers, options: Options) -> Evaluation:
        """The table applied to answers of any shape."""
        findings = read(answers, options)
        findings = replace(findings, unknown=tuple(_that_matter(self, findings.unknown)))
        fired = [rule for rule in self.rules if rule.applies(findings.best)]
        best = _worst_of(fired)
        worst = categorise(self, findings.with_worst(findings.unknown))
        return Evaluation(
            ruleset=self.id,
            title=self.title,
            version=self.version,
            **result(best, worst),
            fired=tuple(_fired(self, findings.best, fired, best, worst)),
            missing=tuple(_missing(self, findings, best, worst)),
            capabilities=self.capabilities(findings.best),
            flags=(
                *findings.flags,
                *_defaults_taken(self, findings, best),
                *_silence(self, findings.best),
                *_without_contact(self, findings),
                *_extensions_into_the_clear(self, findings),
                *self.remarks(findings.best, best, worst),
            ),
            grounds=TableGrounds(self.rules, RESECTABLE, self.addressed, findings.best),
        )


def categorise(table: Table, case: Case) -> Category:
    """The category of a case in which everything is known."""
    return _worst_of([rule for rule in table.rules if rule.applies(case)])


def _that_matter(table: Table, unknown: tuple[Unknown, ...]) -> Iterator[Unknown]:
    """The unknowns about something the set speaks of; no rule reads anything else."""
    for item in unknown:
        if item.part not in VESSELS:
            yield item
        elif item.part in table.addressed:
            _, _, attribute = item.pointer.rpartition("/")
            if attribute == "contact_deg" or (item.part, attribute) in table.reads:
                yield item


def _worst_of(fired: list[Rule]) -> Category:
    return max((rule.category for rule in fired), default=RESECTABLE)


def _fired(
    table: Table, case: Case, fired: list[Rule], best: Category, worst: Category
) -> Iterator[Fired]:
    for rule in fired:
        if rule.category == best:
            yield Fired(rule.id, rule.source, rule.trust, rule.text(case))
    if worst == RESECTABLE:
        yield table.otherwise


def _missing(
    table: Table, findings: Findings, best: Category, worst: Category
) -> Iterator[Missing]:
    """The unknowns that narrow the interval: alone they raise its best or lower its worst end."""
    if best == worst:
        return
    everything = findings.with_worst(findings.unknown)
    alone = {
        item.part: categorise(table, findings.with_worst((item,))) for item in findings.unknown
    }
    telling = [item for item in findings.unknown if alone[item.part] > best]
    telling += [
        item
        for item in findings.unknown
        if item not in telling and _without(table, findings, everything, item) < worst
    ]
    for item in telling or findings.unknown:
        step = alone[item.part]
        could = f"; could make it {step.label.lower()}" if step > best else ""
        yield Missing(item.pointer, f"{item.text}{could}.")


def _without(table: Table, findings: Findings, everything: Case, item: Unknown) -> Category:
    """The category with everything but `item` at its worst."""
    return categorise(table, everything.with_parts({item.part: findings.best.part(item.part)}))


def _defaults_taken(table: Table, findings: Findings, best: Category) -> Iterator[Flag]:
    """What was not stated, taken as harmless, and would change the category if it were not."""
    words: dict[str, list[str]] = {}
    for taken in findings.taken:
        if (taken.vessel, taken.field) not in table.reads:
            continue
        worse = replace(findings.best.vessel(taken.vessel), **{taken.field: taken.worst})
        if categorise(table, findings.best.with_parts({taken.vessel: worse})) > best:
            words.setdefault(taken.vessel, []).append(taken.words)
    for name, these in words.items():
        yield Flag("default_taken", f"{VESSELS[name]}: not stated, taken {', '.join(these)}.")


def _silence(table: Table, case: Case) -> Iterator[Flag]:
    for name, title in VESSELS.items():
        vessel = case.vessel(name)
        if not vessel.involved:
            continue
        if name not in table.addressed:
            if vessel.touched:
                text = f"{title} contact {vessel.contact_deg}°: not addressed by {table.title}."
                yield Flag("not_addressed", text)
            continue
        for attribute, words in _unread(name, vessel):
            if (name, attribute) not in table.reads:
                yield Flag("not_addressed", f"{title} {words}: not addressed by {table.title}.")


def _unread(name: str, vessel: Vessel) -> Iterator[tuple[str, str]]:
    """What some published sets ask of this vessel beyond the degrees, and others do not."""
    if name not in ("cha", "smv_pv"):
        return
    if name == "cha" and vessel.touched and vessel.extends_to & BEYOND_CHA:
        further = sorted(VESSELS.get(to, to.replace("_", " ")) for to in vessel.extends_to)
        yield "extends_to", f"contact extending to {', '.join(further)}"
    if name == "smv_pv" and vessel.thrombus != "none":
        yield "thrombus", f"{vessel.thrombus} thrombus"
    if not vessel.reconstructable:
        yield "reconstructable", "not reconstructable"


def _without_contact(table: Table, findings: Findings) -> Iterator[Flag]:
    """A lumen that is not as it should be, where the set counts it only beside solid contact."""
    unknown = {item.part for item in findings.unknown}
    for name in VESSELS:
        if name in unknown or name not in table.addressed:
            continue
        vessel = findings.best.vessel(name)
        if vessel.touched or (name == "smv_pv" and vessel.occluded):
            continue
        words = []
        if vessel.occluded or (vessel.contour != "regular" and (name, "contour") in table.reads):
            words.append(vessel.contour.replace("_", " "))
        if vessel.thrombus != "none" and (name, "thrombus") in table.reads:
            words.append(f"{vessel.thrombus} thrombus")
        if words:
            text = f"{VESSELS[name]}: {', '.join(words)} without solid contact: not counted."
            yield Flag("without_contact", text)


def _extensions_into_the_clear(table: Table, findings: Findings) -> Iterator[Flag]:
    """Contact said to go on to a vessel that is said to be clear, and that the set asks about."""
    unknown = {item.part for item in findings.unknown}
    for name, title in VESSELS.items():
        vessel = findings.best.vessel(name)
        if not vessel.touched:
            continue
        read_as_extension = BEYOND_CHA if name == "cha" else FIRST_JEJUNAL
        reached = (vessel.extends_to & table.addressed) - read_as_extension - unknown - {name}
        clear = [VESSELS[to] for to in sorted(reached) if not findings.best.vessel(to).involved]
        if clear:
            text = (
                f"{title}: contact extending to {', '.join(clear)}, recorded as clear there: "
                "the extension is not counted. Record the contact where it arrives."
            )
            yield Flag("extension_not_counted", text)


def metastatic(rule: str, source: str, trust: Trust = Trust.SOURCED) -> Rule:
    """The rule every set begins with."""
    text = "Proven distant metastasis or non-regional node (M1), whatever the vessels."
    return Rule(rule, METASTATIC, source, trust, lambda case: case.m1, sentence(text))


def degrees(name: str, more: str = "") -> Callable[[Case], str]:
    """The sentence "SMA contact 120°, ..." for a rule about one vessel."""

    def text(case: Case) -> str:
        contact = f"{VESSELS[name]} contact {case.vessel(name).contact_deg}°"
        return f"{contact}{', ' + more if more else ''}."

    return text
