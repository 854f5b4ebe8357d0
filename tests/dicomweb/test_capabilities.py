"""The Capabilities Description says what the route table says."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from server.dicomweb.capabilities import TRANSACTIONS, WADL
from server.dicomweb.routes import ROUTES
from tests.dicomweb.conftest import Caller

pytestmark = pytest.mark.orthanc

SPACE = "{http://wadl.dev.java.net/2009/02}"
DECLARED = {
    (method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", route.url))
    for route in ROUTES
    for method in route.methods
}


def asked(caller: Caller, method: str, accept: str | None = None) -> object:
    headers = {**caller._headers, **({"Accept": accept} if accept else {})}
    return caller._client.open("/dicom-web/", method=method, headers=headers, buffered=True)


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
@pytest.mark.parametrize("accept", [None, WADL, "*/*"])
def test_the_wadl_lists_every_route_and_nothing_else(
    insider: Caller, method: str, accept: str | None
) -> None:
    response = asked(insider, method, accept)
    assert (response.status_code, response.content_type) == (200, WADL)
    resources = ElementTree.fromstring(response.data).find(f"{SPACE}resources")
    assert resources.get("base") == "http://localhost/dicom-web/"
    found = set()

    def walk(element: ElementTree.Element, path: str) -> None:
        for method in element.findall(f"{SPACE}method"):
            found.add((method.get("name"), path or "/"))
        for below in element.findall(f"{SPACE}resource"):
            walk(below, f"{path}/{below.get('path')}" if below.get("path") else path)

    walk(resources, "")
    assert found == DECLARED


def test_the_same_is_there_as_json(insider: Caller) -> None:
    response = asked(insider, "OPTIONS", "application/json")
    assert response.content_type == "application/json"
    resources = response.json["application"]["resources"]
    found = {(one["name"], "/") for one in resources["method"]}

    def walk(several: list[dict], path: str) -> None:
        for one in several:
            here = f"{path}/{one['path']}"
            found.update((method["name"], here) for method in one["method"])
            walk(one["resource"], here)

    walk(resources["resource"], "")
    assert found == DECLARED


def test_what_each_transaction_gives_is_described(insider: Caller) -> None:
    assert {route.view.__name__ for route in ROUTES} == set(TRANSACTIONS)
    text = asked(insider, "OPTIONS").text
    for said in ("image/jphc", "viewport", "includefield", "RetrieveFrames", "StoreInstances"):
        assert said in text


def test_capabilities_are_for_whoever_is_let_in_and_in_these_forms_only(insider: Caller) -> None:
    assert asked(insider, "OPTIONS", "text/html").status_code == 406
    tag = asked(insider, "GET").headers["ETag"]
    headers = {**insider._headers, "If-None-Match": tag}
    assert insider._client.get("/dicom-web/", headers=headers).status_code == 304
