"""An opinion written in a real browser: saved as it is typed, and told when another window was faster."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from server.annotations.organs import ORGANS
from tests.world import World

pytestmark = pytest.mark.e2e
ANSWERS = ORGANS["pancreas"].examples()["head-borderline-sma"]


@pytest.fixture
def begun(app: Flask, small_world: World) -> str:
    """The address of a visit at which the form was filled in."""
    client = app.test_client()
    base: Any = client.post("/open", json={"token": small_world.tokens["surgeon"]}).get_json()
    address = str(base["location"]).rstrip("/")
    saved = client.put(f"{address}/api/annotation", json={"answers": ANSWERS, "version": 0})
    assert saved.status_code == 200
    return address


def open_page(page: Page, address: str, world: World) -> None:
    page.goto(f"{address}/open#{world.tokens['surgeon']}")
    page.get_by_role("link", name="Opinion", exact=True).click()
    expect(page.get_by_role("heading", name="Answer to the question")).to_be_visible()


def test_what_is_typed_is_saved_previewed_and_lost_in_no_window(
    begun: str, small_world: World, address: str, page: Page
) -> None:
    open_page(page, address, small_world)
    other = page.context.new_page()
    other.goto(page.url)

    answer = page.locator("textarea[name=text-answer]")
    answer.fill("Yes, but only after four cycles.")
    expect(page.locator("[data-part=answer] [data-own]")).to_be_visible()
    preview = page.frame_locator("[data-preview]")
    expect(preview.get_by_text("Yes, but only after four cycles.")).to_be_visible()

    theirs = other.locator("textarea[name=text-answer]")
    theirs.fill("No: typed in another window.")
    expect(other.locator("[data-conflict]")).to_be_visible()
    expect(theirs).to_have_value("No: typed in another window.")
    other.get_by_role("button", name="Save mine over it").click()
    expect(other.frame_locator("[data-preview]").get_by_text("No: typed in")).to_be_visible()

    take = other.locator("[data-part=answer] [data-take]")
    take.click()
    expect(take).to_be_hidden()
    expect(theirs).to_have_value(ANSWERS["answer_to_question"])


def test_the_preview_stays_where_it_is_read_while_more_is_written(
    begun: str, small_world: World, address: str, page: Page
) -> None:
    open_page(page, address, small_world)
    preview = page.frame_locator("[data-preview]")
    preview.locator("body").evaluate("() => scrollTo(0, 400)")
    page.locator("textarea[name=text-answer]").fill("Yes, after four cycles.")
    expect(preview.get_by_text("Yes, after four cycles.")).to_be_attached()
    page.wait_for_function(
        "() => document.querySelector('[data-preview]').contentWindow.scrollY === 400"
    )
    expect(page.locator("[data-saved]")).to_have_text(re.compile(r"^Saved \d\d:\d\d UTC$"))
    assert page.locator(".saving").evaluate("line => line.getBoundingClientRect().bottom") <= 800
