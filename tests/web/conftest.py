"""The real application and people who use its pages as a browser does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.doors.conftest import (  # noqa: F401
    address,
    app,
    db,
    settings,
    small_world,
    today,
    visit,
)
from tests.world import PASSWORD

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser:
    """A client that follows redirects and sends forms with the token that stood in the page."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""

    def get(self, url: str, **query: str) -> TestResponse:
        return self._seen(self.client.get(url, query_string=query, follow_redirects=True))

    def post(self, url: str, **fields: object) -> TestResponse:
        return self._seen(self.post_only(url, **fields))

    def post_only(self, url: str, **fields: object) -> TestResponse:
        """Send a form and do not go where the answer leads."""
        return self.client.post(
            url, data={"csrf_token": self.token, **fields}, headers={"Accept": "text/html"}
        )

    def _seen(self, answer: TestResponse) -> TestResponse:
        if answer.status_code == 303:
            return self.get(answer.location)
        found = _TOKEN.search(answer.get_data(as_text=True))
        self.token = found.group(1) if found else self.token
        return answer


@pytest.fixture
def signed_in(app: Flask) -> Callable[[str], Browser]:  # noqa: F811
    """Somebody of the cast, by first name, signed in with a password."""

    def sign_in(name: str) -> Browser:
        browser = Browser(app.test_client())
        browser.get("/sign-in")
        answer = browser.post("/sign-in", email=f"{name.lower()}@margin.example", password=PASSWORD)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return browser

    return sign_in


@pytest.fixture
def visitor(
    visit: Callable[[str], tuple[FlaskClient, str]],  # noqa: F811
) -> Callable[[str], tuple[Browser, str]]:
    """Whoever came by a link: a browser, and the visit's address."""

    def come(who: str) -> tuple[Browser, str]:
        client, base = visit(who)
        return Browser(client), base

    return come
