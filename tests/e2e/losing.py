"""Killing a Margin while hospitals push, and proving that nothing it acknowledged is lost.

The short run stands in the suite (test_reliability.py), the long one in bench/lossless.py. Senders push
with `margin push`'s own code, by one or two associations, some over a line that is cut again and again.
Meanwhile the processes are killed at random moments. In the end every instance that any answer "success"
spoke of has to be in the archive exactly once, with its pixels as they were sent and with the MD5 that
Margin noted, in an arrival of its sender, in the case that expected it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from sqlalchemy import select

from server.archive import Archive
from server.cases.actions import open_case
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.dicom.association import Peer
from server.dicom.files import FileHead, RefusedFile, read_head
from server.dicom.sending import find, send
from server.foundation.clock import utc_now
from server.foundation.db import Database, DatabaseFull
from server.foundation.errors import Unavailable
from server.foundation.settings import Settings
from server.intake.queries import arrivals
from server.intake.records import Arrival, ReceivedInstance
from server.people import actions as people
from server.processes.supervision import Supervisor
from tests.dicom.line import CutLine

SENDING_LIMIT_S = 300.0
SETTLING_LIMIT_S = 180.0
Kill = Callable[[random.Random], str]


@dataclass
class Sender:
    """One hospital's sending: its AE title, its files, and every SOPInstanceUID that was acknowledged."""

    ae_title: str
    folder: Path
    accession: str
    associations: int = 1
    cut_after_bytes: tuple[int, ...] = ()
    acknowledged: set[str] = field(default_factory=set)
    complete: bool = False

    def settled(self, head: FileHead, refusal: RefusedFile | None) -> None:
        if refusal is None:
            self.acknowledged.add(head.SOPInstanceUID)

    def until_accepted(self, settings: Settings) -> None:
        """What a hospital does: send again until every file was accepted."""
        until = time.monotonic() + SENDING_LIMIT_S
        with CutLine(settings.dicom_port, list(self.cut_after_bytes)) as line:
            peer = Peer(
                "127.0.0.1", line.port, self.ae_title, settings.dicom_aet, answer_timeout_s=15
            )
            while time.monotonic() < until and not self.complete:
                try:
                    done = send(
                        self.folder,
                        peer,
                        associations=self.associations,
                        progress=self.settled,
                    )
                except Exception:
                    time.sleep(0.3)
                    continue
                self.complete = done.is_complete


def hospitals_with_cases(
    settings: Settings, root: Path, count: int, slices: int, chance: random.Random
) -> list[Sender]:
    """So many hospitals with a case each that expects a study; all use the same PatientID."""
    senders = []
    db = Database(settings.database_url)
    with db.writing() as session:
        for number in range(count):
            title, accession = f"SENDER{number}", f"LOSSLESS{number}"
            hospital = people.register_hospital(
                session, name=f"Hospital {title}", country="", now=utc_now()
            )
            people.register_line(
                session, hospital, ae_title=title, host="127.0.0.1", port=104, now=utc_now()
            )
            open_case(
                session,
                organ="liver",
                hospital=hospital,
                question="?",
                opened_by="test",
                now=utc_now(),
                accession_number=accession,
            )
            phantom = Phantom(
                f"lossless {number}",
                slices=slices,
                rows=64,
                phases=PHASES[:2],
                PatientID="SAME",
                PatientName=f"Patient^Of {title}",
                AccessionNumber=accession,
            )
            phantom.write(root / title)
            cuts = tuple(chance.randrange(20_000, 400_000) for _ in range(4 * (number % 2)))
            senders.append(Sender(title, root / title, accession, 1 + number % 2, cuts))
    db.dispose()
    return senders


def kill_a_process(settings: Settings) -> Kill:
    """SIGKILL to Orthanc, the web server or the worker; gives which."""

    def kill(chance: random.Random) -> str:
        with contextlib.suppress(OSError):
            states = [state for state in Supervisor(settings).states() if state.pid]
            if states:
                chosen = chance.choice(states)
                os.kill(chosen.pid, signal.SIGKILL)
                return chosen.name
        return ""

    return kill


