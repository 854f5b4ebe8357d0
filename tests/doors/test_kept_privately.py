"""What is sent may be kept by whoever asked for it, and by nobody on the way."""

from __future__ import annotations

from io import BytesIO

import pytest
from flask import Flask, Response, send_file

from server.web.headers import protect


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (None, "no-store"),
        ("no-cache", "no-cache, private"),
        ("private, no-cache", "private, no-cache"),
        ("public, max-age=31536000, immutable", "public, max-age=31536000, immutable"),
    ],
)
def test_only_what_is_everybodys_may_be_kept_on_the_way(
    app: Flask, said: str | None, kept: str
) -> None:
    with app.test_request_context():
        response = Response("x", headers={"Cache-Control": said} if said else {})
        assert protect(response).headers["Cache-Control"] == kept


def test_a_file_is_kept_by_its_reader_only(app: Flask) -> None:
    with app.test_request_context():
        sent = protect(send_file(BytesIO(b"%PDF"), mimetype="application/pdf"))
        assert sent.cache_control.private
        sent.close()
