"""The feed is followed through repetition, outage and restart, and nothing is lost or doubled."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from server.archive import Archive
from server.cases.queries import case_by_number
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.demo.segmentations import segment
from server.foundation import audit
from server.foundation.jobs import Job
from server.intake.actions import MEASURED_STORAGE
from server.intake.arrivals.decisions import attach
from server.intake.arrivals.feed import Feed
from server.intake.queries import arrivals, feed_status
from server.intake.records import Arrival, ReceivedInstance
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess
from tests.intake.conftest import QUIET, Clock, push, settle
from tests.world import World


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "study"
    phantom().write(folder)
    yield folder


def phantom(accession: str = "ACC-Riverside") -> Phantom:
    return Phantom(
        "feed", slices=4, rows=32, AccessionNumber=accession, phases=PHASES[:2], PatientID="P1"
    )


def counts(world: World) -> tuple[int, int]:
    with world.db.reading() as session:
        return (
            session.scalar(select(func.count(Arrival.id))) or 0,
            session.scalar(select(func.count(ReceivedInstance.orthanc_id))) or 0,
        )


def test_a_pushed_study_arrives_with_its_sender_and_is_matched(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, study: Path
) -> None:
    push(orthanc, study)
    feed.step()
    with sqlite_world.db.reading() as session:
        assert [found.state for found in arrivals(session, None)] == ["receiving"]
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        arrival = arrivals(session, None)[0]
        case = case_by_number(session, sqlite_world.inside.number)
        assert (arrival.calling_aet, arrival.remote_address, arrival.called_aet) == (
            "RIVERSIDE",
            "127.0.0.1",
            "MARGIN",
        )
        assert (arrival.state, arrival.case_id) == ("matched", case.id)
        assert phantom().StudyInstanceUID in {one.StudyInstanceUID for one in case.studies}
        instances = session.scalars(select(ReceivedInstance)).all()
        assert len(instances) == 8
        assert all(len(one.md5) == 32 and one.calling_aet == "RIVERSIDE" for one in instances)
        assert [line.action for line in audit.newest(session)] == ["arrival.received"]


def test_noticing_everything_again_changes_nothing(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    study: Path,
) -> None:
    push(orthanc, study)
    settle(feed, clock)
    before = counts(sqlite_world)
    push(orthanc, study)
    another = Feed(sqlite_world.db, archive, clock, QUIET)
    for _ in range(3):
        settle(another, clock)
        clock.forward(minutes=2)
    assert counts(sqlite_world) == before == (1, 8)
    with sqlite_world.db.reading() as session:
        assert len(audit.newest(session)) == 1


def test_an_archive_that_was_down_is_caught_up_with(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, study: Path
) -> None:
    feed.step()
    orthanc.stop()
    assert feed.step() == 0
    with sqlite_world.db.reading() as session:
        assert not feed_status(session).archive_ok
    orthanc.start()
    push(orthanc, study)
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        assert feed_status(session).archive_ok
        assert [found.state for found in arrivals(session, None)] == ["matched"]


def test_a_restart_that_swallows_the_stable_event_loses_nothing(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, study: Path
) -> None:
    push(orthanc, study)
    orthanc.stop()
    orthanc.start()
    settle(feed, clock)
    assert counts(sqlite_world) == (1, 8)
    with sqlite_world.db.reading() as session:
        assert [found.state for found in arrivals(session, None)] == ["matched"]


def test_instances_that_come_later_are_noticed_by_the_sweep(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    study: Path,
) -> None:
    late = sorted((study / "arterial").glob("*"))[-1] if (study / "arterial").exists() else None
    late = late or sorted(study.rglob("*.dcm"))[-1]
    content = late.read_bytes()
    late.unlink()
    push(orthanc, study)
    settle(feed, clock)
    assert counts(sqlite_world) == (1, 7)
    archive.store_instance(content)
    clock.forward(minutes=2)
    settle(feed, clock)
    assert counts(sqlite_world) == (1, 8)
    with sqlite_world.db.reading() as session:
        arrival = arrivals(session, None)[0]
        assert arrival.state == "matched"
        assert {(s.calling_aet, s.instances) for s in arrival.senders} == {
            ("RIVERSIDE", 7),
            ("", 1),
        }


def test_an_unexpected_study_waits_in_the_inbox_until_somebody_attaches_it(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, tmp_path: Path
) -> None:
    stranger = phantom("SOMETHING-ELSE")
    stranger.write(tmp_path / "stranger")
    push(orthanc, tmp_path / "stranger")
    settle(feed, clock)
    with sqlite_world.db.writing() as session:
        arrival = arrivals(session, frozenset({sqlite_world.hospital.id}))[0]
        assert arrival.state == "unmatched"
        assert arrivals(session, frozenset({sqlite_world.other_hospital.id})) == []
        case = case_by_number(session, sqlite_world.inside.number)
        attach(session, arrival, case, by="Clara", now=clock())
    clock.forward(minutes=2)
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        assert arrivals(session, None)[0].state == "matched"


def test_another_hospital_cannot_push_into_a_case(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, study: Path
) -> None:
    push(orthanc, study, calling="HILLCREST")
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        arrival = arrivals(session, None)[0]
        assert (arrival.state, arrival.case_id) == ("unmatched", None)
        assert arrival.guesses[0]["doubts"] == ["Another hospital sent it"]


def test_what_was_drawn_on_a_matched_study_is_measured_once(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    study: Path,
) -> None:
    push(orthanc, study)
    settle(feed, clock)
    drawn = segment(phantom(), phase="arterial")
    for number, storage in enumerate(MEASURED_STORAGE):
        drawn.SOPClassUID = drawn.file_meta.MediaStorageSOPClassUID = storage
        drawn.SOPInstanceUID = drawn.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.88.{number}"
        drawn.SeriesInstanceUID = f"1.2.826.88.9.{number}"
        file = BytesIO()
        drawn.save_as(file, enforce_file_format=True)
        for _ in range(2):
            archive.store_instance(file.getvalue())
            clock.forward(minutes=2)
            settle(feed, clock)
    with sqlite_world.db.reading() as session:
        names = [job.name for job in session.scalars(select(Job))]
    assert names.count("measure_segmentation") == len(MEASURED_STORAGE) == 3
    assert names.count("prepare_series") == 5  # two phases and what was drawn


def test_a_settled_study_is_prepared_and_a_grown_series_once_more(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
) -> None:
    for number in (1, 2):
        archive.store_instance(written(ct_slice("GROWING", "1.2.826.55", "1.2.826.55.1", number)))
        for _ in range(2):
            clock.forward(minutes=2)
            settle(feed, clock)
    with sqlite_world.db.reading() as session:
        asked = [job.payload for job in session.scalars(select(Job).order_by(Job.created_at))]
    assert [one["instances"] for one in asked] == [1, 2]
    assert {one["SeriesInstanceUID"] for one in asked} == {"1.2.826.55.1"}


def test_what_was_prepared_of_a_deleted_study_is_looked_at_again(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
) -> None:
    for study in ("1.2.826.56", "1.2.826.57"):
        archive.store_instance(written(ct_slice("LEAVING", study, f"{study}.1", 1)))
    settle(feed, clock)
    (gone,) = archive.candidates("1.2.826.56")
    httpx.delete(f"{orthanc.url}/studies/{gone}", auth=(USER, PASSWORD)).raise_for_status()
    for _ in range(2):
        clock.forward(minutes=2)
        feed.step()
    with sqlite_world.db.reading() as session:
        asked = [job.payload for job in session.scalars(select(Job).order_by(Job.created_at))]
    again = [one["SeriesInstanceUID"] for one in asked if not one["orthanc_id"]]
    assert again == ["1.2.826.56.1"]


def test_two_hospitals_using_one_study_uid_for_two_patients_are_not_merged(
    sqlite_world: World,
    orthanc: OrthancProcess,
    feed: Feed,
    clock: Clock,
    study: Path,
    tmp_path: Path,
) -> None:
    push(orthanc, study)
    settle(feed, clock)
    twin = Phantom(
        "feed",
        slices=4,
        rows=32,
        AccessionNumber="ACC-Hillcrest",
        phases=PHASES[:2],
        PatientID="P2",
    )
    twin.write(tmp_path / "twin")
    push(orthanc, tmp_path / "twin", calling="HILLCREST")
    clock.forward(minutes=2)
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        states = {
            found.PatientID: (found.state, found.case_id) for found in arrivals(session, None)
        }
    assert states["P1"] == ("matched", sqlite_world.inside.id)
    assert states["P2"] == ("held", None)


def test_a_study_that_cannot_be_looked_at_holds_up_no_other(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The file of an image is gone from Orthanc's folder, so Orthanc cannot say who the patient is."""
    for number in (1, 2):
        archive.store_instance(
            written(ct_slice(f"P{number}", f"1.2.{number}", f"1.2.{number}.1", 1))
        )
    feed.step()
    first, second = sorted(study.orthanc_id for study in archive.studies(since=0, limit=10))
    (of_first,) = archive.study_instances(first)
    (lost,) = orthanc.home.glob(f"store/*/*/{_file_of(orthanc, of_first.orthanc_id)}")
    orthanc.stop()  # what it read lately it would still know
    kept = lost.rename(orthanc.home / "away")
    orthanc.start()
    for _ in range(2):
        settle(feed, clock)
    with sqlite_world.db.reading() as session:
        states = {found.orthanc_id: found.state for found in arrivals(session, None)}
        assert feed_status(session).archive_ok
    assert states == {first: "receiving", second: "unmatched"}
    told = [line for line in caplog.messages if first in line]
    assert len(told) == 1  # and not each second anew
    kept.rename(lost)
    clock.forward(minutes=1)
    feed.step()
    with sqlite_world.db.reading() as session:
        assert {found.state for found in arrivals(session, None)} == {"unmatched"}


