"""Where the time of a case went: every minute in exactly one stage or pause."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.cases.clocks.business_days import Calendars
from server.cases.clocks.pauses import Pause
from server.cases.clocks.stages import (
    LABELS,
    MEANINGS,
    STAGE_OF,
    Span,
    Stage,
    Step,
    promised,
    sums,
    timeline,
)
from server.cases.clocks.tiers import stage_targets, tiers
from server.cases.lifecycle import State

OPENED = datetime(2026, 11, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)
EVERY_DAY = Calendars().every_day


def at(days: float) -> datetime:
    return OPENED + days * DAY


def way(*steps: tuple[float, str]) -> list[Step]:
    return [Step(at(days), state) for days, state in steps]


USUAL = way(
    (0, "open"),
    (1, "awaiting_records"),
    (3, "ready"),
    (3.5, "assigned"),
    (5, "in_review"),
    (9, "opined"),
    (10, "closed"),
)


def seen(spans: list[Span]) -> list[tuple[str, float, bool]]:
    """Stage, days and whether paused, of each span."""
    return [(one.stage.value, one.lasted / DAY, one.pause is not None) for one in spans]


def test_every_state_has_a_stage_except_the_one_that_only_pauses() -> None:
    assert set(STAGE_OF) == set(State) - {State.ON_HOLD}
    assert set(LABELS) == set(MEANINGS) == set(Stage)


def test_the_usual_way_is_told_stage_by_stage() -> None:
    assert seen(timeline(OPENED, USUAL, [], at(40))) == [
        ("intake", 1, False),
        ("records", 2, False),
        ("routing", 0.5, False),
        ("review", 5.5, False),
        ("opinion", 1, False),
    ]


def test_a_case_that_goes_on_is_open_until_now() -> None:
    spans = timeline(OPENED, USUAL[:4], [], at(6))
    assert seen(spans)[-1] == ("review", 2.5, False)
    assert [one.open for one in spans] == [False, False, False, True]


def test_a_hold_is_a_pause_of_the_stage_in_which_it_came() -> None:
    steps = [*USUAL[:4], *way((4, "on_hold"), (6, "assigned"))]
    hold = Pause(at(4), at(6), "away", "patient")
    assert seen(timeline(OPENED, steps, [hold], at(7)))[-3:] == [
        ("review", 0.5, False),
        ("review", 2, True),
        ("review", 1, False),
    ]


def test_a_pause_that_stands_reaches_until_now() -> None:
    steps = [*USUAL[:4], *way((4, "on_hold"))]
    last = timeline(OPENED, steps, [Pause(at(4), None, "away", "patient")], at(7))[-1]
    assert (last.lasted, last.open, last.pause is not None) == (3 * DAY, True, True)


def test_of_a_case_from_before_steps_were_kept_nothing_is_made_up() -> None:
    assert seen(timeline(OPENED, [], [], at(5))) == [("unknown", 5, False)]
    assert seen(timeline(OPENED, way((4, "in_review")), [], at(5))) == [
        ("unknown", 4, False),
        ("review", 1, False),
    ]


def test_a_second_round_goes_on_in_the_same_line() -> None:
    steps = [
        *USUAL[:6],
        *way((10, "reassessment"), (60, "awaiting_records"), (62, "ready"), (63, "assigned")),
    ]
    stages = [one.stage for one in timeline(OPENED, steps, [], at(64))]
    assert stages[-5:] == [Stage.OPINION, Stage.BETWEEN, Stage.RECORDS, Stage.ROUTING, Stage.REVIEW]


def test_the_stages_under_the_clock_share_the_target() -> None:
    for tier in tiers().values():
        shares = promised(tier, stage_targets())
        assert shares[Stage.ROUTING] + shares[Stage.REVIEW] == tier.target_days


def test_what_was_promised_stands_beside_what_happened() -> None:
    spans = timeline(OPENED, USUAL, [Pause(at(5), at(7), "", "hospital")], at(40))
    found = {
        one.stage: one
        for one in sums(spans, EVERY_DAY, EVERY_DAY, tiers()["report"], stage_targets())
    }
    review = found[Stage.REVIEW]
    assert (review.spent, review.paused) == (3.5 * DAY, 2 * DAY)
    assert (review.promised_days, review.spent_days, review.late) == (6, 4, False)
    assert found[Stage.RECORDS].promised_days == 5
    assert all(one.over for one in found.values())


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Step], list[Pause], datetime]:
    """Any steps in order, any pauses that do not overlap, and a moment after all of them."""
    minutes = sorted(draw(st.lists(st.integers(0, 60_000), max_size=12)))
    states = [draw(st.sampled_from([one.value for one in State])) for _ in minutes]
    steps = [
        Step(OPENED + timedelta(minutes=minute), state)
        for minute, state in zip(minutes, states, strict=True)
    ]
    edges = sorted(draw(st.lists(st.integers(0, 60_000), max_size=8, unique=True)))
    moments = [OPENED + timedelta(minutes=minute) for minute in edges]
    pauses = [
        Pause(begun, ended, "", "hospital")
        for begun, ended in zip(moments[::2], moments[1::2], strict=False)
    ]
    return steps, pauses, OPENED + timedelta(minutes=70_000)


@given(lives())
def test_every_minute_lies_in_exactly_one_span(
    life: tuple[list[Step], list[Pause], datetime],
) -> None:
    steps, pauses, now = life
    spans = timeline(OPENED, steps, pauses, now)
    for one, following in itertools.pairwise(spans):
        assert one.ended_at <= following.begun_at
        gap = following.begun_at - one.ended_at
        # Only a case that was over has minutes that nobody counts.
        if gap:
            assert any(step.to_state in ("closed", "withdrawn") for step in steps)
    if not any(step.to_state in ("closed", "withdrawn") for step in steps):
        assert spans[0].begun_at == OPENED
        assert spans[-1].ended_at == now
        assert sum((one.lasted for one in spans), timedelta()) == now - OPENED
    assert all(one.lasted > timedelta() or one.open for one in spans)


@given(lives())
def test_the_days_of_all_stages_and_pauses_add_up(
    life: tuple[list[Step], list[Pause], datetime],
) -> None:
    steps, pauses, now = life
    if any(step.to_state in ("closed", "withdrawn") for step in steps):
        return
    spans = timeline(OPENED, steps, pauses, now)
    found = sums(spans, EVERY_DAY, EVERY_DAY, tiers()["report"], stage_targets())
    paused = sum(
        EVERY_DAY.days.between(EVERY_DAY.day(one.begun_at), EVERY_DAY.day(one.ended_at))
        for one in spans
        if one.pause
    )
    whole = EVERY_DAY.days.between(EVERY_DAY.day(OPENED), EVERY_DAY.day(now))
    assert sum(one.spent_days for one in found) + paused == whole
