"""An Orthanc for the feed's tests, one per test: what it forgets and keeps is the subject."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.archive import Archive
from server.dicom.association import Peer
from server.dicom.sending import send
from server.intake.arrivals.feed import Feed
from server.intake.lines.registering import register_lines
from tests.archive.orthanc_process import OrthancProcess, running_orthanc
from tests.world import World


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path / "orthanc") as process:
        yield process


@pytest.fixture
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    with closing(orthanc.archive(timeout_s=2)) as archive:
        yield archive


QUIET = timedelta(seconds=5)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **much: float) -> None:
        self.now += timedelta(**much)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def feed(sqlite_world: World, archive: Archive, clock: Clock) -> Feed:
    with sqlite_world.db.reading() as session:
        register_lines(session, archive)
    return Feed(sqlite_world.db, archive, clock, QUIET)


def push(orthanc: OrthancProcess, folder: Path, calling: str = "RIVERSIDE") -> None:
    summary = send(folder, Peer("127.0.0.1", orthanc.dicom_port, calling, "MARGIN"))
    assert summary.is_complete, summary.refused


def settle(feed: Feed, clock: Clock) -> None:
    feed.step()
    clock.forward(seconds=6)
    feed.step()
