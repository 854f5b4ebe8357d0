"""The resectability panel as a surgeon uses it: by what can be seen, clicked and typed."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

_SAVED = re.compile(r"Saved \d{2}:\d{2}:\d{2}$")


class PanelProbe:
    """Fields are named by their JSON pointer, such as `/vessels/sma/contact_deg`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator("margin-resectability-panel")

    def wait_until_open(self, timeout_s: float = 60.0) -> None:
        self.root.locator(".mgn-section").first.wait_for(timeout=timeout_s * 1000)

    def field(self, pointer: str) -> Locator:
        """The control of a field; its vessel has to be open."""
        return self.root.locator(f"[data-pointer='{pointer}']")

    def open_vessel(self, vessel: str) -> Locator:
        """Unfold a vessel's row; the row."""
        button = self.root.locator(f"[data-vessel='/vessels/{vessel}']")
        if button.get_attribute("aria-expanded") != "true":
            button.click()
        return self.root.locator(".mgn-vessel", has=button)

    def type_contact(self, vessel: str, text: str) -> None:
        """Type a contact into the vessel's box and leave it."""
        self.open_vessel(vessel)
        box = self.field(f"/vessels/{vessel}/contact_deg")
        box.fill(text)
        box.press("Tab")

    def choose(self, pointer: str, words: str) -> None:
        """Choose one of the offered answers of a field by its words."""
        control = self.field(pointer)
        if control.evaluate("element => element.tagName") == "SELECT":
            control.select_option(label=words)
        else:
            control.get_by_label(words, exact=True).check()

    def answer_rest(self, words: str) -> None:
        """The button that answers every vessel nobody has answered yet."""
        self.root.get_by_role("button", name=words, exact=True).click()

    def problem_at(self, pointer: str) -> Locator:
        """The message that stands at a field."""
        return self.root.locator(f"[id='mgn{pointer.replace('/', '-')}-problem']")

    @property
    def status(self) -> str:
        return self.root.locator(".mgn-status p").first.inner_text()

    def wait_until_saved(self, timeout_s: float = 15.0) -> None:
        line = self.root.locator(".mgn-status p").first
        expect(line).to_have_text(_SAVED, timeout=timeout_s * 1000)

    def says(self, ruleset: str) -> str:
        """The category or interval a ruleset's card shows."""
        return self.root.locator(f"[data-ruleset='{ruleset}'] .mgn-card-says").inner_text()

    def use_volume(self, volume_id: str) -> None:
        card = self.root.locator(f"[data-volume='{volume_id}']")
        card.get_by_role("button", name="Use these volumes").click()

    def open_signing(self) -> Locator:
        """Open the dialog for signing; the dialog."""
        self.root.get_by_role("button", name="Sign…").click()
        return self.root.get_by_role("dialog")

    def sign(self, verdict_words: str) -> None:
        """Sign with the verdict stated again."""
        dialog = self.open_signing()
        dialog.get_by_label("State your verdict again to sign").select_option(label=verdict_words)
        dialog.get_by_role("button", name=re.compile("^Sign as ")).click()

    def keep_screenshot(self, folder: Path, name: str) -> Path:
        """The whole window as a PNG file, for a person to look at."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        self.page.screenshot(path=path)
        return path
