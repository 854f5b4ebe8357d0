"""An Orthanc with pictures of every kind, and the gateway in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.archive import Archive
from server.prepared.shelf import Shelf
from tests.archive.files import written
from tests.archive.orthanc_process import archive_with
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app
from tests.dicomweb.media import pictures

SCOPES = {"reader": HandMadeScope(frozenset({pictures.STUDY}))}


@pytest.fixture(scope="package")
def media_archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    files = map(written, pictures.everything())
    with archive_with(tmp_path_factory.mktemp("media-orthanc"), files) as archive:
        yield archive


@pytest.fixture(scope="package")
def media(media_archive: Archive) -> Caller:
    """Somebody who may see all of the pictures, none of which is prepared."""
    return Caller(gateway_app(media_archive, SCOPES).test_client(), "reader")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def prepared(media_archive: Archive, shelf: Shelf) -> Callable[[Archive | None], Caller]:
    """Makes a caller of a gateway with this shelf, in front of this or another archive."""

    def caller(archive: Archive | None = None) -> Caller:
        app = gateway_app(archive or media_archive, SCOPES, shelf=shelf)
        return Caller(app.test_client(), "reader")

    return caller
