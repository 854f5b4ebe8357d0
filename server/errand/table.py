"""The table of job name -> function, and the functions. Each can be repeated."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from server.answers.actions import PRINT_ADDENDUM, PRINT_LETTER
from server.answers.printing import print_addendum, print_letter
from server.cases.assigning import LAPSE_OFFERS
from server.cases.clocks.nightly import RECOMPUTE_CLOCKS
from server.cases.queries import study_uids
from server.errand.forgetting import forget_old
from server.errand.life import Alive, Reporter, memory_beyond
from server.errand.looking_over import look_over
from server.errand.means import Errand, Payload
from server.errand.morning import ask_for_outcomes
from server.errand.stray_files import clear_strays
from server.figures.exporting import (
    EXPORT_RESEARCH,
    export_named,
    make_export,
    note_made,
    query_of,
)
from server.foundation import audit
from server.foundation.forgetting import FORGET_OLD
from server.imaging.actions import ASSESS_IMAGING
from server.intake.actions import MEASURE_SEGMENTATION
from server.intake.arrivals.decisions import DELETE_REFUSED, SPLIT_ARRIVAL
from server.intake.arrivals.splitting import copy_series, delete_study
from server.intake.imaging_job import ImagingJob
from server.intake.lines.testing import TEST_LINE, test_line
from server.intake.uploads.actions import TAKE_UPLOADS, Limits, others_wait
from server.intake.uploads.judging import Judge
from server.intake.uploads.resumable import UploadFolder
from server.intake.uploads.taking import Means, take_uploads
from server.notices.actions import DELIVER_NOTICE, SEND_DIGEST
from server.notices.reminding import recompute_clocks
from server.opinions.actions import ISSUE_OPINION
from server.opinions.issuing import Press
from server.opinions.seal_key import SealKey, chosen_seal_key
from server.panel.lapsing import lapse_offers_of
from server.prepared import actions as preparation
from server.prepared.actions import PREPARE_SERIES
from server.prepared.finding import SeriesGone, find_series
from server.prepared.looking_over import LOOK_OVER
from server.prepared.preparing import Preparer, SeriesTooLarge
from server.prepared.soundness import FRESH_FOR
from server.prepared.writing import remove_folder
from server.volumetry import orders as volume_orders
from server.volumetry import tasks as volume_tasks
from server.volumetry.actions import Segmentation, keep, measure_from_archive
from server.volumetry.orders import WORK_ON_VOLUME
from server.volumetry.remnant import RemnantMeasurement

LOWEST_NICENESS = 19
# A header of an uploaded file has kilobytes, the contents of a large archive some 100 MB.
MEMORY_OF_UPLOADS_BYTES = 2 * 1024**3


def measure_segmentation(errand: Errand, payload: Payload) -> None:
    """Measure the volumes of a SEG that came in for a case."""
    segmentation = Segmentation(
        payload["orthanc_id"], payload["SOPInstanceUID"], payload["StudyInstanceUID"]
    )
    with errand.db.reading() as session:
        studies = study_uids(session, payload["case_id"])
    measured = measure_from_archive(errand.archive, segmentation.orthanc_id, studies)
    _keep_volume(errand, payload["case_id"], segmentation, measured, action="volumes.measure")


def work_on_volume(errand: Errand, payload: Payload) -> None:
    """Try a resection or grow a region, as asked for in the viewer."""
    made = Segmentation("", payload["SOPInstanceUID"], payload["StudyInstanceUID"])

    def tell(doing: str, percent: int) -> None:
        with errand.db.writing() as session:
            volume_orders.note_progress(session, payload["volume_id"], doing, percent)

    with errand.db.reading() as session:
        studies = study_uids(session, payload["case_id"])
    outcome = volume_tasks.perform(errand.archive, payload, studies, tell)
    _keep_volume(
        errand,
        payload["case_id"],
        made,
        outcome.measured,
        action="volumes.make",
        made=outcome.made,
    )


def _keep_volume(
    errand: Errand,
    case_id: str,
    segmentation: Segmentation,
    measured: RemnantMeasurement | str,
    *,
    action: str,
    made: dict[str, Any] | None = None,
) -> None:
    """Keep what was measured, or why it could not be, with its line in the trail."""
    refusal = measured if isinstance(measured, str) else ""
    with errand.db.writing() as session:
        kept = keep(session, case_id, segmentation, measured, errand.clock(), made=made)
        audit.append(
            session,
            actor="worker",
            action=action,
            object_=f"volume {kept.id}",
            outcome="refused" if refusal else "done",
            now=errand.clock(),
            reason=refusal,
        )


def issue_opinion(errand: Errand, payload: Payload) -> None:
    """Make, seal and store the document of a signed opinion. Can be repeated."""
    key = partial(_seal_key, errand)
    press = Press(errand.db, errand.archive, errand.files, key, errand.clock)
    press.issue(payload["opinion_id"])


def issue_addendum(errand: Errand, payload: Payload) -> None:
    """Make and seal the document of a signed addendum. Can be repeated."""
    print_addendum(
        errand.db,
        errand.files,
        payload,
        errand.clock(),
        key=partial(_seal_key, errand),
        verify_at=f"{errand.settings.public_url}/verify",
    )


def _seal_key(errand: Errand) -> SealKey:
    return chosen_seal_key(errand.settings, errand.clock())


def prepare_series(errand: Errand, payload: Payload) -> None:
    """Put a series on the shelf as the archive holds it now. Can be repeated and interrupted."""
    study, series = payload["StudyInstanceUID"], payload["SeriesInstanceUID"]
    aged = errand.clock() - FRESH_FOR
    preparer = Preparer(errand.archive, errand.shelf, errand.room, compared_before=aged)
    try:
        orthanc_id = payload["orthanc_id"] or find_series(errand.archive, study, series)
        made = preparer.prepare(study, orthanc_id, Reporter(errand, study, series))
    except SeriesGone:
        remove_folder(errand.shelf.folder(study, series), errand.shelf.root)
        with errand.db.writing() as session:
            preparation.forget(session, study, series)
        return
    except SeriesTooLarge as error:
        with errand.db.writing() as session:
            preparation.note_failed(session, study, series, str(error), errand.clock())
        return
    manifest = made.manifest if made else errand.shelf.series(study, series)
    if manifest is None:
        return
    with errand.db.writing() as session:
        preparation.note_prepared(session, manifest, errand.clock())
        if made is not None:
            preparation.note_effort(session, manifest, made.bytes, made.seconds)


def take_uploads_of_case(errand: Errand, payload: Payload) -> None:
    """Look through what was uploaded to a case. Can be repeated and interrupted."""
    settings, db = errand.settings, errand.db

    def waits(case_id: str) -> bool:
        with db.reading() as session:
            return others_wait(session, case_id, errand.clock())

    means = Means(
        db=db,
        folder=UploadFolder(settings.uploads_dir),
        judge=Judge(db, errand.archive, errand.files, errand.clock),
        limits=Limits.of(settings),
        clock=errand.clock,
        alive=Alive(),
        others_wait=waits,
    )
    with memory_beyond(MEMORY_OF_UPLOADS_BYTES):
        take_uploads(means, payload["case_id"])


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
    delete_study(
        errand.db, errand.archive, payload["arrival_id"], payload["orthanc_id"], errand.clock
    )


def call_hospital(errand: Errand, payload: Payload) -> None:
    """C-ECHO to a hospital's line."""
    test_line(errand.db, errand.archive, payload["line_id"], errand.clock)


