"""How the viewer comes to its picture: what goes over the line, and what is said of a preview."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.e2e.conftest import RunningMargin
from tests.e2e.viewer_probe import wait_for_picture

pytestmark = pytest.mark.e2e

MARK = ".mgn-preview-mark"
ALL_WHOLE = """() => {
  const all = window.marginLoading?.() ?? [];
  return all.length > 0 && all.every((one) => one.whole === one.all);
}"""


def enter(page: Page, margin: RunningMargin) -> str:
    """Open a surgeon's link and enter the viewer; the viewer's address."""
    page.goto(margin.link("Prandi"))
    page.get_by_role("link", name="Open images and form").click()
    wait_for_picture(page)
    return page.url


def asked(page: Page, address: str) -> list[Request]:
    """The requests of a visit to the viewer until the first picture stands there."""
    found: list[Request] = []
    page.on("request", lambda request: found.append(request))
    page.goto(address)
    wait_for_picture(page)
    return found


def test_a_second_visit_asks_for_the_page_and_the_study_and_for_no_file_again(
    context: BrowserContext, margin: RunningMargin
) -> None:
    address = enter(context.new_page(), margin)
    for request in asked(context.new_page(), address):
        path = urlsplit(request.url).path
        answer = request.response()
        if answer is None or not path.endswith((".js", ".css", ".wasm")):
            continue
        kept = "immutable" in (answer.header_value("cache-control") or "")
        assert kept or request.resource_type in ("other", "manifest"), path


def test_no_question_about_the_study_is_asked_twice(
    context: BrowserContext, margin: RunningMargin
) -> None:
    address = enter(context.new_page(), margin)
    about = [
        urlsplit(request.url)
        for request in asked(context.new_page(), address)
        if "/dicom-web/" in request.url
    ]
    metadata = [one.path for one in about if one.path.endswith("/metadata")]
    assert metadata
    assert len(metadata) == len(set(metadata))
    assert len([one for one in about if one.path.endswith("/opening")]) == 1


def test_the_mark_of_a_preview_goes_when_every_slice_is_whole(
    page: Page, margin: RunningMargin
) -> None:
    address = enter(page, margin)
    page.goto(f"{address}&hangingprotocolId=mpr")
    wait_for_picture(page)
    page.wait_for_function(ALL_WHOLE)
    expect(page.locator(MARK)).to_have_count(0)
