"""Whether a picture stands in the viewport, judged by its pixels and by nothing OHIF says."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass

import numpy as np
from PIL import Image
from playwright.sync_api import Page

VIEWPORT = ".cornerstone-viewport-element"
# An empty viewport is black with a few letters in its corners; a CT slice fills a third of it.
LIT_GREY = 40
LEAST_LIT_SHARE = 0.10
LEAST_CONTRAST = 15.0
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Picture:
    """The middle of a viewport: share of pixels lit (0 to 1), standard deviation of grey (0 to 127)."""

    lit_share: float
    contrast: float

    @property
    def is_there(self) -> bool:
        return self.lit_share >= LEAST_LIT_SHARE and self.contrast >= LEAST_CONTRAST


def look(page: Page, index: int = 0) -> Picture:
    """The picture in the viewport of the given index, its middle half in each direction."""
    shot = page.locator(VIEWPORT).nth(index).screenshot()
    grey = np.asarray(Image.open(io.BytesIO(shot)).convert("L"), dtype=np.float64)
    rows, columns = grey.shape
    middle = grey[rows // 4 : -rows // 4, columns // 4 : -columns // 4]
    return Picture(float((middle > LIT_GREY).mean()), float(middle.std()))


def wait_for_picture(page: Page, timeout_s: float = 60.0, index: int = 0) -> float:
    """Seconds until a picture stood in the viewport. Raises AssertionError after `timeout_s`."""
    started = time.monotonic()
    page.locator(VIEWPORT).nth(index).wait_for(timeout=timeout_s * 1000)
    picture = look(page, index)
    while not picture.is_there:
        waited_s = time.monotonic() - started
        assert waited_s < timeout_s, f"no picture after {waited_s:.0f} s: {picture}"
        time.sleep(_LOOK_EVERY_S)
        picture = look(page, index)
    return time.monotonic() - started
