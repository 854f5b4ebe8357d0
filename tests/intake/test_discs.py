"""What a disc's table of contents lists and what did not come with it: a note, and nothing more."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid
from sqlalchemy import event, select

from server.archive import Archive
from server.cases.queries import case_by_id
from server.foundation.clock import utc_now
from server.foundation.files import FileStore
from server.foundation.settings import Settings
from server.intake.uploads import actions as uploads
from server.intake.uploads import discs
from server.intake.uploads.actions import Limits
from server.intake.uploads.disc_notes import note_missing
from server.intake.uploads.discs import Listed, listed_in, missing_words, not_here
from server.intake.uploads.judging import Judge
from server.intake.uploads.kinds import DAMAGED_DIRECTORY, DIRECTORY
from server.intake.uploads.queries import missing_of_discs, outcomes
from server.intake.uploads.records import Upload, UploadEntry
from server.intake.uploads.resumable import UploadFolder
from server.intake.uploads.sweeping import tidy
from server.intake.uploads.taking import Means, take_uploads
from tests.world import World

UID = "1.2.826.0.1.3680043.8.498.55"
PDF = b"%PDF-1.7\nstartxref\n0\n%%EOF\n"


def record(number: int, *path: str, offset: int = 0, in_use: int = 0xFFFF) -> Dataset:
    one = Dataset()
    one.OffsetOfTheNextDirectoryRecord = offset
    one.RecordInUseFlag = in_use
    one.OffsetOfReferencedLowerLevelDirectoryEntity = offset
    one.DirectoryRecordType = "IMAGE" if path else "PATIENT"
    if path:
        one.ReferencedFileID = list(path)
        one.ReferencedSOPInstanceUIDInFile = f"{UID}.{number}"
    return one


def dicomdir(*records: Dataset) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.DirectoryRecordSequence = Sequence(records)
    out = BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture
def means(sqlite_world: World, tmp_path: Path) -> Means:
    """Without an archive: no image is stored here."""
    settings = Settings.from_environ(
        {
            "MARGIN_HOME": str(tmp_path),
            "MARGIN_SECRET_KEY": "a key for tests only, nothing else",
            "MARGIN_ORTHANC_URL": "http://127.0.0.1:9",
        }
    )
    archive = Archive(settings.orthanc_url, "margin", "none")
    return Means(
        db=sqlite_world.db,
        folder=UploadFolder(settings.uploads_dir),
        judge=Judge(sqlite_world.db, archive, FileStore(settings.files_dir), utc_now),
        limits=Limits.of(settings),
        clock=utc_now,
        alive=lambda: None,
        others_wait=lambda _: False,
    )


def send(means: Means, world: World, name: str, content: bytes, *, whole: bool = True) -> str:
    with means.db.writing() as session:
        begun = uploads.begin(
            session,
            case_by_id(session, world.inside.id),
            name=name,
            size_bytes=len(content),
            sender="Riverside",
            limits=means.limits,
            now=utc_now(),
        )
        means.folder.put(begun.id, iter([content]), len(content))
        if whole:
            uploads.complete(session, begun.id, utc_now())
    return begun.id


def missing(means: Means, world: World) -> list[tuple[str, str]]:
    with means.db.reading() as session:
        return [(one.name, one.reason) for one in missing_of_discs(session, world.inside.id)]


def came(means: Means, world: World, number: int, now: datetime) -> None:
    """An image of the case, as an upload notes it."""
    with means.db.writing() as session:
        upload = Upload(
            case_id=world.inside.id,
            state="done",
            name=f"elsewhere-{number}",
            size_bytes=1,
            sender="Riverside",
            begun_at=now,
            expires_at=now,
            taken=1,
        )
        session.add(upload)
        session.flush()
        session.add(
            UploadEntry(
                upload_id=upload.id,
                place=0,
                name=upload.name,
                outcome="taken",
                SOPInstanceUID=f"{UID}.{number}",
                at=now,
            )
        )


def test_files_that_a_disc_lists_and_that_did_not_come_are_told_and_hold_nothing_up(
    means: Means, sqlite_world: World
) -> None:
    listing = dicomdir(
        record(0), *(record(number, "DICOM", f"IM{number}") for number in range(1, 9))
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("disc/DICOMDIR", listing)
        archive.writestr("disc/dicom/im1", PDF)
    came(means, sqlite_world, 2, utc_now())
    upload_id = send(means, sqlite_world, "disc.zip", packed.getvalue())
    take_uploads(means, sqlite_world.inside.id)
    told = "It lists 6 files that did not come: DICOM/IM3, DICOM/IM4, DICOM/IM5, DICOM/IM6, DICOM/IM7 (+1)."
    assert missing(means, sqlite_world) == [("disc/DICOMDIR", told)]
    with means.db.reading() as session:
        upload = session.get_one(Upload, upload_id)
        assert (upload.state, upload.taken, upload.left_out) == ("done", 1, 1)
        reasons = [one.reason for one in outcomes(session, sqlite_world.inside.id)]
        assert reasons == [f"{DIRECTORY} {told}"]


def test_a_folder_sent_file_by_file_is_compared_when_all_of_it_came(
    means: Means, sqlite_world: World
) -> None:
    send(means, sqlite_world, "disc/DICOMDIR", dicomdir(record(1, "A1"), record(2, "A2")))
    coming = send(means, sqlite_world, "disc/A1", PDF, whole=False)
    take_uploads(means, sqlite_world.inside.id)
    assert missing(means, sqlite_world) == [], "A1 is still on its way"
    with means.db.writing() as session:
        uploads.complete(session, coming, utc_now())
    take_uploads(means, sqlite_world.inside.id)
    assert missing(means, sqlite_world) == [
        ("disc/DICOMDIR", "It lists 1 file that did not come: A2.")
    ]
    came(means, sqlite_world, 2, utc_now())
    tidy(means.db, means.folder, utc_now())
    assert missing(means, sqlite_world) == [], "it came by another way since"


def test_what_a_whole_disc_lists_is_forgotten_and_comparing_twice_writes_nothing(
    means: Means, sqlite_world: World
) -> None:
    send(means, sqlite_world, "disc/DICOMDIR", dicomdir(record(1, "A1"), record(2, "A2")))
    send(means, sqlite_world, "disc/A1", PDF)
    take_uploads(means, sqlite_world.inside.id)
    written: list[str] = []

    @event.listens_for(means.db.engine, "before_cursor_execute")
    def _note(_connection, _cursor, statement, *_more) -> None:  # type: ignore[no-untyped-def]
        if statement.startswith("UPDATE"):
            written.append(statement)

    note_missing(means.db, means.folder, utc_now())
    assert len(means.folder.listed_ids()) == 1
    assert written == []
    came(means, sqlite_world, 2, utc_now())
    for _ in range(2):
        note_missing(means.db, means.folder, utc_now())
    assert means.folder.listed_ids() == set()
    assert len(written) == 1


def test_half_a_file_that_nobody_goes_on_with_does_not_silence_the_note(
    means: Means, sqlite_world: World
) -> None:
    send(means, sqlite_world, "DICOMDIR", dicomdir(record(1, "A1")))
    send(means, sqlite_world, "letter.pdf", PDF, whole=False)
    take_uploads(means, sqlite_world.inside.id)
    assert missing(means, sqlite_world) == []
    note_missing(means.db, means.folder, utc_now() + timedelta(hours=2))
    assert [name for name, _ in missing(means, sqlite_world)] == ["DICOMDIR"]


def test_offsets_in_a_ring_lead_nowhere_and_inactive_records_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "DICOMDIR"
    path.write_bytes(
        dicomdir(
            record(1, "A", offset=132),
            record(1, "A", offset=132),
            record(2, "B", in_use=0),
            record(3, "SUB", "C "),
        )
    )
    assert listed_in(path) == (Listed("A", f"{UID}.1"), Listed("SUB/C", f"{UID}.3"))


def test_a_directory_that_is_cut_off_or_endlessly_deep_is_said_to_be_damaged(
    means: Means, sqlite_world: World
) -> None:
    whole = dicomdir(record(1, "A"))
    opened = b"\x04\x00\x20\x12SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    head = whole[: whole.index(b"\x04\x00\x20\x12SQ")]
    for name, content in {"DICOMDIR": head + opened * 3000, "cut/DICOMDIR": whole[:-20]}.items():
        send(means, sqlite_world, name, content)
    take_uploads(means, sqlite_world.inside.id)
    with means.db.reading() as session:
        said = {one.name: one.reason for one in session.scalars(select(UploadEntry))}
        states = set(session.scalars(select(Upload.state)))
    assert said["DICOMDIR"] == DAMAGED_DIRECTORY
    assert said["cut/DICOMDIR"].startswith(DIRECTORY)
    assert states == {"done"}


def test_a_directory_larger_than_any_disc_s_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "DICOMDIR"
    path.write_bytes(dicomdir(record(1, "A")))
    monkeypatch.setattr(discs, "MOST_DIRECTORY_BYTES", 10)
    assert listed_in(path) == ()


def test_what_is_missing_is_named_for_few_and_counted_for_many() -> None:
    listed = [Listed(f"D/I{number}", f"{UID}.{number}") for number in range(7)]
    names = {"cd/d/i0"}
    paths = not_here(listed, "CD/DICOMDIR", {f"{UID}.1"}, names)
    assert paths == [f"D/I{number}" for number in range(2, 7)]
    told = "It lists 5 files that did not come: D/I2, D/I3, D/I4, D/I5, D/I6."
    assert missing_words(5, paths) == told
    assert missing_words(7, paths).endswith("D/I6 (+2).")
    assert missing_words(0, []) == ""
