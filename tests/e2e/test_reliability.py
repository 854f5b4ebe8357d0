"""Every process is killed while hospitals push: what was accepted is there exactly once."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import select

from server.archive import Archive
from server.demo.phantoms import PHASES, Phantom
from server.dicom.association import Peer
from server.dicom.sending import Summary, send
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings
from server.intake.lines import register_lines
from server.intake.queries import arrivals
from server.intake.records import ReceivedInstance
from server.people import actions as people
from server.processes.supervision import Supervisor
from tests.e2e.conftest import running_margin

pytestmark = pytest.mark.e2e
SENDERS = ("FIRST", "SECOND")
KILLS = 6


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with running_margin(tmp_path / "home") as (settings, _process):
        yield settings


def register(settings: Settings, archive: Archive) -> None:
    db = Database(settings.database_url)
    with db.writing() as session:
        for title in SENDERS:
            hospital = people.register_hospital(
                session, name=f"Hospital {title}", country="", now=utc_now()
            )
            people.register_line(
                session, hospital, ae_title=title, host="127.0.0.1", port=104, now=utc_now()
            )
    with db.reading() as session:
        register_lines(session, archive)
    db.dispose()


def studies(folder: Path) -> dict[str, Path]:
    """One small study for each sender; both use the same PatientID, as two hospitals may."""
    for title in SENDERS:
        phantom = Phantom(
            f"killed {title}", slices=60, rows=64, phases=PHASES[:2], PatientID="SAME"
        )
        phantom.write(folder / title)
    return {title: folder / title for title in SENDERS}


def kill_something(settings: Settings, chance: random.Random) -> None:
    states = [state for state in Supervisor(settings).states() if state.pid]
    if states:
        os.kill(chance.choice(states).pid, signal.SIGKILL)


def send_until_accepted(
    settings: Settings, title: str, folder: Path, out: dict[str, Summary]
) -> None:
    """What a hospital does: send again until every file was accepted."""
    peer = Peer("127.0.0.1", settings.dicom_port, title, settings.dicom_aet, answer_timeout_s=10)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            out[title] = send(folder, peer)
        except Exception:
            time.sleep(0.5)
            continue
        if out[title].is_complete:
            return


def test_nothing_accepted_is_lost_or_doubled_when_processes_are_killed(
    settings: Settings, tmp_path: Path
) -> None:
    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    register(settings, archive)
    folders = studies(tmp_path / "studies")
    summaries: dict[str, Summary] = {}
    senders = [
        threading.Thread(target=send_until_accepted, args=(settings, title, folder, summaries))
        for title, folder in folders.items()
    ]
    for sender in senders:
        sender.start()
    chance = random.Random(20261121)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.3, 1.5))
        kill_something(settings, chance)
    for sender in senders:
        sender.join(150)
    assert all(summaries[title].is_complete for title in SENDERS)

    expected = {
        dcmread(path, stop_before_pixels=True).SOPInstanceUID: path for path in files(folders)
    }
    noted = await_noted(settings, len(expected))
    assert Counter(one.SOPInstanceUID for one in noted) == Counter(expected.keys())
    for one in noted:
        kept = archive.instance_file(one.orthanc_id)
        assert hashlib.md5(kept, usedforsecurity=False).hexdigest() == one.md5
        sent, stored = dcmread(expected[one.SOPInstanceUID]), dcmread(BytesIO(kept))
        assert stored.PixelData == sent.PixelData
    archive.close()


def files(folders: dict[str, Path]) -> Iterator[Path]:
    for folder in folders.values():
        yield from folder.rglob("*.dcm")


def await_noted(settings: Settings, count: int) -> list[ReceivedInstance]:
    """Wait until every arrival has settled; the instances Margin took note of."""
    db = Database(settings.database_url)
    until = time.monotonic() + 90
    try:
        while time.monotonic() < until:
            with db.reading() as session:
                settled = all(found.settled_at for found in arrivals(session, None))
                noted = list(session.scalars(select(ReceivedInstance)))
            if settled and len(noted) >= count:
                return noted
            time.sleep(0.5)
    finally:
        db.dispose()
    raise AssertionError(f"{len(noted)} of {count} instances were noted in time")
