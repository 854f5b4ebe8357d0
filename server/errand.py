"""One job, done in a process of its own: `python -m server.errand JOB_ID`.

The table of job name -> function stands here. A job may read hostile files and needs large libraries;
in its own process it can be held to limits of memory and time, cannot take the worker down with it,
and gives all its memory back.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any

from pydicom import dcmread
from sqlalchemy.orm import Session

from server.archive import Archive
from server.cases.queries import study_uids
from server.foundation import audit, jobs
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.errors import MarginError, Unavailable
from server.foundation.files import FileStore
from server.foundation.settings import Settings, with_home_secrets
from server.intake.actions import MEASURE_SEGMENTATION
from server.opinions import actions as opinion_actions
from server.opinions.actions import ISSUE_OPINION
from server.opinions.document import Opinion
from server.opinions.encapsulated import encapsulated_pdf
from server.opinions.pdf import render_pdf
from server.opinions.records import IssuedOpinion
from server.opinions.stored import from_stored
from server.volumetry.actions import Segmentation, keep, measure_from_archive

MOST_MEMORY_BYTES = 8 * 1024**3
log = logging.getLogger("margin.errand")
Payload = dict[str, Any]


class Errand:
    """What a job works with."""

    def __init__(self, settings: Settings) -> None:
        self.db = Database(settings.database_url)
        self.archive = Archive(
            settings.orthanc_url,
            settings.orthanc_user,
            settings.orthanc_password,
            settings.orthanc_timeout_s,
        )
        self.files = FileStore(settings.files_dir)

    def do(self, job_id: str) -> None:
        """Do the job and record how it ended. A job that only waits for the archive is never given up."""
        with self.db.reading() as session:
            job = session.get_one(jobs.Job, job_id)
        try:
            JOBS[job.name](self, job.payload)
        except Exception as error:
            known = isinstance(error, MarginError)
            log.warning("job %s failed: %s", job.name, type(error).__name__, exc_info=not known)
            with self.db.writing() as session:
                jobs.fail(
                    session,
                    job_id,
                    f"{type(error).__name__}: {error}",
                    utc_now(),
                    gives_up=not isinstance(error, Unavailable),
                )
        else:
            with self.db.writing() as session:
                jobs.finish(session, job_id, utc_now())


def measure_segmentation(errand: Errand, payload: Payload) -> None:
    """Measure the volumes of a SEG that came in for a case."""
    segmentation = Segmentation(
        payload["orthanc_id"], payload["SOPInstanceUID"], payload["StudyInstanceUID"]
    )
    with errand.db.reading() as session:
        studies = study_uids(session, payload["case_id"])
    measured = measure_from_archive(errand.archive, segmentation.orthanc_id, studies)
    refusal = measured if isinstance(measured, str) else ""
    with errand.db.writing() as session:
        kept = keep(session, payload["case_id"], segmentation, measured, utc_now())
        audit.append(
            session,
            actor="worker",
            action="volumes.measure",
            object_=f"volume {kept.id}",
            outcome="refused" if refusal else "done",
            now=utc_now(),
            reason=refusal,
        )


def issue_opinion(errand: Errand, payload: Payload) -> None:
    """Make the PDF of a signed opinion, then store it beside the images. Both can be repeated."""
    with errand.db.reading() as session:
        kept = session.get_one(IssuedOpinion, payload["opinion_id"])
    opinion = from_stored(kept.content)
    if not kept.sha256:
        kept.sha256 = errand.files.put(render_pdf(opinion))
        with errand.db.writing() as session:
            opinion_actions.note_document(session, kept.id, kept.sha256, utc_now())
            _record(session, "opinion.issue", opinion)
    if kept.StudyInstanceUID and kept.archived_at is None:
        errand.archive.store_instance(_instance(errand, kept, opinion), by="Margin")
        with errand.db.writing() as session:
            opinion_actions.note_archived(session, kept.id, utc_now())
            _record(session, "opinion.archive", opinion)


def _instance(errand: Errand, kept: IssuedOpinion, opinion: Opinion) -> bytes:
    """The PDF as a DICOM instance in the study of the images."""
    study = errand.archive.find_study(kept.StudyInstanceUID)
    first = errand.archive.study_instances(study.orthanc_id)[0]
    image = BytesIO(errand.archive.instance_file(first.orthanc_id))
    return encapsulated_pdf(
        errand.files.path(kept.sha256).read_bytes(),
        reference=dcmread(image, stop_before_pixels=True),
        SOPInstanceUID=kept.SOPInstanceUID,
        SeriesInstanceUID=kept.SeriesInstanceUID,
        document_title=opinion.title,
        signed_at=opinion.signed_at or kept.requested_at,
    )


def _record(session: Session, action: str, opinion: Opinion) -> None:
    audit.append(
        session,
        actor="worker",
        action=action,
        object_=f"opinion {opinion.number}",
        outcome="done",
        now=utc_now(),
        case_number=opinion.case_number,
    )


JOBS: dict[str, Callable[[Errand, Payload], None]] = {
    ISSUE_OPINION: issue_opinion,
    MEASURE_SEGMENTATION: measure_segmentation,
}


def main() -> None:
    """Do the job named on the command line."""
    settings = with_home_secrets(Settings.from_environ(os.environ))
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # httpx writes every address it asks at INFO, UIDs included.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    Errand(settings).do(sys.argv[1])


if __name__ == "__main__":
    main()
