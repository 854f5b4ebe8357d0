"""Every endpoint against the running application: what it answers is what the description says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.access.action import Permit
from server.access.permissions import BY_PERMIT
from server.access.scopes import Scope, actions_of
from server.web.api.description import document
from server.web.api.endpoint import Endpoint
from server.web.api.table import ENDPOINTS
from tests.api.conftest import Caller
from tests.api.test_description import fits
from tests.world import World

JSON = "application/json"
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e308, "", "\x00", "\ud800", "x" * 9000, [], [[]], {}, {"": None},
    {"a": {"b": [1]}}, "2026-02-31", "0001-01-01T00:00:00+14:00", "../..", "M-2026-00001",
)  # fmt: skip
WITH_BODY = [one for one in ENDPOINTS if one.body is not None]


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def address(endpoint: Endpoint, number: str) -> str:
    values = {"number": number}
    return re.sub(
        r"<(?:\w+:)?(\w+)>", lambda found: values.get(found.group(1), "0" * 32), endpoint.path
    )


def broken_promises(endpoint: Endpoint, answer: Any) -> list[str]:
    """What of an answer is not as the description says."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", endpoint.url)
    said = document()["paths"][path][endpoint.method.lower()]["responses"]
    promised = said.get(str(answer.status_code))
    if promised is None:
        return [f"{answer.status_code} is not described: {answer.text[:300]}"]
    if "$ref" in promised:
        promised = document()["components"]["responses"][promised["$ref"].rpartition("/")[2]]
    content = promised.get("content", {}).get(JSON)
    if content is None or endpoint.method == "HEAD":
        return []
    return fits(content["schema"], answer.get_json())


def sent_by(endpoint: Endpoint) -> dict[str, Any]:
    return {"json": msgspec.to_builtins(endpoint.sent)} if endpoint.sent is not None else {}


@pytest.fixture
def allowed(
    service: Caller, reviewer: Caller, account: Callable[[str], Caller]
) -> Callable[[Endpoint], Caller]:
    """Somebody who may use this endpoint: a service, a surgeon by their link, or a person."""
    person = account("Clara")
    services = actions_of(Scope)

    def who(endpoint: Endpoint) -> Caller:
        if endpoint.action in services:
            return service
        return reviewer if endpoint.action in BY_PERMIT[Permit.SIGN] else person

    return who


@pytest.mark.parametrize("who", ["a hospital", "who may"])
def test_what_the_description_shows_is_answered_as_it_says(
    theirs: Caller, allowed: Callable[[Endpoint], Caller], small_world: World, who: str
) -> None:
    broken = {}
    for endpoint in ENDPOINTS:
        caller = theirs if who == "a hospital" else allowed(endpoint)
        where = address(endpoint, small_world.inside.number)
        answer = caller.ask(endpoint.method, where, **sent_by(endpoint))
        found = broken_promises(endpoint, answer)
        broken.update({named(endpoint): found} if found else {})
    assert broken == {}


def test_a_field_that_is_not_known_is_refused_by_name(
    allowed: Callable[[Endpoint], Caller], small_world: World
) -> None:
    for endpoint in WITH_BODY:
        body = {**msgspec.to_builtins(endpoint.sent), "colour": "blue"}
        where = address(endpoint, small_world.inside.number)
        answer = allowed(endpoint).ask(endpoint.method, where, json=body)
        assert answer.status_code == 422, named(endpoint)
        problems = answer.get_json()["error"]["problems"]
        assert [one["pointer"] for one in problems] == ["/colour"], named(endpoint)
        assert "colour" in problems[0]["message"]


def test_no_odd_value_of_any_field_is_a_500(
    allowed: Callable[[Endpoint], Caller], small_world: World
) -> None:
    broken = {}
    for endpoint in WITH_BODY:
        known = msgspec.to_builtins(endpoint.sent)
        where = address(endpoint, small_world.inside.number)
        # Each field gets a few of them, the next field the next few.
        for place, field in enumerate(known):
            for odd in ODD[place % 9 :: 9]:
                sent = {**known, field: odd}
                answer = allowed(endpoint).ask(endpoint.method, where, json=sent)
                found = broken_promises(endpoint, answer)
                broken.update({(named(endpoint), field, repr(odd)[:30]): found} if found else {})
    assert broken == {}


