"""An Orthanc for the feed's tests, one per test: what it forgets and keeps is the subject."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.archive import Archive
from tests.archive.orthanc_process import OrthancProcess, running_orthanc


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path / "orthanc") as process:
        yield process


@pytest.fixture
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    archive = orthanc.archive(timeout_s=2)
    yield archive
    archive.close()
