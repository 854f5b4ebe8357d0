"""What Orthanc refused, and who broke off, stands in the records and in the audit trail."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from server.foundation import audit
from server.foundation.db import Database
from server.intake.lines.orthanc_log import Echoed, Opened, Refusal, facts_in, refers_to_earlier
from server.intake.lines.refusals import IN_WORDS, MOST_AUDITED, take_over
from server.intake.records import LineState, RefusedAssociation
from tests.world import World

AT = "1121 01:30:42.264896 CommandDispatcher.cpp:617]"
KNOCK = f"W{AT} Rejected association for remote AET NOBODY on IP 127.0.0.1\n"
RECEIVED = f"I{AT} (dicom) Association Received from AET RIVERSIDE on IP 10.0.0.7\n"
ACCEPTED = (
    f"I{AT} (dicom) Association Acknowledged (Max Send PDV: 131060) to AET RIVERSIDE "
    "on IP 10.0.0.7\n"
)
WRONG_DOOR = f"W{AT} Rejected association, because of a bad called AET in the request (WRONG)\n"
GARBAGE = (
    f"I{AT} (dicom) DIMSE failure (aborting association with AET RIVERSIDE on IP 10.0.0.7): "
    "DIMSE Failed to receive message\n"
    "0006:020c DIMSE Read PDV failed\n0006:0321 Unrecognized PDU type: ab\n"
)


def test_each_way_to_fail_is_recognised() -> None:
    log = (
        KNOCK
        + RECEIVED
        + WRONG_DOOR
        + RECEIVED
        + ACCEPTED
        + GARBAGE
        + GARBAGE.replace("0321 Unrecognized PDU type: ab", "0310 DUL network closed")
        + f"E{AT} Receiving Association failed: Unrecognized PDU type: 47\n"
        + f"E{AT} Receiving Association failed: TLS error: wrong version number\n"
        + f"I{AT} (dicom) DIMSE failure (aborting association with AET RIVERSIDE on IP 10.0.0.7): "
        + "DIMSE No data available (timeout in non-blocking mode)\n"
        + f"I{AT} (dicom) Received Echo Request\nsomething else\n"
    )
    found = facts_in(log.splitlines())
    assert [
        (one.reason, one.ae_title, one.address) for one in found if isinstance(one, Refusal)
    ] == [
        ("unknown_caller", "NOBODY", "127.0.0.1"),
        ("wrong_called", "RIVERSIDE", "10.0.0.7"),
        ("garbage", "RIVERSIDE", "10.0.0.7"),
        ("cut", "RIVERSIDE", "10.0.0.7"),
        ("not_dicom", "", ""),
        ("tls", "", ""),
        ("silent", "RIVERSIDE", "10.0.0.7"),
    ]
    assert Opened("RIVERSIDE", "10.0.0.7") in found
    assert found[-1] == Echoed("RIVERSIDE", "10.0.0.7")
    assert {one.reason for one in found if isinstance(one, Refusal)} <= IN_WORDS.keys()


ASKED = (
    f"I{AT} (dicom) Incoming storage commitment request, with transaction UID: 2.25.1\n"
    f"I{AT} (dicom)   (1/1) queried SOP Class/Instance UID: 1.2.840.10008.5.1.4.1.1.2 / 1.2.3\n"
)
CALLING = (
    f'I{AT} (dicom) Opening a DICOM SCU connection without DICOM TLS from AET "MARGIN" to AET "RIVERSIDE" '
    "on host 10.0.0.7:104 (manufacturer: Generic, timeout: 10s)\n"
)
AWAY = (
    f'E{AT} Error in the network protocol: DicomAssociation - connecting to AET "RIVERSIDE": '
    "TCP Initialization Error: Connection refused\n"
)
NO_SUCH_OFFER = (
    f"E{AT} DicomUserConnection: No acceptable presentation context for modality: Unable to negotiate a "
    'presentation context with AET "RIVERSIDE"\n'
)
HALF_WAY = (
    f"E{AT} Error in the network protocol: Storage commitment - Unable to read N-EVENT-REPORT response "
    "from AET: RIVERSIDE\n"
)


def test_a_report_that_nobody_took_is_told_from_a_line_test_that_nobody_answered() -> None:
    log = CALLING + AWAY + ASKED + CALLING + AWAY + CALLING + AWAY
    log += ASKED + CALLING + NO_SUCH_OFFER + ASKED + CALLING + HALF_WAY + HALF_WAY
    found = facts_in(log.splitlines())
    assert found == [
        Refusal("undelivered", "RIVERSIDE", "10.0.0.7", detail=why)
        for why in (
            "TCP Initialization Error: Connection refused",
            "Unable to negotiate a presentation context",
            "Unable to read N-EVENT-REPORT response",
        )
    ] + [Refusal("undelivered", "RIVERSIDE", detail="Unable to read N-EVENT-REPORT response")]
    # A report that was taken leaves nothing behind for the test that comes after it.
    assert facts_in((ASKED + CALLING + CALLING + AWAY).splitlines()) == []


def test_a_report_that_was_tried_for_long_is_counted_once_though_the_log_is_read_in_pieces(
    sqlite_world: World, tmp_path: Path, now: datetime
) -> None:
    log = tmp_path / "orthanc.log"
    for more in (KNOCK + ASKED, CALLING, AWAY, AWAY, KNOCK):
        with log.open("a") as stream:
            stream.write(more)
        with sqlite_world.db.writing() as session:
            take_over(session, log, now)
    with sqlite_world.db.reading() as session:
        kept = session.scalars(select(RefusedAssociation))
        assert {(one.reason, one.calling_aet, one.address): one.times for one in kept} == {
            ("unknown_caller", "NOBODY", "127.0.0.1"): 2,
            ("undelivered", "RIVERSIDE", "10.0.0.7"): 1,
        }
        assert {line.actor for line in audit.newest(session)} == {"AE NOBODY 127.0.0.1"}


def test_callers_are_told_apart_by_thread_where_the_log_names_it() -> None:
    def at(thread: str, said: str) -> str:
        return f"I0821 09:06:08.123456 {thread} CommandDispatcher.cpp:1] (dicom) {said}"

    found = facts_in(
        [
            at("DICOM-1", "Association Received from AET ONE on IP 10.0.0.1"),
            at("DICOM-2", "Association Received from AET TWO on IP 10.0.0.2"),
            at("DICOM-1", "Received Echo Request"),
        ]
    )
    assert found == [Echoed("ONE", "10.0.0.1")]


NOT_STORED = f"E{AT} Exception while storing DICOM: Bad file format\n"
WITHOUT_UID = (
    f"E{AT} Bad file format: missing StudyInstanceUID, SeriesInstanceUID or SOPInstanceUID\n"
    + NOT_STORED
)
OTHER_COMES = ACCEPTED.replace("RIVERSIDE", "HILLCREST").replace("10.0.0.7", "10.0.0.9")
OTHER_ENDS = (
    f"I{AT} (dicom) Finishing association with AET HILLCREST on IP 10.0.0.9: "
    "DUL Peer Requested Release\n"
)


def test_an_image_that_the_archive_could_not_keep_is_counted_with_its_only_sender() -> None:
    log = ACCEPTED + WITHOUT_UID + NOT_STORED + OTHER_COMES + NOT_STORED + OTHER_ENDS + WITHOUT_UID
    found = [one for one in facts_in(log.splitlines()) if isinstance(one, Refusal)]
    assert [(one.reason, one.ae_title, one.address) for one in found] == [
        ("no_uid", "RIVERSIDE", "10.0.0.7"),
        ("not_stored", "RIVERSIDE", "10.0.0.7"),
        ("not_stored", "", ""),  # two send at once, and this log names no thread
        ("no_uid", "RIVERSIDE", "10.0.0.7"),
    ]
    assert {one.reason for one in found} <= IN_WORDS.keys()
    read_in_pieces = facts_in(NOT_STORED.splitlines(), (ACCEPTED + OTHER_COMES).splitlines())
    assert read_in_pieces == [Refusal("not_stored", detail="Bad file format")]
    assert refers_to_earlier(NOT_STORED)


def test_a_refusal_is_written_once_with_its_count(
    database: Database, tmp_path: Path, now: datetime
) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text(KNOCK * 3)
    for expected in (1, 0):
        with database.writing() as session:
            assert take_over(session, log, now) == expected
    with log.open("a") as stream:
        stream.write(KNOCK)
    with database.writing() as session:
        assert take_over(session, log, now) == 1
    with database.reading() as session:
        lines = audit.newest(session)
        assert {(line.actor, line.outcome, line.details["times"]) for line in lines} == {
            ("AE NOBODY 127.0.0.1", "refused", 3),
            ("AE NOBODY 127.0.0.1", "refused", 1),
        }
        kept = session.scalars(select(RefusedAssociation)).all()
        assert [(one.reason, one.calling_aet, one.times) for one in kept] == [
            ("unknown_caller", "NOBODY", 4)
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


def test_who_makes_up_names_floods_neither_records_nor_trail(
    sqlite_database: Database, tmp_path: Path, now: datetime
) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text("".join(KNOCK.replace("NOBODY", f"MADE UP {n}") for n in range(2500)))
    with sqlite_database.writing() as session:
        assert take_over(session, log, now) == MOST_AUDITED + 1
    with sqlite_database.reading() as session:
        assert len(session.scalars(select(RefusedAssociation)).all()) == 2000


def test_a_registered_line_shows_its_last_echo_and_a_strange_address_is_named(
    sqlite_world: World, tmp_path: Path, now: datetime
) -> None:
    log = tmp_path / "orthanc.log"
    echo = f"I{AT} (dicom) Received Echo Request\n"
    strange = KNOCK.replace("NOBODY", "RIVERSIDE")
    log.write_text(RECEIVED + ACCEPTED + echo + strange)
    with sqlite_world.db.writing() as session:
        take_over(session, log, now)
    with sqlite_world.db.reading() as session:
        state = session.get_one(LineState, "RIVERSIDE")
        assert (state.echoed_at, state.associated_from, state.associations) == (now, "10.0.0.7", 1)
        assert [one.reason for one in session.scalars(select(RefusedAssociation))] == [
            "wrong_address"
        ]
