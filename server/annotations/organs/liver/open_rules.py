"""Tables of rules over findings of which some were not assessed: yes, no, or open.

A way of writing rules, not of judging: `organs/scale.py` judges. A rule raises a case to at least one
category. What is open counts as no for the best category and as yes for the worst, so that every way
of filling the gaps lies between the two. Nothing that was not assessed is ever taken as no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Flag,
    Missing,
    Options,
    Trust,
)
from server.annotations.organs.rule import PublishedTable
from server.annotations.organs.scale import (
    OPTIONS,
    Fact,
    Reading,
    Rule,
    RuleTable,
    known,
    sentence,
)

ANSWERS: Final = "answers"  # the name under which a case holds the answers as they were given


class State(IntEnum):
    """What is known of a finding, from best to worst."""

    NO = 0
    OPEN = 1
    YES = 2


@dataclass(frozen=True)
class Finding:
    """One finding: its state, its words where it is there, and what would settle it."""

    state: State
    text: str = ""
    missing: tuple[Missing, ...] = ()


NO: Final = Finding(State.NO)
OpenFinding = Callable[[Answers, Options], Finding]


@dataclass(frozen=True)
class OpenRule:
    """One line of a published table."""

    id: str
    category: Category
    source: str
    trust: Trust
    finding: OpenFinding


@dataclass(frozen=True)
class OpenTable(PublishedTable):
    """A published set. `rules` raise a case above `otherwise`, the category of the first step.

    `applies` gives the sentence why the set does not speak of a case, or nothing; `remarks` adds
    flags and `capabilities` what an operation would need. `enumerated` says that the categories
    stand beside each other, so that every rule that applies is told and not only the worst.
    """

    lowest: Category
    otherwise: Fired
    rules: tuple[OpenRule, ...]
    applies: Callable[[Answers], str] = lambda _answers: ""
    remarks: Callable[[Answers, Options], Iterable[Flag]] = lambda *_: ()
    capabilities: Callable[[Answers], tuple[str, ...]] = lambda _answers: ()
    enumerated: bool = False

    def evaluate(self, answers: Answers, options: Options) -> Evaluation:
        """The table applied to answers of any shape."""
        silence = self.applies(answers)
        if silence:
            return not_addressed(self, silence)
        return self.on_scale.evaluate(answers, options)

    @cached_property
    def on_scale(self) -> RuleTable:
        """The same table over facts: each rule's finding is a fact, there, open or absent."""
        first = self.otherwise
        return RuleTable(
            id=self.id,
            title=self.title,
            version=self.version,
            source=self.source,
            read=lambda answers, options: Reading(tuple(_facts(self, answers, options))),
            rules=tuple(_on_scale(number, rule) for number, rule in enumerate(self.rules)),
            otherwise=Rule(
                first.rule,
                self.lowest,
                first.source,
                first.trust,
                lambda _case: True,
                sentence(first.text),
            ),
            remarks=lambda case, _best, _worst: self.remarks(case[ANSWERS], case[OPTIONS]),
            capabilities=lambda case: self.capabilities(case[ANSWERS]),
            enumerated=self.enumerated,
        )


def _facts(table: OpenTable, answers: Answers, options: Options) -> Iterator[Fact]:
    """A fact is the words of a finding that is there; empty where it is absent."""
    yield known(ANSWERS, answers)
    for number, rule in enumerate(table.rules):
        finding = rule.finding(answers, options)
        best = finding.text if finding.state == State.YES else ""
        worst = "" if finding.state == State.NO else finding.text or rule.id
        gaps = tuple(Missing(one.pointer, one.text.removesuffix(".")) for one in finding.missing)
        yield Fact(str(number), best or (worst if finding.state == State.YES else ""), worst, gaps)


def _on_scale(number: int, rule: OpenRule) -> Rule:
    name = str(number)
    return Rule(
        rule.id,
        rule.category,
        rule.source,
        rule.trust,
        lambda case: bool(case[name]),
        lambda case: str(case[name]),
    )


def not_addressed(table: OpenTable, sentence: str) -> Evaluation:
    """The evaluation of a case the set does not speak of."""
    flag = Flag("not_addressed", sentence)
    return Evaluation(table.id, table.title, table.version, flags=(flag,))


def yes(text: str) -> Finding:
    """A finding that is there."""
    return Finding(State.YES, text)


def still_open(*missing: tuple[str, str]) -> Finding:
    """A finding that may be there; `missing` names (pointer, words) of what would settle it."""
    gaps = tuple(Missing(pointer, words) for pointer, words in missing)
    return Finding(State.OPEN, missing=gaps)


def any_of(findings: Iterable[Finding]) -> Finding:
    """There where one of them is; its words are those of the ones that are there."""
    found = list(findings)
    state = max((finding.state for finding in found), default=State.NO)
    telling = [finding for finding in found if finding.state == state]
    return _joined(state, telling)


def all_of(findings: Iterable[Finding]) -> Finding:
    """There where all of them are. What is open is named only where none of them is absent."""
    found = list(findings)
    state = min((finding.state for finding in found), default=State.NO)
    telling = found if state == State.YES else [one for one in found if one.state == state]
    return _joined(state, telling)


def word(answers: Answers, field: str, words: dict[str, str], label: str) -> Finding:
    """A choice among the answers: `words` gives the sentence of each value that counts.

    A value left out, "not_assessed" or "not_stated" is open; any other is no.
    """
    value = answers.get(field)
    if isinstance(value, str) and value in words:
        return yes(words[value])
    if not isinstance(value, str) or value in ("not_assessed", "not_stated", "not_visible"):
        return still_open((f"/{field}", f"{label} not assessed."))
    return NO


def inner(answers: Answers, field: str) -> dict[str, Any]:
    """An object among the answers, empty where there is none."""
    value = answers.get(field)
    return value if isinstance(value, dict) else {}


def _joined(state: State, telling: list[Finding]) -> Finding:
    if state == State.NO:
        return NO
    text = " ".join(dict.fromkeys(finding.text for finding in telling if finding.text))
    missing = dict.fromkeys(one for finding in telling for one in finding.missing)
    return Finding(state, text, tuple(missing) if state == State.OPEN else ())
