"""The real application on a fresh database, and callers with real credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.app import create_app
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings
from tests.archive.orthanc_process import free_port
from tests.served import serving
from tests.world import World, build_world


@pytest.fixture
def settings(sqlite_database: Database, tmp_path: Path) -> Settings:
    """Settings of a Margin whose archive does not answer."""
    return Settings.from_environ(
        {
            "MARGIN_HOME": str(tmp_path),
            "MARGIN_DATABASE_URL": sqlite_database.url,
            "MARGIN_SECRET_KEY": "a key for tests only, nothing else",
            "MARGIN_ORTHANC_PASSWORD": "a password for tests",
            "MARGIN_ORTHANC_PORT": str(free_port(18700, 18799)),
            "MARGIN_PUBLIC_URL": "http://localhost",
        }
    )


@pytest.fixture
def today() -> datetime:
    """The application asks the real clock, so its world is made now."""
    return utc_now()


@pytest.fixture
def small_world(sqlite_database: Database, today: datetime) -> World:
    return build_world(sqlite_database, today)


@pytest.fixture
def app(settings: Settings, small_world: World) -> Iterator[Flask]:
    application = create_app(settings)
    yield application
    services = application.extensions["margin"]
    services.archive.close()
    services.db.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def db(app: Flask) -> Database:
    """The application's database."""
    found: Database = app.extensions["margin"].db
    return found


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the application answers on a real socket, for browsers."""
    with serving(app) as server:
        yield f"http://localhost:{server.port}"


@pytest.fixture
def visit(app: Flask, small_world: World) -> Callable[[str], tuple[FlaskClient, str]]:
    """Open the access link of somebody of the cast: a client with its cookie, and the visit's address."""

    def open_link(who: str) -> tuple[FlaskClient, str]:
        client = app.test_client()
        answer = client.post("/open", json={"token": small_world.tokens[who]})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return client, answer.get_json()["location"].rstrip("/")

    return open_link
