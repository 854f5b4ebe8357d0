"""An Orthanc for the tests of preparation, empty at first, shared by them all; shelves of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.archive import Archive
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import Shelf
from tests.archive.conftest import archive, orthanc

__all__ = ["archive", "orthanc"]
BOUND_BYTES = 1024**3


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "cache")


@pytest.fixture
def preparer(archive: Archive, shelf: Shelf) -> Preparer:
    return Preparer(archive, shelf, Room(shelf.root, BOUND_BYTES))
