"""docs/conformance.md says what the gateway does: no more, no less."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from server.dicom.rendering import ANNOTATIONS, DEFAULT_QUALITY, MOST_PIXELS_A_SIDE
from server.dicomweb.delivery.frames import MOST_FRAMES
from server.dicomweb.media.accept import DEFAULT_SYNTAXES, IMAGE_TYPES
from server.dicomweb.media.answers import CHANGING, UNCHANGING, UNTRUSTED
from server.dicomweb.pictures.rendered import THUMBNAIL_CACHE, THUMBNAIL_VIEWPORT
from server.dicomweb.pixels.transcoding import ENCODABLE
from server.dicomweb.query import search
from server.dicomweb.routes import ROUTES
from server.dicomweb.storing import sent, store

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The rows of the tables below a heading, without their headings."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = []
    for above, line in pairwise(section.splitlines()):
        if line.startswith("| ") and above.startswith("|"):
            found.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return found


def test_every_route_is_on_the_page_and_nothing_else() -> None:
    routes = {
        (method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", route.url))
        for route in ROUTES
        for method in route.methods
    }
    assert {(row[0], row[1]) for row in rows("Resources")} == routes


def test_every_image_type_is_on_the_page() -> None:
    table = [row for row in rows("Media types") if row[0].startswith("1.2.")]
    assert {row[0]: row[1] for row in table} == IMAGE_TYPES
    assert {row[0] for row in table if row[2] == "yes"} == ENCODABLE
    for syntax in DEFAULT_SYNTAXES.values():
        assert syntax.removeprefix("1.2.840.10008.1.2") in PAGE


def test_every_storable_class_and_failure_reason_is_on_the_page() -> None:
    listed = {row[0]: row[1] for row in rows("Storing")}
    assert {uid: kind for uid, kind in listed.items() if uid.startswith("1.2.")} == store.STORABLE
    codes = {int(code, 16) for code in listed if re.fullmatch("[0-9A-F]{4}", code)}
    named = {
        value
        for name, value in vars(sent).items()
        if name.isupper() and isinstance(value, int) and 0x0100 <= value <= 0xFFFF
    } - {sent.MOST_PARTS, sent.KEPT_IN_MEMORY_BYTES, sent.PIECE_BYTES}
    assert codes == named


def test_limits_and_headers_are_those_of_the_code() -> None:
    for said in (
        f"at most {search.MOST_RESULTS} results",
        f"at most {search.MOST_UIDS} |",
        f"at most {MOST_FRAMES} |",
        f"each 1 to {MOST_PIXELS_A_SIDE}",
        f"`{THUMBNAIL_VIEWPORT}`",
        f"at most {sent.LARGEST_PART_BYTES // 1_000_000} MB",
        f"at most {sent.LARGEST_BULK_BYTES // 1_000_000} MB",
        f"{DEFAULT_QUALITY} unless given",
        *(f"`{name}`" for name in ANNOTATIONS),
        f"`{UNCHANGING}`",
        f"`{CHANGING}`",
        f"`{THUMBNAIL_CACHE}`",
        f"`Content-Security-Policy: {UNTRUSTED}`",
    ):
        assert said in PAGE
