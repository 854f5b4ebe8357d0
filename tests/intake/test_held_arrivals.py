"""Studies with a doubt are held, explained and decided about; nothing is merged and nothing is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import select

from server.archive import Archive, NotInArchive
from server.cases.queries import case_by_number, case_of_study
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.foundation.errors import Invalid
from server.foundation.jobs import Job
from server.intake.arrivals import decisions
from server.intake.arrivals.decisions import (
    DELETE_REFUSED,
    SPLIT_ARRIVAL,
    ArrivalIsHeld,
    KeptForNow,
)
from server.intake.arrivals.doubting import note_repeat
from server.intake.arrivals.feed import Feed
from server.intake.arrivals.splitting import copy_series, delete_study
from server.intake.queries import arrivals, not_served, refused_for_case
from server.intake.records import Arrival, ReceivedInstance
from tests.archive.orthanc_process import OrthancProcess
from tests.intake.conftest import Clock, push, settle
from tests.world import World

pytestmark = pytest.mark.orthanc


def phantom(seed: str = "held", accession: str = "ACC-Riverside", **more: str) -> Phantom:
    facts = {"PatientID": "P1", **more}
    return Phantom(
        seed,
        slices=3,
        rows=32,
        AccessionNumber=accession,
        phases=PHASES[:2],
        **facts,  # type: ignore[arg-type]
    )


def written(folder: Path, change: Callable[[Dataset], None] | None = None) -> Path:
    """The phantom's files, each changed on the way."""
    phantom().write(folder)
    for path in folder.rglob("*.dcm") if change else ():
        dataset = dcmread(path)
        change(dataset)  # type: ignore[misc]
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path, enforce_file_format=True)
    return folder


def only(world: World, state: str) -> Arrival:
    with world.db.reading() as session:
        found = arrivals(session, None, (state,))
    assert [one.state for one in found] == [state]
    return found[0]


def later(feed: Feed, clock: Clock) -> None:
    clock.forward(minutes=2)
    settle(feed, clock)


def test_a_study_of_two_senders_is_held_and_says_who_sent_what(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, tmp_path: Path
) -> None:
    push(orthanc, written(tmp_path / "one"))

    def to_another_series(dataset: Dataset) -> None:
        dataset.SeriesInstanceUID += ".9"
        dataset.SOPInstanceUID += ".9"

    push(orthanc, written(tmp_path / "other", to_another_series), calling="HILLCREST")
    settle(feed, clock)
    held = only(sqlite_world, "held")
    assert [doubt["code"] for doubt in held.held_for] == ["mixed_senders"]
    assert "6 images by Riverside (RIVERSIDE)" in held.held_for[0]["text"]
    assert "6 images by Hillcrest (HILLCREST)" in held.held_for[0]["text"]
    assert {tuple(one["senders"]) for one in held.series} == {("RIVERSIDE",), ("HILLCREST",)}
    assert held.case_id is None
    assert held.guesses[0]["number"] == sqlite_world.inside.number
    with sqlite_world.db.writing() as session:
        case = case_by_number(session, sqlite_world.inside.number)
        again = session.get_one(Arrival, held.id)
        with pytest.raises(ArrivalIsHeld):
            decisions.attach(session, again, case, by="Clara", now=clock())


def test_what_a_person_let_pass_is_matched_and_not_held_for_the_same_again(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, tmp_path: Path
) -> None:
    push(orthanc, written(tmp_path / "one"))

    def to_another_series(dataset: Dataset) -> None:
        dataset.SeriesInstanceUID += ".9"
        dataset.SOPInstanceUID += ".9"

    push(orthanc, written(tmp_path / "other", to_another_series), calling="HILLCREST")
    settle(feed, clock)
    held = only(sqlite_world, "held")
    with sqlite_world.db.writing() as session:
        decisions.let_pass(session, session.get_one(Arrival, held.id), by="Clara", now=clock())
    assert only(sqlite_world, "matched").case_id == sqlite_world.inside.id

    def to_a_third_series(dataset: Dataset) -> None:
        dataset.SeriesInstanceUID += ".7"
        dataset.SOPInstanceUID += ".7"

    push(orthanc, written(tmp_path / "third", to_a_third_series))
    later(feed, clock)
    assert only(sqlite_world, "matched").instance_count == 18


