"""An Orthanc for the archive's tests, empty at first, shared by them all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from server.archive import Archive
from tests.archive.orthanc_process import OrthancProcess, running_orthanc


@pytest.fixture(scope="package")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("archive-orthanc")) as process:
        yield process


@pytest.fixture(scope="package")
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    with closing(orthanc.archive()) as archive:
        yield archive
