"""What reaches paper, and how wide a page is: by what a browser lays out and prints."""

from __future__ import annotations

import io

import pypdf
import pytest
from playwright.sync_api import Page

from tests.browser import sign_in
from tests.world import World

pytestmark = pytest.mark.e2e
TABS_OF_A_CASE = ("", "/records", "/records/values", "/questions", "/clock", "/sharing")
LONGEST_LINE = 105  # characters; a line of the narrowest letters holds more than one of capitals

# The longest line of every text, in characters: its width over that of its average letter.
LINES = """() => {
  const pen = document.createElement("canvas").getContext("2d");
  return [...document.querySelectorAll("main p, main li:not([class]), main dd, .banner > span")]
    .filter((one) => one.offsetWidth && !one.children.length)
    .map((one) => {
      const text = one.textContent.trim();
      pen.font = getComputedStyle(one).font;
      const range = document.createRange();
      range.selectNodeContents(one);
      const width = Math.max(0, ...[...range.getClientRects()].map((line) => line.width));
      return [text, width / (pen.measureText(text).width / text.length || 1)];
    });
}"""


def test_paper_shows_the_case_and_not_the_way_about_also_from_a_dark_screen(
    address: str, page: Page, small_world: World
) -> None:
    page.emulate_media(color_scheme="dark")
    sign_in(page, address, "clara")
    page.goto(f"{address}/cases/{small_world.inside.number}/records")
    printed = "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(page.pdf())).pages)
    assert small_world.inside.number in printed
    assert "Checklist" in printed
    for way in ("Worklist", "Two opinions", "Sign out", "Specimens and tasks", "hold the pointer"):
        assert way not in printed
    page.emulate_media(media="print", color_scheme="dark")
    paper, ink = page.evaluate(
        """() => { const { backgroundColor, color } = getComputedStyle(document.documentElement);
                  return [backgroundColor, color]; }"""
    )
    assert (paper, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")


def test_from_one_page_of_a_case_to_another_nothing_jumps_and_no_line_is_too_long(
    address: str, page: Page, small_world: World
) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    sign_in(page, address, "clara")
    places, long = set(), []
    for tab in TABS_OF_A_CASE:
        page.goto(f"{address}/cases/{small_world.inside.number}{tab}")
        places.add(page.locator(".tabs").first.evaluate("tabs => tabs.getBoundingClientRect().x"))
        long += [text for text, letters in page.evaluate(LINES) if letters > LONGEST_LINE]
    assert len(places) == 1
    assert long == []
