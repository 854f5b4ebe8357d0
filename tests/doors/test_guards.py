"""Every address is guarded by construction."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.access.permissions import OPEN_TO_ALL
from server.cases.records import Assignment
from server.dicomweb.routes import ROUTES as DICOMWEB
from server.foundation import audit
from server.web.routes import ROUTES as WEB
from tests.web.conftest import Browser, signed_in  # noqa: F401
from tests.world import World

Visit = Callable[[str], tuple[FlaskClient, str]]
GUARDED = [
    (route, method) for route in WEB for method in route.methods if route.action not in OPEN_TO_ALL
]


def filled(url: str, **known: str) -> str:
    """A rule with its placeholders filled in."""
    values = {"number": "M-2026-00001", "launch": "0" * 20, **known}
    url = re.sub(r"<any\((\w+)[^)]*\):\w+>", r"\1", url)
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found.group(1), "unknown"), url)


def test_the_url_map_is_the_route_tables_and_nothing_else(app: Flask) -> None:
    declared = {(route.url, method) for route in WEB for method in route.methods}
    for prefix in ("/dicom-web", "/r/<launch>/dicom-web"):
        declared |= {(prefix + route.url, method) for route in DICOMWEB for method in route.methods}
    mapped = {
        (str(rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert mapped == {pair for pair in declared if pair[1] not in ("HEAD", "OPTIONS")}


@pytest.mark.parametrize(
    ("route", "method"), GUARDED, ids=[f"{method} {route.url}" for route, method in GUARDED]
)
def test_nobody_gets_in_without_credentials(
    app: Flask, client: FlaskClient, route: object, method: str
) -> None:
    url = filled(route.url)  # type: ignore[attr-defined]
    answer = client.open(url, method=method, json={} if method != "GET" else None)
    assert answer.status_code in (401, 302, 303), f"{method} {url}: {answer.status_code}"
    if answer.status_code != 401:
        assert "/sign-in" in answer.location


def test_a_refusal_at_the_door_is_in_the_trail(app: Flask, client: FlaskClient) -> None:
    client.get("/cases/M-2026-00001", headers={"Accept": "application/json"})
    with app.extensions["margin"].db.reading() as session:
        line = audit.newest(session)[0]
        assert (line.actor, line.action, line.outcome) == ("nobody", "case.read", "refused")
        assert audit.verify(session).whole


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_change_asked_for_by_another_site_is_refused(
    visit: Visit, app: Flask, method: str
) -> None:
    client, base = visit("surgeon")
    answer = client.open(
        f"{base}/api/annotation",
        method=method,
        json={"answers": {}, "version": 0},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code in (403, 405)


def test_one_error_has_one_shape_everywhere(client: FlaskClient) -> None:
    for url in ("/dicom-web/studies", "/r/x/api/panel", "/r/x/dicom-web/studies"):
        answer = client.get(url)
        assert answer.status_code == 401
        assert set(answer.get_json()["error"]) == {"code", "message", "remedy", "problems"}


def test_an_unknown_address_and_a_wrong_method_are_no_500(client: FlaskClient) -> None:
    assert client.get("/no/such/page").status_code == 404
    assert client.delete("/worklist").status_code == 405
    assert client.get("/..%2f..%2fetc/passwd").status_code == 404
    assert client.get("/%00").status_code == 404


def test_an_address_that_only_takes_changes_says_so(client: FlaskClient) -> None:
    answer = client.get("/sign-out")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "cannot be done at this address" in answer.text


def test_a_program_without_a_key_is_told_that_it_needs_one(client: FlaskClient) -> None:
    assert client.post("/api/v1/cases/M-2026-00001/offer/acceptance").status_code == 401
    assert client.delete("/api/v1/webhooks/0").status_code == 401
    client.set_cookie("margin_session", "of a session that is over")
    assert client.post("/api/v1/cases/M-2026-00001/offer/acceptance").status_code == 401


def test_what_a_browser_brings_by_itself_changes_nothing_by_an_address_of_the_api(
    signed_in: Callable[[str], Browser],  # noqa: F811
) -> None:
    clara = signed_in("Clara").client
    assert clara.get("/worklist").status_code == 200
    assert clara.post("/api/v1/cases/M-2026-00001/offer/acceptance").status_code == 403
    assert clara.delete("/api/v1/webhooks/0").status_code == 403


@pytest.mark.parametrize("who", ["surgeon", "hospital", "viewer"])
def test_a_visit_shows_only_its_own_case(visit: Visit, small_world: World, who: str) -> None:
    client, base = visit(who)
    page = client.get(f"{base}/")
    assert page.status_code == 200
    assert small_world.inside.number in page.text
    assert small_world.outside.number not in page.text


def test_one_visits_cookie_does_not_open_another(visit: Visit) -> None:
    client, _ = visit("surgeon")
    _, other = visit("other_surgeon")
    assert client.get(f"{other}/api/panel").status_code == 401
    assert client.get(f"{other}/dicom-web/studies").status_code == 401


def test_a_link_does_not_tell_which_other_cases_there_are(
    client: FlaskClient, small_world: World
) -> None:
    other, none = small_world.outside.number, "M-2026-99999"
    for who in ("viewer", "hospital"):
        bearer = {"Authorization": f"Bearer {small_world.tokens[who]}"}
        for what in ("", "/clock", "/assignment", "/uploads", "/records"):
            told = [
                client.get(f"/api/v1/cases/{number}{what}", headers=bearer)
                for number in (other, none)
            ]
            assert [one.status_code for one in told] == [404, 404], what
            assert told[0].text.replace(other, none) == told[1].text


def test_a_hospital_reads_no_annotation_and_no_pixels(visit: Visit) -> None:
    client, base = visit("hospital")
    for path in ("api/panel", "api/volumes", "api/preview", "dicom-web/studies", "view/margin"):
        assert client.get(f"{base}/{path}").status_code == 403, path


def test_a_viewer_may_look_and_not_write(visit: Visit) -> None:
    client, base = visit("viewer")
    assert client.get(f"{base}/api/panel").status_code == 200
    saved = client.put(f"{base}/api/annotation", json={"answers": {}, "version": 0})
    assert saved.status_code == 403


@pytest.mark.parametrize("token", ["", "mgn_x", "mgn_" + "a" * 43])
def test_a_bad_token_is_401_in_one_shape_and_says_nothing_of_what_exists(
    client: FlaskClient, token: object
) -> None:
    answer = client.post("/open", json={"token": token})
    assert answer.status_code == 401
    assert "M-2026" not in answer.text


def test_no_token_and_no_secret_stands_in_the_trail(
    visit: Visit, app: Flask, small_world: World
) -> None:
    client, base = visit("surgeon")
    client.get(f"{base}/")
    with app.extensions["margin"].db.reading() as session:
        written = repr([vars(line) for line in audit.newest(session)])
    assert small_world.inside.number in written
    assert not any(token in written for token in small_world.tokens.values())


def test_pages_forbid_foreign_and_inline_code(visit: Visit) -> None:
    client, base = visit("surgeon")
    page = client.get(f"{base}/")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S|\sstyle=|\son\w+=", page.text)
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_a_surgeon_who_was_taken_off_a_case_is_told_that_in_two_sentences(
    small_world: World,
    signed_in: Callable[[str], Browser],  # noqa: F811
) -> None:
    with small_world.db.writing() as session:
        for part in session.query(Assignment).filter_by(case_id=small_world.inside.id):
            part.state = "withdrawn"
    lena = signed_in("Lena").client
    answer = lena.get(f"/cases/{small_world.inside.number}", headers={"Accept": "application/json"})
    assert answer.status_code == 403
    error = answer.get_json()["error"]
    assert error["code"] == "no_longer_yours"
    assert error["message"] == "This case is not with you any more."
    assert error["remedy"].count(".") == 1
    # Of a case that was never theirs they do not learn that it exists.
    assert lena.get(f"/cases/{small_world.outside.number}").status_code == 404
