"""Pages of documents as pictures: what a reader sees without opening somebody else's file.

A page of a scanned letter is some 100 kB as a picture, while the file may have many megabytes; and
nothing of the file itself runs in the reader's browser. Each page is drawn by a process of its own
with bounded time and memory (`page_drawing`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.foundation.errors import NotFound, Unavailable, UnsupportedMedia

WIDTHS_PX: Final = (700, 1000, 1400, 2000, 2800)
TURNS_DEG: Final = (0, 90, 180, 270)
PATIENCE_S: Final = 30
DRAWN_AT_ONCE: Final = 2
VERSION: Final = 1  # part of the ETag: raised when the same page would be drawn otherwise
_SLOTS = threading.BoundedSemaphore(DRAWN_AT_ONCE)
_CANNOT_READ: Final = 3


class DocumentNotShown(UnsupportedMedia):
    """The document is of a kind that cannot be drawn, or it is damaged."""


class PageNotFound(NotFound):
    """The document has fewer pages."""


class DrawingIsBusy(Unavailable):
    """Other pages are being drawn and none became ready in time."""


@dataclass(frozen=True)
class PagePicture:
    """One page as a picture. Sizes in pixels, after turning."""

    content: bytes
    media_type: str
    width_px: int
    height_px: int
    pages: int


def draw_page(path: Path, page: int, width_px: int, turn_deg: int = 0) -> PagePicture:
    """Draw page `page` (from 1). Raises DocumentNotShown, PageNotFound and DrawingIsBusy."""
    if not _SLOTS.acquire(timeout=PATIENCE_S):
        raise DrawingIsBusy("Too many pages are being drawn.", remedy="Reload in a few seconds.")
    try:
        done = subprocess.run(  # noqa: S603 - our own module; the path is the file store's
            [
                sys.executable,
                "-m",
                "server.dossier.page_drawing",
                str(path),
                *(str(number) for number in (page, width_px, turn_deg)),
            ],
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DocumentNotShown(
            "This page takes too long to draw.", remedy="Save the document and open it yourself."
        ) from None
    finally:
        _SLOTS.release()
    if done.returncode != 0:
        raise _refusal(done.returncode, done.stderr.decode(errors="replace"))
    head, _, content = done.stdout.partition(b"\n")
    said = json.loads(head)
    return PagePicture(
        content, said["media_type"], said["width_px"], said["height_px"], said["pages"]
    )


def _refusal(code: int, said: str) -> DocumentNotShown | PageNotFound:
    if code == _CANNOT_READ and "no such page" in said:
        return PageNotFound("The document has no such page.", remedy="Go back to its first page.")
    if "password" in said.lower():
        return DocumentNotShown(
            "This PDF is locked by a password.", remedy="Ask the sender for one without password."
        )
    return DocumentNotShown(
        "This document cannot be shown here.",
        remedy="Save it and open it with its own program, or ask for it as PDF.",
        why=said[-200:],
    )
