"""So many requests a minute for each key, and what is said when there were more."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from flask import Flask

from server.app import create_app
from server.foundation.settings import Settings
from server.web.pace import Pace, TooManyRequests
from tests.api.conftest import Caller, key_for
from tests.world import World


def test_a_key_may_ask_so_often_and_again_when_time_has_passed() -> None:
    moment = [0.0]
    pace = Pace(60, clock=lambda: moment[0])
    for _ in range(60):
        pace.take("a")
    with pytest.raises(TooManyRequests) as refused:
        pace.take("a")
    assert refused.value.facts["retry_after_s"] == 1
    pace.take("b")
    moment[0] = 1.0
    pace.take("a")
    with pytest.raises(TooManyRequests):
        pace.take("a")


def test_a_program_that_asks_too_fast_is_told_when_to_come_again(
    settings: Settings, small_world: World, app: Flask
) -> None:
    object.__setattr__(settings, "api_requests_per_minute", 2)
    slow = create_app(settings)
    caller = Caller(slow.test_client(), key_for(small_world.db, small_world.hospital))
    answers = [caller.get("/me") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].get_json()["error"]["code"] == "too_many_requests"
    services = slow.extensions["margin"]
    services.archive.close()
    services.db.dispose()


def test_several_web_processes_count_together() -> None:
    pace = Pace(20)
    pace.take("a")
    taken = [_taken_in_another_process(pace) for _ in range(3)]
    assert sum(taken) == 19


def _taken_in_another_process(pace: Pace) -> int:
    """How many of 15 requests a forked process is answered, as gunicorn's processes are forked."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    answered = 0
    try:
        for _ in range(15):
            with suppress(TooManyRequests):
                pace.take("a")
                answered += 1
    finally:
        os._exit(answered)


def test_more_keys_than_are_remembered_push_out_who_was_silent_longest() -> None:
    moment = [0.0]
    pace = Pace(60, clock=lambda: moment[0])
    for number in range(9000):
        moment[0] += 0.0001
        pace.take(f"key {number}")
    for _ in range(59):
        pace.take("key 8999")
    with pytest.raises(TooManyRequests):
        pace.take("key 8999")
