"""What a page costs on a poor line: how many files it asks for, and that they leave compressed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

import pytest
from flask import Flask, Response

from server.web import packing
from server.web.pages import assets
from tests.web.conftest import Browser

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def test_a_page_leaves_compressed_and_says_the_same(signed_in: Callable[[str], Browser]) -> None:
    clara = signed_in("Clara")
    plain = clara.client.get("/hospitals")
    packed = clara.client.get("/hospitals", headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.data) < len(plain.data) / 2
    assert packed.content_length == len(packed.data)
    assert "<h1>Hospitals</h1>" in gzip.decompress(packed.data).decode()
    assert "Content-Encoding" not in plain.headers


def test_the_size_of_a_compressed_page_gives_nothing_away() -> None:
    page = b"<p>the same page, over and over</p>" * 100
    assert len({len(packing.gzipped(page)) for _ in range(50)}) > 5
    assert gzip.decompress(packing.gzipped(page)) == page


@pytest.mark.parametrize(
    ("headers", "mimetype", "asked"),
    [
        ({"ETag": '"1"'}, "text/html", GZIP),
        ({"Content-Encoding": "br"}, "text/html", GZIP),
        ({}, "application/pdf", GZIP),
        ({}, "text/html", {"Accept-Encoding": "gzip;q=0"}),
        ({}, "text/html", {}),
    ],
    ids=["has a tag", "is packed", "is no text", "gzip is not wanted", "nothing is taken"],
)
def test_what_cannot_be_compressed_leaves_as_it_is(
    app: Flask, headers: dict[str, str], mimetype: str, asked: dict[str, str]
) -> None:
    body = b"x" * 5000
    with app.test_request_context("/", headers=asked):
        answer = packing.pack(Response(body, mimetype=mimetype, headers=headers))
    assert answer.get_data() == body
    assert answer.headers.get("Content-Encoding") == headers.get("Content-Encoding")


def test_what_is_streamed_is_not_gathered_to_be_compressed(app: Flask) -> None:
    with app.test_request_context("/", headers=GZIP):
        answer = packing.pack(Response((b"x" * 5000 for _ in range(3)), mimetype="text/html"))
    assert answer.is_streamed


def test_what_every_page_needs_is_one_style_sheet(app: Flask) -> None:
    page = app.test_client().get("/sign-in").get_data(as_text=True)
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    assert sheets == [assets.address("pages.css")]
    answer = app.test_client().get(sheets[0])
    assert "immutable" in answer.headers["Cache-Control"]
    written = answer.get_data(as_text=True)
    for piece in assets.TOGETHER["pages.css"]:
        assert (assets.FOLDER / piece).read_text() in written
