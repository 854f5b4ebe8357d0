"""Facts on an ordered scale, and the interval a table of rules makes of them."""

from __future__ import annotations

import pytest

from server.annotations.decision import Answers, Category, Missing, Options, Trust
from server.annotations.organs.scale import (
    CONTACT,
    Fact,
    Reading,
    Rule,
    RuleTable,
    degrees_of,
    distant_disease,
    invasion,
    judged,
    known,
    listed,
    number_of,
    rung,
    sentence,
    unknown,
    unproven_disease,
)

LOW, MIDDLE, HIGH = (Category(rank, code, code) for rank, code in enumerate("lmh"))


def rule(id_: str, category: Category, name: str) -> Rule:
    return Rule(id_, category, "s", Trust.SOURCED, lambda case: bool(case[name]), sentence("t."))


def table(*facts: Fact) -> RuleTable:
    def read(_answers: Answers, _options: Options) -> Reading:
        return Reading(facts)

    rules = (rule("H", HIGH, "high"), rule("M", MIDDLE, "middle"))
    return RuleTable("id", "title", "1", "s", read, rules, rule("L", LOW, "low"))


OPEN = unknown("high", False, True, "/high", "High not assessed")
LESS = unknown("middle", False, True, "/middle", "Middle not assessed")


@pytest.mark.parametrize(
    ("high", "middle", "result", "fired", "missing"),
    [
        (known("high", True), LESS, ("h", "h"), ["H"], []),
        (known("high", False), known("middle", False), ("l", "l"), ["L"], []),
        (OPEN, known("middle", True), ("m", "h"), ["M"], ["/high"]),
        (OPEN, LESS, ("l", "h"), [], ["/high", "/middle"]),
        (known("high", False), LESS, ("l", "m"), [], ["/middle"]),
    ],
)
def test_the_ends_the_rules_and_what_is_missing(
    high: Fact, middle: Fact, result: tuple[str, str], fired: list[str], missing: list[str]
) -> None:
    said = table(high, middle).ruleset().evaluate({})
    assert said.best and said.worst
    assert (said.best.code, said.worst.code) == result
    assert [one.rule for one in said.fired] == fired
    assert [one.pointer for one in said.missing] == missing


def test_an_answer_that_would_narrow_two_facts_is_named_once() -> None:
    gap = (Missing("/one", "One not assessed"),)
    said = table(Fact("high", False, True, gap), Fact("middle", False, True, gap)).ruleset()
    assert [one.text for one in said.evaluate({}).missing] == ["One not assessed; could make it h."]


def test_what_a_table_says_is_a_fact_for_another() -> None:
    fact = judged("it", table(OPEN, known("middle", True)), {}, {})
    assert (fact.best, fact.worst, [gap.pointer for gap in fact.gaps]) == (1, 2, ["/high"])


def test_of_several_facts_those_that_hold_are_listed() -> None:
    fact = listed("all", [("A", known("a", True)), ("B", OPEN), ("C", known("c", False))])
    assert (fact.best, fact.worst) == (("A",), ("A", "B"))
    assert [gap.pointer for gap in fact.gaps] == ["/high"]


@pytest.mark.parametrize(
    ("value", "option", "ends"),
    [
        ("clear", "open", (False, False)),
        ("absent", "open", (False, False)),
        ("contact", "open", (False, True)),
        ("contact", "not-invaded", (False, False)),
        ("invaded", "open", (True, True)),
        ("not_assessed", "not-invaded", (False, True)),
        (None, "not-invaded", (False, True)),
        (7, "open", (False, True)),
    ],
)
def test_contact_is_no_invasion_and_does_not_exclude_it(
    value: object, option: str, ends: tuple[bool, bool]
) -> None:
    fact = invasion({"g": {"it": value}}, ("g", "it"), "It", {CONTACT.name: option})
    assert (fact.best, fact.worst) == ends
    assert [gap.pointer for gap in fact.gaps] == (["/g/it"] if ends[0] != ends[1] else [])


@pytest.mark.parametrize("value", [True, -1, float("nan"), float("inf"), "3", None, []])
def test_what_is_no_number_is_not_assessed(value: object) -> None:
    assert number_of(value) is None
    assert degrees_of(value) is None


def test_degrees_are_whole_and_end_at_360() -> None:
    assert [degrees_of(value) for value in (0, 360, 180.0, 361, 0.5)] == [0, 360, 180, None, None]


def test_a_word_has_its_place_on_the_scale() -> None:
    assert rung("it", "b", ("a", "b", "c"), "/it", "It").best == 1
    fact = rung("it", "d", ("a", "b", "c"), "/it", "It")
    assert (fact.best, fact.worst) == (0, 2)


@pytest.mark.parametrize(
    ("answers", "ends", "flagged"),
    [
        ({"m_status": "m0"}, (False, False), False),
        ({"m_status": "m1"}, (True, True), False),
        ({}, (False, True), False),
        ({"m_status": "m0", "metastases": {"lung": "proven"}}, (True, True), False),
        ({"m_status": "m0", "metastases": {"lung": "probable"}}, (False, False), True),
        ({"m_status": "m0", "metastases": {"regional_nodes": "proven"}}, (False, False), False),
    ],
)
def test_only_proven_disease_counts(
    answers: Answers, ends: tuple[bool, bool], flagged: bool
) -> None:
    fact = distant_disease(answers)
    assert (fact.best, fact.worst) == ends
    assert bool(list(unproven_disease(answers))) == flagged
