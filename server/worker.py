"""What runs in the background: the follower of the archive's feed, and the jobs.

Both are loops that may die at any moment: the feed's cursor and the jobs' leases are in the database,
and everything they do can be done again.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

from pydicom import dcmread

from server.archive import Archive, ArchiveUnavailable
from server.cases.queries import study_uids
from server.foundation import audit, jobs
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.errors import MarginError
from server.foundation.files import FileStore
from server.foundation.settings import Settings, with_home_secrets
from server.intake.actions import MEASURE_SEGMENTATION
from server.intake.feed import Feed
from server.intake.lines import register_lines
from server.intake.refusals import take_over
from server.opinions import actions as opinion_actions
from server.opinions.actions import ISSUE_OPINION
from server.opinions.encapsulated import encapsulated_pdf
from server.opinions.pdf import render_pdf
from server.opinions.records import IssuedOpinion
from server.opinions.stored import from_stored
from server.volumetry.actions import Segmentation, keep, measure_from_archive

FEED_EVERY_S = 1.0
JOBS_EVERY_S = 0.5
LINES_EVERY_S = 10.0
REFUSALS_EVERY_S = 5.0
log = logging.getLogger("margin.worker")
Payload = dict[str, Any]


class Worker:
    """The loops and what they work with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.db = Database(settings.database_url)
        self.archive = Archive(
            settings.orthanc_url,
            settings.orthanc_user,
            settings.orthanc_password,
            settings.orthanc_timeout_s,
        )
        self.files = FileStore(settings.files_dir)
        self.feed = Feed(self.db, self.archive, utc_now, timedelta(seconds=settings.stable_age_s))
        self.stopping = threading.Event()
        self.jobs: dict[str, Callable[[Payload], None]] = {
            MEASURE_SEGMENTATION: self.measure_segmentation,
            ISSUE_OPINION: self.issue_opinion,
        }

    def run(self) -> None:
        """Work until told to stop."""
        loops = {
            "feed": (self._follow, FEED_EVERY_S),
            "jobs": (self._work, JOBS_EVERY_S),
            "lines": (self._register_lines, LINES_EVERY_S),
            "refusals": (self._note_refusals, REFUSALS_EVERY_S),
        }
        threads = [
            threading.Thread(target=self._loop, args=(name, step, every_s), name=name)
            for name, (step, every_s) in loops.items()
        ]
        for thread in threads:
            thread.start()
        while not self.stopping.wait(2.0):
            if all(thread.is_alive() for thread in threads):
                self._heartbeat()
        for thread in threads:
            thread.join()

    def _loop(self, name: str, step: Callable[[], None], every_s: float) -> None:
        while not self.stopping.is_set():
            try:
                step()
            except Exception:
                log.exception("the %s loop failed and goes on", name)
                self.stopping.wait(5.0)
            self.stopping.wait(every_s)

    def _heartbeat(self) -> None:
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        self.settings.worker_heartbeat.touch()

    def _follow(self) -> None:
        self.feed.step()

    def _register_lines(self) -> None:
        with self.db.reading() as session:
            try:
                register_lines(session, self.archive)
            except ArchiveUnavailable:
                return

    def _note_refusals(self) -> None:
        with self.db.writing() as session:
            take_over(session, self.settings.log_dir / "orthanc.log", utc_now())

    def _work(self) -> None:
        while not self.stopping.is_set() and self.do_next_job():
            pass

    def do_next_job(self) -> bool:
        """Do the job that is due longest; gives whether there was one."""
        with self.db.writing() as session:
            job = jobs.claim(session, utc_now())
        if job is None:
            return False
        try:
            self.jobs[job.name](job.payload)
        except Exception as error:
            known = isinstance(error, MarginError)
            log.warning("job %s failed: %s", job.name, type(error).__name__, exc_info=not known)
            with self.db.writing() as session:
                jobs.fail(session, job.id, f"{type(error).__name__}: {error}", utc_now())
        else:
            with self.db.writing() as session:
                jobs.finish(session, job.id, utc_now())
        return True

    def measure_segmentation(self, payload: Payload) -> None:
        """Measure the volumes of a SEG that came in for a case."""
        segmentation = Segmentation(
            payload["orthanc_id"], payload["SOPInstanceUID"], payload["StudyInstanceUID"]
        )
        with self.db.reading() as session:
            studies = study_uids(session, payload["case_id"])
        measured = measure_from_archive(self.archive, segmentation.orthanc_id, studies)
        refusal = measured if isinstance(measured, str) else ""
        with self.db.writing() as session:
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

    def issue_opinion(self, payload: Payload) -> None:
        """Make the PDF of a signed opinion, then store it beside the images."""
        opinion_id = payload["opinion_id"]
        with self.db.reading() as session:
            kept = session.get_one(IssuedOpinion, opinion_id)
        opinion = from_stored(kept.content)
        if not kept.sha256:
            sha256 = self.files.put(render_pdf(opinion))
            with self.db.writing() as session:
                opinion_actions.note_document(session, opinion_id, sha256, utc_now())
                self._audit_opinion(session, "opinion.issue", opinion.case_number, opinion.number)
            kept.sha256 = sha256
        if kept.StudyInstanceUID and kept.archived_at is None:
            study = self.archive.find_study(kept.StudyInstanceUID)
            reference = self.archive.study_instances(study.orthanc_id)[0]
            instance = encapsulated_pdf(
                self.files.path(kept.sha256).read_bytes(),
                reference=dcmread(
                    BytesIO(self.archive.instance_file(reference.orthanc_id)),
                    stop_before_pixels=True,
                ),
                SOPInstanceUID=kept.SOPInstanceUID,
                SeriesInstanceUID=kept.SeriesInstanceUID,
                document_title=opinion.title,
                signed_at=opinion.signed_at or kept.requested_at,
            )
            self.archive.store_instance(instance, by="Margin")
            with self.db.writing() as session:
                opinion_actions.note_archived(session, opinion_id, utc_now())
                self._audit_opinion(session, "opinion.archive", opinion.case_number, opinion.number)

    def _audit_opinion(self, session: Any, action: str, case_number: str, number: str) -> None:
        audit.append(
            session,
            actor="worker",
            action=action,
            object_=f"opinion {number}",
            outcome="done",
            now=utc_now(),
            case_number=case_number,
        )


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = with_home_secrets(Settings.from_environ(os.environ))
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # httpx writes every address it asks at INFO, UIDs included.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    worker = Worker(settings)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: worker.stopping.set())
    worker.run()


if __name__ == "__main__":
    main()
