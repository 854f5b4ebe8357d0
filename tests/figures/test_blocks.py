"""Packed rows are counted as the rows themselves would be."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.figures.blocks import CODES, DURATIONS, Wanted, joined, packed

FIRST = date(2026, 1, 1)
HOURS = st.none() | st.integers(0, 5000)
ML = st.none() | st.integers(50, 3000).map(float)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "opinion_on": st.integers(0, 364).map(lambda n: FIRST + timedelta(days=n)),
            "cancer": st.sampled_from(["liver-hcc", "pancreas", "lung"]),
            "reviewer_id": st.sampled_from(["a", "b", ""]),
            **{name: st.sampled_from(codes) for name, codes in CODES.items()},
            "imaging_inconclusive": st.booleans(),
            "kept_promise": st.none() | st.booleans(),
            "findings_mask": st.none() | st.integers(0, 63),
            **{f"{name}_h": HOURS for name in DURATIONS},
            "flr_predicted_ml": ML,
            "flr_after_ml": ML,
        }
    ),
    max_size=12,
)
Row = dict[str, Any]


@given(ROWS, ROWS)
def test_blocks_joined_count_what_their_rows_count(here: list[Row], there: list[Row]) -> None:
    rows = joined([packed(here), packed(there)], Wanted())
    every = [*here, *there]
    assert len(rows) == len(every)
    for names in (("cancer", "local_category", "verdict_change"), ("course",), ("converted",)):
        assert rows.tally(*names) == Counter(tuple(one[name] for name in names) for one in every)
    for column, name in (("kept", "kept_promise"), ("findings", "findings_mask")):
        known = Counter(int(one[name]) for one in every if one[name] is not None)
        assert dict(rows.numbers(column)) == known
    for name in DURATIONS:
        known = Counter(one[f"{name}_h"] for one in every if one[f"{name}_h"] is not None)
        assert dict(rows.numbers(name)) == known
    both = [
        (one["flr_predicted_ml"], one["flr_after_ml"])
        for one in every
        if one["flr_predicted_ml"] and one["flr_after_ml"]
    ]
    assert sorted(rows.pairs(100)) == sorted(both)
    assert len(rows.pairs(1)) == min(1, len(both))


@given(ROWS, st.integers(0, 364), st.integers(0, 364))
def test_filters_leave_the_rows_that_fit(made: list[Row], first: int, last: int) -> None:
    since, until = FIRST + timedelta(days=first), FIRST + timedelta(days=last)
    wanted = Wanted("pancreas", frozenset({"a", "c"}), since, until)
    fitting = [
        one
        for one in made
        if one["cancer"] == "pancreas"
        and one["reviewer_id"] == "a"
        and since <= one["opinion_on"] <= until
    ]
    found = joined([packed(made)], wanted)
    assert len(found) == len(fitting)
    inconclusive = sum(one["imaging_inconclusive"] for one in fitting)
    assert len(found.only(found.held["inconclusive"] == 1)) == inconclusive


def test_what_is_too_long_or_too_large_for_its_place_is_kept_at_the_edge() -> None:
    row: Row = {
        "opinion_on": FIRST,
        "cancer": "lung",
        "reviewer_id": "a",
        **dict.fromkeys(CODES, ""),
        "imaging_inconclusive": False,
        "kept_promise": None,
        "findings_mask": None,
        **{f"{name}_h": 100_000 for name in DURATIONS},
        "flr_predicted_ml": 1e9,
        "flr_after_ml": 700.0,
    }
    found = joined([packed([row])], Wanted())
    assert found.numbers("promise") == [(32_767, 1)]
    assert found.pairs(5) == [(65_535.0, 700.0)]


def test_a_code_that_is_not_known_counts_as_not_known() -> None:
    row: Row = {
        **dict.fromkeys(CODES, "something new"),
        "opinion_on": FIRST,
        "cancer": "lung",
        "reviewer_id": "",
        "imaging_inconclusive": False,
        "kept_promise": True,
        "findings_mask": 0,
        **{f"{name}_h": None for name in DURATIONS},
        "flr_predicted_ml": None,
        "flr_after_ml": None,
    }
    assert joined([packed([row])], Wanted()).tally("course") == {("",): 1}
