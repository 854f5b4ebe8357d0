"""Testing a hospital's line: C-ECHO from the archive to the hospital, asked for by a person.

Only Orthanc may reach the hospitals' network, and only it sends from the address and under the title
that they know; so it is Orthanc that calls, and Margin that notes what came of it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from server.archive import Archive, NotInArchive
from server.foundation import jobs
from server.foundation.clock import Clock
from server.foundation.db import Database
from server.intake.lines.registering import PREFIX
from server.intake.records import LineState
from server.people.queries import line
from server.people.records import HospitalLine

TEST_LINE = "test_line"


def ask_for_test(session: Session, tested: HospitalLine, *, now: datetime) -> None:
    """Have the line tested; asking twice while a test waits is one test."""
    state = state_of(session, tested.ae_title)
    state.test_asked_at = now
    jobs.enqueue(
        session,
        TEST_LINE,
        {"line_id": tested.id},
        key=f"{TEST_LINE} {tested.id} {now.isoformat(timespec='seconds')}",
        now=now,
    )


def state_of(session: Session, ae_title: str) -> LineState:
    """What is known of the line, a fresh record when that is nothing."""
    found = session.get(LineState, ae_title)
    if found is None:
        found = LineState(ae_title=ae_title, associated_from="", associations=0, test_detail="")
        session.add(found)
        session.flush()
    return found


def test_line(db: Database, archive: Archive, line_id: str, clock: Clock) -> None:
    """Call the hospital and note whether it answers. Raises HospitalNotFound, ArchiveUnavailable."""
    with db.reading() as session:
        tested = line(session, line_id)
        title, where = tested.ae_title, f"{tested.host}:{tested.port}"
    try:
        seconds = archive.echo(f"{PREFIX}{line_id}")
    except NotInArchive:
        seconds = None
        detail = "The archive does not know this line yet. Try again in a minute."
    else:
        detail = (
            ""
            if seconds is not None
            else f"Nothing at {where} answers as {title}. Check address and port, whether a firewall "
            "lies between, and whether the system there knows our AE title."
        )
    with db.writing() as session:
        state = state_of(session, title)
        state.tested_at, state.test_passed = clock(), seconds is not None
        state.test_seconds, state.test_detail = seconds, detail
