"""Two patients' studies in a real Orthanc, and the gateway in front of it for five callers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from flask.testing import FlaskClient

from server.archive import Archive
from tests.archive.conftest import orthanc
from tests.archive.orthanc_process import OrthancProcess, free_port
from tests.dicomweb import samples
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app
from tests.served import serving

__all__ = ["orthanc"]
SCOPES = {
    "insider": HandMadeScope(frozenset({samples.CASE, samples.CASE_PRIOR, samples.WRITABLE})),
    "reader": HandMadeScope(frozenset({samples.CASE}), may_write=False),
    "outsider": HandMadeScope(frozenset({samples.OTHER})),
    "nobodys": HandMadeScope(frozenset()),
    "archive": HandMadeScope(None),
}


@pytest.fixture(scope="package")
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    """The archive with every sample in it."""
    with closing(orthanc.archive()) as archive:
        for file in samples.everything():
            archive.store_instance(file)
        yield archive


class Caller:
    """Somebody with a token, asking the gateway inside this process."""

    def __init__(self, client: FlaskClient, name: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {name}"}

    def get(self, path: str, accept: str | None = None, **more: str) -> object:
        headers = {**self._headers, **({"Accept": accept} if accept is not None else {}), **more}
        return self._client.get(f"/dicom-web{path}", headers=headers, buffered=True)

    def post(self, path: str, body: bytes, content_type: str, **more: str) -> object:
        headers = {**self._headers, "Content-Type": content_type, **more}
        return self._client.post(f"/dicom-web{path}", data=body, headers=headers)


@pytest.fixture(scope="package")
def callers(archive: Archive) -> dict[str, Caller]:
    client = gateway_app(archive, SCOPES).test_client()
    return {name: Caller(client, name) for name in SCOPES}


@pytest.fixture
def insider(callers: dict[str, Caller]) -> Caller:
    return callers["insider"]


@pytest.fixture
def outsider(callers: dict[str, Caller]) -> Caller:
    return callers["outsider"]


@pytest.fixture(scope="package")
def gateway_url(archive: Archive) -> Iterator[str]:
    """The gateway behind a real socket, for clients that want one."""
    port = free_port(18350)
    url = f"http://127.0.0.1:{port}"
    with serving(gateway_app(archive, SCOPES, url), port):
        yield url
