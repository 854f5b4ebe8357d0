"""The real application and programs that know nothing but its API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.access.programs import issue_key
from server.access.scopes import OF_HOSPITALS, Scope
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.people.records import Hospital
from tests.doors.conftest import app, client, settings, small_world, today
from tests.web.conftest import Browser, signed_in
from tests.world import World

__all__ = ["app", "client", "settings", "signed_in", "small_world", "today"]


@dataclass
class Caller:
    """A program with its key, or without one somebody who is signed in."""

    client: FlaskClient
    key: str

    def ask(self, method: str, path: str, **sent: Any) -> TestResponse:
        proof = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers = {**proof, **sent.pop("headers", {})}
        address = path if path.startswith("/api/") else f"/api/v1{path}"
        return self.client.open(address, method=method, headers=headers, **sent)

    def get(self, path: str, **sent: Any) -> TestResponse:
        return self.ask("GET", path, **sent)

    def post(self, path: str, body: Any = None, **sent: Any) -> TestResponse:
        return self.ask("POST", path, json=body, **sent)

    def put(self, path: str, body: Any) -> TestResponse:
        return self.ask("PUT", path, json=body)


def key_for(
    db: Database,
    hospital: Hospital | None,
    scopes: tuple[str, ...] = OF_HOSPITALS,
    name: str = "PACS bridge",
) -> str:
    with db.writing() as session:
        return issue_key(
            session,
            hospital=hospital,
            name=name,
            scopes=scopes,
            days=30,
            issued_by="test",
            now=utc_now(),
        ).key


@pytest.fixture
def program(app: Flask, small_world: World) -> Callable[..., Caller]:
    """A program of a hospital of the cast, or of a service for all of them."""

    def made(whose: str = "hospital", scopes: tuple[str, ...] | None = None) -> Caller:
        owner = None if whose == "service" else getattr(small_world, whose)
        allowed = scopes or (tuple(Scope) if owner is None else OF_HOSPITALS)
        return Caller(app.test_client(), key_for(small_world.db, owner, allowed))

    return made


@pytest.fixture
def theirs(program: Callable[..., Caller]) -> Caller:
    """A program of the hospital whose case `inside` is."""
    return program()


@pytest.fixture
def reviewer(app: Flask, small_world: World) -> Caller:
    """The surgeon who has the case `inside`, by the token of their access link."""
    return Caller(app.test_client(), small_world.tokens["surgeon"])


@pytest.fixture
def account(signed_in: Callable[[str], Browser]) -> Callable[[str], Caller]:
    """Somebody of the cast, signed in."""
    return lambda name: Caller(signed_in(name).client, "")


@pytest.fixture
def service(program: Callable[..., Caller]) -> Caller:
    """A service that may do everything a key can allow."""
    return program("service")