UNREADABLE = (
    (b"", 400),
    (b"{", 400),
    (b"[" * 100_000, 400),
    (b'{"organ": "liver", "organ": "lung"}', 400),
    (b'{"organ": NaN}', 400),
    (b'{"question": "\\u0000"}', 422),
    (b"[]", 422),
    (b"\xff\xfe", 400),
    (b'"' + b"x" * 5_000_000 + b'"', 413),
    (b"[" + b"1," * 30_000 + b"1]", 422),
)


def test_a_body_that_cannot_be_read_is_told_in_the_one_shape(theirs: Caller) -> None:
    for sent, status in UNREADABLE:
        answer = theirs.ask("POST", "/cases", data=sent, content_type=JSON)
        assert answer.status_code == status, sent[:40]
        assert set(answer.get_json()["error"]) == {"code", "message", "remedy", "problems"}


def test_every_field_that_does_not_fit_is_named_at_once(theirs: Caller) -> None:
    body = {"organ": 7, "accession_numbers": ["A1", "x" * 30], "queston": "?"}
    answer = theirs.post("/cases", body)
    assert answer.status_code == 422
    told = {one["pointer"]: one["message"] for one in answer.get_json()["error"]["problems"]}
    assert set(told) == {"/organ", "/accession_numbers/1", "/queston", "/question"}
    assert "Did you mean “question”?" in told["/queston"]
    assert "“organ” has to be text" in told["/organ"]


NONSENSE = (
    "limit=0", "limit=many", "state=gone", "state=", "after=x", "limit=1&limit=2", "colour=blue",
    "opened_from=yesterday", "opened_from=0001-01-01T00:00:00%2B14:00", "organ=%00",
    "after=W10", "after=WyJhIiwiYiJd", "opened_from=2026-01-01T00:00:00",
    "opened_from=null", "opened_from=20261101", "opened_before=0.5", "due_until=20261101",
)  # fmt: skip


def test_an_address_that_asks_for_nonsense_is_refused_by_name(theirs: Caller) -> None:
    for asked in NONSENSE:
        answer = theirs.get(f"/cases?{asked}")
        assert answer.status_code == 422, asked
        problems = answer.get_json()["error"]["problems"]
        assert [one["pointer"] for one in problems] == ["/" + asked.partition("=")[0]], asked


def test_an_address_that_is_none_is_404(theirs: Caller) -> None:
    for where in ("/cases/%00", "/cases/..%2f..", "/cases/M-2026-00001%0a", "/x"):
        assert theirs.get(where).status_code == 404


WORDS = st.sampled_from(["organ", "question", "accession_numbers", "hospital_id", "x", ""])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(body=ANYTHING)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_sent_to_open_a_case_is_answered(theirs: Caller, body: Any) -> None:
    answer = theirs.post("/cases", body)
    assert answer.status_code in (201, 400, 422)


def test_a_cookie_needs_what_no_other_site_can_send(
    signed_in: Callable[[str], Any], small_world: World
) -> None:
    client = signed_in("Clara").client
    number = small_world.inside.number
    assert client.get(f"/api/v1/cases/{number}").status_code == 200
    step = {"step": "hold", "version": small_world.inside.version, "reason": "x"}
    where = f"/api/v1/cases/{number}/steps"
    assert client.post(where, data=step).status_code == 403
    crossed = client.post(where, json=step, headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    assert client.post(where, json=step).status_code == 200


def test_a_step_on_what_somebody_else_changed_meanwhile_is_refused(
    service: Caller, small_world: World
) -> None:
    number, seen = small_world.inside.number, small_world.inside.version
    hold = {"step": "hold", "version": seen, "reason": "The CT is repeated."}
    first = service.post(f"/cases/{number}/steps", hold)
    assert first.get_json() == {"number": number, "state": "on_hold", "version": seen + 1}
    second = service.post(f"/cases/{number}/steps", {**hold, "step": "withdraw"})
    assert second.status_code == 409
    assert second.get_json()["error"]["code"] == "case_changed_meanwhile"
