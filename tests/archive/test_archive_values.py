"""What the archive says of itself and of what it keeps, against a real Orthanc."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest

from server.archive import Archive, Modality, NotInArchive, RefusedByArchive
from tests.archive.files import ct_slice, written

pytestmark = pytest.mark.orthanc
STUDY = "1.2.826.20"


@pytest.fixture(scope="module")
def files(archive: Archive) -> list[bytes]:
    """Three slices, stored."""
    files = [written(ct_slice("P-20", STUDY, f"{STUDY}.1", number)) for number in (3, 1, 2)]
    for file in files:
        archive.store_instance(file)
    return files


def test_the_archive_says_who_it_is(archive: Archive) -> None:
    system = archive.system()
    assert system.version.startswith("1.")
    assert system.dicom_aet == "MARGIN"


def test_a_study_is_found_by_its_uid_with_its_patient(archive: Archive, files: list[bytes]) -> None:
    study = archive.find_study(STUDY)
    assert (study.StudyInstanceUID, study.PatientID) == (STUDY, "P-20")
    assert study.PatientName == "Phantom^P-20"
    assert study.AccessionNumber == "ACC-.20"
    assert archive.study(study.orthanc_id) == study
    assert study in archive.studies()
    assert study.last_update is not None
    assert datetime.now(UTC) - study.last_update < timedelta(minutes=10)


def test_a_wildcard_finds_no_study(archive: Archive, files: list[bytes]) -> None:
    assert archive.find_studies("*") == ()


def test_instances_of_a_series_come_in_the_order_of_the_slices(
    archive: Archive, files: list[bytes]
) -> None:
    (series,) = archive.study_series(archive.find_study(STUDY).orthanc_id)
    assert (series.Modality, series.SeriesInstanceUID) == ("CT", f"{STUDY}.1")
    found = [one.SOPInstanceUID for one in archive.series_instances(series.orthanc_id)]
    assert found == [f"{STUDY}.1.{number}" for number in (1, 2, 3)]
    assert archive.series(series.orthanc_id) == series
    assert archive.study_instance_count(series.study_id) == 3
    assert {one.orthanc_id for one in archive.study_instances(series.study_id)} == set(
        series.instance_ids
    )


def test_a_file_comes_back_byte_for_byte(archive: Archive, files: list[bytes]) -> None:
    (candidate,) = archive.candidates(STUDY, f"{STUDY}.1", f"{STUDY}.1.3")
    assert archive.instance_file(candidate) == files[0]
    assert archive.instance(candidate).file_size_bytes == len(files[0])
    with archive.open_file(candidate) as stream:
        assert b"".join(stream.chunks()) == files[0]


def test_the_origin_of_an_instance_names_address_time_and_md5(
    archive: Archive, files: list[bytes]
) -> None:
    (candidate,) = archive.candidates(STUDY, f"{STUDY}.1", f"{STUDY}.1.3")
    origin = archive.instance_origin(candidate)
    assert (origin.origin, origin.RemoteAET, origin.RemoteIP) == ("RestApi", "", "127.0.0.1")
    assert origin.md5 == hashlib.md5(files[0]).hexdigest()
    assert origin.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert origin.ReceptionDate is not None
    assert origin.ReceptionDate.tzinfo is UTC
    assert archive.instance_tags(candidate)["PatientID"] == "P-20"


def test_storing_the_same_file_again_changes_nothing(archive: Archive) -> None:
    file = written(ct_slice("P-21", "1.2.826.21", "1.2.826.21.1", 1))
    assert archive.store_instance(file, by="Dr. Äda").status == "Success"
    again = archive.store_instance(io.BytesIO(file), size_bytes=len(file), by="Dr. Bob")
    assert again.status == "AlreadyStored"
    assert archive.author(again.orthanc_id) == "Dr. Äda"


def test_what_is_not_dicom_is_refused(archive: Archive) -> None:
    with pytest.raises(RefusedByArchive):
        archive.store_instance(b"not a DICOM file")


def test_the_change_feed_is_read_page_by_page_to_its_end(
    archive: Archive, files: list[bytes]
) -> None:
    since, seen = 0, []
    while True:
        page = archive.changes(since, limit=2)
        assert len(page.changes) <= 2
        seen += page.changes
        since = page.last
        if page.done:
            break
    assert [change.seq for change in seen] == sorted({change.seq for change in seen})
    assert archive.last_change() >= seen[-1].seq
    study = archive.find_study(STUDY).orthanc_id
    assert any(c.orthanc_id == study and c.change_type == "NewStudy" for c in seen)


def test_statistics_count_what_is_kept(archive: Archive) -> None:
    before = archive.statistics()
    archive.store_instance(written(ct_slice("P-22", "1.2.826.22", "1.2.826.22.1", 1)))
    after = archive.statistics()
    assert (after.studies, after.instances) == (before.studies + 1, before.instances + 1)


def test_nothing_is_found_under_an_unknown_identifier(archive: Archive) -> None:
    for ask in (archive.study, archive.series, archive.instance, archive.instance_file):
        with pytest.raises(NotInArchive):
            ask("00000000-00000000-00000000-00000000-00000000")
    with pytest.raises(NotInArchive):
        archive.find_study("1.2.826.404")


def test_a_modality_is_registered_changed_and_taken_off(archive: Archive) -> None:
    hospital = Modality("north", "NORTH", "127.0.0.1", 11112)
    archive.put_modality(hospital)
    assert archive.modality("north") == hospital
    changed = Modality("north", "NORTH2", "127.0.0.2", 104, may_store=False)
    archive.put_modality(changed)
    assert archive.modalities() == (changed,)
    archive.delete_modality("north")
    archive.delete_modality("north")
    assert archive.modalities() == ()
    with pytest.raises(NotInArchive):
        archive.modality("north")
