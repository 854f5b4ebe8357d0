"""How far several reviewers agree about the same case, field by field, and over many cases. Pure.

Fleiss' kappa: Fleiss JL, Measuring nominal scale agreement among many raters, Psychological Bulletin
1971;76(5):378-382. Trust: sourced; its worked example stands in the tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.annotations.changes import NOT_ANSWERED, field_place, field_text
from server.annotations.evidence import EVIDENCE
from server.annotations.fields import Field, answer_at, is_answered
from server.annotations.organs.organ import Organ

_HOLDERS: Final = frozenset({"group", "vessels", "vessel"})
# What somebody writes freely differs in every case and says nothing about agreement.
_FREE: Final = frozenset({"textarea", "text"})


@dataclass(frozen=True)
class FieldAgreement:
    """One field as several reviewers answered it. `values` are their answers in words, in the order of
    the reviewers; `agreeing` is how many gave the most frequent answer."""

    pointer: str
    place: str
    label: str
    values: tuple[str, ...]

    @property
    def agreeing(self) -> int:
        return max(Counter(self.values).values(), default=0)

    @property
    def of(self) -> int:
        return len(self.values)

    @property
    def unanimous(self) -> bool:
        return self.agreeing == self.of

    @property
    def said(self) -> tuple[str, ...]:
        """The different answers, the most frequent first."""
        return tuple(value for value, _ in Counter(self.values).most_common())


def table(organ: Organ, answers: Sequence[Mapping[str, Any]]) -> list[FieldAgreement]:
    """Every field that at least one of the reviewers answered, in the order of the form."""
    found = []
    for field in compared(organ):
        given = [answer_at(one, field.path) for one in answers]
        if any(is_answered(one) for one in given):
            words = tuple(field_text(field, one) for one in given)
            found.append(
                FieldAgreement(field.pointer, field_place(organ, field), field.label, words)
            )
    return found


def compared(organ: Organ) -> list[Field]:
    """The fields in which reviewers can agree: choices and numbers, not free words."""
    return [
        field
        for field in organ.fields
        if field.hints.get("widget") not in _HOLDERS
        and field.path[:1] != (EVIDENCE,)
        and not _is_free(field)
    ]


def _is_free(field: Field) -> bool:
    said = field.schema
    words = said.get("type") == "string" and "enum" not in said and "const" not in said
    return field.hints.get("widget") in _FREE or (words and "format" not in said)


def nearest(answers: Sequence[Mapping[str, Any]], organ: Organ) -> int:
    """Which of several answers differs least from all the others: its index; the first of equals."""
    fields = compared(organ)
    given = [[answer_at(one, field.path) for field in fields] for one in answers]
    apart = [
        sum(a != b for other in given for a, b in zip(mine, other, strict=True)) for mine in given
    ]
    return apart.index(min(apart))


def percent_agreement(ratings: Iterable[Sequence[str]]) -> float | None:
    """The share of pairs of reviewers who said the same, over all subjects, in percent (0 to 100).

    None when no subject has two ratings.
    """
    same = pairs = 0
    for one in ratings:
        count = len(one)
        pairs += count * (count - 1)
        same += sum(times * (times - 1) for times in Counter(one).values())
    return 100.0 * same / pairs if pairs else None


def fleiss_kappa(ratings: Sequence[Sequence[str]]) -> float | None:
    """Fleiss' kappa of subjects that were each rated equally often, at least twice; -1 to 1.

    None where it is not defined: no subject, or every rating is the same category. Raises ValueError
    when subjects have different numbers of ratings.
    """
    counts = {len(one) for one in ratings}
    if not ratings:
        return None
    if len(counts) != 1 or min(counts) < 2:
        raise ValueError("every subject needs the same number of ratings, at least two")
    (raters,) = counts
    totals: Counter[str] = Counter()
    observed = 0.0
    for one in ratings:
        tally = Counter(one)
        totals.update(tally)
        observed += (sum(times**2 for times in tally.values()) - raters) / (raters * (raters - 1))
    observed /= len(ratings)
    every = len(ratings) * raters
    by_chance = sum((times / every) ** 2 for times in totals.values())
    return None if by_chance == 1.0 else (observed - by_chance) / (1.0 - by_chance)


@dataclass(frozen=True)
class FieldKappa:
    """One field over many cases: kappa (None where it is not defined), percent agreement, cases."""

    pointer: str
    label: str
    kappa: float | None
    percent: float | None
    cases: int


def over_cases(
    organ: Organ, cases: Sequence[Sequence[Mapping[str, Any]]], raters: int
) -> list[FieldKappa]:
    """Agreement per field over cases, each with the answers of its reviewers.

    Only the first `raters` answers of a case count, and only cases that have so many: kappa compares
    cases that were rated equally often. Whoever left a field open rated it as not answered.
    """
    counted = [one[:raters] for one in cases if len(one) >= raters]
    found = []
    for field in compared(organ):
        ratings = [
            [field_text(field, answer_at(answers, field.path)) for answers in one]
            for one in counted
        ]
        told = [one for one in ratings if any(value != NOT_ANSWERED for value in one)]
        if told:
            found.append(
                FieldKappa(
                    field.pointer,
                    field.name,
                    fleiss_kappa(told),
                    percent_agreement(told),
                    len(told),
                )
            )
    return found
