"""A case with one study in it, as it comes about in life: registered, pushed, matched, assigned."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from bench.worlds import Margin
from server.access.actions import issue_grant
from server.access.permissions import Permit
from server.archive import Archive
from server.cases import actions as cases
from server.cases.queries import case_by_number
from server.demo.phantoms import PHASES, Phantom
from server.dicom.association import Peer
from server.dicom.sending import send
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings
from server.intake.lines import register_lines
from server.intake.queries import arrivals_of_case
from server.people import actions as people

MATCH_LIMIT_S = 180.0
BENCH = "bench"
AE_TITLE = "BENCH"
ACCESSION_NUMBER = "BENCH-1"
REVIEW = frozenset({Permit.VIEW, Permit.ANNOTATE, Permit.SIGN})


@dataclass(frozen=True)
class Study:
    """What one needs to open it: its UID, a surgeon's access token, and the link with the token."""

    StudyInstanceUID: str
    token: str
    link: str


def phantom_of(series: int, slices: int) -> Phantom:
    """CT slices of 512 x 512 x 16 bit; `series` from 1 to 4 phases of `slices` images each."""
    return Phantom("bench", slices=slices, phases=PHASES[:series], AccessionNumber=ACCESSION_NUMBER)


def new_study(margin: Margin, series: int, slices: int) -> Study:
    """Push a study to a case and give it to a surgeon; returns when the server is quiet again."""
    settings = margin.settings
    phantom = phantom_of(series, slices)
    db = Database(settings.database_url)
    try:
        with db.writing() as session:
            number = _open_case(session)
        _let_send(db, settings)
        _push(phantom, settings)
        _wait_until_matched(db, number, series * slices)
        with db.writing() as session:
            token = _assigned(session, number)
    finally:
        db.dispose()
    margin.wait_until_quiet()
    return Study(phantom.StudyInstanceUID, token, f"{settings.public_url}/open#{token}")


def _open_case(session: Session) -> str:
    """The number of a case that waits for the study."""
    now = utc_now()
    hospital = people.register_hospital(session, name="Bench Hospital", country="GB", now=now)
    people.register_line(
        session, hospital, ae_title=AE_TITLE, host="127.0.0.1", port=11112, now=now
    )
    return cases.open_case(
        session,
        organ="liver",
        hospital=hospital,
        question="How fast?",
        accession_number=ACCESSION_NUMBER,
        opened_by=BENCH,
        now=now,
    ).number


def _let_send(db: Database, settings: Settings) -> None:
    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    with contextlib.closing(archive), db.reading() as session:
        register_lines(session, archive)


def _push(phantom: Phantom, settings: Settings) -> None:
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
        session, name="Dr Bench", email="dr@bench.example", role="surgeon", now=now
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
