"""An Orthanc for the tests of preparation, empty at first, shared by them all; shelves of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.archive import Archive
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import Shelf
from tests.archive.orthanc_process import OrthancProcess, running_orthanc

BOUND_BYTES = 1024**3


@pytest.fixture(scope="package")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("prepared-orthanc")) as process:
        yield process


@pytest.fixture(scope="package")
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    archive = orthanc.archive()
    yield archive
    archive.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "cache")


@pytest.fixture
def preparer(archive: Archive, shelf: Shelf) -> Preparer:
    return Preparer(archive, shelf, Room(shelf.root, BOUND_BYTES))
