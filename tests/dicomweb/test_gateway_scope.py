"""Every route against every scope: what is beyond a grant does not exist."""

from __future__ import annotations

import itertools

import pytest

from server.dicomweb.routes import ROUTES
from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller

pytestmark = pytest.mark.orthanc

ANY = "*/*"
CT = {
    "study": samples.CASE,
    "series": samples.PORTAL,
    "instance": f"{samples.PORTAL}.3",
    "numbers": "1",
    "number": "1",
    "attribute": "7fe00010",
}
FOREIGN = {
    **CT,
    "study": samples.OTHER,
    "series": f"{samples.OTHER}.1",
    "instance": f"{samples.OTHER}.1.1",
}
READING = [route for route in ROUTES if route.methods == ("GET",)]
OF_A_STUDY = [route for route in READING if "<study>" in route.url]
WADO = [route for route in OF_A_STUDY if not route.view.__name__.startswith("search")]
# Of our own: they tell of what is prepared, and here nothing is.
OF_THE_SHELF = ("opening", "overview")


def address(url: str, uids: dict[str, str]) -> str:
    for name, uid in uids.items():
        url = url.replace(f"<path:{name}>", uid).replace(f"<{name}>", uid)
    assert "<" not in url
    return url


@pytest.mark.parametrize("route", READING, ids=lambda route: route.url)
@pytest.mark.parametrize("name", ["insider", "reader", "archive"])
def test_the_entitled_get_every_resource_of_the_case(
    callers: dict[str, Caller], name: str, route
) -> None:
    response = callers[name].get(address(route.url, CT), ANY)
    if route.view.__name__ in OF_THE_SHELF:
        assert response.status_code in (200, 204)
        return
    assert response.status_code == 200
    assert len(response.data) > 100


@pytest.mark.parametrize("route", OF_A_STUDY, ids=lambda route: route.url)
@pytest.mark.parametrize(
    ("name", "uids"),
    [("outsider", CT), ("nobodys", CT), ("nobodys", FOREIGN), ("insider", FOREIGN)],
)
def test_an_outsider_learns_nothing_not_even_that_it_exists(
    callers: dict[str, Caller], name: str, uids: dict[str, str], route
) -> None:
    response = callers[name].get(address(route.url, uids), ANY)
    nowhere = {**uids, "study": "1.2.826.404", "series": "1.2.826.404.1"}
    unknown = callers[name].get(address(route.url, nowhere), ANY)
    assert (response.status_code, response.data) == (404, unknown.data)
    assert unknown.status_code == 404
    assert response.json["error"]["code"] == "study_outside_grant"


MIXED = [
    {**CT, "series": FOREIGN["series"]},
    {**CT, "instance": FOREIGN["instance"]},
    {**CT, "series": FOREIGN["series"], "instance": FOREIGN["instance"]},
    {**CT, "series": f"{samples.NOT_OF_CASE}.1", "instance": f"{samples.NOT_OF_CASE}.1.1"},
    {**CT, "series": samples.COMPRESSED},
]


@pytest.mark.parametrize("name", ["insider", "archive"])
@pytest.mark.parametrize(
    ("route", "uids"),
    [
        (route, uids)
        for route, uids in itertools.product(WADO, MIXED)
        if any(uids[level] != CT[level] and f"<{level}>" in route.url for level in uids)
        # A series of its own study is no mixture unless an instance of another one is named.
        and not (uids["series"] == samples.COMPRESSED and "<instance>" not in route.url)
    ],
    ids=lambda value: getattr(value, "url", ""),
)
def test_a_foreign_series_or_instance_is_not_reached_through_an_allowed_study(
    callers: dict[str, Caller], name: str, route, uids: dict[str, str]
) -> None:
    response = callers[name].get(address(route.url, uids), ANY)
    assert response.status_code == 404
    assert b"OTHER" not in response.data
    assert b"Orthanc" not in response.data


def test_a_foreign_series_below_an_allowed_study_has_no_instances(insider: Caller) -> None:
    path = f"/studies/{samples.CASE}/series/{samples.OTHER}.1/instances"
    response = insider.get(path)
    assert (response.status_code, response.json) == (200, [])


@pytest.mark.parametrize("uid", ["..", "%2e%2e", "1.2%2f3", "x", "1" * 65, "*", "1.2;3", "-1"])
@pytest.mark.parametrize("name", ["insider", "archive"])
def test_what_is_not_a_uid_is_not_found(callers: dict[str, Caller], name: str, uid: str) -> None:
    for path in (f"/studies/{uid}/metadata", f"/studies/{samples.CASE}/series/{uid}/metadata"):
        assert callers[name].get(path).status_code == 404


def test_nothing_can_be_deleted_or_overwritten(insider: Caller) -> None:
    path = f"/dicom-web/studies/{samples.CASE}"
    for method in ("DELETE", "PUT", "PATCH"):
        response = insider._client.open(path, method=method, headers=insider._headers)
        assert response.status_code == 405
    assert insider.get(f"/studies/{samples.CASE}/series").status_code == 200


def test_addresses_of_orthanc_itself_do_not_exist(insider: Caller) -> None:
    for path in ("/servers", "/../instances", "/../system", "/info", "/studies/../../system"):
        assert insider.get(path).status_code == 404


@pytest.mark.parametrize("route", READING, ids=lambda route: route.url)
def test_no_answer_names_the_backend(insider: Caller, orthanc, route) -> None:
    response = insider.get(address(route.url, CT), ANY)
    said = response.data + str(response.headers).encode()
    assert str(orthanc.http_port).encode() not in said.replace(str(CT).encode(), b"")
    assert b"127.0.0.1" not in said
    assert b"Orthanc" not in response.headers.get("Server", "").encode()
    assert b"http://localhost/dicom-web" in said or b"localhost" not in said


@pytest.mark.parametrize("route", READING, ids=lambda route: route.url)
def test_every_answer_is_private_and_not_sniffed(insider: Caller, route) -> None:
    response = insider.get(address(route.url, CT), ANY)
    assert response.headers["Cache-Control"].startswith("private")
    if not route.view.__name__.startswith("search"):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    for secret in (samples.INSIDE, "Phantom"):
        assert secret not in str(response.headers)


def test_head_answers_like_get_without_a_body(insider: Caller) -> None:
    path = (
        f"/dicom-web{address('/studies/<study>/series/<series>/instances/<instance>', CT)}/frames/1"
    )
    got = insider._client.get(path, headers=insider._headers, buffered=True)
    head = insider._client.head(path, headers=insider._headers, buffered=True)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.data))
