"""A case with one study in it, as it comes about in life: registered, pushed, matched, assigned."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.worlds import Margin
from server.access.action import Permit
from server.access.actions import issue_grant
from server.archive import Archive
from server.cases import actions as cases
from server.cases.queries import case_by_number
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.dicom.association import Peer
from server.dicom.sending import send
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings
from server.intake.lines.registering import register_lines
from server.intake.queries import arrivals_of_case
from server.intake.records import Arrival
from server.people import actions as people
from server.people.queries import hospital_of_ae_title
from server.prepared.shelf import Shelf

MATCH_LIMIT_S = 180.0
PREPARED_LIMIT_S = 60.0
LEAST_PREPARED_PER_S = 10.0
BENCH = "bench"
AE_TITLE = "BENCH"
REVIEW = frozenset({Permit.VIEW, Permit.ANNOTATE, Permit.SIGN})


@dataclass(frozen=True)
class Study:
    """What one needs to open it: its UID, a surgeon's access token, and the link with the token."""

    StudyInstanceUID: str
    token: str
    link: str


def phantom_of(series: int, slices: int, name: str = BENCH, case: str = BENCH) -> Phantom:
    """CT slices of 512 x 512 x 16 bit; `series` from 1 to 4 phases of `slices` images each.

    Another name gives other UIDs; `case` is the name of the case's first study.
    """
    accession_number = f"{case[:14]}-1".upper()
    return Phantom(name, slices=slices, phases=PHASES[:series], AccessionNumber=accession_number)


def new_study(
    margin: Margin, series: int, slices: int, *, prepared: bool = True, name: str = BENCH
) -> Study:
    """Push a study to a new case and give it to a surgeon.

    Returns when every frame is prepared and the server is quiet again, or without `prepared` as soon
    as the surgeon may look.
    """
    settings = margin.settings
    phantom = phantom_of(series, slices, name, case=name)
    db = Database(settings.database_url)
    try:
        with db.writing() as session:
            number = _open_case(session, phantom.AccessionNumber)
        _let_send(db, settings)
        push(phantom, settings)
        _wait_until_matched(db, number, series * slices)
        with db.writing() as session:
            token = _assigned(session, number)
    finally:
        db.dispose()
    study = Study(phantom.StudyInstanceUID, token, f"{settings.public_url}/open#{token}")
    if prepared:
        wait_until_prepared(settings, study.StudyInstanceUID, series * slices)
        margin.wait_until_quiet()
    return study


def another_study(margin: Margin, series: int, slices: int, name: str) -> str:
    """Push one more study to the same case; its UID, as soon as it belongs there."""
    phantom = phantom_of(series, slices, name)
    push(phantom, margin.settings)
    await_matched(margin.settings, phantom.StudyInstanceUID, series * slices)
    return phantom.StudyInstanceUID


def await_matched(settings: Settings, StudyInstanceUID: str, instances: int) -> None:
    """Wait until a study that was pushed belongs to its case, whole."""
    db = Database(settings.database_url)
    try:
        deadline = time.monotonic() + MATCH_LIMIT_S
        while time.monotonic() < deadline:
            with db.reading() as session:
                found = session.scalar(
                    select(Arrival).where(Arrival.StudyInstanceUID == StudyInstanceUID)
                )
            if found is not None and found.settled_at and found.instance_count == instances:
                if found.state != "matched":
                    raise RuntimeError(f"the study is {found.state}: {found.match_reason}")
                return
            time.sleep(0.1)
    finally:
        db.dispose()
    raise RuntimeError("the study was not matched to its case in time")


def prepared_count(settings: Settings, StudyInstanceUID: str) -> int:
    """How many instances of a study lie prepared, in series that are prepared to their end."""
    manifests = Shelf(settings.cache_dir).study(StudyInstanceUID)
    return sum(len(manifest.instances) for manifest in manifests)


def wait_until_prepared(settings: Settings, StudyInstanceUID: str, instances: int) -> None:
    """Raises RuntimeError when it takes longer than a slow machine may."""
    deadline = time.monotonic() + PREPARED_LIMIT_S + instances / LEAST_PREPARED_PER_S
    while (found := prepared_count(settings, StudyInstanceUID)) < instances:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{found} of {instances} instances were prepared in time")
        time.sleep(0.5)


def _open_case(session: Session, accession_number: str) -> str:
    """The number of a case that waits for the study."""
    now = utc_now()
    hospital = hospital_of_ae_title(session, AE_TITLE)
    if hospital is None:
        hospital = people.register_hospital(session, name="Bench Hospital", country="GB", now=now)
        people.register_line(
            session, hospital, ae_title=AE_TITLE, host="127.0.0.1", port=11112, now=now
        )
    return cases.open_case(
        session,
        organ="liver",
        hospital=hospital,
        question="How fast?",
        accession_number=accession_number,
        opened_by=BENCH,
        now=now,
    ).number


def _let_send(db: Database, settings: Settings) -> None:
    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    with contextlib.closing(archive), db.reading() as session:
        register_lines(session, archive)


def push(phantom: Phantom, settings: Settings) -> None:
    """Send a study as a hospital does, over two associations."""
    peer = Peer("127.0.0.1", settings.dicom_port, AE_TITLE, settings.dicom_aet)
    with tempfile.TemporaryDirectory(prefix="margin-bench-") as folder:
        phantom.write(Path(folder))
        summary = send(Path(folder), peer, associations=2)
    if not summary.is_complete:
        raise RuntimeError(f"not every image was accepted: {summary}")


def _wait_until_matched(db: Database, number: str, images: int) -> None:
    deadline = time.monotonic() + MATCH_LIMIT_S
    while time.monotonic() < deadline:
        with db.reading() as session:
            arrivals = arrivals_of_case(session, case_by_number(session, number).id)
            settled = [one.instance_count for one in arrivals if one.settled_at is not None]
        if sum(settled) == images:
            return
        time.sleep(0.5)
    raise RuntimeError(f"{sum(settled)} of {images} images were matched to their case in time")


def _assigned(session: Session, number: str) -> str:
    """The token of the surgeon who is asked to review the case."""
    now = utc_now()
    case = case_by_number(session, number)
    surgeon = people.add_person(
        session, name="Dr Bench", email=f"{number}@bench.example".lower(), role="surgeon", now=now
    )
    cases.declare_records_complete(session, case, case.version, now)
    cases.assign(session, case, surgeon, seen_version=case.version, by=BENCH, now=now)
    return issue_grant(
        session,
        case=case,
        for_whom=surgeon.name,
        permits=REVIEW,
        days=1,
        issued_by=BENCH,
        now=now,
        person=surgeon,
    ).token
