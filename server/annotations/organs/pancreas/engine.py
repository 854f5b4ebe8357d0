"""Applies a table of rules to findings: the category, or the interval of what is possible.

A ruleset is a table of rules, each raising the case to at least one category; the category is the
worst of those that fire, which is the same as going down the published order and stopping at the
first. If every rule is monotone (a worse finding never unfires it without another rule as bad
firing instead), the best case and the worst case bound everything that can hide in what was not
assessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Flag,
    Missing,
    Option,
    Options,
    Ruleset,
    Trust,
    result,
)
from server.annotations.organs.pancreas.findings import (
    VESSELS,
    Case,
    Findings,
    Unknown,
    read,
)

RESECTABLE: Final = Category(0, "resectable", "Resectable")
BORDERLINE: Final = Category(1, "borderline", "Borderline resectable")
LOCALLY_ADVANCED: Final = Category(2, "locally_advanced", "Locally advanced")
METASTATIC: Final = Category(3, "metastatic", "Metastatic")


@dataclass(frozen=True)
class Rule:
    """One line of a published table."""

    id: str
    category: Category
    source: str
    trust: Trust
    applies: Callable[[Case], bool]
    text: Callable[[Case], str]


@dataclass(frozen=True)
class Table:
    """A published criteria set for the pancreas.

    `addressed` names the vessels its text speaks of; solid contact with any other is flagged.
    `capabilities` says what an operation on a (best) case would need.
    """

    id: str
    title: str
    version: str
    source: str
    rules: tuple[Rule, ...]
    otherwise: Fired
    addressed: frozenset[str]
    capabilities: Callable[[Case], tuple[str, ...]]
    options: tuple[Option, ...] = ()

    def ruleset(self) -> Ruleset:
        """The table as a ruleset of the organ."""
        return Ruleset(
            id=self.id,
            title=self.title,
            version=self.version,
            source=self.source,
            options=self.options,
            apply=lambda answers, options: evaluate(self, answers, options),
        )


def evaluate(table: Table, answers: Answers, options: Options) -> Evaluation:
    """The table applied to answers of any shape."""
    findings = read(answers, options)
    fired = [rule for rule in table.rules if rule.applies(findings.best)]
    best = _worst_of(fired)
    worst = categorise(table, findings.with_worst(findings.unknown))
    return Evaluation(
        ruleset=table.id,
        title=table.title,
        version=table.version,
        **result(best, worst),
        fired=tuple(_fired(table, findings.best, fired, best, worst)),
        missing=tuple(_missing(table, findings, best, worst)),
        capabilities=table.capabilities(findings.best),
        flags=(*findings.flags, *_silence(table, findings)),
    )


def categorise(table: Table, case: Case) -> Category:
    """The category of a case in which everything is known."""
    return _worst_of([rule for rule in table.rules if rule.applies(case)])


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


def _silence(table: Table, findings: Findings) -> Iterator[Flag]:
    for name, title in VESSELS.items():
        if name not in table.addressed and findings.best.vessel(name).touched:
            degrees = findings.best.vessel(name).contact_deg
            text = f"{title} contact {degrees}°: not addressed by {table.title}."
            yield Flag("not_addressed", text)


def degrees(name: str, more: str = "") -> Callable[[Case], str]:
    """The sentence "SMA contact 120°, ..." for a rule about one vessel."""

    def text(case: Case) -> str:
        contact = f"{VESSELS[name]} contact {case.vessel(name).contact_deg}°"
        return f"{contact}{', ' + more if more else ''}."

    return text


def sentence(text: str) -> Callable[[Case], str]:
    """A sentence that is the same for every case."""
    return lambda _case: text
