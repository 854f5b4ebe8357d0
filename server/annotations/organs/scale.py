"""Rules over findings that lie on an ordered scale: the category, or the interval of what can be.

A `Fact` is one finding between the best and the worst it can be; the two are equal where it is
known. A ruleset is a table of rules over the facts it reads, each raising the case to a category;
the category is the worst of those that apply. Where every rule is monotone (a fact made worse never
lets the category improve), judging all facts at their best and all at their worst gives bounds that
hold every completion of what was not assessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Flag,
    Missing,
    Option,
    Options,
    result,
)
from server.annotations.organs.rule import PublishedRule, PublishedTable

OPTIONS: Final = "options"  # the name under which a case holds the options of its ruleset

# Every fact of a ruleset by its name, known; and its options.
Case = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """One finding. `gaps` names the answers that would narrow it; empty where it is known."""

    name: str
    best: Any
    worst: Any
    gaps: tuple[Missing, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether more than one value is possible."""
        return bool(self.best != self.worst)


def known(name: str, value: Any) -> Fact:
    """A fact that is what it is."""
    return Fact(name, value, value)


def unknown(name: str, best: Any, worst: Any, pointer: str, text: str) -> Fact:
    """A fact that one answer would narrow; `text` is a sentence without its full stop."""
    return Fact(name, best, worst, (Missing(pointer, text),))


@dataclass(frozen=True)
class Reading:
    """What a ruleset reads from the answers: its facts, and remarks for the reader."""

    facts: tuple[Fact, ...]
    flags: tuple[Flag, ...] = ()


Rule = PublishedRule[Case]


@dataclass(frozen=True)
class RuleTable(PublishedTable):
    """A published criteria set over facts.

    `otherwise` is the lowest category, and the rule that stands for it where no other applies.
    `remarks` gives flags of its own from the best case and the ends of what is possible.
    `capabilities` says what an operation on a (best) case would need. `enumerated` says that the
    categories stand beside each other, so that every rule that applies is told, not only the worst.
    """

    read: Callable[[Answers, Options], Reading]
    rules: tuple[Rule, ...]
    otherwise: Rule
    remarks: Callable[[Case, Category, Category], Iterable[Flag]] = lambda *_: ()
    capabilities: Callable[[Case], tuple[str, ...]] = lambda _case: ()
    enumerated: bool = False

    def evaluate(self, answers: Answers, options: Options) -> Evaluation:
        """The table applied to answers of any shape."""
        reading = self.read(answers, options)
        case: dict[str, Any] = {fact.name: fact.best for fact in reading.facts}
        case[OPTIONS] = options
        ending = case | {fact.name: fact.worst for fact in reading.facts}
        best, worst = self.category(case), self.category(ending)
        return Evaluation(
            ruleset=self.id,
            title=self.title,
            version=self.version,
            **result(best, worst),
            fired=tuple(_fired(self, case, best, worst)),
            missing=tuple(_missing(self, reading.facts, case, ending).values()),
            capabilities=self.capabilities(case),
            flags=(*reading.flags, *self.remarks(case, best, worst)),
        )

    def category(self, case: Case) -> Category:
        """The category of a case in which everything is known."""
        found = (rule.category for rule in self.rules if rule.applies(case))
        return max(found, default=self.otherwise.category)


def _fired(table: RuleTable, case: Case, best: Category, worst: Category) -> Iterator[Fired]:
    """What makes the case at least what it is; for the lowest category, only if it is certain."""
    lowest = table.otherwise
    if best > lowest.category:
        for rule in table.rules:
            if (rule.category == best or table.enumerated) and rule.applies(case):
                yield Fired(rule.id, rule.source, rule.trust, rule.text(case))
    elif worst == lowest.category:
        yield Fired(lowest.id, lowest.source, lowest.trust, lowest.text(case))


def _missing(
    table: RuleTable, facts: tuple[Fact, ...], case: Case, ending: Case
) -> dict[str, Missing]:
    """What narrows the interval by its pointer, each answer once."""
    best = table.category(case)
    found: dict[str, Missing] = {}
    for fact in _telling(table, facts, case, ending):
        step = table.category({**case, fact.name: fact.worst})
        could = f"; could make it {step.label}" if step > best else ""
        for gap in fact.gaps:
            found.setdefault(gap.pointer, Missing(gap.pointer, f"{gap.text}{could}."))
    return found


def _telling(table: RuleTable, facts: tuple[Fact, ...], case: Case, ending: Case) -> list[Fact]:
    """What narrows the interval: facts that alone raise its best or lower its worst end."""
    best, worst = table.category(case), table.category(ending)
    if best == worst:
        return []
    open_facts = [fact for fact in facts if fact.is_open]
    telling = [
        fact
        for fact in open_facts
        if table.category({**case, fact.name: fact.worst}) > best
        or table.category({**ending, fact.name: fact.best}) < worst
    ]
    return telling or open_facts


def judged(name: str, table: RuleTable, answers: Answers, options: Options) -> Fact:
    """What a table makes of the answers, as a fact for another: the rank of its category."""
    reading = table.read(answers, options)
    case: dict[str, Any] = {fact.name: fact.best for fact in reading.facts}
    case[OPTIONS] = options
    ending = case | {fact.name: fact.worst for fact in reading.facts}
    telling = _telling(table, reading.facts, case, ending)
    gaps = tuple(gap for fact in telling for gap in fact.gaps)
    return Fact(name, table.category(case).rank, table.category(ending).rank, gaps)


