"""The records in a real browser: a letter dragged onto the checklist, read by keyboard, and a blood value
taken over into the surgeon's form."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from server.cases.records import Case
from server.demo import cast
from server.foundation.db import Database
from tests.e2e.conftest import RunningMargin
from tests.e2e.viewer_probe import PanelProbe

pytestmark = pytest.mark.e2e


def case_number(margin: RunningMargin, accession_number: str) -> str:
    db = Database(margin.settings.database_url)
    with db.reading() as session:
        number = session.query(Case).filter_by(accession_number=accession_number).one().number
    db.dispose()
    return number


def drag(page: Page, what: str, onto: str) -> None:
    """As a hand does it: press, move in steps, let go."""
    start = page.locator(what).bounding_box()
    target = page.locator(onto).bounding_box()
    assert start is not None
    assert target is not None
    page.mouse.move(start["x"] + 10, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 30, start["y"] + 40, steps=4)
    page.mouse.move(target["x"] + 150, target["y"] + 15, steps=8)
    page.mouse.up()


def test_a_letter_is_dragged_onto_the_checklist_and_read_by_keyboard(
    margin: RunningMargin, page: Page
) -> None:
    base = margin.settings.public_url
    page.set_viewport_size({"width": 1280, "height": 1900})
    page.goto(f"{base}/sign-in")
    page.fill("[name=email]", cast.COORDINATOR.email)
    page.fill("[name=password]", margin.links.password)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/worklist*")
    page.goto(f"{base}/cases/{case_number(margin, cast.LIVER_CASE.accession_number)}/records")
    drag(page, ".card .sub", "#item-oncologist_letters")
    expect(page.get_by_text("Kept as: letter of an oncologist")).to_be_visible()
    expect(page.locator("#item-oncologist_letters .chip")).to_have_text("received")
    page.locator("#item-oncologist_letters a").first.click()
    picture = page.locator("img[data-page]").first
    expect(picture).to_have_js_property("complete", True)
    page.keyboard.press("+")
    expect(picture).to_have_attribute("src", re.compile(r"zoom=2&turn=0$"))
    page.keyboard.press("r")
    expect(picture).to_have_attribute("src", re.compile(r"zoom=2&turn=90$"))
    # A4 at 1400 pixels of width, lying on its side.
    expect(picture).to_have_js_property("naturalWidth", 1981)


def test_a_recorded_blood_value_is_taken_over_by_one_click(
    margin: RunningMargin, page: Page
) -> None:
    page.goto(margin.link("Lindqvist"))
    page.get_by_role("link", name="Open images and form").click()
    panel = PanelProbe(page)
    panel.wait_until_open()
    offer = panel.root.get_by_role("button", name="Bilirubin: use recorded 14 µmol/L")
    offer.click()
    expect(panel.field("/bilirubin_umol_l")).to_have_value("14")
    expect(offer).to_have_count(0)
    panel.wait_until_saved()