def test_series_of_two_patients_under_one_patient_id_are_held_and_taken_apart(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    tmp_path: Path,
) -> None:
    def one_series_of_somebody_else(dataset: Dataset) -> None:
        if "rterial" in dataset.SeriesDescription:
            dataset.PatientName = "Okafor^Chidi"
            dataset.PatientBirthDate = "19800101"

    push(orthanc, written(tmp_path / "mixed", one_series_of_somebody_else))
    settle(feed, clock)
    held = only(sqlite_world, "held")
    assert [doubt["code"] for doubt in held.held_for] == ["mixed_patients"]
    foreign = [one for one in held.series if one["patients"][0][0] == "Okafor^Chidi"]
    assert len(foreign) == 1
    files_before = digests(archive, held.orthanc_id)
    with sqlite_world.db.writing() as session:
        there = session.get_one(Arrival, held.id)
        with pytest.raises(Invalid):
            decisions.take_apart(session, there, ["1.2.3"], by="Clara", now=clock())
        chosen = [foreign[0]["SeriesInstanceUID"]]
        part = decisions.take_apart(session, there, chosen, by="Clara", now=clock())
        job = session.scalars(select(Job).where(Job.name == SPLIT_ARRIVAL)).one()
        part_id, order = part.id, job.payload
    for _ in range(2):  # a worker that was killed does it again
        copy_series(
            archive,
            order["orthanc_id"],
            order["series"],
            order["StudyInstanceUID"],
            by=order["by"],
        )
    later(feed, clock)
    with sqlite_world.db.reading() as session:
        part = session.get_one(Arrival, part_id)
        source = session.get_one(Arrival, held.id)
    assert (part.state, part.instance_count, part.PatientName) == ("unmatched", 3, "Okafor^Chidi")
    assert (part.calling_aet, part.split_from) == ("RIVERSIDE", held.id)
    assert source.state == "held"
    assert digests(archive, held.orthanc_id) == files_before
    originals = {one.SOPInstanceUID for one in archive.study_instances(held.orthanc_id)}
    assert {one.SOPInstanceUID for one in archive.study_instances(part.orthanc_id)} < originals


def digests(archive: Archive, study_id: str) -> dict[str, str]:
    return {
        one.orthanc_id: hashlib.md5(archive.instance_file(one.orthanc_id)).hexdigest()
        for one in archive.study_instances(study_id)
    }


def test_one_patient_id_in_two_hospitals_merges_no_cases(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, tmp_path: Path
) -> None:
    for seed, title, accession in (
        ("first", "RIVERSIDE", "ACC-Riverside"),
        ("second", "HILLCREST", "ACC-Hillcrest"),
    ):
        phantom(seed, accession, PatientName=f"{seed}^Patient").write(tmp_path / seed)
        push(orthanc, tmp_path / seed, calling=title)
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        cases = {one.calling_aet: one.case_id for one in arrivals(session, None)}
    assert cases == {"RIVERSIDE": sqlite_world.inside.id, "HILLCREST": sqlite_world.outside.id}


def test_a_study_uid_under_another_patient_id_is_held_and_not_served_in_the_case(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, tmp_path: Path
) -> None:
    def of_another(dataset: Dataset) -> None:
        dataset.PatientID = "P2"

    push(orthanc, written(tmp_path / "first"), calling="RIVERSIDE")
    settle(feed, clock)
    push(orthanc, written(tmp_path / "second", of_another), calling="HILLCREST")
    settle(feed, clock)
    uid = phantom().StudyInstanceUID
    with sqlite_world.db.reading() as session:
        states = {one.PatientID: (one.state, one.orthanc_id) for one in arrivals(session, None)}
        hidden = not_served(session, uid)
    assert (states["P1"][0], states["P2"][0]) == ("matched", "held")
    assert hidden == {states["P2"][1]}


