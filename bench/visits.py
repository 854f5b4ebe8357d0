"""One visit to the viewer in a real browser: until the first image stands there, by its pixels."""

from __future__ import annotations

import base64
import contextlib
import io
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import (
    BrowserContext,
    CDPSession,
    FloatRect,
    Locator,
    Page,
    Playwright,
    ViewportSize,
)
from playwright.sync_api import Error as BrowserError

from tests.e2e.viewer_probe.browser import CHROMIUM, FLAGS
from tests.e2e.viewer_probe.picture import LIT_GREY, VIEWPORT, Picture, look

WINDOW: ViewportSize = {"width": 1280, "height": 800}
DICOMWEB = "/dicom-web/"
PICTURE_LIMIT_S = 180.0
LOOK_EVERY_MS = 50
LEAVE_AFTER_S = 10.0


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
    """Requests of a page as the DevTools tell them; what its workers ask for is left out.

    Times of events are on a clock of the browser's own; `clock_s` is what takes them to 1970.
    """

    asked: dict[str, tuple[float, str]] = field(default_factory=dict)
    from_cache: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    received: list[tuple[float, float]] = field(default_factory=list)
    clock_s: float = 0.0

    def follow(self, tools: CDPSession) -> None:
        tools.on("Network.requestWillBeSent", self.sent)
        tools.on("Network.requestServedFromCache", self.cached)
        tools.on("Network.responseReceived", self.answered)
        tools.on("Network.dataReceived", self.came)
        tools.on("Network.loadingFinished", self.done)
        tools.on("Network.loadingFailed", self.done)
        tools.send("Network.enable")

    def sent(self, event: dict[str, Any]) -> None:
        self.clock_s = event["wallTime"] - event["timestamp"]
        if event["request"]["url"].startswith("http"):
            self.asked[event["requestId"]] = (event["timestamp"], event["request"]["url"])

    def cached(self, event: dict[str, Any]) -> None:
        self.from_cache.add(event["requestId"])

    def answered(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self.from_cache.add(event["requestId"])

    def came(self, event: dict[str, Any]) -> None:
        self.received.append((event["timestamp"], max(0, event["encodedDataLength"])))

    def done(self, event: dict[str, Any]) -> None:
        self.ended.add(event["requestId"])

    def between(self, started: float, shown_at: float) -> Visit:
        """What went over the line until the picture was there; times in s since 1970."""
        until = shown_at - self.clock_s
        sent = [
            url
            for number, (at, url) in self.asked.items()
            if number not in self.from_cache and at <= until
        ]
        of_dicomweb = sum(DICOMWEB in url for url in sent)
        received = sum(size for at, size in self.received if at <= until)
        return Visit(shown_at - started, len(sent), of_dicomweb, received / 1e6)

    @property
    def is_still(self) -> bool:
        """Whether no image is on its way. The end of a worker's script is never told."""
        waiting = self.asked.keys() - self.ended - self.from_cache
        return not any(DICOMWEB in self.asked[number][1] for number in waiting)


@contextlib.contextmanager
def new_browser(playwright: Playwright, *options: str) -> Iterator[BrowserContext]:
    """A browser that was never anywhere: an empty profile on the disk, with its cache."""
    with tempfile.TemporaryDirectory(
        prefix="margin-bench-browser-", ignore_cleanup_errors=True
    ) as folder:
        # A profile in memory keeps no file above 6 MB, and the viewer's own is larger.
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=CHROMIUM,
            args=[*FLAGS, *options],
            viewport=WINDOW,
            handle_sigint=False,
        )
        try:
            yield context
        finally:
            # After Ctrl-C in a terminal the browser is gone already.
            with contextlib.suppress(BrowserError):
                context.close()


@dataclass
class Screencast:
    """Every frame that the browser shows, with the time (s since 1970) at which it showed it."""

    tools: CDPSession
    frames: deque[tuple[float, str]] = field(default_factory=deque)

    def start(self) -> None:
        self.tools.on("Page.screencastFrame", self._came)
        self.tools.send("Page.startScreencast", {"format": "jpeg", "quality": 80})

    def stop(self) -> None:
        self.tools.send("Page.stopScreencast")

    def _came(self, event: dict[str, Any]) -> None:
        self.frames.append((event["metadata"]["timestamp"], event["data"]))
        # The last frames may come while the page is being closed.
        with contextlib.suppress(BrowserError):
            self.tools.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    def first_picture(self, page: Page, limit_s: float, viewports: int = 1) -> tuple[float, bytes]:
        """When a picture first stood in each of the first viewports, and that frame as JPEG."""
        deadline = time.time() + limit_s
        places = page.locator(VIEWPORT)
        places.nth(viewports - 1).wait_for(timeout=limit_s * 1000)
        while time.time() < deadline:
            boxes = [box for number in range(viewports) if (box := _box(places.nth(number)))]
            while self.frames and len(boxes) == viewports:
                shown_at, data = self.frames.popleft()
                frame = base64.b64decode(data)
                if all(_picture(frame, box).is_there for box in boxes):
                    return shown_at, frame
            page.wait_for_timeout(LOOK_EVERY_MS)
        raise RuntimeError(f"no picture within {limit_s:.0f} s at {page.url}: {look(page)}")


def _box(place: Locator) -> FloatRect | None:
    """Where it stands; None while the page is exchanging its viewports."""
    try:
        return place.bounding_box(timeout=500)
    except BrowserError:
        return None


def _picture(frame: bytes, box: FloatRect) -> Picture:
    """What the middle half of the viewport shows in this frame; the window's scale is 1."""
    left, top = box["x"] + box["width"] / 4, box["y"] + box["height"] / 4
    right, bottom = left + box["width"] / 2, top + box["height"] / 2
    middle = Image.open(io.BytesIO(frame)).convert("L").crop((left, top, right, bottom))
    grey = np.asarray(middle, dtype=np.float64)
    return Picture(float((grey > LIT_GREY).mean()), float(grey.std()))


def visit(
    context: BrowserContext,
    address: str,
    shot: Path,
    *,
    viewports: int = 1,
    then: Callable[[Page, float], None] | None = None,
) -> Visit:
    """Open the viewer and wait for the picture, which is kept as the file `shot`.

    `then` goes on with the page, knowing when it was entered (s since 1970). The browser's cache stays
    for the next visit.
    """
    page = context.new_page()
    tools = context.new_cdp_session(page)
    traffic, screencast = Traffic(), Screencast(tools)
    traffic.follow(tools)
    screencast.start()
    started = time.time()
    page.goto(address, wait_until="commit")
    shown_at, frame = screencast.first_picture(page, PICTURE_LIMIT_S, viewports)
    screencast.stop()
    shot.parent.mkdir(exist_ok=True)
    shot.write_bytes(frame)
    found = traffic.between(started, shown_at)
    if then is not None:
        then(page, started)
    # What still comes (the other slices) is let in, so that the next visit meets a rested server.
    deadline = time.monotonic() + LEAVE_AFTER_S
    while not traffic.is_still and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    page.close()
    return found
