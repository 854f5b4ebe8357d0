"""The one-click arrangements of the viewer, pressed one after the other on a case with three phases."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.conftest import RunningMargin
from tests.e2e.viewer_probe import wait_for_picture
from tests.e2e.viewer_probe.picture import VIEWPORT

pytestmark = pytest.mark.e2e


def press(page: Page, label: str) -> None:
    page.locator(f'[data-cy="Margin{label}"]').first.click()


def enter(page: Page, margin: RunningMargin, *words: str) -> None:
    page.goto(margin.link(*words))
    page.get_by_role("link", name="Open images and form").click()
    wait_for_picture(page)


def shows(page: Page, count: int) -> None:
    """So many viewports, with a picture in each."""
    expect(page.locator(VIEWPORT)).to_have_count(count)
    for index in range(count):
        wait_for_picture(page, index=index)


def test_every_arrangement_is_one_click_away_and_one_click_back(
    context: BrowserContext, margin: RunningMargin
) -> None:
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    enter(page, margin, "Prandi")
    shows(page, 1)

    press(page, "Phases")
    expect(page.locator(VIEWPORT)).not_to_have_count(1)
    shows(page, page.locator(VIEWPORT).count())
    press(page, "Phases")
    shows(page, 1)

    press(page, "Mpr")
    shows(page, 3)
    press(page, "Mpr")
    shows(page, 1)

    press(page, "3d")
    shows(page, 4)
    press(page, "3d")
    shows(page, 1)

    press(page, "Prior")
    expect(page.get_by_text("This case has no earlier study.")).to_be_visible()
    shows(page, 1)
    assert failures == []
