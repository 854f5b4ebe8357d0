"""While a panel votes, what another member wrote beside the images is nowhere in the gateway."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from server.archive import Archive
from server.dicomweb.routes import ROUTES
from server.panel.sight import Hidden
from tests.archive.files import written
from tests.dicomweb import samples
from tests.dicomweb.conftest import SCOPES
from tests.dicomweb.gateway_app import gateway_app
from tests.dicomweb.samples import segmentation

pytestmark = pytest.mark.orthanc
SERIES = f"{samples.WRITABLE}.4711"
INSTANCE = f"{SERIES}.1"
HEADERS = {"Authorization": "Bearer insider"}
READS = sorted({route.url for route in ROUTES if "GET" in route.methods})


@pytest.fixture(scope="module")
def clients(archive: Archive) -> tuple[FlaskClient, FlaskClient]:
    """Whoever drew, and whoever may not see it yet."""
    archive.store_instance(written(segmentation(INSTANCE, SERIES)))
    hidden = Hidden(frozenset({INSTANCE}), frozenset({SERIES}))
    author = gateway_app(archive, SCOPES).test_client()
    return author, gateway_app(archive, SCOPES, hidden=hidden).test_client()


def filled(url: str, **values: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found[1], "1"), url)


def asked(client: FlaskClient, path: str) -> tuple[int, bytes]:
    answer = client.get(f"/dicom-web{path}", headers=HEADERS, buffered=True)
    return answer.status_code, answer.get_data()


@pytest.mark.parametrize("url", READS)
def test_no_address_names_or_gives_what_is_hidden(
    clients: tuple[FlaskClient, FlaskClient], url: str
) -> None:
    _, blind = clients
    values = {"study": samples.WRITABLE, "series": SERIES, "instance": INSTANCE, "numbers": "1"}
    status, body = asked(blind, filled(url, **values, attribute="7fe00010"))
    assert SERIES.encode() not in body
    if "<series>" in url:
        assert status == 404, url


@pytest.mark.parametrize(
    "path",
    [
        "/studies/{study}/series",
        "/studies/{study}/metadata",
        "/studies/{study}/instances",
        "/series?StudyInstanceUID={study}",
        "/studies/{study}",
        "/studies/{study}/series/{series}/metadata",
    ],
)
def test_the_author_finds_it_where_the_other_does_not(
    clients: tuple[FlaskClient, FlaskClient], path: str
) -> None:
    author, blind = clients
    path = path.format(study=samples.WRITABLE, series=SERIES)
    assert SERIES.encode() in asked(author, path)[1]
    assert SERIES.encode() not in asked(blind, path)[1]
