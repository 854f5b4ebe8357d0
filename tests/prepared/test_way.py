"""Preparing makes way for whoever waits for what is not prepared, and still gets on."""

from __future__ import annotations

import os
from pathlib import Path

from server.prepared.way import MOMENT_S, NAME, Way


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def test_nobody_waits_and_nothing_is_given(tmp_path: Path) -> None:
    time = Time()
    Way(tmp_path, time, time.sleep).give()
    Way(tmp_path / "nowhere", time, time.sleep).ask()
    Way(tmp_path / "nowhere", time, time.sleep).give()
    assert time.slept == 0
    assert not list(tmp_path.iterdir())


def test_preparing_waits_until_whoever_asked_has_what_they_wanted(tmp_path: Path) -> None:
    time = Time()
    preparing = Way(tmp_path, time, time.sleep)
    preparing.ask()
    preparing.give()
    assert MOMENT_S - 0.01 < time.slept < MOMENT_S + 0.2
    before = time.slept
    preparing.give()
    assert time.slept == before


def test_however_many_wait_preparing_has_half_of_the_time(tmp_path: Path) -> None:
    time = Time()
    preparing = Way(tmp_path, time, time.sleep)
    worked = 0.0
    while time.now < 1_000_100.0:
        preparing.ask(60.0)
        preparing.give()
        time.now += 0.01
        worked += 0.01
    assert 0.4 < worked / (worked + time.slept) < 0.6


def test_a_clock_that_was_set_back_stops_nothing(tmp_path: Path) -> None:
    time = Time()
    preparing = Way(tmp_path, time, time.sleep)
    preparing.ask()
    os.utime(tmp_path / NAME, (time.now + 3600, time.now + 3600))
    preparing.give()
    assert time.slept == 0
