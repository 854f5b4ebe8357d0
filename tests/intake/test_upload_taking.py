"""Uploads looked through: images go to a real archive once, documents to the case, the rest is told."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import func, select

from server.archive import Archive
from server.cases.queries import case_by_id
from server.cases.records import CaseDocument, CaseStudy
from server.foundation import jobs
from server.foundation.clock import utc_now
from server.foundation.files import FileStore
from server.foundation.settings import Settings
from server.intake.records import Arrival, ReceivedInstance, RepeatedInstance
from server.intake.uploads import actions as uploads
from server.intake.uploads.actions import TAKE_UPLOADS, Limits
from server.intake.uploads.judging import Judge
from server.intake.uploads.queries import outcomes, progress
from server.intake.uploads.records import Upload, UploadEntry
from server.intake.uploads.resumable import UploadFolder
from server.intake.uploads.taking import CAREFUL_FROM, DIED, Means, take_uploads
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess, running_orthanc
from tests.world import OUTSIDE_STUDY, World

STUDY = "1.2.826.0.1.3680043.8.498.77"
PDF = b"%PDF-1.7\nstartxref\n0\n%%EOF\n"


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as process:
        yield process


@pytest.fixture
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    archive = orthanc.archive()
    yield archive
    for study in archive.studies():
        archive._orthanc.delete_studies_id(study.orthanc_id)
    archive.close()


@pytest.fixture
def settings(sqlite_world: World, orthanc: OrthancProcess, tmp_path: Path) -> Settings:
    return Settings.from_environ(
        {
            "MARGIN_HOME": str(tmp_path),
            "MARGIN_DATABASE_URL": sqlite_world.db.url,
            "MARGIN_SECRET_KEY": "a key for tests only, nothing else",
            "MARGIN_ORTHANC_URL": orthanc.url,
            "MARGIN_ORTHANC_USER": USER,
            "MARGIN_ORTHANC_PASSWORD": PASSWORD,
        }
    )


@pytest.fixture
def means(sqlite_world: World, archive: Archive, settings: Settings) -> Means:
    return Means(
        db=sqlite_world.db,
        folder=UploadFolder(settings.uploads_dir),
        judge=Judge(sqlite_world.db, archive, FileStore(settings.files_dir), utc_now),
        limits=Limits.of(settings),
        clock=utc_now,
        alive=lambda: None,
        others_wait=lambda _: False,
    )


def send(means: Means, world: World, name: str, content: bytes) -> str:
    """A whole upload to the case of the first hospital, its id."""
    with means.db.writing() as session:
        case = case_by_id(session, world.inside.id)
        begun = uploads.begin(
            session,
            case,
            name=name,
            size_bytes=len(content),
            sender="Riverside",
            limits=means.limits,
            now=utc_now(),
        )
        means.folder.begin(begun.id)
        means.folder.append(begun.id, iter([content]), offset=0, total=len(content))
        uploads.complete(session, begun.id, utc_now())
    return begun.id


def entries(means: Means, upload_id: str | None = None) -> dict[str, tuple[str, str]]:
    """What became of each file, by its name."""
    with means.db.reading() as session:
        wanted = select(UploadEntry).order_by(UploadEntry.at, UploadEntry.place)
        if upload_id:
            wanted = wanted.where(UploadEntry.upload_id == upload_id)
        return {one.name: (one.outcome, one.reason) for one in session.scalars(wanted)}


def slices(count: int, study: str = STUDY, patient: str = "PID-1", **kwargs: object) -> list[bytes]:
    return [
        written(ct_slice(patient, study, f"{study}.1", number, ExplicitVRLittleEndian, **kwargs))  # type: ignore[arg-type]
        for number in range(1, count + 1)
    ]


def zip_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def stored(archive: Archive) -> dict[str, str]:
    """SOPInstanceUID -> MD5 of everything in the archive."""
    return {
        instance.SOPInstanceUID: archive.instance_md5(instance.orthanc_id)
        for study in archive.studies()
        for instance in archive.study_instances(study.orthanc_id)
    }


def test_a_disc_as_a_zip_file_is_taken_apart_and_each_file_is_told_of(
    means: Means, sqlite_world: World, archive: Archive
) -> None:
    images = slices(3)
    polyglot = b"MZ\x90\x00" + images[2][4:]
    directory = Dataset()
    directory.file_meta = dcmread(io.BytesIO(images[0])).file_meta
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    directory.FileSetID = "DISC"
    out = io.BytesIO()
    directory.save_as(out, enforce_file_format=True, implicit_vr=False, little_endian=True)
    upload_id = send(
        means,
        sqlite_world,
        "disc.zip",
        zip_of(
            {
                "DICOMDIR": out.getvalue(),
                "DICOM/A/1": images[0],
                "DICOM/A/2": images[1],
                "DICOM/A/3": polyglot,
                "letters/report.pdf": PDF,
                "letters/report.docx": b"PK\x03\x04 word",
                "viewer/start.exe": b"MZ\x90\x00",
                "DICOM/A/1 copy": images[0],
                "DICOM/cut": images[0][:-300],
            }
        ),
    )
    take_uploads(means, sqlite_world.inside.id)
    told = entries(means, upload_id)
    assert {name: outcome for name, (outcome, _) in told.items()} == {
        "DICOMDIR": "left_out",
        "DICOM/A/1": "taken",
        "DICOM/A/2": "taken",
        "DICOM/A/3": "taken",
        "letters/report.pdf": "taken",
        "letters/report.docx": "refused",
        "viewer/start.exe": "left_out",
        "DICOM/A/1 copy": "known",
        "DICOM/cut": "refused",
    }
    assert "cut off in the middle of its pixels" in told["DICOM/cut"][1]
    zeroed = [bytes(128) + image[128:] for image in (*images[:2], polyglot)]
    assert set(stored(archive).values()) == {
        hashlib.md5(image, usedforsecurity=False).hexdigest() for image in zeroed
    }
    with means.db.reading() as session:
        upload = session.get_one(Upload, upload_id)
        assert (upload.state, upload.taken, upload.known, upload.refused) == ("done", 4, 1, 2)
        attached = select(CaseStudy.case_id).where(CaseStudy.StudyInstanceUID == STUDY)
        assert session.scalar(attached) == sqlite_world.inside.id
        assert [one.title for one in session.scalars(select(CaseDocument))] == ["report.pdf"]
        assert progress(session, sqlite_world.inside.id).dealt_with == 9
        assert len(outcomes(session, sqlite_world.inside.id)) == 4
    assert not list(means.folder.folder.iterdir()), "nothing of it stays behind"


def test_the_first_image_of_an_identifier_wins_and_stays_as_it_is(
    means: Means, sqlite_world: World, archive: Archive
) -> None:
    (image,) = slices(1)
    other = dcmread(io.BytesIO(image))
    other.PixelData = bytes(len(other.PixelData))
    renamed = dcmread(io.BytesIO(image))
    renamed.SeriesDescription = "another"
    send(means, sqlite_world, "first", image)
    send(means, sqlite_world, "same, other preamble", b"II*\0" + image[4:])
    send(means, sqlite_world, "other pixels", written(other))
    send(means, sqlite_world, "other description", written(renamed))
    take_uploads(means, sqlite_world.inside.id)
    told = entries(means)
    assert told["first"][0] == "taken"
    assert told["same, other preamble"][0] == "known"
    assert told["other pixels"][0] == "refused"
    assert "with other pixels. The first one is kept" in told["other pixels"][1]
    assert "with another description" in told["other description"][1]
    assert list(stored(archive).values()) == [hashlib.md5(image, usedforsecurity=False).hexdigest()]
    with means.db.reading() as session:
        # What holds the study until a person has looked at it.
        assert session.scalar(select(func.count()).select_from(RepeatedInstance)) == 2


def test_what_was_sent_by_dicom_before_is_known_when_it_is_uploaded(
    means: Means, sqlite_world: World, archive: Archive
) -> None:
    dataset = ct_slice("PID-1", STUDY, f"{STUDY}.1", 1, ExplicitVRLittleEndian)
    dataset.file_meta.ImplementationVersionName = "A_SENDER"
    archive.store_instance(written(dataset))
    dataset.file_meta.ImplementationVersionName = "ANOTHER"
    with means.db.writing() as session:
        session.add(
            CaseStudy(
                case_id=sqlite_world.inside.id,
                StudyInstanceUID=STUDY,
                attached_at=utc_now(),
                attached_by="archive",
            )
        )
    send(means, sqlite_world, "IM1", written(dataset))
    take_uploads(means, sqlite_world.inside.id)
    assert entries(means)["IM1"] == ("known", "This image is here already.")


def test_another_case_s_study_and_another_patient_are_not_reached(
    means: Means, sqlite_world: World, archive: Archive
) -> None:
    send(means, sqlite_world, "foreign", slices(1, OUTSIDE_STUDY)[0])
    send(means, sqlite_world, "mine", slices(1)[0])
    take_uploads(means, sqlite_world.inside.id)
    send(means, sqlite_world, "somebody else", slices(1, patient="PID-2")[0])
    take_uploads(means, sqlite_world.inside.id)
    told = entries(means)
    assert told["foreign"] == (
        "refused",
        "Its study cannot be added to this case. Ask the coordinator.",
    )
    assert told["mine"][0] == "taken"
    assert "under another PatientID" in told["somebody else"][1]
    assert len(stored(archive)) == 1


@pytest.mark.parametrize(
    ("case_of", "said"),
    [("inside", "same SOPInstanceUID in another series"), ("outside", "cannot be added")],
)
def test_an_identifier_of_another_image_is_told_where_that_is_the_senders_own(
    means: Means, sqlite_world: World, archive: Archive, now: datetime, case_of: str, said: str
) -> None:
    image = ct_slice("PID-1", STUDY, f"{STUDY}.1", 1, ExplicitVRLittleEndian)
    with means.db.writing() as session:
        arrival = Arrival(
            orthanc_id="a study",
            StudyInstanceUID=f"{STUDY}.9",
            case_id=getattr(sqlite_world, case_of).id,
            first_seen_at=now,
            changed_at=now,
        )
        session.add(arrival)
        session.flush()
        session.add(
            ReceivedInstance(
                orthanc_id="another image",
                arrival_id=arrival.id,
                SOPInstanceUID=str(image.SOPInstanceUID),
                received_at=now,
            )
        )
    send(means, sqlite_world, "IM1", written(image))
    take_uploads(means, sqlite_world.inside.id)
    outcome, reason = entries(means)["IM1"]
    assert outcome == "refused"
    assert said in reason


def nested(depth: int) -> Dataset:
    inner = Dataset()
    inner.CodeMeaning = "x"
    for _ in range(depth):
        outer = Dataset()
        outer.ContentSequence = Sequence([inner])
        inner = outer
    return inner


def test_files_made_to_do_harm_are_refused_with_a_reason(
    means: Means, sqlite_world: World, archive: Archive
) -> None:
    def changed(**values: object) -> bytes:
        dataset = ct_slice("PID-1", STUDY, f"{STUDY}.1", 9, ExplicitVRLittleEndian)
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        return written(dataset)

    deep = changed(ContentSequence=nested(60).ContentSequence)
    very_deep = changed(ContentSequence=nested(200).ContentSequence)
    absurd = changed(Rows=65535, Columns=65535, NumberOfFrames="2147483647")
    # As long as the one it stands for, so that nothing else of the file changes.
    jpeg = changed().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
    unknown = changed().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0")
    implicit = changed().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")
    hostile = {
        "deep": (deep, "more than 32 deep"),
        "very deep": (very_deep, "more than 32 deep"),
        "absurd": (absurd, "no scanner makes that"),
        "syntax": (jpeg, "another way than its transfer syntax"),
        "unknown": (unknown, "is not a known one"),
        "implicit": (implicit, ""),
        "behind": (changed() + deep[-40:], ""),
        "meta": (bytes(128) + b"DICM\x02\0\0\0UL\x04\0\xff\xff\xff\xff", ""),
    }
    send(
        means,
        sqlite_world,
        "all.zip",
        zip_of({name: content for name, (content, _) in hostile.items()}),
    )
    send(means, sqlite_world, "good", slices(1)[0])
    take_uploads(means, sqlite_world.inside.id)
    told = entries(means)
    for name, (_, said) in hostile.items():
        assert told[name][0] == "refused", (name, told[name])
        assert said in told[name][1], (name, told[name])
    assert told["good"][0] == "taken"
    assert len(stored(archive)) == 1


def test_photographs_are_documents_and_never_imaging(
    means: Means, sqlite_world: World, archive: Archive
) -> None:
    out = io.BytesIO()
    Image.new("L", (40, 30)).save(out, "JPEG")
    send(means, sqlite_world, "phone/IMG_1.jpg", out.getvalue())
    send(means, sqlite_world, "broken.jpg", b"\xff\xd8\xff\xe0broken")
    send(means, sqlite_world, "again.jpg", out.getvalue())
    take_uploads(means, sqlite_world.inside.id)
    told = entries(means)
    assert told["phone/IMG_1.jpg"][0] == "taken"
    assert "A photograph of a scan is not imaging" in told["phone/IMG_1.jpg"][1]
    assert told["again.jpg"] == ("known", "This document is here already.")
    assert "damaged" in told["broken.jpg"][1]
    with means.db.reading() as session:
        (kept,) = session.scalars(select(CaseDocument))
        assert (kept.title, kept.media_type) == ("IMG_1.jpg", "image/jpeg")
    assert stored(archive) == {}


def test_a_file_that_kills_the_process_is_refused_and_the_rest_goes_on(
    means: Means, sqlite_world: World, archive: Archive
) -> None:
    images = slices(3)
    content = zip_of({"IM1": images[0], "killer": images[1], "IM3": images[2]})
    upload_id = send(means, sqlite_world, "disc.zip", content)
    with means.db.writing() as session:
        upload = session.get_one(Upload, upload_id)
        upload.attempts, upload.position, upload.taken = CAREFUL_FROM, 1, 1
        row = UploadEntry(
            upload_id=upload_id, place=1, name="killer", outcome="reading", at=utc_now()
        )
        session.add(row)
    take_uploads(means, sqlite_world.inside.id)
    assert entries(means)["killer"] == ("refused", DIED)
    assert entries(means)["IM3"][0] == "taken"
    assert len(stored(archive)) == 1


def test_an_archive_that_is_away_refuses_nothing(
    means: Means, sqlite_world: World, archive: Archive
) -> None:
    upload_id = send(means, sqlite_world, "IM1", slices(1)[0])
    away = Archive("http://127.0.0.1:9", USER, PASSWORD, 1)
    judge = Judge(means.db, away, FileStore(means.folder.folder / "f"), utc_now)
    for _ in range(CAREFUL_FROM + 2):
        with pytest.raises(Exception, match="does not answer"):
            take_uploads(Means(**{**vars(means), "judge": judge}), sqlite_world.inside.id)
    away.close()
    take_uploads(means, sqlite_world.inside.id)
    assert entries(means, upload_id) == {"IM1": ("taken", "CT instance")}


def test_nothing_is_lost_or_doubled_when_the_process_is_killed_again_and_again(
    means: Means, sqlite_world: World, archive: Archive, settings: Settings
) -> None:
    images = slices(60, rows=64, columns=64)
    files = {f"DICOM/IM{number:03d}": image for number, image in enumerate(images)}
    send(means, sqlite_world, "disc.zip", zip_of(files))
    send(means, sqlite_world, "letter.pdf", PDF)
    environment = {**os.environ, **settings.to_environ()}
    kills = 0
    for pause in (1.2, 1.5, 1.7, 1.9, 2.1, 120.0):
        with means.db.writing() as session:
            (job,) = session.scalars(select(jobs.Job).where(jobs.Job.name == TAKE_UPLOADS))
            if job.state == "done":
                break
            job.state, job.attempts = "running", 1
            job_id = job.id
        with subprocess.Popen(
            [sys.executable, "-m", "server.errand", job_id],
            env=environment,
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                process.wait(pause)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
        time.sleep(0.05)
    assert kills >= 2
    told = entries(means)
    assert [outcome for outcome, _ in told.values()] == ["taken"] * 61
    assert stored(archive) == {
        dcmread(io.BytesIO(image)).SOPInstanceUID: hashlib.md5(
            image, usedforsecurity=False
        ).hexdigest()
        for image in images
    }
    assert not list(settings.uploads_dir.iterdir())
