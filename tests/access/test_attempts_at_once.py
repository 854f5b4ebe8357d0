"""Guessing many times at once gains nothing, and takes no more memory than a few guesses."""

from __future__ import annotations

import threading
from datetime import datetime

from server.access.actions import (
    FAILURES_BEFORE_WAITING,
    SignInFailed,
    TooManyAttempts,
    check_attempts,
    note_failure,
    sign_in,
)
from tests.world import World

EMAIL = "clara@margin.example"


def test_many_attempts_at_once_are_counted_one_by_one(world: World, now: datetime) -> None:
    begin, said = threading.Barrier(12), []

    def attempt() -> None:
        begin.wait()
        with world.db.writing() as session:
            try:
                check_attempts(session, EMAIL, now)
                sign_in(session, email=EMAIL, password="not the one", code="", now=now)
            except (SignInFailed, TooManyAttempts) as refused:
                note_failure(session, EMAIL, now)
                said.append(refused.code)

    guessing = [threading.Thread(target=attempt) for _ in range(12)]
    for one in guessing:
        one.start()
    for one in guessing:
        one.join()
    assert sorted(said) == (
        ["sign_in_failed"] * FAILURES_BEFORE_WAITING
        + ["too_many_attempts"] * (12 - FAILURES_BEFORE_WAITING)
    )
