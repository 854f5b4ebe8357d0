"""One visit to the viewer in a real browser: until the first image stands there, by its pixels."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Playwright, ViewportSize
from playwright.sync_api import Error as BrowserError

from tests.e2e.viewer_probe.browser import CHROMIUM, FLAGS
from tests.e2e.viewer_probe.picture import wait_for_picture

WINDOW: ViewportSize = {"width": 1280, "height": 800}
DICOMWEB = "/dicom-web/"
PICTURE_LIMIT_S = 180.0
LEAVE_AFTER_S = 10.0


@dataclass(frozen=True)
class Line:
    """What the browser pretends to be connected by; 0 means the machine itself."""

    mbit_per_s: float = 0.0
    latency_ms: float = 0.0

    def __str__(self) -> str:
        if not self.mbit_per_s and not self.latency_ms:
            return "loopback"
        rate = f"{self.mbit_per_s:g} Mbit/s" if self.mbit_per_s else "any rate"
        return f"{rate}, {self.latency_ms:g} ms"

    @property
    def conditions(self) -> dict[str, object]:
        """Arguments of the DevTools call Network.emulateNetworkConditions; -1 is no limit."""
        bytes_per_s = self.mbit_per_s * 1e6 / 8 or -1
        return {
            "offline": False,
            "latency": self.latency_ms,
            "downloadThroughput": bytes_per_s,
            "uploadThroughput": bytes_per_s,
        }


@dataclass(frozen=True)
class Place:
    """Where the viewer stands: `enter` lets a new browser in and gives the viewer's address."""

    name: str
    enter: Callable[[BrowserContext], str]


@dataclass(frozen=True)
class Visit:
    """Seconds to the first image; requests begun by then that no cache answered, and their MB
    (10**6 bytes, as they came over the line)."""

    seconds: float
    requests: int
    of_dicomweb: int
    received_mb: float


@dataclass
class Traffic:
    """Requests of a page as the DevTools tell them; what its workers ask for is left out."""

    asked: dict[str, str] = field(default_factory=dict)
    from_cache: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    received_bytes: float = 0

    def sent(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            self.asked[event["requestId"]] = event["request"]["url"]

    def cached(self, event: dict[str, Any]) -> None:
        self.from_cache.add(event["requestId"])

    def answered(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self.from_cache.add(event["requestId"])

    def came(self, event: dict[str, Any]) -> None:
        self.received_bytes += max(0, event["encodedDataLength"])

    def done(self, event: dict[str, Any]) -> None:
        self.ended.add(event["requestId"])

    @property
    def over_the_line(self) -> list[str]:
        return [url for number, url in self.asked.items() if number not in self.from_cache]

    @property
    def is_still(self) -> bool:
        """Whether no image is on its way. The end of a worker's script is never told."""
        waiting = self.asked.keys() - self.ended - self.from_cache
        return not any(DICOMWEB in self.asked[number] for number in waiting)


@contextlib.contextmanager
def new_browser(playwright: Playwright) -> Iterator[BrowserContext]:
    """A browser that was never anywhere: an empty profile on the disk, with its cache."""
    with tempfile.TemporaryDirectory(
        prefix="margin-bench-browser-", ignore_cleanup_errors=True
    ) as folder:
        # A profile in memory keeps no file above 6 MB, and the viewer's own is larger.
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, args=FLAGS, viewport=WINDOW, handle_sigint=False
        )
        try:
            yield context
        finally:
            # After Ctrl-C in a terminal the browser is gone already.
            with contextlib.suppress(BrowserError):
                context.close()


def visit(context: BrowserContext, address: str, line: Line, shot: Path) -> Visit:
    """Open the viewer and wait for the picture; the browser's cache stays for the next visit."""
    page = context.new_page()
    traffic = Traffic()
    tools = context.new_cdp_session(page)
    tools.on("Network.requestWillBeSent", traffic.sent)
    tools.on("Network.requestServedFromCache", traffic.cached)
    tools.on("Network.responseReceived", traffic.answered)
    tools.on("Network.dataReceived", traffic.came)
    tools.on("Network.loadingFinished", traffic.done)
    tools.on("Network.loadingFailed", traffic.done)
    tools.send("Network.enable")
    tools.send("Network.emulateNetworkConditions", line.conditions)
    started = time.monotonic()
    page.goto(address, wait_until="commit")
    wait_for_picture(page, PICTURE_LIMIT_S)
    seconds = time.monotonic() - started
    sent = traffic.over_the_line
    found = Visit(
        seconds,
        len(sent),
        sum(DICOMWEB in url for url in sent),
        traffic.received_bytes / 1e6,
    )
    page.screenshot(path=shot)
    # What still comes (the other slices) is let in, so that the next visit meets a rested server.
    deadline = time.monotonic() + LEAVE_AFTER_S
    while not traffic.is_still and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    page.close()
    return found
