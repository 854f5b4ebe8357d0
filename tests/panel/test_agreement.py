"""Agreement per field, and Fleiss' kappa with the worked example of its author."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.annotations.agreement import (
    compared,
    fleiss_kappa,
    nearest,
    over_cases,
    percent_agreement,
    table,
)
from server.annotations.organs import ORGANS

PANCREAS = ORGANS["pancreas"]
EXAMPLES = PANCREAS.examples()
# Fleiss 1971, table 1: 30 patients, each diagnosed by 6 psychiatrists into 5 categories.
FLEISS_1971 = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""


def ratings(counts: str) -> list[str]:
    return [
        category for category, times in zip("abcde", counts, strict=True) for _ in range(int(times))
    ]


def test_the_worked_example_of_fleiss_1971() -> None:
    rated = [ratings(one) for one in FLEISS_1971.split()]
    assert len(rated) == 30
    assert {len(one) for one in rated} == {6}
    totals = [sum(int(one[column]) for one in FLEISS_1971.split()) for column in range(5)]
    assert totals == [26, 26, 30, 55, 43]
    assert percent_agreement(rated) == pytest.approx(55.56, abs=0.01)
    assert fleiss_kappa(rated) == pytest.approx(0.430, abs=0.0005)


def test_full_agreement_is_one_and_a_single_category_says_nothing() -> None:
    assert fleiss_kappa([["a"] * 3, ["b"] * 3]) == pytest.approx(1.0)
    assert fleiss_kappa([["a"] * 3, ["a"] * 3]) is None
    assert fleiss_kappa([]) is None
    assert percent_agreement([]) is None
    assert percent_agreement([["a"]]) is None


def test_two_raters_who_always_differ_agree_less_than_by_chance() -> None:
    assert fleiss_kappa([["a", "b"], ["b", "a"]]) == pytest.approx(-1.0)


@pytest.mark.parametrize("bad", [[["a", "b"], ["a"]], [["a"], ["b"]]])
def test_kappa_wants_the_same_number_of_ratings_at_least_two(bad: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa(bad)


@given(
    st.integers(2, 6).flatmap(
        lambda raters: st.lists(
            st.lists(st.sampled_from("abcd"), min_size=raters, max_size=raters),
            min_size=1,
            max_size=20,
        )
    )
)
def test_kappa_does_not_ask_in_which_order_anybody_rated(rated: list[list[str]]) -> None:
    shuffled = [random.Random(7).sample(one, len(one)) for one in rated][::-1]
    first, second = fleiss_kappa(rated), fleiss_kappa(shuffled)
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first == pytest.approx(second)
        assert -1.0 - 1e-9 <= first <= 1.0 + 1e-9


def test_identical_forms_agree_in_every_field() -> None:
    one = EXAMPLES["head-resectable"]
    found = table(PANCREAS, [one, one, one])
    assert found
    assert all(field.unanimous and field.of == 3 for field in found)


def test_a_field_in_which_one_of_three_differs_says_so_in_words() -> None:
    one = EXAMPLES["head-resectable"]
    other = {**one, "verdict": "not_resectable_here"}
    (verdict,) = (f for f in table(PANCREAS, [one, other, one]) if f.pointer == "/verdict")
    assert (verdict.agreeing, verdict.of, verdict.unanimous) == (2, 3, False)
    assert verdict.said == ("Resectable now", "Not resectable here")


def test_free_words_are_not_compared() -> None:
    pointers = {field.pointer for field in compared(PANCREAS)}
    assert "/verdict" in pointers
    assert not pointers & {"/verdict_reason", "/recommendation/text", "/vessels/sma/note"}


@pytest.mark.parametrize("organ", list(ORGANS.values()), ids=lambda organ: organ.id)
def test_every_organ_compares_its_verdict_and_its_examples(organ: object) -> None:
    forms = list(organ.examples().values())  # type: ignore[attr-defined]
    assert "/verdict" in {one.pointer for one in table(organ, forms)}  # type: ignore[arg-type]


def test_the_conclusion_begins_as_the_vote_that_differs_least_from_the_others() -> None:
    one, far = EXAMPLES["head-resectable"], EXAMPLES["body-appleby"]
    near = {**one, "ecog": 1}
    assert nearest([far, one, near], PANCREAS) in (1, 2)
    assert nearest([one], PANCREAS) == 0


def test_over_cases_only_cases_with_enough_votes_count_and_only_the_first_ones() -> None:
    one, other = EXAMPLES["head-resectable"], EXAMPLES["uncinate-locally-advanced"]
    cases = [[one, one, one, other, other], [other, other, other], [one, one]]
    (verdict,) = (f for f in over_cases(PANCREAS, cases, 3) if f.pointer == "/verdict")
    assert verdict.cases == 2
    assert verdict.kappa == pytest.approx(1.0)
    assert verdict.percent == pytest.approx(100.0)
