"""Criteria over HTTP: who may ask, what is answered, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.annotations.decision import Ruleset
from server.annotations.organs import ORGANS, Organ
from server.foundation import audit
from server.web.rules import MOST_BYTES, MOST_CASES
from tests.web.conftest import Browser, signed_in  # noqa: F401
from tests.world import World

Visit = Callable[[str], tuple[FlaskClient, str]]
EVERY = [(organ, ruleset) for organ in ORGANS.values() for ruleset in organ.rulesets]
BODY = ORGANS["pancreas"].examples()["body-appleby"]
BAD = {"vessels": {"sma": {"contact_deg": 400}}}


@pytest.fixture
def nccn(visit: Visit) -> Callable[..., Any]:
    """Post to NCCN as a surgeon who came by a link."""
    client, base = visit("surgeon")

    def post(body: Any = None, path: str = "pancreas/nccn-2022", **more: Any) -> Any:
        sent = more if more else {"json": body}
        return client.post(f"{base}/api/rules/{path}", **sent)

    return post


@pytest.mark.parametrize(
    ("organ", "ruleset"), EVERY, ids=[f"{organ.id} {ruleset.id}" for organ, ruleset in EVERY]
)
def test_a_program_gets_what_the_ruleset_says(
    nccn: Callable[..., Any], organ: Organ, ruleset: Ruleset
) -> None:
    examples = list(organ.examples().values())
    answer = nccn(examples, f"{organ.id}/{ruleset.id}")
    assert answer.status_code == 200
    expected = [
        {**ruleset.evaluate(one).to_json(), "options": ruleset.chosen({})} for one in examples
    ]
    assert answer.get_json() == expected
    assert nccn(examples[0], f"{organ.id}/{ruleset.id}").get_json() == expected[0]


def test_options_stand_beside_the_case(nccn: Callable[..., Any]) -> None:
    vessels = {**BODY["vessels"], "aorta": {"contact_deg": 0}, "gda": {"contact_deg": 0}}
    case = {**BODY, "vessels": vessels}
    assert nccn({"case": case}).get_json() == nccn(case).get_json()
    by_choice = nccn({"case": [case], "options": {"appleby": "LA"}}).get_json()
    assert [one["category"] for one in by_choice] == ["locally_advanced"]
    assert nccn(case).get_json()["category"] == "borderline"


@pytest.mark.parametrize(
    ("body", "path", "status", "code", "known"),
    [
        (BAD, "pancreas/nccn-2022", 422, "case_refused", "contact_deg"),
        (5, "pancreas/nccn-2022", 422, "case_refused", "JSON object"),
        ({"case": BAD}, "pancreas/nccn-2022", 422, "case_refused", "contact_deg"),
        (BODY, "spleen/nccn-2022", 404, "organ_not_found", "pancreas"),
        (BODY, "pancreas/nccn-1066", 404, "ruleset_not_found", "nccn-2022"),
        (BODY, "liver/nccn-2022", 404, "ruleset_not_found", "flr-measured"),
        (
            {"case": BODY, "options": {"apple": "LA"}},
            "pancreas/nccn-2022",
            422,
            "unknown_option",
            "appleby",
        ),
        (
            {"case": BODY, "options": {"appleby": 1}},
            "pancreas/nccn-2022",
            422,
            "options_refused",
            "/options/appleby",
        ),
        ({"case": BODY, "options": []}, "pancreas/nccn-2022", 422, "options_refused", "/options"),
        (
            {"case": BODY, "option": {}},
            "pancreas/nccn-2022",
            400,
            "request_not_understood",
            "options",
        ),
        ([{}] * (MOST_CASES + 1), "pancreas/nccn-2022", 413, "too_many_cases", str(MOST_CASES)),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_shape(
    nccn: Callable[..., Any], body: Any, path: str, status: int, code: str, known: str
) -> None:
    answer = nccn(body, path)
    assert answer.status_code == status, answer.text
    error = answer.get_json()["error"]
    assert set(error) == {"code", "message", "remedy", "problems"}
    assert error["code"] == code
    assert known in json.dumps(error)


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"", 400), (b"{", 400), (b"[" * 100_000, 400), (b" " * (MOST_BYTES + 1), 413)],
    ids=["empty", "cut off", "deep", "large"],
)
def test_a_body_that_cannot_be_read_is_no_500(
    nccn: Callable[..., Any], data: bytes, status: int
) -> None:
    answer = nccn(data=data, content_type="application/json")
    assert answer.status_code == status


def test_the_same_vessel_twice_is_refused_and_not_one_of_them_dropped(
    nccn: Callable[..., Any],
) -> None:
    twice = b'{"vessels": {"sma": {"contact_deg": 200}, "sma": {"contact_deg": 0}}}'
    answer = nccn(data=twice, content_type="application/json")
    assert answer.status_code == 400
    assert "sma" in answer.get_json()["error"]["message"]


def test_an_option_in_the_address_is_refused_and_not_passed_over(
    nccn: Callable[..., Any],
) -> None:
    answer = nccn(BODY, "pancreas/nccn-2022?appleby=LA")
    assert answer.status_code == 400
    error = answer.get_json()["error"]
    assert "appleby" in error["message"]
    assert '"options"' in error["remedy"]


def test_a_bad_case_in_an_array_leaves_an_error_in_its_place(nccn: Callable[..., Any]) -> None:
    answer = nccn([BODY, BAD, BODY])
    assert answer.status_code == 200
    first, second, third = answer.get_json()
    assert first == third == nccn(BODY).get_json()
    assert [one["pointer"] for one in second["error"]["problems"]] == ["/vessels/sma/contact_deg"]


def test_the_listing_names_every_ruleset(visit: Visit) -> None:
    client, base = visit("viewer")
    rulesets = client.get(f"{base}/api/rules").get_json()["rulesets"]
    assert [(row["organ"], row["ruleset"]) for row in rulesets] == [(o.id, r.id) for o, r in EVERY]


@pytest.mark.parametrize("name", ["Clara", "Ada", "Lena"])
def test_a_signed_in_person_needs_no_case(
    signed_in: Callable[[str], Browser],  # noqa: F811
    name: str,
) -> None:
    client = signed_in(name).client
    assert client.get("/api/rules").status_code == 200
    answer = client.post("/api/rules/pancreas/nccn-2022", json=BODY)
    assert answer.status_code == 200
    assert answer.get_json()["ruleset"] == "nccn-2022"


@pytest.mark.parametrize(("who", "status"), [("surgeon", 200), ("viewer", 200), ("hospital", 403)])
def test_a_link_reaches_criteria_if_it_may_annotate_or_view(
    visit: Visit, who: str, status: int
) -> None:
    client, base = visit(who)
    assert client.get(f"{base}/api/rules").status_code == status
    assert client.post(f"{base}/api/rules/pancreas/nccn-2022", json=BODY).status_code == status
    assert client.get("/api/rules").status_code == 401


def test_another_site_cannot_ask_in_somebodys_name(nccn: Callable[..., Any]) -> None:
    answer = nccn(json=BODY, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_the_trail_says_which_set_and_how_many_cases_and_no_finding(
    nccn: Callable[..., Any], app: Flask, small_world: World
) -> None:
    nccn([BODY, BAD])
    with app.extensions["margin"].db.reading() as session:
        line = audit.newest(session)[0]
        assert (line.action, line.outcome) == ("rules.evaluate", "done")
        assert line.case_number == small_world.inside.number
        assert line.details == {
            "organ": "pancreas",
            "ruleset": "nccn-2022",
            "cases": 2,
            "not_evaluated": 1,
        }
        assert audit.verify(session).whole
