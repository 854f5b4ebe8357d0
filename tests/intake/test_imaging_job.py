"""The imaging of a case is assessed by itself when its study has arrived, with a real archive."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import select

from server.archive import Archive
from server.cases.actions import attach_study
from server.cases.queries import case_by_id
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.foundation import audit
from server.foundation.jobs import Job
from server.imaging.actions import ASSESS_IMAGING
from server.imaging.queries import CaseImaging, imaging_of, series_rows
from server.intake.actions import note_study, settle
from server.intake.arrivals.observation import observe, origins
from server.intake.imaging_job import ImagingJob
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import Shelf
from tests.world import World

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
GB = 1024**3


class Watched(Archive):
    """An archive that counts what is fetched from it."""

    files = metadata = 0

    def instance_file(self, instance_id: str) -> bytes:
        self.files += 1
        return super().instance_file(instance_id)

    def open_dicomweb(self, path: str, **how: object):  # type: ignore[no-untyped-def]
        self.metadata += 1
        return super().open_dicomweb(path, **how)  # type: ignore[arg-type]


@pytest.fixture
def watched(archive: Archive) -> Archive:
    archive.__class__ = Watched
    return archive


def store(archive: Archive, phantom: Phantom, folder: Path, charset: str = "") -> None:
    for path in phantom.write(folder):
        if charset:
            with dcmread(path) as dataset:
                dataset.SpecificCharacterSet = charset
                dataset.save_as(path)
        archive.store_instance(path.read_bytes())


def phantom(*phases: int, slices: int = 24) -> Phantom:
    return Phantom("assessed", slices=slices, rows=128, AccessionNumber="ACC-Hillcrest",
                   phases=tuple(PHASES[n] for n in phases))  # fmt: skip


def arrive(world: World, archive: Archive) -> str:
    """As the follower of the feed does once the study has been quiet."""
    (study,) = archive.studies()
    observation = observe(archive, study.orthanc_id)
    with world.db.writing() as session:
        case = case_by_id(session, world.outside.id)
        attach_study(
            session, case, study.StudyInstanceUID, by="upload", reason="sent to it", now=NOW
        )
        received = origins(archive, study.orthanc_id, observation.instance_ids)
        note_study(session, observation, received, NOW)
        arrival = settle(session, observation, received, NOW)
        assert arrival is not None and arrival.case_id == world.outside.id
    return study.orthanc_id


def job(world: World, archive: Archive, shelf: Path) -> ImagingJob:
    return ImagingJob(world.db, archive, Shelf(shelf), lambda: NOW)


def imaging(world: World) -> CaseImaging:
    with world.db.reading() as session:
        case = case_by_id(session, world.outside.id)
        found = imaging_of(session, case.id, case.organ, NOW.date())
        assert found is not None
        return found


def test_a_study_is_assessed_on_arrival_and_only_what_is_new_is_read(
    sqlite_world: World, watched: Watched, tmp_path: Path
) -> None:
    store(watched, phantom(1), tmp_path / "first")
    arrive(sqlite_world, watched)
    with sqlite_world.db.reading() as session:
        asked = session.scalars(select(Job).where(Job.name == ASSESS_IMAGING)).all()
    assert [one.payload for one in asked] == [{"case_id": sqlite_world.outside.id}]
    assessing = job(sqlite_world, watched, tmp_path / "shelf")
    assert assessing.do(sqlite_world.outside.id) is not None
    found = imaging(sqlite_world)
    assert not found.pixels_pending
    (series,) = found.assessment.series
    assert (series.images, series.spacing.missing, series.modality) == (24, 0, "CT")
    assert series.pixel_phase is not None and series.coverage is not None
    assert (watched.metadata, watched.files) == (1, 24)

    assessing.do(sqlite_world.outside.id)
    assert (watched.metadata, watched.files) == (1, 24)

    store(watched, phantom(1, 2), tmp_path / "second")
    arrive(sqlite_world, watched)
    assessing.do(sqlite_world.outside.id)
    assert len(imaging(sqlite_world).assessment.series) == 2
    assert (watched.metadata, watched.files) == (2, 48)
    with sqlite_world.db.reading() as session:
        lines = [one for one in audit.newest(session) if one.action == "imaging.assess"]
    assert len(lines) == 3
    assert lines[0].details["protocol"] == "liver-ct"


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO_IR 13"])
def test_prepared_headers_are_taken_from_the_shelf_and_say_the_same(
    sqlite_world: World, watched: Watched, tmp_path: Path, charset: str
) -> None:
    """In JIS X 0201 (ISO_IR 13) Orthanc loses numbers of several values, such as where a slice lies."""
    store(watched, phantom(1, 2), tmp_path / "study", charset)
    study = arrive(sqlite_world, watched)
    job(sqlite_world, watched, tmp_path / "empty").do(sqlite_world.outside.id)
    plain = imaging(sqlite_world).assessment
    spacing_mm = pytest.approx(phantom().slice_spacing_mm)
    assert [one.spacing.spacing_mm for one in plain.series] == [spacing_mm] * 2
    with sqlite_world.db.writing() as session:
        for row in series_rows(session, sqlite_world.outside.id):
            session.delete(row)
    shelf = tmp_path / "shelf"
    preparer = Preparer(watched, Shelf(shelf), Room(shelf, GB))
    for series in watched.study_series(study):
        preparer.prepare(phantom().StudyInstanceUID, series.orthanc_id)
    asked = watched.metadata
    job(sqlite_world, watched, shelf).do(sqlite_world.outside.id)
    prepared = imaging(sqlite_world).assessment
    assert watched.metadata == asked
    assert (prepared.findings, prepared.series) == (plain.findings, plain.series)


def test_of_many_thin_slices_only_as_many_are_fetched_as_are_needed(
    sqlite_world: World, watched: Watched, tmp_path: Path
) -> None:
    store(watched, phantom(2, slices=300), tmp_path / "study")
    arrive(sqlite_world, watched)
    job(sqlite_world, watched, tmp_path / "shelf").do(sqlite_world.outside.id)
    assert imaging(sqlite_world).assessment.series[0].images == 300
    assert 60 <= watched.files <= 120


def test_a_case_without_images_is_left_alone(
    sqlite_world: World, watched: Watched, tmp_path: Path
) -> None:
    assessing = job(sqlite_world, watched, tmp_path)
    assert assessing.do(sqlite_world.outside.id) is None
    assert assessing.do("no such case") is None


def test_it_gives_way_between_the_headers_and_the_pixels_and_only_then(
    sqlite_world: World, watched: Watched, tmp_path: Path
) -> None:
    store(watched, phantom(1), tmp_path / "study")
    arrive(sqlite_world, watched)
    seen: list[tuple[int, int, bool]] = []

    def give_way() -> None:
        seen.append((watched.metadata, watched.files, imaging(sqlite_world).pixels_pending))

    shelf = Shelf(tmp_path / "shelf")
    assessing = ImagingJob(sqlite_world.db, watched, shelf, lambda: NOW, give_way)
    assessing.do(sqlite_world.outside.id)
    assert seen == [(1, 0, True)]
    assessing.do(sqlite_world.outside.id)
    assert len(seen) == 1
