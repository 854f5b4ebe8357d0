"""What Orthanc refused stands in the audit trail."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from server.foundation import audit
from server.foundation.db import Database
from server.intake.refusals import Refusal, refusals_in, take_over

KNOCK = (
    "W1121 01:30:42.264896 CommandDispatcher.cpp:617] "
    "Rejected association for remote AET NOBODY on IP 127.0.0.1\n"
)
WRONG_DOOR = (
    "W1121 01:30:42.287646 CommandDispatcher.cpp:602] "
    "Rejected association, because of a bad called AET in the request (WRONG)\n"
)


def test_each_kind_of_refusal_is_recognised() -> None:
    found = refusals_in([KNOCK, WRONG_DOOR, KNOCK, "W1121 something else"])
    assert found == {
        Refusal("calling AE title is not registered", "NOBODY", "127.0.0.1"): 2,
        Refusal("called AE title is not ours", "WRONG"): 1,
    }


def test_a_refusal_is_written_once_with_its_count(
    database: Database, tmp_path: Path, now: datetime
) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text(KNOCK * 3)
    for expected in (1, 0):
        with database.writing() as session:
            assert take_over(session, log, now) == expected
    with database.reading() as session:
        lines = audit.newest(session)
    assert [(line.actor, line.outcome, line.details) for line in lines] == [
        ("AE NOBODY 127.0.0.1", "refused", {"times": 3})
    ]


def test_half_a_line_waits_for_its_end_and_a_rotated_log_is_read_anew(
    database: Database, tmp_path: Path, now: datetime
) -> None:
    log = tmp_path / "orthanc.log"
    counts = []
    for content in (KNOCK + KNOCK[:40], KNOCK + KNOCK, WRONG_DOOR):
        log.write_text(content)
        with database.writing() as session:
            counts.append(take_over(session, log, now))
    assert counts == [1, 1, 1]


def test_without_a_log_there_is_nothing_to_take_over(
    database: Database, tmp_path: Path, now: datetime
) -> None:
    with database.writing() as session:
        assert take_over(session, tmp_path / "orthanc.log", now) == 0
