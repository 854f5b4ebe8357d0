"""Idempotency keys: what is asked for twice happens once, also at the same moment and after a crash."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from server.app import create_app
from server.cases.records import Case
from server.foundation import kept_answers
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.kept_answers import KEPT_FOR, KeptAnswer
from server.foundation.settings import Settings
from tests.api.conftest import Caller, key_for
from tests.world import World, build_world

BODY = {"organ": "pancreas", "question": "Can it be resected?", "accession_numbers": ["A1"]}


@pytest.fixture
def world_of_either(database: Database) -> World:
    return build_world(database, utc_now())


@pytest.fixture
def application(world_of_either: World, tmp_path: Path) -> Iterator[Flask]:
    """The application on a fresh database of either kind."""
    made = create_app(
        Settings.from_environ(
            {
                "MARGIN_HOME": str(tmp_path),
                "MARGIN_DATABASE_URL": world_of_either.db.url,
                "MARGIN_SECRET_KEY": "a key for tests only, nothing else",
                "MARGIN_ORTHANC_PASSWORD": "a password for tests",
                "MARGIN_PUBLIC_URL": "http://localhost",
            }
        )
    )
    yield made
    services = made.extensions["margin"]
    services.archive.close()
    services.db.dispose()


@pytest.fixture
def caller(application: Flask, world_of_either: World) -> Caller:
    return Caller(application.test_client(), key_for(world_of_either.db, world_of_either.hospital))


def opened(caller: Caller, key: str, body: Any = None) -> TestResponse:
    return caller.post("/cases", body or BODY, headers={"Idempotency-Key": key})


def cases(world: World) -> int:
    with world.db.reading() as session:
        return session.scalar(select(func.count(Case.id))) or 0


def test_the_same_again_is_the_same_answer_and_no_second_case(
    caller: Caller, world_of_either: World
) -> None:
    before = cases(world_of_either)
    first, second = opened(caller, "k-1"), opened(caller, '"k-1"')
    assert first.status_code == second.status_code == 201
    assert first.data == second.data
    assert first.location == second.location == first.get_json()["href"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert cases(world_of_either) == before + 1
    reordered = dict(reversed(BODY.items()))
    assert opened(caller, "k-1", reordered).data == first.data


def test_the_same_key_with_another_body_is_refused(caller: Caller, world_of_either: World) -> None:
    opened(caller, "k-1")
    before = cases(world_of_either)
    other = opened(caller, "k-1", {**BODY, "organ": "liver"})
    assert other.status_code == 422
    assert other.get_json()["error"]["code"] == "idempotency_key_reused"
    assert cases(world_of_either) == before


def test_a_refusal_is_not_kept_so_that_it_can_be_corrected(caller: Caller) -> None:
    assert opened(caller, "k-1", {**BODY, "organ": "soul"}).status_code == 422
    assert opened(caller, "k-1").status_code == 201


def test_two_programs_keys_do_not_meet(
    caller: Caller, application: Flask, world_of_either: World
) -> None:
    other = Caller(
        application.test_client(), key_for(world_of_either.db, world_of_either.other_hospital)
    )
    mine, theirs = opened(caller, "k-1").get_json(), opened(other, "k-1").get_json()
    assert mine["number"] != theirs["number"]
    assert theirs["hospital"]["name"] == "Hillcrest"


@pytest.mark.parametrize("key", ["", " ", "x" * 129, "a b", "schlüssel"])
def test_a_key_that_is_none_is_told(caller: Caller, key: str) -> None:
    answer = caller.post(
        "/cases", BODY, headers={"Idempotency-Key": key.encode().decode("latin-1")}
    )
    assert answer.status_code == 400
    assert answer.get_json()["error"]["code"] == "idempotency_key_unusable"


def test_many_at_once_open_one_case_and_all_learn_which(
    caller: Caller, application: Flask, world_of_either: World
) -> None:
    before, answers = cases(world_of_either), []
    ready = threading.Barrier(8)

    def ask() -> None:
        own = Caller(application.test_client(), caller.key)
        ready.wait()
        answers.append(opened(own, "k-1"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.status_code for one in answers] == [201] * 8
    assert len({one.get_json()["number"] for one in answers}) == 1
    assert sum("Idempotency-Replayed" not in one.headers for one in answers) == 1
    assert cases(world_of_either) == before + 1


class Killed(BaseException):
    """As when the process dies: nothing catches it."""


@pytest.mark.parametrize("moment", ["before the answer is kept", "after it was kept"])
def test_a_crash_between_effect_and_answer_leaves_both_or_neither(
    caller: Caller, world_of_either: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    before, keep = cases(world_of_either), kept_answers.keep

    def die(*given: Any, **named: Any) -> None:
        if moment == "after it was kept":
            keep(*given, **named)
        raise Killed

    monkeypatch.setattr(kept_answers, "keep", die)
    with pytest.raises(Killed):
        opened(caller, "k-1")
    monkeypatch.undo()
    assert cases(world_of_either) == before
    assert opened(caller, "k-1").status_code == 201
    assert cases(world_of_either) == before + 1


def test_an_answer_that_never_arrived_is_given_again(
    caller: Caller, world_of_either: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the commit: the case is there, and whoever asks again learns its number."""
    before = cases(world_of_either)
    with monkeypatch.context() as broken:
        broken.setattr("server.web.doorway.Doorway._note_use", _die)
        with pytest.raises(Killed):
            opened(caller, "k-1")
    assert cases(world_of_either) == before + 1
    again = opened(caller, "k-1")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert cases(world_of_either) == before + 1
    assert caller.get(again.location).status_code == 200


def _die(*_given: object) -> None:
    raise Killed


def test_a_key_is_forgotten_after_two_days(database: Database, now: Any) -> None:
    def claim(at: Any) -> tuple[KeptAnswer, bool]:
        with database.writing() as session:
            row, is_new = kept_answers.claim(
                session, actor="a", key="k", request_sha256="0", now=at
            )
            kept_answers.keep(row, status=201, content=json.dumps({"at": str(at)}))
            return row, is_new

    assert claim(now)[1]
    assert not claim(now + KEPT_FOR)[1]
    assert claim(now + KEPT_FOR + timedelta(seconds=1))[1]


def test_a_secret_is_shown_once_and_made_once(caller: Caller) -> None:
    wanted = {"url": "https://his.example.org/margin", "events": ["opinion.issued"]}
    headers = {"Idempotency-Key": "k-1"}
    first = caller.post("/webhooks", wanted, headers=headers)
    assert first.status_code == 201, first.text
    again = caller.post("/webhooks", wanted, headers=headers)
    assert again.status_code == 409
    assert again.get_json()["error"]["code"] == "secret_shown_once"
    assert first.get_json()["secret"] not in again.text
    assert len(caller.get("/webhooks").get_json()["webhooks"]) == 1


def test_reading_ignores_the_key_and_a_step_is_taken_once(
    application: Flask, world_of_either: World
) -> None:
    service = Caller(
        application.test_client(), key_for(world_of_either.db, None, ("read", "coordinate"))
    )
    case = world_of_either.inside
    hold = {"step": "hold", "version": case.version, "reason": "The CT is repeated."}
    headers = {"Idempotency-Key": "k-1"}
    where = f"/cases/{case.number}/steps"
    first = service.post(where, hold, headers=headers)
    second = service.post(where, hold, headers=headers)
    assert first.data == second.data
    assert service.get(f"/cases/{case.number}", headers=headers).get_json()["state"] == "on_hold"
