"""The description of the API: valid by the standard, whole, and its examples fit."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from server.access.permissions import OPEN_TO_ALL
from server.web.api.description import document
from server.web.api.endpoint import Media
from server.web.api.table import DESCRIBED, ENDPOINTS

OPERATIONS = [
    (method, path, said)
    for path, methods in document()["paths"].items()
    for method, said in methods.items()
]


def fits(schema: dict[str, Any], value: Any) -> list[str]:
    """What of a value does not fit a schema of the description."""
    whole = {**schema, "components": document()["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


def test_the_description_is_valid_openapi(client: FlaskClient) -> None:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    validate(answer.get_json())


def test_every_address_of_the_api_is_described_and_nothing_else(app: Flask) -> None:
    routed = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule)), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if str(rule).startswith("/api/")
    }
    described = {(path, method) for method, path, _ in OPERATIONS}
    by_flask = {pair for pair in routed if pair[1] in ("head", "options")}
    assert described - routed == set()
    assert routed - by_flask - described == set()


def test_every_operation_has_a_name_of_its_own_and_a_guard() -> None:
    names = [said["operationId"] for _, _, said in OPERATIONS]
    assert len(names) == len(set(names))
    assert not [one.path for one in ENDPOINTS if one.action in OPEN_TO_ALL]


def test_the_examples_of_every_operation_fit_their_schemas() -> None:
    broken = {}
    for method, path, said in OPERATIONS:
        for one in (said.get("requestBody", {}), *said["responses"].values()):
            for content in one.get("content", {}).values():
                found = fits(content["schema"], content["example"]) if "example" in content else []
                broken.update({(method, path): found} if found else {})
    assert broken == {}


def test_whoever_reads_it_finds_an_example_of_every_json() -> None:
    for endpoint in DESCRIBED:
        if endpoint.body is not None:
            assert isinstance(endpoint.sent, endpoint.body), endpoint.url
        if endpoint.answer is not None and not isinstance(endpoint.answer, Media):
            assert isinstance(endpoint.example, endpoint.answer), endpoint.url


def test_errors_fit_the_one_shape_and_so_do_their_examples() -> None:
    for status, said in document()["components"]["responses"].items():
        content = said["content"]["application/json"]
        assert fits(content["schema"], content["example"]) == [], status


def test_people_read_the_same(client: FlaskClient) -> None:
    page = client.get("/api", headers={"Accept": "text/html"})
    assert page.status_code == 200
    for _, path, said in OPERATIONS:
        assert f'id="{said["operationId"]}"' in page.text, path
    assert not re.search(
        r"<script(?![^>]*\bsrc=)[^>]*>\s*\S|\sstyle=|\son\w+=|(?:src|href)=.\w+:", page.text
    )
