"""Jobs done in a process of their own: `python -m server.errand JOB_ID`, or one after the other.

The table of job name -> function stands here. A job may read hostile files and needs large libraries;
in its own process it can be held to limits of memory and time, cannot take the worker down with it,
and gives all its memory back.

`python -m server.errand --follow` takes the jobs' ids from standard input, a line each, writes a line
while it gets on and `done` after each, and ends with its input.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from server.answers.actions import PRINT_ADDENDUM, PRINT_LETTER
from server.answers.printing import print_addendum, print_letter
from server.archive import Archive
from server.cases.assigning import LAPSE_OFFERS
from server.cases.clocks.nightly import RECOMPUTE_CLOCKS
from server.cases.queries import study_uids
from server.figures.exporting import (
    EXPORT_RESEARCH,
    export_named,
    make_export,
    note_made,
    query_of,
)
from server.foundation import audit, jobs
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.errors import MarginError, Unavailable
from server.foundation.files import FileStore
from server.foundation.settings import Settings, with_home_secrets
from server.imaging.actions import ASSESS_IMAGING
from server.intake.actions import MEASURE_SEGMENTATION
from server.intake.arrivals.decisions import DELETE_REFUSED, SPLIT_ARRIVAL
from server.intake.arrivals.splitting import copy_series, delete_study
from server.intake.imaging_job import ImagingJob
from server.intake.lines.testing import TEST_LINE, test_line
from server.intake.queries import not_served
from server.intake.uploads.actions import TAKE_UPLOADS, Limits, others_wait
from server.intake.uploads.judging import Judge
from server.intake.uploads.resumable import UploadFolder
from server.intake.uploads.taking import Means, take_uploads
from server.notices.actions import DELIVER_NOTICE, SEND_DIGEST
from server.notices.delivering import Outbox
from server.notices.reminding import recompute_clocks
from server.opinions.actions import ISSUE_OPINION
from server.opinions.issuing import Press
from server.opinions.seal_key import SealKey, seal_key_of
from server.panel.lapsing import lapse_offers_of
from server.prepared import actions as preparation
from server.prepared.actions import PREPARE_SERIES
from server.prepared.eviction import MB, Room
from server.prepared.finding import SeriesGone, find_series
from server.prepared.preparing import Preparer, SeriesTooLarge
from server.prepared.shelf import Shelf
from server.prepared.writing import remove_folder
from server.volumetry import orders as volume_orders
from server.volumetry import tasks as volume_tasks
from server.volumetry.actions import Segmentation, keep, measure_from_archive
from server.volumetry.orders import WORK_ON_VOLUME

MOST_MEMORY_BYTES = 8 * 1024**3
# A header of an uploaded file has kilobytes, the contents of a large archive some 100 MB.
MEMORY_OF_UPLOADS_BYTES = 2 * 1024**3
FOLLOWING = "--follow"
DONE = "done"
ALIVE = "alive"
NICENESS = 10
SAID_EVERY_S = 1.0
NOTED_EVERY_S = 2.0
RENEWED_EVERY_S = 60.0
log = logging.getLogger("margin.errand")
Payload = dict[str, Any]


class Errand:
    """What a job works with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.db = Database(settings.database_url)
        self.archive = Archive(
            settings.orthanc_url,
            settings.orthanc_user,
            settings.orthanc_password,
            settings.orthanc_timeout_s,
            self._not_served,
        )
        self.files = FileStore(settings.files_dir)
        self.room = Room(settings.cache_dir, settings.cache_mb * MB)
        self.shelf = Shelf(settings.cache_dir)
        self.outbox = Outbox(self.db, settings)
        self.job_id = ""

    def _not_served(self, StudyInstanceUID: str) -> frozenset[str]:
        with self.db.reading() as session:
            return not_served(session, StudyInstanceUID)

    def do(self, job_id: str) -> None:
        """Do the job and record how it ended. A job that only waits for the archive is never given up."""
        self.job_id = job_id
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


def work_on_volume(errand: Errand, payload: Payload) -> None:
    """Try a resection or grow a region, as asked for in the viewer."""
    made = Segmentation("", payload["SOPInstanceUID"], payload["StudyInstanceUID"])

    def tell(doing: str, percent: int) -> None:
        with errand.db.writing() as session:
            volume_orders.note_progress(session, payload["volume_id"], doing, percent)
            jobs.renew(session, errand.job_id, utc_now())

    with errand.db.reading() as session:
        studies = study_uids(session, payload["case_id"])
    outcome = volume_tasks.perform(errand.archive, payload, studies, tell)
    refusal = outcome.measured if isinstance(outcome.measured, str) else ""
    with errand.db.writing() as session:
        kept = keep(
            session, payload["case_id"], made, outcome.measured, utc_now(), made=outcome.made
        )
        audit.append(
            session,
            actor="worker",
            action="volumes.make",
            object_=f"volume {kept.id}",
            outcome="refused" if refusal else "done",
            now=utc_now(),
            reason=refusal,
        )