def _file_of(orthanc: OrthancProcess, instance: str) -> str:
    """The name of an instance's file in Orthanc's folder."""
    url = f"{orthanc.url}/instances/{instance}/attachments/dicom/info"
    answer = httpx.get(url, auth=(USER, PASSWORD), trust_env=False)
    return str(answer.json()["Uuid"])


def test_what_a_restored_archive_lacks_is_said_and_mended_by_sending_it_again(
    sqlite_world: World,
    orthanc: OrthancProcess,
    feed: Feed,
    clock: Clock,
    study: Path,
    tmp_path: Path,
) -> None:
    """Orthanc is brought back from a copy that has one image of the study less, and not the next one."""
    late = sorted(study.rglob("*.dcm"))[-1].rename(tmp_path / "late.dcm")
    push(orthanc, study)
    settle(feed, clock)
    orthanc.stop()
    shutil.copytree(orthanc.home / "store", tmp_path / "backup")
    orthanc.start()
    late.rename(study / "late.dcm")
    after = Phantom("after", slices=4, rows=32, phases=PHASES[:1], PatientID="P9")
    after.write(tmp_path / "after")
    for folder in (study, tmp_path / "after"):
        push(orthanc, folder)
    clock.forward(minutes=2)
    settle(feed, clock)

    def states() -> dict[str, tuple[str, list[str]]]:
        with sqlite_world.db.reading() as session:
            found = arrivals(session, None)
            return {
                one.PatientID: (one.state, [doubt["text"] for doubt in one.held_for])
                for one in found
            }

    assert states() == {"P1": ("matched", []), "P9": ("unmatched", [])}
    orthanc.stop()
    shutil.rmtree(orthanc.home / "store")
    (tmp_path / "backup").rename(orthanc.home / "store")
    orthanc.start()
    for _ in range(2):
        clock.forward(minutes=2)
        settle(feed, clock)
    assert states() == {
        "P1": ("held", ["1 image of this study was received and is no longer in the archive."]),
        "P9": ("held", ["4 images of this study were received and are no longer in the archive."]),
    }
    with sqlite_world.db.reading() as session:
        told = [line.details for line in audit.newest(session) if line.action == "images.missing"]
        assert [one["instances"] for one in told] == [4], "each study is said once"
    for folder in (study, tmp_path / "after"):
        push(orthanc, folder)
    clock.forward(minutes=2)
    settle(feed, clock)
    assert states() == {"P1": ("matched", []), "P9": ("unmatched", [])}
    assert counts(sqlite_world) == (2, 12)


def in_next_second() -> None:
    """Orthanc notes when a study was last added to in whole seconds: what comes in the same one is told by
    nothing."""
    begun = int(time.time())
    while int(time.time()) == begun:
        time.sleep(0.01)


def test_a_clock_set_back_holds_up_nothing_that_comes(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, study: Path
) -> None:
    late = sorted(study.rglob("*.dcm"))[-1]
    content = late.read_bytes()
    late.unlink()
    push(orthanc, study)
    feed.step()
    clock.forward(hours=-1)
    feed.step()
    assert counts(sqlite_world) == (1, 7)
    late.write_bytes(content)
    in_next_second()
    push(orthanc, study)  # an image more in a series that is there is seen by the sweep only
    clock.forward(hours=-1)
    settle(feed, clock)
    assert counts(sqlite_world) == (1, 8)
