"""Drafts in a real browser: what was typed outlives the link by which somebody came."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from server.access.action import Permit
from server.access.actions import issue_grant, revoke_grant
from server.access.records import Grant
from server.cases.records import Case
from server.conversation.records import Message
from server.people.records import Person
from tests.browser import sign_in
from tests.world import World

pytestmark = pytest.mark.e2e
TYPED = "Which stent was placed, and when? I had typed this before my link ended."


def come(page: Page, address: str, token: str) -> None:
    page.goto(f"{address}/open#{token}")
    page.wait_for_url("**/r/*/")
    page.get_by_role("link", name="Questions", exact=True).click()


def test_a_link_that_ends_while_somebody_types_loses_no_word(
    app: Flask, small_world: World, today: datetime, address: str, page: Page
) -> None:
    come(page, address, small_world.tokens["surgeon"])
    form = page.locator("#new")
    form.get_by_label("Question").fill(TYPED)
    expect(form.locator("[data-kept]")).to_have_text("Draft kept in this browser.")
    db = app.extensions["margin"].db
    with db.writing() as session:
        person = session.get_one(Person, small_world.surgeon.id)
        for grant in session.scalars(select(Grant).where(Grant.person_id == person.id)):
            revoke_grant(session, grant, by="test", why="It was sent to the wrong one.", now=today)
        token = issue_grant(
            session,
            case=session.get_one(Case, small_world.inside.id),
            for_whom=person.name,
            permits=frozenset({Permit.VIEW, Permit.ANNOTATE}),
            days=2,
            issued_by="test",
            now=today,
            person=person,
        ).token
    form.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="This access was withdrawn")).to_be_visible()
    come(page, address, token)
    form = page.locator("#new")
    expect(form.get_by_label("Question")).to_have_value(TYPED)
    form.get_by_role("button", name="Send").click()
    expect(page.locator(".message")).to_contain_text(TYPED)
    expect(page.locator("#new").get_by_label("Question")).to_have_value("")
    with db.reading() as session:
        assert [one.text for one in session.scalars(select(Message))] == [TYPED]


def test_what_was_typed_into_a_form_that_came_to_nothing_is_shown_for_copying(
    small_world: World, address: str, page: Page
) -> None:
    come(page, address, small_world.tokens["surgeon"])
    page.locator("#new").get_by_label("Question").fill(TYPED)
    page.context.clear_cookies()
    page.locator("#new").get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="What you had typed")).to_be_visible()
    expect(page.get_by_label("Question")).to_have_value(TYPED)
    page.goto(f"{address}/no-such-page")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page.get_by_text("What you had typed")).to_be_hidden()


def test_what_was_before_the_readers_eyes_is_new_no_more(
    small_world: World, address: str, page: Page
) -> None:
    come(page, address, small_world.tokens["surgeon"])
    page.locator("#new").get_by_label("Question").fill(TYPED)
    page.locator("#new").get_by_role("button", name="Send").click()
    expect(page.locator(".message")).to_have_count(1)
    reader = page.context.new_page()
    come(reader, address, small_world.tokens["hospital"])
    expect(reader.locator("[data-seen]")).to_contain_text("1 new")
    with reader.expect_response("**/questions/seen"):
        pass
    reader.reload()
    expect(reader.locator("[data-seen]")).to_have_count(0)


def drafts(page: Page) -> list[str]:
    kept: list[str] = page.evaluate("Object.keys(localStorage)")
    return [one for one in kept if one.startswith(("margin-draft:", "margin-unsent "))]


def test_what_was_never_sent_is_deleted_at_the_sign_out_and_that_is_said_before(
    small_world: World, address: str, page: Page
) -> None:
    number = small_world.inside.number
    sign_in(page, address, "Clara")
    page.goto(f"{address}/cases/{number}/questions")
    page.locator("#new").get_by_label("Question").fill(TYPED)
    expect(page.locator("#new [data-kept]")).to_have_text("Draft kept in this browser.")
    # As the viewer's form keeps what it could not save.
    page.evaluate(f"localStorage.setItem('margin-unsent {number} Lena', '{{}}')")
    page.goto(f"{address}/worklist")
    page.get_by_role("button", name="Sign out").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"What was typed on {number} is kept in this browser only")
    dialog.get_by_role("button", name="Stay and send it").click()
    expect(dialog).to_be_hidden()
    assert len(drafts(page)) == 2
    page.get_by_role("button", name="Sign out").click()
    dialog.get_by_role("button", name="Delete it and sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert drafts(page) == []
    sign_in(page, address, "Clara")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_a_surgeon_is_not_given_what_another_left_unsent_at_the_same_computer(
    app: Flask, small_world: World, today: datetime, address: str, page: Page
) -> None:
    come(page, address, small_world.tokens["surgeon"])
    page.locator("#new").get_by_label("Question").fill(TYPED)
    with app.extensions["margin"].db.writing() as session:
        token = issue_grant(
            session,
            case=session.get_one(Case, small_world.inside.id),
            for_whom="Another surgeon",
            permits=frozenset({Permit.VIEW, Permit.ANNOTATE}),
            days=2,
            issued_by="test",
            now=today,
        ).token
    come(page, address, token)
    expect(page.locator("#new").get_by_label("Question")).to_have_value("")
    come(page, address, small_world.tokens["surgeon"])
    expect(page.locator("#new").get_by_label("Question")).to_have_value(TYPED)
