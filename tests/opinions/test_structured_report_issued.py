"""Issuing an opinion stores its structured report beside its document, in a real Orthanc."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from server.annotations import actions as annotations
from server.annotations.organs import ORGANS
from server.errand.means import Errand
from server.errand.table import issue_opinion
from server.foundation.clock import utc_now
from server.foundation.settings import Settings
from server.opinions import actions as opinions
from server.opinions.assessment import assessment_of
from server.opinions.document import Study
from server.opinions.imaging import stored_report
from server.opinions.key_images import KeyImage
from server.opinions.records import IssuedOpinion
from tests.archive.orthanc_process import OrthancProcess, running_orthanc
from tests.opinions import samples
from tests.volumetry.scenes import images, stored
from tests.world import World

ANSWERS = ORGANS["pancreas"].examples()["head-borderline-sma"]


def signed_opinion(
    world: World, study: str, key_images: tuple[KeyImage, ...] = ()
) -> IssuedOpinion:
    """The surgeon of the inside case has signed; nothing of it is made yet."""
    now = utc_now()
    with world.db.writing() as session:
        draft = annotations.draft_of(
            session,
            world.inside.id,
            "pancreas",
            reviewer_id=world.surgeon.id,
            reviewer_name=world.surgeon.name,
        )
        saved = annotations.save(session, draft, ANSWERS, seen_version=0, now=now)
        revision = annotations.sign(
            session,
            saved,
            seen_version=saved.version,
            restated_verdict=ANSWERS["verdict"],
            signed_by=world.surgeon.name,
            now=now,
        )
        opinion = replace(
            samples.PANCREAS,
            case_number=world.inside.number,
            imaging=(Study(study, None, "CT", "CT", 1, 12),),
            revision_sha256=revision.sha256,
            key_images=key_images,
        )
        return opinions.issue(
            session,
            opinion,
            case_id=world.inside.id,
            revision_id=revision.id,
            StudyInstanceUID=study,
            now=now,
        )


def errand_of(process: OrthancProcess, world: World, home: Path) -> Errand:
    errand = Errand(
        Settings.from_environ(
            {
                "MARGIN_HOME": str(home),
                "MARGIN_DATABASE_URL": world.db.url,
                "MARGIN_SECRET_KEY": "a key for tests only, nothing else",
                "MARGIN_ORTHANC_PASSWORD": "a password for tests",
            }
        )
    )
    errand.archive.close()
    errand.archive = process.archive()
    return errand


@pytest.fixture
def errand(sqlite_world: World, tmp_path: Path) -> Iterator[Errand]:
    """With an archive in which the images of `images()` are."""
    with running_orthanc(tmp_path / "orthanc") as process:
        errand = errand_of(process, sqlite_world, tmp_path)
        for header in images():
            errand.archive.store_instance(stored(header), by="test")
        yield errand
        errand.archive.close()
        errand.db.dispose()


@pytest.mark.orthanc
def test_issuing_stores_the_report_once_however_often_it_is_done(
    sqlite_world: World, errand: Errand
) -> None:
    study = images()[0].StudyInstanceUID
    kept = signed_opinion(sqlite_world, study)
    for _ in range(2):
        issue_opinion(errand, {"opinion_id": kept.id})
        with sqlite_world.db.writing() as session:
            session.get_one(IssuedOpinion, kept.id).archived_at = None

    archived = errand.archive.find_study(study)
    found = errand.archive.study_series(archived.orthanc_id)
    assert sorted(one.Modality for one in found) == ["CT", "DOC", "SR"]
    with sqlite_world.db.reading() as session:
        assessment = assessment_of(session, session.get_one(IssuedOpinion, kept.id))
    written = stored_report(errand.archive, assessment, study)
    assert b"Resectability assessment" in written
    assert assessment.report_instance_uid.encode() in written


@pytest.mark.orthanc
def test_the_stored_document_names_the_images_of_its_study_that_it_shows(
    sqlite_world: World, errand: Errand
) -> None:
    image = images()[3]
    shown = replace(samples.KEY_IMAGE, SOPInstanceUID=image.SOPInstanceUID)
    kept = signed_opinion(sqlite_world, image.StudyInstanceUID, (shown, shown, samples.KEY_IMAGE))
    issue_opinion(errand, {"opinion_id": kept.id})

    (archived,) = errand.archive.candidates(
        image.StudyInstanceUID, kept.SeriesInstanceUID, kept.SOPInstanceUID
    )
    document = dcmread(BytesIO(errand.archive.instance_file(archived)))
    sources = [
        (one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID)
        for one in document.SourceInstanceSequence
    ]
    assert sources == [(image.SOPClassUID, image.SOPInstanceUID)]
