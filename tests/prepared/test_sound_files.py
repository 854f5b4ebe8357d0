"""A bit that the archive's disk lost is not served as part of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import select

from server.archive import Archive, Modality, OnDisk
from server.dicom.association import Peer
from server.dicom.sending import send
from server.errand.looking_over import CANNOT_BE_READ, look_over
from server.errand.means import Errand
from server.foundation import audit, jobs
from server.foundation.db import Database
from server.foundation.settings import Settings
from server.prepared import actions
from server.prepared.eviction import Room
from server.prepared.looking_over import LOOK_OVER, ask_to_look_over
from server.prepared.preparing import Preparer
from server.prepared.queries import preparations
from server.prepared.records import PreparedSeries
from server.prepared.shelf import Shelf
from server.prepared.soundness import DAMAGED, GONE
from tests.archive import orthanc_process
from tests.archive.files import ct_slice, pixels, written
from tests.archive.orthanc_process import (
    PASSWORD,
    USER,
    OrthancProcess,
    held_to_permissions,
    running_orthanc,
)
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app

pytestmark = pytest.mark.orthanc

STUDY, SERIES = "1.2.826.77", "1.2.826.77.1"
NIGHT = datetime(2026, 11, 22, 1, tzinfo=UTC)
OCTETS = 'multipart/related; type="application/octet-stream"'


def kept_at(store: Path, file: bytes) -> Path:
    """Where Orthanc keeps a file."""
    (kept,) = (
        one for one in store.rglob("*") if one.is_file() and one.read_bytes()[: len(file)] == file
    )
    return kept


def lose_a_bit(store: Path, file: bytes) -> None:
    """Turns one bit of a picture round in the file that Orthanc keeps."""
    changed = bytearray(file)
    changed[-100] ^= 1
    kept_at(store, file).write_bytes(changed)


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[OrthancProcess]:
    """Holds two slices; the file of the second has changed on the disk."""
    with running_orthanc(tmp_path / "orthanc") as process:
        with closing(process.archive()) as archive:
            for file in files():
                archive.store_instance(file)
        process.stop()  # what it has just received it would give from memory
        lose_a_bit(tmp_path / "orthanc" / "store", files()[1])
        process.start()
        yield process


def at_once(_seconds: float) -> None:
    """No pause between the times that a file is asked for."""


def files() -> list[bytes]:
    return [written(ct_slice("SOUND", STUDY, SERIES, number)) for number in (1, 2)]


@pytest.fixture
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    with closing(orthanc.archive()) as archive:
        yield archive


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


@pytest.mark.parametrize("way", ["upload", "upload by another writer", "c-store"])
def test_the_same_file_sent_again_takes_the_place_of_the_damaged_one(
    orthanc: OrthancProcess, archive: Archive, tmp_path: Path, way: str
) -> None:
    instances = archive.candidates(STUDY, SERIES, f"{SERIES}.2")
    assert [archive.on_disk(one) for one in instances] == [OnDisk.OTHER_BYTES]
    if way == "upload":
        assert archive.store_instance(files()[1]).status == "Success"
    elif way == "upload by another writer":
        other = dcmread(BytesIO(files()[1]))
        other.file_meta.ImplementationVersionName = "ANOTHER"
        assert archive.store_instance(written(other)).status == "Success"
    else:
        archive.put_modality(Modality("hospital", "HOSPITAL", "127.0.0.1", 11112))
        (tmp_path / "again").mkdir()
        (tmp_path / "again" / "2.dcm").write_bytes(files()[1])
        peer = Peer("127.0.0.1", orthanc.dicom_port, "HOSPITAL", "MARGIN")
        assert send(tmp_path / "again", peer).is_complete
    assert [archive.on_disk(one) for one in instances] == [OnDisk.AS_RECEIVED]
    assert pixels(2).tobytes() in archive.instance_file(*instances)


@pytest.fixture
def errand(orthanc: OrthancProcess, sqlite_database: Database, tmp_path: Path) -> Iterator[Errand]:
    settings = {
        "MARGIN_HOME": str(tmp_path / "home"),
        "MARGIN_DATABASE_URL": f"sqlite:///{tmp_path}/margin.db",
        "MARGIN_ORTHANC_URL": orthanc.url,
        "MARGIN_ORTHANC_USER": USER,
        "MARGIN_ORTHANC_PASSWORD": PASSWORD,
    }
    errand = Errand(Settings.from_environ(settings), lambda: NIGHT)
    with closing(errand.archive):
        yield errand
    errand.db.dispose()


def ask_for(errand: Errand, night: datetime) -> None:
    with errand.db.writing() as session:
        ask_to_look_over(session, night - timedelta(hours=2))
        ask_to_look_over(session, night - timedelta(hours=1))
        (job,) = session.scalars(
            select(jobs.Job).where(jobs.Job.name == LOOK_OVER, jobs.Job.run_at == night)
        )
        errand.job_id = job.id


def listed(errand: Errand) -> list[tuple[str, int]]:
    with errand.db.reading() as session:
        found = preparations(session, [STUDY])[STUDY]
    assert len(found.unreadable) == found.unreadable_frames
    return [(one["SOPInstanceUID"], one["place"]) for one in found.unreadable]


def test_a_night_lists_what_is_damaged_once_and_until_it_was_sent_again(errand: Errand) -> None:
    archive, fresh = errand.archive, NIGHT - timedelta(days=9)
    (series,) = archive.candidates(STUDY, SERIES)
    with errand.db.writing() as session:
        for uid, number in ((SERIES, 2), (f"{STUDY}.7", 1)):  # of the other there is nothing left
            actions.ask(session, STUDY, uid, orthanc_id=series, instance_count=number, now=fresh)
    preparer = Preparer(archive, errand.shelf, errand.room)
    outcome = preparer.prepare(STUDY, series)  # before anything is compared
    assert outcome is not None
    for night, new in ((NIGHT, 1), (NIGHT + timedelta(days=1), 0)):
        ask_for(errand, night)
        assert look_over(errand, lambda: None, at_once) == new
        assert listed(errand) == [(f"{SERIES}.2", 2)]
    with errand.db.writing() as session:
        lines = select(audit.AuditLine).where(audit.AuditLine.action == "images.damaged")
        assert len(session.scalars(lines).all()) == 1
        # What was prepared before is good, and what is asked for again changes nothing.
        actions.note_prepared(session, outcome.manifest, NIGHT)
    assert listed(errand) == [(f"{SERIES}.2", 2)]
    assert archive.store_instance(files()[1]).status == "Success"
    ask_for(errand, NIGHT + timedelta(days=2))
    assert look_over(errand, lambda: None, at_once) == 0
    assert listed(errand) == []


def test_only_what_stays_damaged_is_listed_and_what_cannot_be_read_is_told(
    errand: Errand, orthanc: OrthancProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damaged one stays; another is gone, one for a moment only, and one cannot be read."""
    monkeypatch.setattr(orthanc_process, "ORTHANC", held_to_permissions(tmp_path / "run"))
    store, archive = orthanc.home / "store", errand.archive
    more = [written(ct_slice("SOUND", STUDY, SERIES, number)) for number in (3, 4, 5)]
    for file in more:
        archive.store_instance(file)
    (series,) = archive.candidates(STUDY, SERIES)
    with errand.db.writing() as session:
        actions.ask(session, STUDY, SERIES, orthanc_id=series, instance_count=5, now=NIGHT)
    gone, away, unreadable = (kept_at(store, file) for file in more)
    orthanc.stop()  # what it has just received it would give from memory
    gone.unlink()
    away.rename(elsewhere := store.parent / "elsewhere")
    unreadable.chmod(0)
    orthanc.start()

    def pause(_seconds: float) -> None:
        if elsewhere.exists():
            elsewhere.rename(away)

    ask_for(errand, NIGHT)
    assert look_over(errand, lambda: None, pause) == 2
    assert listed(errand) == [(f"{SERIES}.2", 2), (f"{SERIES}.3", 3)]
    with errand.db.reading() as session:
        reasons = [one["reason"] for one in preparations(session, [STUDY])[STUDY].unreadable]
        assert reasons == [DAMAGED, GONE]
        lines = session.scalars(select(audit.AuditLine).order_by(audit.AuditLine.sequence)).all()
        told = [(one.action, one.details["files"], one.reason) for one in lines]
        assert told == [("images.damaged", 2, ""), ("images.compare", 1, CANNOT_BE_READ)]
    # What cannot be read the next night is damaged still, as far as anybody knows.
    changed = bytearray(files()[1])
    changed[-100] ^= 1
    kept_at(store, bytes(changed)).chmod(0)
    ask_for(errand, NIGHT + timedelta(days=1))
    assert look_over(errand, lambda: None, pause) == 0
    assert sorted(listed(errand)) == [(f"{SERIES}.2", 2), (f"{SERIES}.3", 3)]


def test_a_night_goes_on_where_the_last_one_ended(errand: Errand) -> None:
    with errand.db.writing() as session:
        for number in (1, 2, 3):
            actions.ask(
                session,
                STUDY,
                f"{STUDY}.{number}",
                orthanc_id=str(number),
                instance_count=1,
                now=NIGHT,
            )
        records = sorted(session.scalars(select(PreparedSeries.id)))
    reached = []
    for days in range(4):
        moments = iter([NIGHT, NIGHT, *[NIGHT + timedelta(hours=3)] * 9])
        errand.clock = moments.__next__  # over after one series
        ask_for(errand, NIGHT + timedelta(days=days))
        look_over(errand, lambda: None, at_once)
        with errand.db.reading() as session:
            reached.append(session.get_one(jobs.Job, errand.job_id).payload["reached"])
    assert reached == [*records, ""]