def recompute_all_clocks(errand: Errand, _payload: Payload) -> None:
    """Every running clock anew, the reminders that are due, the outcomes asked for. Can be repeated."""
    now = errand.clock()
    recompute_clocks(errand.db, now)
    ask_for_outcomes(errand.db, now)


def assess_imaging(errand: Errand, payload: Payload) -> None:
    """Assess the imaging of a case as it is now. Can be repeated."""
    job = ImagingJob(errand.db, errand.archive, errand.shelf, errand.clock, _behind_preparation)
    job.do(payload["case_id"])


def _behind_preparation() -> None:
    """The rest of this process's only job uses what preparing, which a click may wait for, leaves."""
    os.nice(LOWEST_NICENESS)


def export_research(errand: Errand, payload: Payload) -> None:
    """Make the file of a research export. Can be repeated."""
    with errand.db.reading() as session:
        export = export_named(session, payload["export_id"])
        if export.state == "ready":
            # Whoever made it died before saying so. What may be downloaded already stays what it is.
            return
        result = make_export(session, query_of(export), errand.settings.secret_key)
    sha256 = errand.files.put(result.content)
    with errand.db.writing() as session:
        note_made(session, export.id, result, sha256, errand.clock())
        audit.append(
            session,
            actor="worker",
            action="research.export",
            object_=f"export {export.id}",
            outcome="done",
            now=errand.clock(),
            details={
                "query": export.query,
                "content_sha256": result.content_sha256,
                "cases": result.case_count,
                "withheld": result.withheld_count,
            },
        )


def forget_what_is_old(errand: Errand, _payload: Payload) -> None:
    """Delete notices, jobs, idempotency keys and failed sign-ins whose time is over, and the files, half
    or whole, that somebody left who was killed."""
    now = errand.clock()
    errand.files.clear_half_written(now - timedelta(days=1))
    clear_strays(errand.db, errand.files, now)
    forget_old(
        errand.db,
        now,
        notices_keep_days=errand.settings.notices_keep_days,
        jobs_keep_days=errand.settings.jobs_keep_days,
    )


def look_over_archive(errand: Errand, _payload: Payload) -> None:
    """Compare a share of the stored files with what was received. Can be repeated and interrupted."""
    look_over(errand, Alive())


def deliver_notice(errand: Errand, payload: Payload) -> None:
    """Try a mail or a webhook once. What did not get through is asked for again, later."""
    errand.outbox.deliver(payload["delivery_id"])


def send_digest(errand: Errand, payload: Payload) -> None:
    """Try a day's mail to one recipient once."""
    errand.outbox.deliver_digest(payload["batch_id"])


def lapse_offers(errand: Errand, payload: Payload) -> None:
    """End the offers of a case that nobody answered in time. Can be repeated."""
    with errand.db.writing() as session:
        lapse_offers_of(session, payload["case_id"], errand.clock())


JOBS: dict[str, Callable[[Errand, Payload], None]] = {
    DELETE_REFUSED: delete_refused,
    DELIVER_NOTICE: deliver_notice,
    FORGET_OLD: forget_what_is_old,
    LAPSE_OFFERS: lapse_offers,
    LOOK_OVER: look_over_archive,
    SEND_DIGEST: send_digest,
    SPLIT_ARRIVAL: split_arrival,
    TEST_LINE: call_hospital,
    RECOMPUTE_CLOCKS: recompute_all_clocks,
    ASSESS_IMAGING: assess_imaging,
    ISSUE_OPINION: issue_opinion,
    PRINT_ADDENDUM: issue_addendum,
    EXPORT_RESEARCH: export_research,
    PRINT_LETTER: lambda errand, payload: print_letter(errand.db, errand.files, payload),
    MEASURE_SEGMENTATION: measure_segmentation,
    PREPARE_SERIES: prepare_series,
    TAKE_UPLOADS: take_uploads_of_case,
    WORK_ON_VOLUME: work_on_volume,
}
