"""A Margin of the bench's own, in a temporary folder, and one case with one study in it.

Whatever was started is stopped when the block ends: by itself, by an error, by Ctrl-C or by SIGTERM.
Should this process be killed outright, the kernel ends what it had started (`setpriv`).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from server.access.actions import issue_grant
from server.access.permissions import Permit
from server.archive import Archive
from server.cases import actions as cases
from server.cases.queries import case_by_number
from server.cases.records import Case
from server.demo.phantoms import PHASES, Phantom
from server.dicom.association import Peer
from server.dicom.sending import send
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings, with_home_secrets
from server.intake.lines import register_lines
from server.intake.queries import arrivals_of_case
from server.people import actions as people
from server.people.records import Person
from server.processes.memory import tree
from tests.archive.orthanc_process import free_port

PORTS = {
    "MARGIN_PORT": (18900, 18924),
    "MARGIN_ORTHANC_PORT": (18925, 18949),
    "MARGIN_DICOM_PORT": (18950, 18974),
}
START_LIMIT_S = 90.0
STOP_LIMIT_S = 100.0
MATCH_LIMIT_S = 180.0
BENCH = "bench"
AE_TITLE = "BENCH"
ACCESSION_NUMBER = "BENCH-1"
REVIEW = frozenset({Permit.VIEW, Permit.ANNOTATE, Permit.SIGN})
QUIET_SHARE = 0.10
QUIET_LOOK_S = 0.5


@dataclass(frozen=True)
class Margin:
    """A running server: its settings with their secrets, and the process above all its others."""

    settings: Settings
    pid: int

    def wait_until_quiet(self, limit_s: float = 30.0) -> None:
        """Wait until all its processes together use less than a tenth of one processor."""
        deadline = time.monotonic() + limit_s
        before = self._busy_s()
        while time.monotonic() < deadline:
            time.sleep(QUIET_LOOK_S)
            now = self._busy_s()
            if now - before < QUIET_SHARE * QUIET_LOOK_S:
                return
            before = now

    def _busy_s(self) -> float:
        """Processor seconds that its processes have used, in user and in system mode (proc(5))."""
        ticks = 0
        for pid in tree(self.pid):
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class World:
    """A study that came by C-STORE and was matched to a case, and a surgeon's token for it."""

    study: str
    token: str
    link: str


def stopped_like_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def lead_on(*command: str) -> list[str]:
    """The command, ended by the kernel should this process be killed."""
    return ["setpriv", "--pdeathsig", "TERM", "--", *command]


@contextlib.contextmanager
def stopping(process: subprocess.Popen[bytes], number: signal.Signals) -> Iterator[None]:
    """Ends the process in good order when the block ends; a second Ctrl-C does not cut that short."""
    kept = {one: signal.signal(one, stopped_like_ctrl_c) for one in (signal.SIGTERM, signal.SIGHUP)}
    kept[signal.SIGINT] = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        for one in kept:
            signal.signal(one, signal.SIG_IGN)
        process.send_signal(number)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for one, handler in kept.items():
            signal.signal(one, handler)


@contextlib.contextmanager
def running_margin() -> Iterator[Margin]:
    """`margin up` in a temporary folder, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="margin-bench-") as folder:
        log = Path(folder) / "log"
        environ = {
            **{name: value for name, value in os.environ.items() if "MARGIN_" not in name},
            "MARGIN_HOME": str(Path(folder) / "home"),
            **{name: str(free_port(*ports)) for name, ports in PORTS.items()},
        }
        command = lead_on(str(Path(sys.executable).with_name("margin")), "up")
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env=environ, stdout=out, stderr=out, start_new_session=True
            )
        with stopping(process, signal.SIGINT):
            _wait_until_ready(process, log)
            yield Margin(with_home_secrets(Settings.from_environ(environ)), process.pid)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if "is ready" in log.read_text():
            return
        time.sleep(0.2)
    raise RuntimeError(f"margin up does not get ready:\n{log.read_text()[-3000:]}")


def filled(margin: Margin, series: int, slices: int) -> World:
    """One case, its study pushed by C-STORE, a surgeon who holds it, and their link."""
    settings = margin.settings
    phantom = Phantom(
        "bench", slices=slices, phases=PHASES[:series], AccessionNumber=ACCESSION_NUMBER
    )
    db = Database(settings.database_url)
    try:
        with db.writing() as session:
            hospital = people.register_hospital(
                session, name="Bench Hospital", country="GB", now=utc_now()
            )
            people.register_line(
                session, hospital, ae_title=AE_TITLE, host="127.0.0.1", port=11112, now=utc_now()
            )
            case = cases.open_case(
                session,
                organ="liver",
                hospital=hospital,
                question="How fast?",
                accession_number=ACCESSION_NUMBER,
                opened_by=BENCH,
                now=utc_now(),
            )
            number = case.number
        _let_send(db, settings)
        _push(phantom, settings)
        _wait_until_matched(db, number)
        token = _token_of_surgeon(db, number)
    finally:
        db.dispose()
    margin.wait_until_quiet()
    return World(phantom.StudyInstanceUID, token, f"{settings.public_url}/open#{token}")


def _let_send(db: Database, settings: Settings) -> None:
    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    with contextlib.closing(archive), db.reading() as session:
        register_lines(session, archive)


def _push(phantom: Phantom, settings: Settings) -> None:
    """Phase by phase, so that no more than one of them lies on the disk twice."""
    peer = Peer("127.0.0.1", settings.dicom_port, AE_TITLE, settings.dicom_aet)
    for phase in phantom.phases:
        with tempfile.TemporaryDirectory(prefix="margin-bench-") as folder:
            replace(phantom, phases=(phase,)).write(Path(folder))
            summary = send(Path(folder), peer, associations=2)
            if not summary.is_complete:
                raise RuntimeError(f"not every image was accepted: {summary}")


def _wait_until_matched(db: Database, number: str) -> None:
    deadline = time.monotonic() + MATCH_LIMIT_S
    while time.monotonic() < deadline:
        with db.reading() as session:
            case = case_by_number(session, number)
            arrivals = arrivals_of_case(session, case.id)
            settled = arrivals and all(arrival.settled_at is not None for arrival in arrivals)
            if case.studies and settled:
                return
        time.sleep(0.5)
    raise RuntimeError("the study was sent but not matched to its case in time")


def _token_of_surgeon(db: Database, number: str) -> str:
    with db.writing() as session:
        case = case_by_number(session, number)
        surgeon = people.add_person(
            session, name="Dr Bench", email="dr@bench.example", role="surgeon", now=utc_now()
        )
        _assign(session, case, surgeon)
        return issue_grant(
            session,
            case=case,
            for_whom=surgeon.name,
            permits=REVIEW,
            days=1,
            issued_by=BENCH,
            now=utc_now(),
            person=surgeon,
        ).token
