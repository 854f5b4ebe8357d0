"""Callers that are unknown, call somebody else, fall silent or send garbage: refused, counted, shown.

Against a real Orthanc, by raw sockets; what the worker reads afterwards is Orthanc's own log.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from server.archive import Archive
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.dicom.association import DEFAULT_SYNTAX, VERIFICATION, Association, AssociationRejected
from server.dicom.commitment import commit
from server.dicom.peer import Peer
from server.dicom.sending import echo, find, send
from server.intake.lines import testing as line_tests
from server.intake.lines.refusals import take_over
from server.intake.lines.registering import PREFIX, register_lines
from server.intake.lines.testing import ask_for_test
from server.intake.queries import line_states, refused_associations, strangers
from server.intake.records import LineState, RefusedAssociation
from server.people import actions as people
from server.people.queries import lines
from tests.archive.orthanc_process import OrthancProcess, free_port
from tests.world import World

pytestmark = pytest.mark.orthanc
TIMEOUT_S = 1


@dataclass
class ImpatientOrthanc(OrthancProcess):
    """One that drops whoever is silent for a second."""

    def _configuration(self) -> dict[str, object]:
        return super()._configuration() | {"DicomScpTimeout": TIMEOUT_S}


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[OrthancProcess]:
    process = ImpatientOrthanc(tmp_path / "orthanc")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def archive(orthanc: OrthancProcess, sqlite_world: World) -> Iterator[Archive]:
    archive = orthanc.archive()
    with sqlite_world.db.reading() as session:
        register_lines(session, archive)
    archive.tell_of_associations()
    yield archive
    archive.close()


def knock(port: int, content: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.settimeout(3)
        connection.sendall(content)
        with contextlib.suppress(OSError):
            connection.recv(100)


def opened(port: int) -> tuple[Association, socket.socket]:
    peer = Peer("127.0.0.1", port, "RIVERSIDE", "MARGIN")
    association = Association.open(peer, [(VERIFICATION, DEFAULT_SYNTAX)])
    return association, association._connection


def noted(
    world: World, log: Path, reasons: Counter[str], now: datetime
) -> list[RefusedAssociation]:
    """What was taken over from the log, as soon as it holds all of these."""
    until = time.monotonic() + 20
    while True:
        with world.db.writing() as session:
            take_over(session, log, now)
        with world.db.reading() as session:
            found = list(session.scalars(select(RefusedAssociation)))
        counted = Counter(dict.fromkeys(reasons, 0))
        for one in found:
            counted[one.reason] += one.times
        if counted == reasons or time.monotonic() > until:
            assert counted == reasons
            return found
        time.sleep(0.1)


def test_whoever_comes_wrongly_is_refused_counted_and_shown(
    sqlite_world: World, orthanc: OrthancProcess, archive: Archive, tmp_path: Path, now: datetime
) -> None:
    port = orthanc.dicom_port
    for calling, called in (("NOBODY", "MARGIN"), ("NOBODY", "MARGIN"), ("RIVERSIDE", "WRONG")):
        with pytest.raises(AssociationRejected):
            echo(Peer("127.0.0.1", port, calling, called))
    knock(port, b"GET / HTTP/1.1\r\n\r\n")
    knock(port, os.urandom(300).replace(b"\x01", b"\x02"))
    knock(port, b"\x01\x00" + struct.pack(">L", 0x7FFFFFFF) + b"x" * 40)
    _, connection = opened(port)
    connection.sendall(b"\xab" * 200)
    connection.close()
    _, cut = opened(port)
    cut.sendall(struct.pack(">BxLLBB", 4, 1000, 2000, 1, 1) + b"z" * 40)
    cut.close()
    _, silent = opened(port)
    reasons = Counter(unknown_caller=2, wrong_called=1, not_dicom=3, garbage=1, cut=1, silent=1)
    found = noted(sqlite_world, orthanc.home / "orthanc.log", reasons, now)
    silent.close()
    assert {(one.reason, one.calling_aet, one.address) for one in found} >= {
        ("unknown_caller", "NOBODY", "127.0.0.1"),
        ("wrong_called", "RIVERSIDE", "127.0.0.1"),
        ("silent", "RIVERSIDE", "127.0.0.1"),
        ("garbage", "RIVERSIDE", "127.0.0.1"),
        ("cut", "RIVERSIDE", "127.0.0.1"),
    }
    with sqlite_world.db.reading() as session:
        theirs = [one for one in lines(session) if one.ae_title == "RIVERSIDE"]
        shown = refused_associations(session, theirs)
        assert {one.reason for one in shown} >= {"wrong_called", "silent", "garbage", "cut"}
        assert {one.calling_aet for one in strangers(session)} == {"NOBODY", ""}
    assert json.dumps([one.detail for one in found])


def test_the_honest_are_served_while_others_hang_and_shout(
    sqlite_world: World, orthanc: OrthancProcess, archive: Archive, tmp_path: Path, now: datetime
) -> None:
    port = orthanc.dicom_port
    # Orthanc leaves a caller that stops within its request after 30 s, one after the other.
    hanging = socket.create_connection(("127.0.0.1", port))
    hanging.sendall(b"\x01\x00")
    phantom = Phantom("honest", slices=8, rows=32, phases=PHASES[:1])
    phantom.write(tmp_path / "study")
    peer = Peer("127.0.0.1", port, "RIVERSIDE", "MARGIN", answer_timeout_s=60)
    assert send(tmp_path / "study", peer).accepted == 8
    assert echo(peer) < 5
    hanging.close()
    log, until = orthanc.home / "orthanc.log", time.monotonic() + 10
    states: dict[str, LineState] = {}
    while time.monotonic() < until and not (states and states["RIVERSIDE"].echoed_at):
        with sqlite_world.db.writing() as session:
            take_over(session, log, now)
        with sqlite_world.db.reading() as session:
            states = line_states(session, ["RIVERSIDE"])
    assert states["RIVERSIDE"].echoed_at == now
    assert states["RIVERSIDE"].associations >= 2


def test_a_line_is_tested_from_the_archive_and_says_whether_the_hospital_answers(
    sqlite_world: World, orthanc: OrthancProcess, archive: Archive, now: datetime, tmp_path: Path
) -> None:
    theirs = OrthancProcess(tmp_path / "hospital")
    theirs.start()
    try:
        theirs_archive = theirs.archive()
        theirs_archive._orthanc.put(
            f"{theirs.url}/modalities/margin", json=["MARGIN", "127.0.0.1", orthanc.dicom_port]
        )
        theirs_archive.close()
        with sqlite_world.db.writing() as session:
            good = people.register_line(
                session,
                sqlite_world.hospital,
                ae_title="MARGIN",
                host="127.0.0.1",
                port=theirs.dicom_port,
                now=now,
            )
            bad = people.register_line(
                session,
                sqlite_world.hospital,
                ae_title="DEAD",
                host="127.0.0.1",
                port=free_port(18460, 18499),
                now=now,
            )
            ask_for_test(session, good, now=now)
            ids = {"MARGIN": good.id, "DEAD": bad.id}
        with sqlite_world.db.reading() as session:
            register_lines(session, archive)
        for line_id in ids.values():
            line_tests.test_line(sqlite_world.db, archive, line_id, lambda: now)
    finally:
        theirs.stop()
    with sqlite_world.db.reading() as session:
        states = line_states(session, list(ids))
    # A test is shown with the line; only reports that nobody took are counted here.
    noted(sqlite_world, orthanc.home / "orthanc.log", Counter(), now)
    assert states["MARGIN"].test_passed
    assert states["MARGIN"].test_seconds is not None
    assert not states["DEAD"].test_passed
    assert "Nothing at 127.0.0.1:" in states["DEAD"].test_detail
    assert archive.modality(f"{PREFIX}{ids['DEAD']}").may_commit


def test_a_report_of_storage_commitment_that_nobody_takes_is_shown_with_the_line(
    sqlite_world: World, orthanc: OrthancProcess, archive: Archive, tmp_path: Path, now: datetime
) -> None:
    with sqlite_world.db.writing() as session:
        people.register_line(
            session,
            sqlite_world.hospital,
            ae_title="AWAY",
            host="127.0.0.1",
            port=free_port(18460, 18499),
            now=now,
        )
    with sqlite_world.db.reading() as session:
        register_lines(session, archive)
    Phantom("asked about", slices=2, rows=32, phases=PHASES[:1]).write(tmp_path / "study")
    peer = Peer("127.0.0.1", orthanc.dicom_port, "AWAY", "MARGIN")
    assert send(tmp_path / "study", peer).is_complete
    heads = find(tmp_path / "study").to_send
    assert len(commit(heads, peer, wait_s=0.5, reports=None).unanswered) == 2
    reasons = Counter(undelivered=1)
    (seen,) = noted(sqlite_world, orthanc.home / "orthanc.log", reasons, now)
    assert (seen.calling_aet, seen.address) == ("AWAY", "127.0.0.1")
    assert "refused" in seen.detail
    with sqlite_world.db.reading() as session:
        theirs = [one for one in lines(session) if one.ae_title == "AWAY"]
        assert [one.reason for one in refused_associations(session, theirs)] == ["undelivered"]
