"""Where a specimen is, and what may be noted of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from server.dossier.custody import Event, Step, next_steps, objection, standing

H, T, R, B, L, N = (
    Step.HANDED_OVER,
    Step.IN_TRANSIT,
    Step.RECEIVED,
    Step.RETURNED,
    Step.LOST,
    Step.NOTE,
)
LEGAL: dict[Step | None, set[Step]] = {
    None: {H, T, R},
    H: {T, R, B, L},
    T: {T, R, B, L},
    R: {H, T, B, L},
    B: {H, T},
    L: {R, B},
}


def history(now: datetime, *steps: Step) -> list[Event]:
    return [
        Event(step, now - timedelta(days=9 - place), "somebody") for place, step in enumerate(steps)
    ]


@pytest.mark.parametrize("last", [None, H, T, R, B, L])
@pytest.mark.parametrize("step", [H, T, R, B, L])
def test_what_may_follow_is_the_table_and_nothing_else(
    now: datetime, last: Step | None, step: Step
) -> None:
    before = history(now, last) if last else []
    why = objection(before, Event(step, now, "somebody"), now, courier="X", tracking="1")
    assert (why is None) == (step in LEGAL[last])
    assert (step in next_steps(before)) == (step in LEGAL[last])


def test_a_note_may_always_be_added_and_changes_nothing(now: datetime) -> None:
    events = history(now, H, T, N)
    assert objection(events, Event(N, now), now) is None
    assert standing(events, None, now.date()).step is T


@pytest.mark.parametrize(
    ("event", "courier", "tracking", "at"),
    [
        ("future", "X", "1", "at"),
        ("earlier", "X", "1", "at"),
        ("transit", "", "1", "courier"),
        ("transit", "X", " ", "tracking"),
        ("received", "", "", "to_whom"),
    ],
)
def test_what_is_incomplete_is_refused_at_its_field(
    now: datetime, event: str, courier: str, tracking: str, at: str
) -> None:
    sent = {
        "future": Event(T, now + timedelta(hours=1)),
        "earlier": Event(T, now - timedelta(days=30)),
        "transit": Event(T, now),
        "received": Event(R, now, " "),
    }[event]
    why = objection(history(now, H), sent, now, courier=courier, tracking=tracking)
    assert why is not None
    assert why[0] == at


def test_a_return_that_is_late_is_counted_in_days(now: datetime) -> None:
    due = now.date() - timedelta(days=3)
    assert standing(history(now, H, T, R), due, now.date()).overdue_days == 3
    assert standing(history(now, H, T, R), now.date(), now.date()).overdue_days == 0
    assert standing(history(now, H, T, R, B), due, now.date()).overdue_days == 0


def test_what_has_not_left_is_not_overdue(now: datetime) -> None:
    listed = standing([], now.date() - timedelta(days=3), now.date())
    assert (listed.step, listed.overdue_days, listed.words) == (None, 0, "Listed, not sent yet")
