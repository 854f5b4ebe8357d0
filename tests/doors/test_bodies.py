"""JSON that makes no sense is refused in one shape, whichever of our scripts' addresses it is sent to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

BAD = {
    "nothing": b"",
    "a list": b"[]",
    "cut off": b"{",
    "not UTF-8": b"\xff",
    "a field twice": b'{"version": 1, "version": 2}',
    "not a number": b'{"version": NaN}',
    "too deep": b"[" * 100_000,
    "too long a number": b'{"version": ' + b"9" * 5000 + b"}",
}
PLACES = {
    "/open": ("POST", b'{"token": 5}', b'{"token": "mgn_x", "pin": 123456}'),
    "/verify": ("POST", b'{"number": 5}', b'{"sha256": ["a"]}'),
    "{visit}/opinion/draft": ("PUT", b'{"version": true}', b'{"texts": {}}'),
    "{visit}/uploads/glance": ("POST", b'{"files": 1}', b"{}"),
    "{visit}/api/annotation": ("PUT", b'{"answers": [], "version": 0}', b'{"version": 0}'),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_body_that_is_not_understood_is_refused_in_one_shape(
    place: str, client: FlaskClient, visit: Callable[[str], tuple[FlaskClient, str]]
) -> None:
    who, base = visit("surgeon") if "visit" in place else (client, "")
    if "glance" in place:
        who, base = visit("hospital")
    method, *of_other_kinds = PLACES[place]
    for body in (*BAD.values(), *of_other_kinds):
        answer = who.open(
            place.format(visit=base), method=method, data=body, content_type="application/json"
        )
        assert answer.status_code == 400, body[:40]
        error = answer.get_json()["error"]
        assert error["code"] == "body_not_understood", body[:40]
        assert "sys." not in error["message"], body[:40]
        assert (error["message"], error["problems"]) != ("", None)
