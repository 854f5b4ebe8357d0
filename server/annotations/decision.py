"""What a ruleset says about a case: category or interval, why, and what is missing.

Pure values. A ruleset is a published criteria set with a version; its evaluation is never a bare
label but "set X, version Y, applied to these findings", with the rules that fired and where they
come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from server.foundation.errors import Invalid

Answers = Mapping[str, Any]
Options = Mapping[str, str]


class UnknownOption(Invalid):
    """A ruleset was asked for with an option, or a value of one, that it does not have."""


# Words of a category that are names, and keep their capital wherever they stand.
_NAMES: Final = frozenset(
    {"Bismuth-Corlette", "Child-Pugh", "Makuuchi", "Milan", "Robinson", "Schwarzbach"}
)


def in_sentence(text: str) -> str:
    """The text as it goes on inside a sentence: "locally advanced", but "R0 expected", "T4b"."""
    if text[1:2].islower() and text.split(" ", 1)[0] not in _NAMES:
        return text[0].lower() + text[1:]
    return text


class Trust(StrEnum):
    """How far a rule or number may be believed; always shown beside it."""

    SOURCED = "sourced"
    GENERAL_KNOWLEDGE = "general_knowledge"
    DERIVED = "derived"
    UNPUBLISHED = "unpublished"

    @property
    def label(self) -> str:
        """The words printed beside a rule; empty for what is sourced."""
        return _TRUST_LABELS[self]


_TRUST_LABELS = {
    Trust.SOURCED: "",
    Trust.GENERAL_KNOWLEDGE: "not verified",
    Trust.DERIVED: "derived: the published text is silent here",
    Trust.UNPUBLISHED: "unpublished proposal",
}


@dataclass(frozen=True, order=True)
class Category:
    """One step of a ruleset's scale. `rank` 0 is the best; comparison is by rank."""

    rank: int
    code: str = field(compare=False)
    label: str = field(compare=False)


@dataclass(frozen=True)
class Fired:
    """A rule that applied: id, the publication behind it, its trust, the finding in words."""

    rule: str
    source: str
    trust: Trust
    text: str


@dataclass(frozen=True)
class Missing:
    """Something not assessed that keeps the result from being one category.

    `pointer` is the JSON pointer of the answer that would narrow it.
    """

    pointer: str
    text: str


@dataclass(frozen=True)
class Flag:
    """Something the reader must know beside the category: stranding, a contradiction, silence."""

    id: str
    text: str


@dataclass(frozen=True)
class Threshold:
    """A minimum that can be drawn beside a measured share, in percent of its own denominator."""

    percent: float
    label: str
    denominator: str
    source: str
    trust: Trust


@dataclass(frozen=True)
class Held:
    """The findings that hold a case above a category, in a set's own names and in words, and the
    rules that they fire, a line each without the set's name."""

    findings: tuple[tuple[str, str], ...]
    words: str
    lines: tuple[str, ...]


class Grounds(Protocol):
    """What a set of an organ with one scale can be asked where it disagrees with another."""

    def held_above(self, category: Category) -> Held:
        """The fewest findings without which the case would not be above `category`."""

    def alone(self, held: Held) -> tuple[str, ...]:
        """What this set says of these findings and nothing else, a line for each rule."""


@dataclass(frozen=True)
class Evaluation:
    """One ruleset applied to one set of answers.

    Exactly one of `category` and `interval` (best, worst) is set; both are None only when the set
    says nothing about such a case, and then a flag `not_addressed` tells.
    """

    ruleset: str
    title: str
    version: str
    category: Category | None = None
    interval: tuple[Category, Category] | None = None
    fired: tuple[Fired, ...] = ()
    missing: tuple[Missing, ...] = ()
    capabilities: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    grounds: Grounds | None = field(default=None, compare=False, repr=False)

    @property
    def best(self) -> Category | None:
        """The most favourable category the findings allow."""
        return self.interval[0] if self.interval else self.category

    @property
    def worst(self) -> Category | None:
        """The least favourable category the findings allow."""
        return self.interval[1] if self.interval else self.category

    @property
    def category_label(self) -> str | None:
        """The category in words, such as "Borderline resectable"."""
        return self.category.label if self.category else None

    @property
    def interval_label(self) -> str | None:
        """The interval in words, such as "Resectable to locally advanced"."""
        if not self.interval:
            return None
        best, worst = self.interval
        return f"{best.label} to {in_sentence(worst.label)}"

    @property
    def label(self) -> str:
        """The result in words, whatever its form."""
        return self.category_label or self.interval_label or "Not addressed by this set"

    def to_json(self) -> dict[str, Any]:
        """The evaluation as plain JSON values, in the shape the panel and the API give out."""
        return {
            "ruleset": self.ruleset,
            "title": self.title,
            "version": self.version,
            "category": self.category.code if self.category else None,
            "category_label": self.category_label,
            "interval": [step.code for step in self.interval] if self.interval else None,
            "interval_label": self.interval_label,
            "fired": [
                {"rule": f.rule, "source": f.source, "trust": f.trust.value, "text": f.text}
                for f in self.fired
            ],
            "missing": [{"pointer": m.pointer, "text": m.text} for m in self.missing],
            "capabilities": list(self.capabilities),
            "flags": [{"id": f.id, "text": f.text} for f in self.flags],
            "thresholds": [{**vars(t), "trust": t.trust.value} for t in self.thresholds],
        }


def result(best: Category, worst: Category) -> dict[str, Any]:
    """`category` or `interval` for an Evaluation, from the two ends of what is possible."""
    if best == worst:
        return {"category": best, "interval": None}
    return {"category": None, "interval": (best, worst)}


@dataclass(frozen=True)
class Option:
    """A choice a ruleset offers where its sources disagree."""

    name: str
    values: tuple[str, ...]
    default: str
    text: str


@dataclass(frozen=True)
class Ruleset:
    """A published criteria set. `apply` gets answers and a complete set of options."""

    id: str
    title: str
    version: str
    source: str
    apply: Callable[[Answers, Options], Evaluation]
    options: tuple[Option, ...] = ()

    def evaluate(self, answers: Answers, given: Options | None = None) -> Evaluation:
        """The set applied to `answers`; options not given have their defaults.

        Never raises for answers of a wrong shape (they count as not assessed); raises
        UnknownOption.
        """
        return self.apply(answers, self.chosen(given or {}))

    def chosen(self, given: Options) -> dict[str, str]:
        """Every option with its value. Raises UnknownOption."""
        known = {option.name: option for option in self.options}
        for name, value in given.items():
            if name not in known:
                names = ", ".join(sorted(known)) or "none"
                raise UnknownOption(
                    f'The ruleset {self.id} has no option "{name}".',
                    remedy=f"Its options are: {names}.",
                )
            if value not in known[name].values:
                raise UnknownOption(
                    f'"{value}" is not a value of the option {name} of {self.id}.',
                    remedy=f"Use one of: {', '.join(known[name].values)}.",
                )
        return {option.name: given.get(option.name, option.default) for option in self.options}
