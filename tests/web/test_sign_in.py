"""Signing in and out, and where people land."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from server.access.actions import begin_launch, good_grant
from server.cases.queries import case_by_number
from server.foundation import audit
from server.people.records import Person
from server.web.pages.entrance import local
from tests.web.conftest import Browser
from tests.world import PASSWORD, World

SignedIn = Callable[[str], Browser]


@pytest.fixture
def stranger(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    browser.get("/sign-in")
    return browser


def lines(app: Flask) -> list[tuple[str, str, str]]:
    with app.extensions["margin"].db.reading() as session:
        assert audit.verify(session).whole
        return [(line.actor, line.action, line.outcome) for line in audit.newest(session)]


def test_nobody_is_led_to_the_sign_in_page(app: Flask) -> None:
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.location) == (303, "/sign-in")


def test_a_coordinator_lands_on_the_worklist(stranger: Browser, app: Flask) -> None:
    answer = stranger.post("/sign-in", email="CLARA@margin.example ", password=PASSWORD)
    assert "Worklist" in answer.get_data(as_text=True)
    assert ("coordinator Clara", "sign_in", "done") in lines(app)


def test_the_cookie_of_an_account_cannot_be_read_by_scripts(stranger: Browser) -> None:
    answer = stranger.post_only("/sign-in", email="clara@margin.example", password=PASSWORD)
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if "-account=" in one]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("email", "password"),
    [("clara@margin.example", "wrong"), ("nobody@margin.example", PASSWORD), ("lena", "x")],
)
def test_every_wrong_sign_in_gets_the_same_answer(
    stranger: Browser, app: Flask, email: str, password: str
) -> None:
    answer = stranger.post("/sign-in", email=email, password=password)
    assert answer.status_code == 401
    assert "The address, the password or the code is not right." in answer.text
    assert ("nobody", "sign_in", "refused") in lines(app)


def test_what_was_typed_as_an_address_is_not_kept_in_the_trail(
    stranger: Browser, app: Flask
) -> None:
    stranger.post("/sign-in", email="my secret password", password="x")
    with app.extensions["margin"].db.reading() as session:
        lines = audit.newest(session)
        kept = " ".join(f"{line.details} {line.reason}" for line in lines)
    assert [line.action for line in lines] == ["sign_in"]
    assert "my secret password" not in kept


def test_the_sixth_failure_in_a_row_has_to_wait_even_with_the_right_password(
    stranger: Browser,
) -> None:
    for _ in range(5):
        stranger.post("/sign-in", email="clara@margin.example", password="wrong")
    answer = stranger.post("/sign-in", email="clara@margin.example", password=PASSWORD)
    assert answer.status_code == 401
    assert "too many failed attempts" in answer.text


def test_missing_fields_are_named_at_the_fields(stranger: Browser) -> None:
    answer = stranger.post("/sign-in", email="", password="")
    assert answer.status_code == 422
    assert "Enter your e-mail address." in answer.text
    assert "Enter your password." in answer.text


def test_after_signing_in_one_is_where_one_wanted_to_be(stranger: Browser) -> None:
    answer = stranger.post_only(
        "/sign-in", email="clara@margin.example", password=PASSWORD, next="/arrivals"
    )
    assert answer.location == "/arrivals"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "/a\\b", "/a\r\nb"]
)
def test_nobody_is_led_to_another_site(elsewhere: str) -> None:
    assert local(elsewhere) == ""


def test_signing_out_ends_the_session_on_the_server_too(signed_in: SignedIn, app: Flask) -> None:
    browser = signed_in("Clara")
    name = "margin-80-account"
    cookie = browser.client.get_cookie(name)
    assert cookie is not None
    browser.post("/sign-out")
    browser.client.set_cookie(name, cookie.value)
    assert browser.get("/worklist").status_code == 401


def test_signing_out_ends_the_visits_begun_in_this_browser_and_no_other(
    signed_in: SignedIn, app: Flask, small_world: World
) -> None:
    here, elsewhere = signed_in("Lena"), signed_in("Lena")
    services = app.extensions["margin"]

    def visit(browser: Browser, *, by_link: bool = False) -> str:
        with services.db.writing() as session:
            me = session.get_one(Person, small_world.surgeon.id)
            case = case_by_number(session, small_world.inside.number)
            grant = good_grant(session, small_world.tokens["surgeon"], services.clock())
            begun = begin_launch(
                session,
                case,
                now=services.clock(),
                lasts=timedelta(hours=1),
                **({"grant": grant} if by_link else {"person": me}),
            )
        browser.client.set_cookie(f"margin-80-visit-{begun.launch.id}", begun.secret)
        return f"/r/{begun.launch.id}/api/panel"

    mine, linked, other = visit(here), visit(here, by_link=True), visit(elsewhere)
    assert here.get(mine).status_code == 200
    answer = here.post_only("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert here.get(mine).status_code == 401
    # A link has an end of its own, and so has what was begun at another place.
    assert here.get(linked).status_code == 200
    assert elsewhere.get(other).status_code == 200


def test_a_form_without_its_token_changes_nothing(signed_in: SignedIn) -> None:
    browser = signed_in("Clara")
    answer = browser.post("/sign-out", csrf_token="")
    assert answer.status_code == 403
    assert browser.get("/worklist").status_code == 200


def test_a_surgeon_lands_on_their_own_cases(signed_in: SignedIn, small_world: World) -> None:
    page = signed_in("Lena").get("/").text
    assert small_world.inside.number in page
    assert small_world.outside.number not in page
