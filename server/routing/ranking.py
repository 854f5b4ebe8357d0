"""Which surgeons and centres suit a case, best first, with every reason. Pure.

One pass collects marks (a code, its points, what it is about); the points are their sum and the words
(`reasons`) are made of the same marks when somebody reads them, so that the two cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from server.routing import independence, reasons
from server.routing.reasons import Reasons
from server.routing.values import Candidate, CaseNeeds, CentreFacts, Mark, Volume
from server.routing.vocabulary import cancer_of, operations_of, providers, subspecialties
from server.routing.weights import Weights, weights


@dataclass(frozen=True)
class Ranked:
    """A surgeon in the list. `place` counts from 1 and is None for who is excluded.

    `tie` says why somebody with the same points stands before or behind them.
    """

    candidate: Candidate
    place: int | None
    score: float
    question: Question
    tie: str = ""

    @cached_property
    def marks(self) -> list[Mark]:
        """The marks that made the place, collected again: a thousand lists of them are never kept."""
        return _barred(self.candidate, self.question) + _marks(self.candidate, self.question)

    @cached_property
    def reasons(self) -> Reasons:
        """Every reason in words: fits, lacks, warnings, excluded."""
        return reasons.in_words(self.marks, self.question.needs)

    @property
    def is_excluded(self) -> bool:
        return self.place is None

    def to_json(self) -> dict[str, Any]:
        """The ranked surgeon as plain JSON values."""
        one = self.candidate
        return {
            "person_id": one.person_id,
            "name": one.name,
            "centre": one.centre_name,
            "place": self.place,
            "points": self.score,
            "load": one.load,
            "most_cases": one.most_cases,
            "tie": self.tie,
            **self.reasons.to_json(),
        }


@dataclass(frozen=True)
class RankedCentre:
    """A centre in the list, as `Ranked` is for a surgeon."""

    centre: CentreFacts
    place: int | None
    score: float
    marks: tuple[Mark, ...]
    needs: CaseNeeds
    tie: str = ""

    @cached_property
    def reasons(self) -> Reasons:
        """Every reason in words: fits, lacks, warnings, excluded."""
        return reasons.in_words(self.marks, self.needs)

    def to_json(self) -> dict[str, Any]:
        """The ranked centre as plain JSON values."""
        return {
            "centre_id": self.centre.centre_id,
            "name": self.centre.name,
            "place": self.place,
            "points": self.score,
            "tie": self.tie,
            **self.reasons.to_json(),
        }


class Question:
    """The needs of a case, prepared once for all candidates."""

    def __init__(self, needs: CaseNeeds, by: Weights) -> None:
        self.needs = needs
        self.by = by
        self.cancer = cancer_of(needs.organ, needs.cancer)
        needed = dict.fromkeys(call.capability for call in needs.calls if call.needed)
        welcome = dict.fromkeys(call.capability for call in needs.calls if not call.needed)
        self.needed = [(code, providers(code)) for code in needed]
        self.welcome = [(code, providers(code)) for code in welcome if code not in needed]
        self.subspecialties = frozenset(
            one.id for one in subspecialties().values() if needs.organ in one.organs
        )
        self.operations = operations_of(needs.organ, needs.operations)
        self.languages = frozenset(needs.languages)
        self.kinds = frozenset(self.cancer.kinds)
        self.due = needs.due_on or needs.today + timedelta(days=by.scale.horizon_days)
        self.until = max(self.due, needs.today)
        self.days = (self.until - needs.today).days + 1
        self.source = independence.Source(needs)


def rank(
    needs: CaseNeeds, candidates: Iterable[Candidate], by: Weights | None = None
) -> list[Ranked]:
    """Candidates best first, then the excluded by name. The order does not depend on theirs."""
    question = Question(needs, by or weights())
    fit: list[_Row] = []
    out: list[Candidate] = []
    for one in candidates:
        if _barred(one, question):
            out.append(one)
        else:
            score = _score(_marks(one, question))
            fit.append((-score, one.load, one.name.casefold(), one.person_id, one))
    fit.sort(key=lambda row: row[:4])
    out.sort(key=lambda one: (one.name.casefold(), one.person_id))
    ranked = [
        Ranked(row[4], place, -row[0], question, _tie(fit, place - 1))
        for place, row in enumerate(fit, start=1)
    ]
    return ranked + [Ranked(one, None, 0.0, question) for one in out]


# Points with a minus, load, name, id: what the list is sorted by; and the surgeon.
_Row = tuple[float, int, str, str, Candidate]


def _score(marks: list[Mark]) -> float:
    total = 0.0
    for _, points, _ in marks:
        total += points
    return round(total, 1)


def _tie(rows: Sequence[_Row], here: int) -> str:
    """Why this one stands where they stand, if a neighbour has the same points."""
    points, load, *_ = rows[here]
    for there, stands in ((here - 1, "behind"), (here + 1, "before")):
        if 0 <= there < len(rows) and rows[there][0] == points:
            other = rows[there][4]
            why = "in the order of names"
            if load != other.load:
                why = f"because of {load} against {other.load} cases now"
            return f"Level with {other.name} on points; stands {stands} them {why}."
    return ""


def _barred(one: Candidate, question: Question) -> list[Mark]:
    """Why somebody cannot be asked at all; empty when they can."""
    needs = question.needs
    marks: list[Mark] = []
    if not one.active:
        marks.append(("inactive", 0.0, None))
    if not one.accepting:
        marks.append(("not_accepting", 0.0, None))
    if one.tiers and needs.tier and needs.tier not in one.tiers:
        marks.append(("tier", 0.0, needs.tier_title or needs.tier))
    if one.load >= one.most_cases:
        marks.append(("full", 0.0, (one.load, one.most_cases)))
    if one.person_id in needs.asked:
        marks.append(("asked", 0.0, needs.asked[one.person_id]))
    marks += independence.bars(one.centre_name, one.ties, one.conflicts, question.source)
    if one.absences:
        marks += _away(one, question)
    return marks


def _away(one: Candidate, question: Question) -> list[Mark]:
    """Absences that leave no time: the day it is due, or too few days before it."""
    for absence in one.absences:
        if absence.from_on <= question.due <= absence.until_on:
            return [("away_when_due", 0.0, absence)]
    present = _days_present(one, question)
    if present < min(question.by.scale.fewest_days_present, question.days):
        return [("away_until_due", 0.0, (present, question.days))]
    return []


def _days_present(one: Candidate, question: Question) -> int:
    """Days from today to the due day, both included, on which nobody said they are away."""
    today, until = question.needs.today, question.until
    away: set[date] = set()
    for absence in one.absences:
        first, last = max(absence.from_on, today), min(absence.until_on, until)
        away.update(first + timedelta(days=day) for day in range((last - first).days + 1))
    return question.days - len(away)


def _marks(one: Candidate, question: Question) -> list[Mark]:
    """Everything that speaks for or against somebody, with its points."""
    by, needs = question.by.surgeon, question.needs
    marks: list[Mark] = []
    if not one.known:
        marks.append(("no_profile", 0.0, None))
    if one.person_id in needs.knows:
        marks.append(("knows", 0.0, needs.knows[one.person_id]))
    if needs.organ in one.organs:
        marks.append(("organ", by.organ, needs.organ))
    else:
        marks.append(("organ_missing", 0.0, needs.organ))
    named = question.subspecialties & one.subspecialties
    if named:
        marks.append(("subspecialty", by.subspecialty, min(named)))
    _add_capabilities(marks, one, question)
    scale = question.by.scale
    marks += _volume(one.volumes, question, by.volume, scale.volume_full)
    suited = question.kinds & one.centre_kinds
    if suited:
        marks.append(("centre_kind", by.centre_kind, min(suited)))
    _add_language_and_country(marks, one.languages, one.countries, question)
    _add_time(marks, one, question)
    if one.calendar in needs.holidays:
        marks += [("holiday", 0.0, (one.calendar, *day)) for day in needs.holidays[one.calendar]]
    doubt = question.source.doubt(one.centre_name)
    if doubt:
        marks.append(doubt)
    return marks


def _add_capabilities(marks: list[Mark], one: Candidate, question: Question) -> None:
    by, own, there = question.by.surgeon, one.capabilities, one.centre_capabilities
    for code, offered in question.needed:
        if not own.isdisjoint(offered):
            marks.append(("capability", by.capability_needed, code))
        elif not there.isdisjoint(offered):
            marks.append(("capability_at_centre", by.capability_needed_at_centre, code))
        else:
            marks.append(("capability_missing", 0.0, code))
    mine: list[str] = []
    theirs: list[str] = []
    missing: list[str] = []
    for code, offered in question.welcome:
        has = not own.isdisjoint(offered)
        (mine if has else missing if there.isdisjoint(offered) else theirs).append(code)
    if mine:
        marks.append(("welcome", by.capability_welcome * len(mine), mine))
    if theirs:
        marks.append(("welcome_at_centre", by.capability_welcome_at_centre * len(theirs), theirs))
    if missing:
        marks.append(("welcome_missing", 0.0, missing))


def _volume(
    volumes: tuple[Volume, ...], question: Question, most_points: float, full: int
) -> list[Mark]:
    """The best of the newest yearly volumes of the operations in question."""
    newest: dict[str, Volume] = {}
    for one in volumes:
        if one.operation in question.operations:
            known = newest.get(one.operation)
            if known is None or one.year > known.year:
                newest[one.operation] = one
    if not newest:
        return [("volume_unknown", 0.0, question.needs.organ)]
    best = max(newest.values(), key=lambda one: (one.count, one.year, one.operation))
    share = min(1.0, math.log1p(best.count) / math.log1p(full))
    marks: list[Mark] = [("volume", round(most_points * share, 1), best)]
    if best.year < question.needs.today.year - question.by.scale.volume_fresh_years:
        marks.append(("volume_old", 0.0, best))
    return marks


def _add_language_and_country(
    marks: list[Mark], languages: frozenset[str], countries: frozenset[str], question: Question
) -> None:
    by, country = question.by.surgeon, question.needs.country
    if question.languages:
        spoken = question.languages & languages
        if spoken:
            marks.append(("language", by.language, tuple(sorted(spoken))))
        else:
            marks.append(("language_missing", 0.0, question.needs.languages))
    if country:
        if country in countries:
            marks.append(("country", by.country, country))
        elif countries:
            marks.append(("country_missing", 0.0, country))
        else:
            marks.append(("any_country", by.country, country))


def _add_time(marks: list[Mark], one: Candidate, question: Question) -> None:
    """Whether an answer can come in time: free places, past speed, presence."""
    by, scale = question.by.surgeon, question.by.scale
    free = max(0, one.most_cases - one.load) / max(1, one.most_cases)
    marks.append(("load", round(by.load * free, 1), (one.load, one.most_cases)))
    if one.average_days is None:
        marks.append(("turnaround_unknown", by.turnaround / 2, None))
    else:
        span = scale.turnaround_slow_days - scale.turnaround_fast_days
        left = (scale.turnaround_slow_days - one.average_days) / span
        fact = (one.average_days, one.finished)
        code = "turnaround" if left > 0 else "turnaround_slow"
        marks.append((code, round(by.turnaround * min(1.0, max(0.0, left)), 1), fact))
    if not one.absences:
        marks.append(("present", by.presence, question.until))
        return
    present = _days_present(one, question)
    marks.append(("presence", round(by.presence * present / question.days, 1), question.until))
    marks += [
        ("away", 0.0, absence)
        for absence in one.absences
        if absence.from_on <= question.until and absence.until_on >= question.needs.today
    ]


def rank_centres(needs: CaseNeeds, centres: Iterable[CentreFacts]) -> list[RankedCentre]:
    """Centres best first, then the excluded by name."""
    question = Question(needs, weights())
    fit: list[tuple[tuple[Any, ...], CentreFacts, float, list[Mark]]] = []
    out: list[tuple[CentreFacts, list[Mark]]] = []
    for one in centres:
        barred: list[Mark] = [] if one.active else [("centre_inactive", 0.0, None)]
        barred += independence.bars(one.name, one.ties, one.conflicts, question.source, centre=True)
        marks = _centre_marks(one, question)
        if barred:
            out.append((one, barred + marks))
            continue
        score = _score(marks)
        key = (-score, -one.surgeons, one.name.casefold(), one.centre_id)
        fit.append((key, one, score, marks))
    fit.sort(key=lambda row: row[0])
    out.sort(key=lambda row: (row[0].name.casefold(), row[0].centre_id))
    ranked = [
        RankedCentre(one, place, score, tuple(marks), needs)
        for place, (_, one, score, marks) in enumerate(fit, start=1)
    ]
    return ranked + [RankedCentre(one, None, 0.0, tuple(marks), needs) for one, marks in out]


def _centre_marks(one: CentreFacts, question: Question) -> list[Mark]:
    by = question.by.centre
    marks: list[Mark] = []
    suited = question.kinds & one.kinds
    if suited:
        marks.append(("kind", by.centre_kind, min(suited)))
    elif question.kinds:
        marks.append(("kind_missing", 0.0, question.cancer.id))
    for code, offered in question.needed:
        has = not one.capabilities.isdisjoint(offered)
        marks.append(
            ("capability", by.capability_needed, code) if has else ("capability_missing", 0.0, code)
        )
    there: list[str] = []
    missing: list[str] = []
    for code, offered in question.welcome:
        (missing if one.capabilities.isdisjoint(offered) else there).append(code)
    if there:
        marks.append(("welcome", by.capability_welcome * len(there), there))
    if missing:
        marks.append(("welcome_missing", 0.0, missing))
    marks += _volume(one.volumes, question, by.volume, question.by.scale.centre_volume_full)
    spoken = question.languages & one.languages
    if spoken:
        marks.append(("language", by.language, tuple(sorted(spoken))))
    if one.surgeons:
        marks.append(("surgeons", by.surgeons, one.surgeons))
    else:
        marks.append(("no_surgeon", 0.0, None))
    doubt = question.source.doubt(one.name)
    return [*marks, doubt] if doubt else marks