def issue_opinion(errand: Errand, payload: Payload) -> None:
    """Make, seal and store the document of a signed opinion. Can be repeated."""
    key = partial(_seal_key, errand)
    press = Press(errand.db, errand.archive, errand.files, key, utc_now)
    press.issue(payload["opinion_id"])


def _seal_key(errand: Errand) -> SealKey:
    """The key of the settings; in the home, one of our own."""
    settings = errand.settings
    return seal_key_of(
        settings.seal_key,
        settings.seal_cert or None,
        settings.seal_password,
        own=settings.seal_key.is_relative_to(settings.home),
        now=utc_now(),
    )


def prepare_series(errand: Errand, payload: Payload) -> None:
    """Put a series on the shelf as the archive holds it now. Can be repeated and interrupted."""
    study, series = payload["StudyInstanceUID"], payload["SeriesInstanceUID"]
    preparer = Preparer(errand.archive, errand.shelf, errand.room)
    try:
        orthanc_id = payload["orthanc_id"] or find_series(errand.archive, study, series)
        made = preparer.prepare(study, orthanc_id, _Reporter(errand, study, series))
    except SeriesGone:
        remove_folder(errand.shelf.folder(study, series), errand.shelf.root)
        with errand.db.writing() as session:
            preparation.forget(session, study, series)
        return
    except SeriesTooLarge as error:
        with errand.db.writing() as session:
            preparation.note_failed(session, study, series, str(error), utc_now())
        return
    manifest = made.manifest if made else errand.shelf.series(study, series)
    if manifest is None:
        return
    with errand.db.writing() as session:
        preparation.note_prepared(session, manifest, utc_now())
        if made is not None:
            preparation.note_effort(session, manifest, made.bytes, made.seconds)


def take_uploads_of_case(errand: Errand, payload: Payload) -> None:
    """Look through what was uploaded to a case. Can be repeated and interrupted."""
    settings, db = errand.settings, errand.db

    def waits(case_id: str) -> bool:
        with db.reading() as session:
            return others_wait(session, case_id, utc_now())

    means = Means(
        db=db,
        folder=UploadFolder(settings.uploads_dir),
        judge=Judge(db, errand.archive, errand.files, utc_now),
        limits=Limits.of(settings),
        clock=utc_now,
        alive=_Alive(errand),
        others_wait=waits,
    )
    with _memory_beyond(MEMORY_OF_UPLOADS_BYTES):
        take_uploads(means, payload["case_id"])


class _Alive:
    """Tells the worker that this process lives, and keeps its job's lease."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._said_at = self._renewed_at = float("-inf")

    def __call__(self) -> None:
        """Raises WorkerGone when nobody listens any more."""
        now = time.monotonic()
        if now - self._said_at >= SAID_EVERY_S:
            self._said_at = now
            say(ALIVE)
        if now - self._renewed_at >= RENEWED_EVERY_S:
            self._renewed_at = now
            with self._errand.db.writing() as session:
                jobs.renew(session, self._errand.job_id, utc_now())


@contextmanager
def _memory_beyond(most_bytes: int) -> Iterator[None]:
    """Hold this process to `most_bytes` more memory than it has now; beyond that is a MemoryError."""
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + most_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


class _Reporter:
    """Tells the worker that this process gets on, and the records how far."""

    def __init__(self, errand: Errand, study: str, series: str) -> None:
        self._errand, self._study, self._series = errand, study, series
        self._said_at = self._noted_at = float("-inf")
        self._at_first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Raises WorkerGone when nobody listens any more, GivesWay for a more urgent series."""
        now = time.monotonic()
        if self._at_first is None:
            self._at_first = done
        if now - self._said_at >= SAID_EVERY_S:
            self._said_at = now
            say(ALIVE)
        if now - self._noted_at >= NOTED_EVERY_S:
            self._noted_at = now
            with self._errand.db.writing() as session:
                at = utc_now()
                jobs.renew(session, self._errand.job_id, at, advanced=done > self._at_first)
                preparation.note_progress(session, self._study, self._series, done, total, at)
                gives_way = jobs.gives_way(session, self._errand.job_id, at)
            if gives_way:
                raise GivesWay("Somebody is looking at another series: that one comes first.")