def push_while_killing(
    settings: Settings,
    senders: list[Sender],
    kills: int,
    chance: random.Random,
    ways: list[Kill],
    pause_s: tuple[float, float] = (0.2, 1.2),
) -> Counter[str]:
    """All senders at once, and so many kills among them; gives how often each process was killed."""
    threads = [threading.Thread(target=one.until_accepted, args=(settings,)) for one in senders]
    for thread in threads:
        thread.start()
    killed: Counter[str] = Counter()
    while killed.total() < kills:
        time.sleep(chance.uniform(*pause_s))
        if name := chance.choice(ways)(chance):
            killed[name] += 1
    for thread in threads:
        thread.join(SENDING_LIMIT_S + 30)
    return killed


@dataclass(frozen=True)
class Verdict:
    """What is wrong, by kind; all empty when nothing was lost. `instances` were acknowledged."""

    instances: int
    lost: list[str]
    doubled: list[str]
    altered: list[str]
    astray: list[str]

    @property
    def is_lossless(self) -> bool:
        return not (self.lost or self.doubled or self.altered or self.astray)


def verdict(settings: Settings, senders: list[Sender]) -> Verdict:
    """Compare everything that was acknowledged with what the archive and Margin hold."""
    acknowledged = {uid: one for one in senders for uid in one.acknowledged}
    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    noted, arrived, in_archive = await_noted(settings, archive, acknowledged.keys())
    by_uid: dict[str, list[ReceivedInstance]] = {}
    for one in noted:
        by_uid.setdefault(one.SOPInstanceUID, []).append(one)
    sent = {
        head.SOPInstanceUID: sender.folder / head.name
        for sender in senders
        for head in find(sender.folder).to_send
    }
    altered, astray = [], []
    for uid, sender in acknowledged.items():
        for instance in by_uid.get(uid, [])[:1]:
            if not _is_as_sent(archive, instance, sent[uid]):
                altered.append(uid)
            arrival = arrived[instance.arrival_id]
            expected = arrival.case is not None and arrival.case.accession_number
            if arrival.calling_aet != sender.ae_title or expected != sender.accession:
                astray.append(uid)
    archive.close()
    lost = [uid for uid in acknowledged if uid not in by_uid]
    doubled = [uid for uid, found in by_uid.items() if len(found) > 1]
    if in_archive != len(by_uid):
        doubled.append(f"{in_archive} instances in the archive, {len(by_uid)} noted")
    return Verdict(len(acknowledged), lost, doubled, altered, astray)


def _is_as_sent(archive: Archive, instance: ReceivedInstance, path: Path) -> bool:
    """MD5 as noted, and the dataset byte for byte as it was sent."""
    kept = archive.instance_file(instance.orthanc_id)
    if hashlib.md5(kept, usedforsecurity=False).hexdigest() != instance.md5:
        return False
    content = path.read_bytes()
    head, stored = read_head(content), read_head(kept)
    assert isinstance(head, FileHead)
    if isinstance(stored, RefusedFile):
        return False
    same = kept[stored.dataset_offset :] == content[head.dataset_offset :]
    return same and bool(dcmread(BytesIO(kept), stop_before_pixels=True).StudyInstanceUID)


def await_noted(
    settings: Settings, archive: Archive, wanted: Set[str]
) -> tuple[list[ReceivedInstance], dict[str, Arrival], int]:
    """Wait until every arrival has settled in a case; the instances that Margin took note of, and how many
    were in the archive just before.

    Settled is also what is not wanted here: an upload that is still being taken in is in the archive a
    moment before it is noted, and more of it may come while the caller compares. What is in the archive
    for good and never noted ends the wait by its limit.
    """
    db = Database(settings.database_url)
    until = time.monotonic() + SETTLING_LIMIT_S
    noted: list[ReceivedInstance] = []
    found: list[Arrival] = []
    in_archive = 0
    try:
        while time.monotonic() < until:
            with contextlib.suppress(Unavailable, DatabaseFull), db.reading() as session:
                in_archive = archive.statistics().instances
                found = arrivals(session, None)
                noted = list(session.scalars(select(ReceivedInstance)))
                settled = bool(found) and all(one.state == "matched" for one in found)
                uids = {one.SOPInstanceUID for one in noted}
                if settled and uids >= wanted and in_archive == len(uids):
                    break
            time.sleep(0.5)
    finally:
        db.dispose()
    return noted, {one.id: one for one in found}, in_archive
