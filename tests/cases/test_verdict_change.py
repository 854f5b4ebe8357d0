"""Whether a second opinion changed the first verdict."""

from __future__ import annotations

import pytest

from server.annotations.organs import ORGANS
from server.cases.local_category import (
    LOCAL_CATEGORIES,
    local_category_entries,
    state_local_category,
)
from server.cases.verdict_change import TABLE, Change, verdict_change
from server.foundation.errors import Invalid
from server.outcomes.suggested import suggested_findings
from server.outcomes.value_sets import FINDINGS
from tests.world import World

NO_VERDICT = ("uncertain", "not_stated")


@pytest.mark.parametrize("organ", ORGANS)
@pytest.mark.parametrize("category", LOCAL_CATEGORIES)
def test_every_verdict_of_every_organ_is_in_the_table(organ: str, category: str) -> None:
    for verdict in ORGANS[organ].schema["properties"]["verdict"]["enum"]:
        change = verdict_change(category, verdict, organ)
        if category in NO_VERDICT or verdict == "insufficient_imaging":
            assert change is Change.NOT_COMPARABLE
        else:
            assert change is not Change.NOT_COMPARABLE


@pytest.mark.parametrize("verdict", ["resectable_now", "resectable_with_conditions"])
def test_an_operation_for_what_was_called_unresectable_is_a_change(verdict: str) -> None:
    assert verdict_change("unresectable", verdict) is Change.CHANGED
    assert suggested_findings("unresectable", verdict) == ("resectable",)


def test_an_operation_that_is_taken_away_is_a_change_too() -> None:
    for category in ("resectable", "borderline"):
        for verdict in ("not_resectable_here", "metastatic_no_surgery"):
            assert verdict_change(category, verdict) is Change.CHANGED


@pytest.mark.parametrize(
    ("category", "verdict", "findings"),
    [
        ("unresectable", "conversion_then_reassess", ("convertible",)),
        ("resectable", "conversion_then_reassess", ("neoadjuvant",)),
        ("unresectable", "not_resectable_here", ("confirmed",)),
        ("borderline", "conversion_then_reassess", ("convertible", "confirmed")),
        ("not_stated", "resectable_now", ()),
        ("unresectable", "insufficient_imaging", ()),
        ("unresectable", "", ()),
    ],
)
def test_findings_are_suggested_from_both_verdicts(
    category: str, verdict: str, findings: tuple[str, ...]
) -> None:
    assert suggested_findings(category, verdict) == findings


def test_what_cannot_follow_from_verdicts_is_never_suggested() -> None:
    said = {
        one
        for category in LOCAL_CATEGORIES
        for verdict in TABLE["unresectable"]
        for one in suggested_findings(category, verdict)
    }
    assert said == set(FINDINGS) - {"other_approach", "trial"}


def test_a_verdict_nobody_knows_is_not_comparable() -> None:
    assert verdict_change("unresectable", "something_new") is Change.NOT_COMPARABLE
    assert verdict_change("Unresectable, they wrote", "resectable_now") is Change.NOT_COMPARABLE


def test_a_category_is_chosen_corrected_and_known_as_of_a_moment(world: World) -> None:
    with world.db.writing() as session:
        case = world.inside
        first, then = case.opened_at, case.opened_at.replace(year=case.opened_at.year + 1)
        assert local_category_entries(session, case.id) == []
        assert state_local_category(session, case, "not_stated", by="Clara", now=first) is None
        state_local_category(session, case, "unresectable", by="Clara", now=first)
        state_local_category(session, case, "unresectable", by="Clara", now=then)
        entry = state_local_category(session, case, "borderline", by="Omar", now=then)
        assert entry is not None
        assert (entry.number, entry.set_by) == (2, "Omar")
        kept = [(one.category, one.set_at) for one in local_category_entries(session, case.id)]
        assert kept == [("unresectable", first), ("borderline", then)]
        with pytest.raises(Invalid):
            state_local_category(session, case, "Unresectable", by="Clara", now=then)
