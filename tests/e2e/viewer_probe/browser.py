"""A headless Chromium that draws WebGL in software and speaks only to the server under test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, sync_playwright

CHROMIUM = os.environ.get("MARGIN_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Window:
    """A page, and what went wrong in it.

    `outside` are addresses of requests to any other origin, `complaints` are errors of scripts and
    refusals by the Content-Security-Policy, as the browser words them.
    """

    page: Page
    origin: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", self._asked)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        speaks = address.scheme in ("http", "https", "ws", "wss")
        if speaks and f"{address.scheme}://{address.netloc}" != self.origin:
            self.outside.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.complaints.append(message.text)


@contextmanager
def browser_window(origin: str, width_px: int = 1280, height_px: int = 800) -> Iterator[Window]:
    """A fresh browser profile with one page of the given size; `origin` like `http://127.0.0.1:8080`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            context = browser.new_context(viewport={"width": width_px, "height": height_px})
            window = Window(context.new_page(), origin)
            window.watch()
            yield window
        finally:
            browser.close()
