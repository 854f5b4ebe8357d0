"""How the viewer comes to its picture: what goes over the line, and what is said of a preview."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.e2e.conftest import RunningMargin
from tests.e2e.viewer_probe import wait_for_picture

pytestmark = pytest.mark.e2e

MARK = ".mgn-preview-mark"
SHOWN_SLICE = """() => {
  const { viewportGridService, cornerstoneViewportService } = window.services;
  const id = viewportGridService.getActiveViewportId();
  return cornerstoneViewportService.getCornerstoneViewport(id).getCurrentImageId();
}"""
FETCHED = """() => {
  const wanted = document.querySelector('meta[name="viewer-files"]').content.split(" ");
  const ended = (one) => one.responseEnd > 0;
  const entries = performance.getEntriesByType("resource").filter(ended);
  const there = new Set(entries.map((one) => one.name.replace(location.origin, "")));
  return wanted.length > 50 && wanted.every((one) => there.has(one));
}"""
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


def test_the_viewers_files_come_while_the_case_is_read(page: Page, margin: RunningMargin) -> None:
    page.goto(margin.link("Prandi"))
    button = page.get_by_role("link", name="Open images and form")
    button.wait_for()
    page.wait_for_function(FETCHED)
    again: list[str] = []
    tools = page.context.new_cdp_session(page)
    tools.on("Network.requestServedFromCache", lambda event: again.append(event["requestId"]))
    scripts: dict[str, str] = {}
    tools.on(
        "Network.requestWillBeSent",
        lambda event: scripts.update({event["request"]["url"]: event["requestId"]}),
    )
    tools.on(
        "Network.responseReceived",
        lambda event: again.extend([event["requestId"]] * event["response"]["fromDiskCache"]),
    )
    tools.send("Network.enable")
    button.click()
    wait_for_picture(page)
    asked_for = {url: one for url, one in scripts.items() if "app.bundle" in url}
    assert asked_for
    assert set(asked_for.values()) <= set(again)


def test_the_slice_that_opens_is_the_first_that_was_asked_for(
    context: BrowserContext, margin: RunningMargin
) -> None:
    address = enter(context.new_page(), margin)
    page = context.new_page()
    frames = [
        urlsplit(request.url).path for request in asked(page, address) if "/frames/" in request.url
    ]
    assert frames[0] in page.evaluate(SHOWN_SLICE)


def test_the_mark_of_a_preview_goes_when_every_slice_is_whole(
    page: Page, margin: RunningMargin
) -> None:
    address = enter(page, margin)
    page.goto(f"{address}&hangingprotocolId=mpr")
    wait_for_picture(page)
    page.wait_for_function(ALL_WHOLE)
    expect(page.locator(MARK)).to_have_count(0)
