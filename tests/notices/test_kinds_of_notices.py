"""What may be told, to whom by default, and when: pure rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.notices.kinds import (
    KINDS,
    Choice,
    FactNotPlain,
    Group,
    NoticeKind,
    checked_facts,
    choice_of,
    kinds_for,
)
from server.notices.schedule import (
    ATTEMPTS,
    DIGEST_AT,
    is_switched_off,
    next_digest,
    retry_at,
)

PROJECT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))


def test_every_kind_has_its_rule_and_may_be_switched_off_by_nobody_it_is_not_for() -> None:
    assert set(KINDS) == set(NoticeKind)
    assert all(rule.must <= set(rule.usual) for rule in KINDS.values())
    never = [
        (kind, group)
        for kind, rule in KINDS.items()
        for group in rule.must
        if rule.usual[group] is Choice.NEVER
    ]
    assert never == []


@pytest.mark.parametrize(
    "facts",
    [
        {"patient": "Jane Roe"},
        {"what": "Jane Roe has a question"},
        {"stage": "Müller"},
        {"count": "three"},
        {"due_on": "2026-11-20"},
        {"count": True},
        {"number": 3.5},
    ],
)
def test_a_fact_that_could_hold_what_somebody_typed_is_refused(facts: dict[str, object]) -> None:
    with pytest.raises(FactNotPlain):
        checked_facts(facts)  # type: ignore[arg-type]


def test_days_numbers_and_words_of_lists_are_kept_as_json() -> None:
    kept = checked_facts({"due_on": date(2026, 11, 27), "count": 3, "stage": "in_review"})
    assert kept == {"due_on": "2026-11-27", "count": 3, "stage": "in_review"}


@given(st.sampled_from(list(NoticeKind)), st.sampled_from(list(Group)), st.sampled_from(Choice))
def test_what_must_be_sent_is_sent_whatever_was_chosen(
    kind: NoticeKind, group: Group, chosen: Choice
) -> None:
    answer = choice_of(kind, group, chosen)
    if group in KINDS[kind].must:
        assert answer is not Choice.NEVER
    else:
        assert answer is chosen


def test_a_group_that_a_kind_is_not_for_is_sent_nothing_by_itself() -> None:
    assert choice_of(NoticeKind.VOTE_WANTED, Group.HOSPITAL, None) is Choice.NEVER
    assert NoticeKind.VOTE_WANTED not in kinds_for(Group.HOSPITAL)


def test_a_delivery_is_tried_for_more_than_four_days_and_then_given_up() -> None:
    at = NOW
    for attempt in range(1, ATTEMPTS):
        again = retry_at(attempt, at)
        assert again is not None and again > at
        at = again
    assert at - NOW > timedelta(days=4)
    assert retry_at(ATTEMPTS, at) is None


def test_the_first_hour_brings_at_least_four_attempts() -> None:
    at, attempts = NOW, 1
    while at - NOW < timedelta(hours=1):
        again = retry_at(attempts, at)
        assert again is not None
        at, attempts = again, attempts + 1
    assert attempts > 4


@given(MOMENTS)
def test_a_digest_goes_out_within_a_day_at_its_hour(now: datetime) -> None:
    due = next_digest(now)
    assert timedelta(0) < due - now <= timedelta(days=1)
    assert due.timetz() == DIGEST_AT


def test_a_webhook_that_is_down_for_a_day_stays_on_and_one_down_for_five_does_not() -> None:
    assert not is_switched_off(100, NOW - timedelta(days=1), NOW)
    assert not is_switched_off(3, NOW - timedelta(days=6), NOW)
    assert is_switched_off(10, NOW - timedelta(days=5), NOW)
    assert not is_switched_off(0, None, NOW)


def test_every_kind_stands_in_the_documentation() -> None:
    text = (PROJECT / "docs" / "notices.md").read_text()
    missing = [
        kind for kind, rule in KINDS.items() if f"| `{kind.value}` | {rule.label} |" not in text
    ]
    assert missing == []