def sentence(text: str) -> Callable[[object], str]:
    """A sentence that is the same for every case."""
    return lambda _case: text


def option(case: Case, name: str) -> str:
    """The value of an option in the ruleset that judges this case."""
    return str(case[OPTIONS][name])


# Readers of single answers. What cannot be read counts as not assessed.


def number_of(value: object) -> float | None:
    """A finite number from 0 on, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value < inf else None


def degrees_of(value: object) -> int | None:
    """A contact in whole degrees 0-360, or None for anything else."""
    number = number_of(value)
    return int(number) if number is not None and number <= 360 and number == int(number) else None


def haze_text(words: str, contact: object) -> str:
    """Stranding without solid contact, with any degrees that were given beside it."""
    degrees = degrees_of(contact)
    if not degrees:
        return f"{words}: stranding, no solid contact."
    return f"{words}: stranding, no solid contact; the {degrees}° given with it are not counted."


def word_of(value: object, words: Sequence[str]) -> str | None:
    """One of the words, or None for anything else."""
    return value if isinstance(value, str) and value in words else None


def group(answers: Answers, name: str) -> Mapping[str, Any]:
    """An object among the answers, empty for anything else."""
    value = answers.get(name)
    return value if isinstance(value, Mapping) else {}


def yes_or_no(answers: Answers, name: str, words: str) -> Fact:
    """A true or false answer of which true is the worse."""
    value = answers.get(name)
    if isinstance(value, bool):
        return known(name, value)
    return unknown(name, False, True, f"/{name}", f"{words} not assessed")


def rung(name: str, value: object, scale: Sequence[str], pointer: str, words: str) -> Fact:
    """A word of a scale from best to worst, as its place on it (0 is the best)."""
    word = word_of(value, scale)
    if word is not None:
        return known(name, scale.index(word))
    return unknown(name, 0, len(scale) - 1, pointer, f"{words} not assessed")


def listed(name: str, facts: Iterable[tuple[str, Fact]]) -> Fact:
    """Which of several true-or-false facts, given with their words, hold: a tuple of those words."""
    found = list(facts)
    best = tuple(words for words, fact in found if fact.best)
    worst = tuple(words for words, fact in found if fact.worst)
    return Fact(name, best, worst, tuple(gap for _, fact in found for gap in fact.gaps))


# What a tumour does to a structure beside it. Contact is no invasion, and does not exclude it: the
# sources of rectum, lung, stomach and sarcoma are silent, and nothing not assessed becomes "none".
CONTACT: Final = Option(
    "contact",
    ("open", "not-invaded"),
    "open",
    "What contact without visible invasion is: left open between the two, or not invasion "
    "(general rule of the TNM classification: in doubt the lower category; not verified).",
)


def contact_is_open(options: Options) -> bool:
    """Whether a touched structure may be invaded, which is so unless the option says otherwise."""
    return options.get(CONTACT.name) != "not-invaded"


def invasion(answers: Answers, where: tuple[str, str], words: str, options: Options) -> Fact:
    """Whether a structure is invaded; `where` is the group and the name within it."""
    group_name, name = where
    pointer = f"/{group_name}/{name}"
    value = group(answers, group_name).get(name)
    if value == "contact" and contact_is_open(options):
        return unknown(name, False, True, pointer, f"{words} touched, invasion not decided")
    if word_of(value, ("clear", "absent", "contact", "invaded")):
        return known(name, value == "invaded")
    return unknown(name, False, True, pointer, f"{words} not assessed")


# Disease elsewhere, asked of every organ in the same words: `m_status` and `metastases` by site.


def distant_disease(answers: Answers) -> Fact:
    """Whether there is proven distant disease; a proven site beats an M0 beside it."""
    if answers.get("m_status") == "m1" or sites_with(answers, "proven"):
        return known("m1", True)
    if answers.get("m_status") == "m0":
        return known("m1", False)
    return unknown("m1", False, True, "/m_status", "M status not assessed")


def sites_with(answers: Answers, *certainties: str) -> list[str]:
    """The sites of metastases of these certainties, in words; regional nodes are none."""
    return [
        str(site).replace("_", " ")
        for site, seen in group(answers, "metastases").items()
        if seen in certainties and site != "regional_nodes"
    ]


def unproven_disease(answers: Answers) -> Iterator[Flag]:
    """A flag where distant disease is suspected and not proven."""
    sites = sites_with(answers, "suspected", "probable")
    if sites and not distant_disease(answers).best:
        text = f"Suspected metastasis ({', '.join(sites)}), not proven: not counted as M1."
        yield Flag("metastasis_unproven", text)


def disease_contradictions(answers: Answers) -> Iterator[tuple[str, str]]:
    """M0 beside a proven metastasis, as (JSON pointer, sentence)."""
    sites = sites_with(answers, "proven")
    if sites and answers.get("m_status") == "m0":
        named = ", ".join(sites)
        yield "/m_status", f"M0 is given, and a proven metastasis too ({named})."
