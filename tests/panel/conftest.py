"""A panel on either kind of database, and a panel behind the real application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.doors.conftest import address, app, client, settings, small_world, today
from tests.panel.panel_world import PanelWorld, add_people
from tests.world import World

__all__ = ["address", "app", "client", "settings", "small_world", "today"]
Open = Callable[[str], tuple[FlaskClient, str]]


@pytest.fixture
def made(world: World, now: datetime) -> PanelWorld:
    """The people of a panel; it is not convened yet."""
    return add_people(world, now)


@pytest.fixture
def served(small_world: World, today: datetime) -> PanelWorld:
    """The same behind the application, which asks the real clock."""
    return add_people(small_world, today)


@pytest.fixture
def by_link(app: Flask, served: PanelWorld) -> Open:
    """Open the link of somebody of the panel or of the cast: a client, and the visit's address."""

    def open_link(who: str) -> tuple[FlaskClient, str]:
        visitor = app.test_client()
        token = served.tokens.get(who) or served.world.tokens[who]
        answer = visitor.post("/open", json={"token": token})
        assert answer.status_code == 200, answer.text
        return visitor, answer.get_json()["location"].rstrip("/")

    return open_link
