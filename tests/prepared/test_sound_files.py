"""A bit that the archive's disk lost is not served as part of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from server.archive import Archive
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import Shelf
from tests.archive.files import ct_slice, pixels, written
from tests.archive.orthanc_process import running_orthanc
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app

pytestmark = pytest.mark.orthanc

STUDY, SERIES = "1.2.826.77", "1.2.826.77.1"
OCTETS = 'multipart/related; type="application/octet-stream"'


def lose_a_bit(store: Path, file: bytes) -> None:
    """Turns one bit of a picture round in the file that Orthanc keeps."""
    (kept,) = (
        one for one in store.rglob("*") if one.is_file() and one.read_bytes()[: len(file)] == file
    )
    changed = bytearray(file)
    changed[-100] ^= 1
    kept.write_bytes(changed)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with running_orthanc(tmp_path / "orthanc") as process:
        archive = process.archive()
        files = [written(ct_slice("SOUND", STUDY, SERIES, number)) for number in (1, 2)]
        for file in files:
            archive.store_instance(file)
        process.stop()  # what it has just received it would give from memory
        lose_a_bit(tmp_path / "orthanc" / "store", files[1])
        process.start()
        yield archive
        archive.close()


def prepared_problem(archive: Archive, root: Path, compared_before: datetime) -> str:
    """What is noted of the changed file by a shelf that trusts what came since."""
    (series,) = archive.candidates(STUDY, SERIES)
    shelf = Shelf(root)
    preparer = Preparer(archive, shelf, Room(root, 10**9), compared_before=compared_before)
    outcome = preparer.prepare(STUDY, series)
    assert outcome is not None
    return outcome.manifest.instances[1].problem


def test_a_file_that_changed_on_the_disk_is_listed_and_not_given(
    archive: Archive, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "shelf")
    (series,) = archive.candidates(STUDY, SERIES)
    room, came = Room(shelf.root, 10**9), archive.series(series).last_update
    assert came is not None
    assert prepared_problem(archive, tmp_path / "fresh", came) == ""
    later = came + timedelta(seconds=1)
    outcome = Preparer(archive, shelf, room, compared_before=later).prepare(STUDY, series)
    assert outcome is not None
    sound, changed = outcome.manifest.instances
    assert (sound.problem, changed.unreadable_frames) == ("", (1,))
    assert "not what was received" in changed.problem
    app = gateway_app(archive, {"reader": HandMadeScope(frozenset({STUDY}))}, shelf=shelf)
    reader = Caller(app.test_client(), "reader")
    for number, status in ((1, 200), (2, 404)):
        path = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.{number}"
        for rest, accept in (
            ("frames/1", f"{OCTETS}; transfer-syntax=*"),
            ("frames/1", OCTETS),
            ("frames/1", "*/*"),
            ("bulk/7fe00010", OCTETS),
            ("rendered", "image/png"),
        ):
            answer = reader.get(f"{path}/{rest}", accept)
            assert answer.status_code == status, (number, rest, accept)
    first = reader.get(f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1/frames/1", OCTETS)
    assert pixels(1).tobytes() in first.data
