"""What people see while the records are away, or when something of Margin's own fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.app import create_app
from server.foundation.settings import Settings
from tests.archive.orthanc_process import free_port
from tests.web.conftest import Browser
from tests.world import World


@pytest.mark.parametrize("path", ["/sign-in", "/worklist", "/cases/M-2026-00001", "/healthz"])
def test_a_page_says_that_the_records_are_away(settings: Settings, path: str) -> None:
    port = free_port(18800, 18899)
    url = f"postgresql+psycopg://margin@127.0.0.1:{port}/margin"
    app = create_app(replace(settings, database_url=url))
    client = app.test_client()
    client.set_cookie("margin-80-account", "somebody")
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "Margin does not reach its records" in answer.text
    assert "Do it again in a minute." in answer.text
    told = client.get("/api/v1/cases", headers={"Authorization": "Bearer mgp_" + "x" * 43})
    assert (told.status_code, told.json["error"]["code"]) == (503, "database_away")
    app.extensions["margin"].archive.close()


def test_a_fault_of_our_own_is_not_blamed_on_the_address(
    app: Flask, signed_in: Callable[[str], Browser]
) -> None:
    browser = signed_in("Clara")
    database = app.extensions["margin"].db

    @contextmanager
    def failing() -> Iterator[Session]:
        raise IntegrityError("INSERT", {"name": "Erika Mustermann"}, ValueError("twice"))
        yield

    database.reading = failing
    app.testing = False
    answer = browser.get("/worklist")
    assert answer.status_code == 500
    assert "Something went wrong here." in answer.text
    assert "Check the address" not in answer.text


def test_an_opened_viewer_works_for_as_long_as_the_setting_says(
    settings: Settings, small_world: World, today: datetime
) -> None:
    app = create_app(replace(settings, launch_valid_hours=3))
    client = app.test_client()
    answer = client.post("/open", json={"token": small_world.tokens["surgeon"]})
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if "-visit-" in one]
    (expires,) = [one[9:] for one in cookie.split("; ") if one.startswith("Expires=")]
    ends = parsedate_to_datetime(expires).astimezone(UTC)
    assert timedelta(hours=3) <= ends - today.replace(microsecond=0) < timedelta(hours=3, minutes=5)
    for part in (app.extensions["margin"].archive.close, app.extensions["margin"].db.dispose):
        part()
