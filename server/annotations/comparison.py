"""Where published sets disagree on the same case, and on what.

Pure. Each set is asked which findings hold the case above what another set says (`Grounds`); what has
no part in a disagreement is not told with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.annotations.decision import Category, Evaluation, Grounds, Held, in_sentence
from server.annotations.organs.organ import Organ
from server.foundation.sentences import listed


@dataclass(frozen=True)
class Difference:
    """One disagreement: the sentence, the sets that judge worse, and why each set says so.

    `because` holds the rules that the findings of the sentence fire: in the sets that judge worse
    those that make it worse, in the others what they make of these findings.
    """

    text: str
    rulesets: tuple[str, ...]
    because: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The difference as plain JSON values."""
        return {
            "text": self.text,
            "rulesets": list(self.rulesets),
            "because": list(self.because),
        }


@dataclass(frozen=True)
class _Decided:
    """A set with a definite category."""

    said: Evaluation
    category: Category
    grounds: Grounds


@dataclass(frozen=True)
class _Worse:
    """A set that judges worse, and the findings for which it does."""

    set: _Decided
    held: Held


def differences(organ: Organ, evaluations: Sequence[Evaluation]) -> list[Difference]:
    """The disagreements between an organ's sets, worst category first; empty where they agree, and
    where its sets do not answer the same question (`Organ.one_scale`).

    Only definite categories are compared: an interval does not contradict. Sets that judge worse for
    the same findings share a sentence, against all sets that do not follow them there.
    """
    if not organ.one_scale:
        return []
    decided = [
        _Decided(said, said.category, said.grounds)
        for said in evaluations
        if said.category and said.grounds
    ]
    groups: dict[tuple[str, tuple[Category, ...]], list[_Worse]] = {}
    for one in decided:
        for held, lower in _held_above(one, {other.category for other in decided}):
            groups.setdefault((held.words, lower), []).append(_Worse(one, held))
    found = [
        (max(one.set.category for one in worse), lower, worse)
        for (_, lower), worse in groups.items()
    ]
    found.sort(key=lambda group: (-group[0].rank, -group[1][0].rank))
    return [
        _difference(worse, [other for other in decided if other.category in lower])
        for _, lower, worse in found
    ]


def _held_above(
    one: _Decided, categories: Iterable[Category]
) -> list[tuple[Held, tuple[Category, ...]]]:
    """The findings for which a set judges worse, each with the lower categories they lift it above."""
    found: dict[str, tuple[Held, list[Category]]] = {}
    for lower in sorted(categories, reverse=True):
        if lower < one.category:
            held = one.grounds.held_above(lower)
            found.setdefault(held.words, (held, []))[1].append(lower)
    return [(held, tuple(lower)) for held, lower in found.values()]


def _difference(worse: list[_Worse], better: list[_Decided]) -> Difference:
    where = worse[0].held.words
    said = _says(one.set for one in worse)
    text = f"{where[0].upper()}{where[1:]}, {said} where {_says(better)}."
    lines = [(one.set, line) for one in worse for line in one.held.lines]
    lines += [(other, line) for other in better for line in other.grounds.alone(worse[0].held)]
    titles: dict[str, list[str]] = {}
    for one, line in lines:
        titles.setdefault(line, []).append(one.said.title)
    return Difference(
        text=text,
        rulesets=tuple(one.set.said.ruleset for one in worse),
        because=tuple(f"{listed(dict.fromkeys(of))}: {line}" for line, of in titles.items()),
    )


def _says(sets: Iterable[_Decided]) -> str:
    titles: dict[Category, list[str]] = {}
    for one in sorted(sets, key=lambda one: -one.category.rank):
        titles.setdefault(one.category, []).append(one.said.title)
    return listed(
        f"{listed(those)} {'says' if len(those) == 1 else 'say'} {in_sentence(category.label)}"
        for category, those in titles.items()
    )
