"""Every page as a browser shows it, held to WCAG 2.2 AA by axe-core, in light and in dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.browser import sign_in
from tests.web import axe
from tests.world import World

OF_A_CASE = (
    "",
    "/records",
    "/records/values",
    "/records/request",
    "/records/specimens",
    "/questions",
    "/answer",
    "/afterwards",
    "/outcome",
)
FOR_COORDINATORS = ("/routing", "/assignment", "/clock", "/sharing", "/uploads")
PLACES = (
    "/worklist",
    "/arrivals",
    "/cases/new",
    "/hospitals",
    "/surgeons",
    "/centres/new",
    "/people",
    "/figures",
    "/jobs",
    "/audit",
    "/notices",
    "/notices/preferences",
    "/notices/outbox",
)
FOR_SURGEONS = ("/worklist", "/profile")
BY_LINK = ("/", "/records", "/answer", "/afterwards")
FOR_ALL = ("/sign-in", "/verify", "/open", "/no-such-page")
NARROW = {"width": 390, "height": 800}
WIDE = {"width": 1280, "height": 900}

# Rows whose visible cells are not as many as the visible heads above them.
UNEVEN = """() => [...document.querySelectorAll("table")].flatMap((table) => {
  const wide = (row) => [...row.cells]
    .filter((cell) => getComputedStyle(cell).display !== "none")
    .reduce((sum, cell) => sum + cell.colSpan, 0);
  const heads = table.tHead ? wide(table.tHead.rows[0]) : 0;
  return [...table.tBodies].flatMap((body) => [...body.rows])
    .filter((row) => heads && !row.querySelector("[rowspan]") && wide(row) !== heads)
    .map((row) => row.textContent.trim().slice(0, 60));
})"""

# Tables of which a part is only seen by pushing them sideways.
CUT = """() => [...document.querySelectorAll(".scroll")]
  .filter((room) => room.scrollWidth > room.clientWidth + 1)
  .map((room) => room.textContent.trim().replace(/\\s+/g, " ").slice(0, 60))"""


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe.program(tmp_path_factory.mktemp("axe"))


def faults(page: Page, address: str, checker: str) -> list[str]:
    """What is wrong with one page: rules broken in light, contrast in dark, errors on the console, rows
    that do not fit their table, and whether it must be pushed sideways on a telephone."""
    said: list[str] = []

    def note(line: ConsoleMessage) -> None:
        if line.type == "error":
            said.append(line.text)

    page.on("console", note)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    answer = page.goto(address)
    assert answer is not None
    # A page that is not there is said on the console as well.
    found = [*(said if answer.ok else []), *axe.violations(page, checker)]
    page.remove_listener("console", note)
    found += [f"a table is cut off: {one}" for one in page.evaluate(CUT)]
    page.emulate_media(color_scheme="dark")
    found += axe.violations(page, checker, ["color-contrast"])
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.evaluate(
        "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
    )
    found += [f"a table is cut off on a telephone: {one}" for one in page.evaluate(CUT)]
    width = page.evaluate("document.documentElement.scrollWidth")
    found += [f"a row is not as wide as its head: {row}" for row in page.evaluate(UNEVEN)]
    if width > NARROW["width"]:
        found.append(f"is {width} px wide on a telephone of {NARROW['width']} px")
    return [f"{address}: {one}" for one in found]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "places", "of_a_case"),
    [
        ("ada", PLACES, ()),
        ("clara", (), (*OF_A_CASE, *FOR_COORDINATORS)),
        ("lena", FOR_SURGEONS, ("", "/records", "/opinion")),
    ],
    ids=["administrator", "coordinator", "surgeon"],
)
def test_every_page_of_an_account_can_be_read_by_everybody(
    address: str,
    page: Page,
    small_world: World,
    checker: str,
    name: str,
    places: tuple[str, ...],
    of_a_case: tuple[str, ...],
) -> None:
    sign_in(page, address, name)
    case = f"/cases/{small_world.inside.number}"
    addresses = [*places, *(case + one for one in of_a_case)]
    assert [fault for one in addresses for fault in faults(page, address + one, checker)] == []


@pytest.mark.e2e
def test_every_page_of_a_link_can_be_read_by_everybody(
    address: str, browser: Browser, small_world: World, checker: str
) -> None:
    found: list[str] = []
    for who in ("surgeon", "hospital"):
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{address}/open#{small_world.tokens[who]}")
        page.wait_for_url("**/r/**")
        visit = page.url.rstrip("/")
        found += [fault for one in BY_LINK for fault in faults(page, visit + one, checker)]
        context.close()
    assert found == []


@pytest.mark.e2e
def test_every_page_without_an_account_can_be_read_by_everybody(
    address: str, page: Page, checker: str
) -> None:
    assert [fault for one in FOR_ALL for fault in faults(page, address + one, checker)] == []


@pytest.mark.e2e
def test_the_first_press_of_tab_leads_past_the_bar(address: str, page: Page) -> None:
    page.goto(f"{address}/verify")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("link => link === document.activeElement")
    assert skip.bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
