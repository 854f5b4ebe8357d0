"""An answer only for whoever still knows what we have (If-Match), and may still read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, Response

from server.dicomweb.media.answers import while_let_in
from server.dicomweb.media.preconditions import held
from server.foundation.errors import Refused

app = Flask("tests.preconditions")


def answered(asked: str, tag: str, status: int = 200, method: str = "GET") -> Response:
    headers = {"If-Match": asked} if asked else {}
    with app.test_request_context("/", method=method, headers=headers):
        response = Response(b"content", status=status)
        if tag:
            response.set_etag(tag)
        return held(response)


@pytest.mark.parametrize("asked", ["", "*", '"ours"', '"other", "ours"', '"ours","x"'])
@pytest.mark.parametrize("status", [200, 206, 304, 416])
def test_whoever_names_what_we_have_is_answered(asked: str, status: int) -> None:
    assert answered(asked, "ours", status).status_code == status


@pytest.mark.parametrize("asked", ['"other"', 'W/"ours"', '"other", W/"ours"', '"OURS"'])
@pytest.mark.parametrize("status", [200, 206, 304, 416])
def test_whoever_names_something_else_is_told_so(asked: str, status: int) -> None:
    refused = answered(asked, "ours", status)
    assert refused.status_code == 412
    assert refused.json is not None
    assert refused.json["error"]["code"] == "not_what_was_met"
    assert refused.headers["Cache-Control"] == "no-store"
    assert b"content" not in refused.data


def test_an_answer_without_a_tag_matches_no_tag() -> None:
    assert answered('"ours"', "").status_code == 412
    assert answered("*", "").status_code == 200


def test_what_fails_anyway_and_what_was_stored_are_not_held_back() -> None:
    assert answered('"other"', "", 404).status_code == 404
    assert answered('"other"', "", 200, "POST").status_code == 200


def test_a_long_body_ends_when_its_reader_is_let_in_no_more() -> None:
    times, is_closed = iter([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), []
    given: list[bytes] = []

    def body() -> Iterator[bytes]:
        try:
            yield from (b"1", b"2", b"3", b"4", b"5")
        finally:
            is_closed.append(True)

    def ask_again() -> None:
        if given == [b"1", b"2", b"3"]:
            raise Refused("Withdrawn.")

    with pytest.raises(Refused):
        for piece in while_let_in(body(), ask_again, times.__next__):
            given.append(piece)
    assert given == [b"1", b"2", b"3"]
    assert is_closed
