"""How votes become a verdict."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date

import pytest

from server.annotations.organs import ORGANS
from server.panel.deciding import (
    RuleUnknown,
    Step,
    dissenters,
    majority,
    rule_of,
    rules,
    stand,
)

DUTCH = rule_of("majority-3-then-5")
PAIR = rule_of("two-of-two-then-third")
VERDICTS = "abc"


@pytest.mark.parametrize("votes", list(itertools.product(VERDICTS, repeat=3)))
def test_three_votes_decide_when_two_agree_and_call_two_more_when_none_do(
    votes: tuple[str, ...],
) -> None:
    found = stand(DUTCH, votes, 3)
    if len(set(votes)) == 3:
        assert (found.step, found.call, found.majority) == (Step.MORE, 2, "")
    else:
        assert (found.step, found.majority) == (Step.OPEN, Counter(votes).most_common(1)[0][0])


@pytest.mark.parametrize("votes", list(itertools.product(VERDICTS, repeat=5)))
def test_five_votes_always_open_with_the_verdict_of_three_or_with_none(
    votes: tuple[str, ...],
) -> None:
    found = stand(DUTCH, votes, 5)
    most, times = Counter(votes).most_common(1)[0]
    assert found.step is Step.OPEN
    assert found.majority == (most if times >= 3 else "")


@pytest.mark.parametrize(("wanted", "cast"), [(3, 0), (3, 1), (3, 2), (5, 3), (5, 4)])
def test_nothing_opens_before_every_vote_that_was_asked_for_is_in(wanted: int, cast: int) -> None:
    found = stand(DUTCH, ["a"] * cast, wanted)
    assert (found.step, found.missing) == (Step.VOTES, wanted - cast)


@pytest.mark.parametrize("votes", list(itertools.product(VERDICTS, repeat=2)))
def test_two_votes_decide_when_they_agree_and_call_a_third_when_not(votes: tuple[str, str]) -> None:
    found = stand(PAIR, votes, 2)
    assert (found.step is Step.OPEN) == (votes[0] == votes[1])
    assert found.call == (0 if votes[0] == votes[1] else 1)


@pytest.mark.parametrize("votes", list(itertools.product(VERDICTS, repeat=3)))
def test_after_the_third_of_two_nobody_is_called_any_more(votes: tuple[str, ...]) -> None:
    assert stand(PAIR, votes, 3).step is Step.OPEN


@pytest.mark.parametrize("votes", list(itertools.product(VERDICTS, repeat=4)))
def test_half_of_the_votes_is_no_majority(votes: tuple[str, ...]) -> None:
    most, times = Counter(votes).most_common(1)[0]
    assert majority(votes) == (most if times > 2 else "")


def test_no_vote_makes_no_majority() -> None:
    assert majority([]) == ""


def test_dissent_is_whoever_voted_for_something_else_than_the_conclusion() -> None:
    assert dissenters({"x": "a", "y": "b", "z": "a"}, "a") == ["y"]
    assert dissenters({"x": "a", "y": "b"}, "c") == ["x", "y"]


def test_an_unknown_rule_is_refused_with_those_there_are() -> None:
    with pytest.raises(RuleUnknown) as refused:
        rule_of("first-come")
    assert "majority-3-then-5" in refused.value.problems[0].message


@pytest.mark.parametrize("rule", list(rules().values()), ids=lambda rule: rule.id)
def test_every_rule_says_what_it_is_and_where_it_comes_from(rule: object) -> None:
    for name in ("title", "sentence", "source"):
        assert getattr(rule, name)
    assert rule.trust in ("sourced", "general_knowledge", "derived", "unpublished")  # type: ignore[attr-defined]


@pytest.mark.parametrize("rule", list(rules().values()), ids=lambda rule: rule.id)
def test_the_verdicts_that_bring_a_case_back_are_verdicts_of_every_form(rule: object) -> None:
    for organ in ORGANS.values():
        (verdict,) = (one for one in organ.fields if one.pointer == organ.verdict_pointer)
        assert set(rule.returns_on) <= set(verdict.schema["enum"])  # type: ignore[attr-defined]


def test_an_unresected_case_comes_back_after_two_months_and_a_resectable_one_does_not() -> None:
    on = date(2026, 11, 20)
    assert DUTCH.returns_on_day("not_resectable_here", on) == date(2027, 1, 20)
    assert DUTCH.returns_on_day("resectable_now", on) is None
    assert PAIR.returns_on_day("not_resectable_here", on) is None