class GivesWay(Unavailable):
    """This series waits for another. What was prepared of it stays."""


class WorkerGone(Unavailable):
    """Whoever sent this process has ended."""


def say(line: str) -> None:
    """One line to the worker. Raises WorkerGone."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError as reason:
        raise WorkerGone("The worker has ended.") from reason


def split_arrival(errand: Errand, payload: Payload) -> None:
    """Copy chosen series of a study under another StudyInstanceUID. Can be repeated."""
    copy_series(
        errand.archive,
        payload["orthanc_id"],
        payload["series"],
        payload["StudyInstanceUID"],
        by=payload["by"],
    )


def delete_refused(errand: Errand, payload: Payload) -> None:
    """Delete a refused study from the archive, unless the refusal was taken back meanwhile."""
    delete_study(errand.db, errand.archive, payload["arrival_id"], payload["orthanc_id"])


def call_hospital(errand: Errand, payload: Payload) -> None:
    """C-ECHO to a hospital's line."""
    test_line(errand.db, errand.archive, payload["line_id"])


def recompute_all_clocks(errand: Errand, _payload: Payload) -> None:
    """Every running clock anew, and the reminders that are due. Can be repeated."""
    recompute_clocks(errand.db, utc_now())


def assess_imaging(errand: Errand, payload: Payload) -> None:
    """Assess the imaging of a case as it is now. Can be repeated."""
    ImagingJob(errand.db, errand.archive, errand.shelf, utc_now).do(payload["case_id"])


def export_research(errand: Errand, payload: Payload) -> None:
    """Make the file of a research export. Can be repeated."""
    with errand.db.reading() as session:
        export = export_named(session, payload["export_id"])
        result = make_export(session, query_of(export), errand.settings.secret_key)
    sha256 = errand.files.put(result.content)
    with errand.db.writing() as session:
        note_made(session, export.id, result, sha256, utc_now())
        audit.append(
            session,
            actor="worker",
            action="research.export",
            object_=f"export {export.id}",
            outcome="done",
            now=utc_now(),
            details={
                "query": export.query,
                "content_sha256": result.content_sha256,
                "cases": result.case_count,
                "withheld": result.withheld_count,
            },
        )


def deliver_notice(errand: Errand, payload: Payload) -> None:
    """Try a mail or a webhook once. What did not get through is asked for again, later."""
    errand.outbox.deliver(payload["delivery_id"])


def send_digest(errand: Errand, payload: Payload) -> None:
    """Try a day's mail to one recipient once."""
    errand.outbox.deliver_digest(payload["batch_id"])


def lapse_offers(errand: Errand, payload: Payload) -> None:
    """End the offers of a case that nobody answered in time. Can be repeated."""
    with errand.db.writing() as session:
        lapse_offers_of(session, payload["case_id"], utc_now())


JOBS: dict[str, Callable[[Errand, Payload], None]] = {
    DELETE_REFUSED: delete_refused,
    DELIVER_NOTICE: deliver_notice,
    LAPSE_OFFERS: lapse_offers,
    SEND_DIGEST: send_digest,
    SPLIT_ARRIVAL: split_arrival,
    TEST_LINE: call_hospital,
    RECOMPUTE_CLOCKS: recompute_all_clocks,
    ASSESS_IMAGING: assess_imaging,
    ISSUE_OPINION: issue_opinion,
    PRINT_ADDENDUM: lambda errand, payload: print_addendum(
        errand.db, errand.files, payload, utc_now()
    ),
    EXPORT_RESEARCH: export_research,
    PRINT_LETTER: lambda errand, payload: print_letter(errand.db, errand.files, payload),
    MEASURE_SEGMENTATION: measure_segmentation,
    PREPARE_SERIES: prepare_series,
    TAKE_UPLOADS: take_uploads_of_case,
    WORK_ON_VOLUME: work_on_volume,
}


def follow(errand: Errand) -> None:
    """Do the jobs named on standard input, one after the other, until it ends."""
    os.nice(NICENESS)
    # Unwinding leaves a journal that says what was finished; being killed leaves it to be guessed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for line in iter(sys.stdin.readline, ""):
        errand.do(line.strip())
        try:
            say(DONE)
        except WorkerGone:
            return


def main() -> None:
    """Do the job named on the command line, or those that will be named."""
    settings = with_home_secrets(Settings.from_environ(os.environ))
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # httpx writes every address it asks at INFO, UIDs included.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    errand = Errand(settings)
    if sys.argv[1] == FOLLOWING:
        follow(errand)
    else:
        errand.do(sys.argv[1])


if __name__ == "__main__":
    main()