def test_images_under_uids_that_are_taken_are_kept_and_held(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    tmp_path: Path,
) -> None:
    push(orthanc, written(tmp_path / "one"))
    settle(feed, clock)

    def other_pixels_in_another_study(dataset: Dataset) -> None:
        dataset.StudyInstanceUID += ".5"
        dataset.PixelData = bytes(len(dataset.PixelData))

    push(orthanc, written(tmp_path / "again", other_pixels_in_another_study))
    later(feed, clock)
    held = only(sqlite_world, "held")
    assert [doubt["code"] for doubt in held.held_for] == ["copied_uids"]
    assert "6 images of them with other content" in held.held_for[0]["text"]
    assert only(sqlite_world, "matched").instance_count == 6
    assert archive.statistics().instances == 12


def test_a_repeat_with_other_content_holds_a_study_that_had_settled(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, tmp_path: Path
) -> None:
    push(orthanc, written(tmp_path / "one"))
    settle(feed, clock)
    matched = only(sqlite_world, "matched")
    for _ in range(2):
        with sqlite_world.db.writing() as session:
            note_repeat(
                session,
                instance_id="an instance",
                study_id=matched.orthanc_id,
                md5="f" * 32,
                sender="RIVERSIDE",
                now=clock(),
            )
        later(feed, clock)
    held = only(sqlite_world, "held")
    assert (held.case_id, held.held_for[0]["code"]) == (matched.case_id, "other_content")
    assert "1 image by RIVERSIDE" in held.held_for[0]["text"]


def test_a_decision_can_be_taken_back_and_is_not_made_again_by_itself(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, tmp_path: Path
) -> None:
    push(orthanc, written(tmp_path / "one"))
    settle(feed, clock)
    matched = only(sqlite_world, "matched")
    with sqlite_world.db.writing() as session:
        decisions.undo(session, session.get_one(Arrival, matched.id), by="Clara", now=clock())
        assert case_of_study(session, matched.StudyInstanceUID) is None
    assert only(sqlite_world, "unmatched").guesses == []

    def to_another_series(dataset: Dataset) -> None:
        dataset.SeriesInstanceUID += ".9"
        dataset.SOPInstanceUID += ".9"

    push(orthanc, written(tmp_path / "more", to_another_series))
    later(feed, clock)
    assert only(sqlite_world, "unmatched").instance_count == 12


def test_what_is_refused_is_told_to_the_hospital_kept_and_then_deleted_by_a_person(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    tmp_path: Path,
) -> None:
    phantom("stranger", "SOMETHING-ELSE").write(tmp_path / "stranger")
    push(orthanc, tmp_path / "stranger")
    settle(feed, clock)
    waiting = only(sqlite_world, "unmatched")
    with sqlite_world.db.writing() as session:
        there = session.get_one(Arrival, waiting.id)
        case = case_by_number(session, sqlite_world.inside.number)
        with pytest.raises(Invalid):
            decisions.refuse(session, there, "no", by="Clara", now=clock(), case=case)
        reason = "This is a study of the knee. Send the liver CT."
        decisions.refuse(session, there, reason, by="Clara", now=clock(), case=case)
        assert [one.refusal for one in refused_for_case(session, case.id)] == [reason]
        with pytest.raises(KeptForNow):
            decisions.delete_refused(session, there, kept_days=30, now=clock())
    delete_study(sqlite_world.db, archive, "unknown", waiting.orthanc_id, clock)
    assert archive.study(waiting.orthanc_id)
    clock.now += timedelta(days=31)
    with sqlite_world.db.writing() as session:
        there = session.get_one(Arrival, waiting.id)
        decisions.delete_refused(session, there, kept_days=30, now=clock())
        assert session.scalars(select(Job).where(Job.name == DELETE_REFUSED)).one()
    for _ in range(2):
        delete_study(sqlite_world.db, archive, waiting.id, waiting.orthanc_id, clock)
    with pytest.raises(NotInArchive):
        archive.study(waiting.orthanc_id)
    sorted((tmp_path / "stranger").rglob("*.dcm"))[0].unlink()
    push(orthanc, tmp_path / "stranger")
    later(feed, clock)
    again = only(sqlite_world, "unmatched")
    with sqlite_world.db.reading() as session:
        noted = select(ReceivedInstance.orthanc_id).where(ReceivedInstance.arrival_id == again.id)
        assert len(session.scalars(noted).all()) == again.instance_count < waiting.instance_count
