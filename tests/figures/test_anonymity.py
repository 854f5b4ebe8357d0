"""Small groups of an export are merged or withheld."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.figures.anonymity import ANY, Known, guarded

KNOWN = st.builds(
    Known,
    st.just("liver"),
    st.sampled_from(["liver-hcc", "liver-crlm"]),
    st.sampled_from(["GB", "DE", "IN"]),
    st.sampled_from(["2026-H1", "2026-H2"]),
)


@given(st.lists(KNOWN, max_size=60), st.integers(1, 8))
def test_whoever_is_shown_stands_in_a_group_of_at_least_k(cases: list[Known], k: int) -> None:
    found = guarded(cases, k)
    groups = Counter(one for one in found.said if one is not None)
    assert all(n >= k for n in groups.values())
    assert found.withheld == sum(one is None for one in found.said)
    assert found.withheld < k
    for said, known in zip(found.said, cases, strict=True):
        if said is not None:
            for name in ("organ", "cancer", "country", "half_year"):
                assert getattr(said, name) in (getattr(known, name), ANY)


def test_a_large_group_is_said_as_it_is_and_a_single_case_is_withheld() -> None:
    many = Known("liver", "liver-hcc", "GB", "2026-H1")
    alone = Known("lung", "lung", "IN", "2026-H2")
    found = guarded([many] * 5 + [alone], 5)
    assert found.said == (*[many] * 5, None)
    assert (found.coarsened, found.withheld) == (0, 1)


def test_the_country_goes_first_then_the_time_then_the_kind() -> None:
    cases = [Known("liver", "liver-hcc", land, "2026-H1") for land in ("GB", "DE", "IN")]
    assert guarded(cases, 3).said[0] == Known("liver", "liver-hcc", ANY, "2026-H1")
    cases = [Known("liver", "liver-hcc", "GB", half) for half in ("2025-H2", "2026-H1")]
    assert guarded(cases, 2).said[0] == Known("liver", "liver-hcc", ANY, ANY)
    cases = [Known("liver", kind, "GB", "2026-H1") for kind in ("liver-hcc", "liver-crlm")]
    assert guarded(cases, 2).said[0] == Known("liver", ANY, ANY, ANY)


def test_a_group_smaller_than_one_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        guarded([], 0)
