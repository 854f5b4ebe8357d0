"""Two browsers give the last two votes of a panel at the same moment, against a server that listens."""

from __future__ import annotations

from datetime import datetime

import pytest
from playwright.sync_api import Browser, Page

from tests.panel.panel_world import NOT_HERE, RESECTABLE, PanelWorld, convene, vote

pytestmark = pytest.mark.e2e
SAVE = """async ([base, answers]) => {
  const headers = { "X-Margin-Panel": "1", "Content-Type": "application/json" };
  const body = JSON.stringify({ answers, version: 0 });
  return (await fetch(`${base}/api/annotation`, { method: "PUT", headers, body })).status;
}"""
# The vote leaves at a moment that both browsers were told beforehand.
SIGN_AT = """([base, verdict, at]) => {
  const headers = { "X-Margin-Panel": "1", "Content-Type": "application/json" };
  const body = JSON.stringify({ version: 1, verdict });
  window.voted = new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())))
    .then(() => fetch(`${base}/api/sign`, { method: "POST", headers, body }))
    .then(async (answer) => [answer.status, await answer.json()]);
}"""


def opened(browser: Browser, address: str, token: str) -> tuple[Page, str]:
    page = browser.new_context().new_page()
    page.goto(f"{address}/open#{token}")
    page.wait_for_url("**/r/*/")
    return page, page.url.removeprefix(address).rstrip("/")


def test_both_votes_count_and_the_panel_opens_for_both(
    browser: Browser, address: str, served: PanelWorld, today: datetime
) -> None:
    convene(served, today)
    vote(served, "Mara", RESECTABLE, today)
    nils, olga = (opened(browser, address, served.tokens[one]) for one in ("Nils", "Olga"))
    forms = {"Nils": RESECTABLE, "Olga": NOT_HERE}
    for (page, base), answers in zip((nils, olga), forms.values(), strict=True):
        assert page.evaluate(SAVE, [base, answers]) == 200
        page.goto(f"{address}{base}/panel")
        assert "Your vote is not in yet" in page.inner_text("main")
    at = nils[0].evaluate("Date.now() + 1500")
    for (page, base), answers in zip((nils, olga), forms.values(), strict=True):
        page.evaluate(SIGN_AT, [base, answers["verdict"], at])
    outcomes = [page.evaluate("window.voted") for page, _ in (nils, olga)]
    assert [status for status, _ in outcomes] == [200, 200]
    assert sorted(said["panel"]["votes"] for _, said in outcomes) == [2, 3]
    for page, base in (nils, olga):
        page.goto(f"{address}{base}/panel")
        shown = page.inner_text("main")
        assert "3 of 3 votes are in" in shown
        assert "Majority: Resectable now" in shown
        page.context.close()
