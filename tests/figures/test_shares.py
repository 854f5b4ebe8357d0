"""Shares with Wilson's interval, small numbers, medians from counts, agreement of volumes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.figures.shares import share, spread
from server.figures.volumes_compared import Agreement, agreement


# Newcombe RG, Stat Med 1998;17:857-872, table I, method 3 (score interval), 95 %.
@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_that_of_newcombes_examples(
    count: int, of: int, low: float, high: float
) -> None:
    found = share(count, of)
    assert found.low_percent == pytest.approx(100 * low, abs=0.005)
    assert found.high_percent == pytest.approx(100 * high, abs=0.005)


@given(st.integers(0, 400), st.integers(0, 400))
def test_an_interval_holds_its_share_and_stays_between_0_and_100(one: int, other: int) -> None:
    found = share(min(one, other), max(one, other))
    assert 0 <= found.low_percent <= found.high_percent <= 100
    if found.of:
        assert found.low_percent <= found.percent <= found.high_percent


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_other_half_has_the_mirrored_interval(count: int, more: int) -> None:
    of = count + more
    here, there = share(count, of), share(of - count, of)
    assert here.low_percent == pytest.approx(100 - there.high_percent)


@pytest.mark.parametrize(("count", "of"), [(-1, 3), (4, 3)])
def test_more_than_all_is_no_share(count: int, of: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        share(count, of)


@pytest.mark.parametrize(
    ("of", "shown", "few"),
    [
        (0, False, False),
        (9, False, False),
        (10, True, True),
        (29, True, True),
        (30, True, False),
    ],
)
def test_small_numbers_are_shown_as_such(of: int, shown: bool, few: bool) -> None:
    found = share(of // 2, of)
    assert (found.shown, found.few) == (shown, few)
    assert ("%" in found.words) is shown


def test_of_nothing_there_is_nothing_to_say() -> None:
    assert share(0, 0).counts == "none yet"
    assert share(0, 0).words == ""
    assert spread([]).words == "none yet"


def test_medians_come_from_counts_and_are_durations_that_were_measured() -> None:
    found = spread([(48, 1), (24, 2), (72, 1), (240, 0)])
    assert (found.of, found.lower_days, found.median_days, found.upper_days) == (4, 1.0, 1.0, 2.0)


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=60))
def test_half_of_all_took_no_longer_than_the_median(hours: list[int]) -> None:
    found = spread([(one, 1) for one in hours])
    assert found.median_days is not None
    median = round(found.median_days * 24)
    assert sum(one <= median for one in hours) * 2 >= len(hours)
    assert sum(one < median for one in hours) * 2 < len(hours)
    assert median in hours


def test_agreement_of_volumes_as_bland_and_altman_count_it() -> None:
    pairs = [(500.0, 500.0 + 10 * n) for n in range(-5, 6)]
    found = agreement(pairs)
    assert found.pairs == 11
    assert found.bias_ml == pytest.approx(0)
    assert found.limits_ml is not None
    # The sample standard deviation of -50, -40 ... 50 is the root of 1100.
    assert found.limits_ml[1] == pytest.approx(1.96 * 1100**0.5, abs=0.01)
    assert found.median_percent == pytest.approx(6.0)


@pytest.mark.parametrize("pairs", [0, 1, 9])
def test_below_ten_pairs_nothing_but_their_number_is_told(pairs: int) -> None:
    assert agreement([(500.0, 520.0)] * pairs) == Agreement(pairs)
