"""A Margin of the bench's own: `margin up` in a temporary folder, on ports of its own.

Whatever was started is stopped when the block ends: by itself, by an error, by Ctrl-C or by SIGTERM.
Should this process be killed outright, the kernel ends what it had started (`setpriv`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from server.foundation.settings import Settings, with_home_secrets
from server.processes.memory import tree
from server.processes.supervision import Supervisor
from tests.archive.orthanc_process import free_port

PORTS = (18900, 18999)
PORT_SETTINGS = ("MARGIN_PORT", "MARGIN_ORTHANC_PORT", "MARGIN_DICOM_PORT")
START_LIMIT_S = 90.0
STOP_LIMIT_S = 100.0
QUIET_SHARE = 0.10
QUIET_LOOK_S = 0.5
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], None] | signal.Handlers


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

    def pids_of(self, name: str) -> list[int]:
        """One program's processes (web, worker, orthanc, proxy): its first and all below it."""
        states = Supervisor(self.settings).states()
        return [pid for one in states if one.name == name and one.pid for pid in tree(one.pid)]

    def _busy_s(self) -> float:
        """Processor seconds that its processes have used, in user and in system mode (proc(5))."""
        ticks = 0
        for pid in tree(self.pid):
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running_margin(**more: str) -> Iterator[Margin]:
    """A whole server for as long as the block runs; `more` are further MARGIN_ settings."""
    with tempfile.TemporaryDirectory(prefix="margin-bench-") as folder:
        log = Path(folder) / "log"
        environ = {
            **{name: value for name, value in os.environ.items() if "MARGIN_" not in name},
            "MARGIN_HOME": str(Path(folder) / "home"),
            **{name: str(port) for name, port in zip(PORT_SETTINGS, _ports(), strict=True)},
            **more,
        }
        command = [str(Path(sys.executable).with_name("margin")), "up"]
        with started(command, signal.SIGINT, log, environ) as process:
            _wait_until_ready(process, log)
            yield Margin(with_home_secrets(Settings.from_environ(environ)), process.pid)


def _ports() -> list[int]:
    """A free port for each setting, no two the same."""
    found: list[int] = []
    while len(found) < len(PORT_SETTINGS):
        port = free_port(*PORTS)
        if port not in found:
            found.append(port)
    return found


@contextlib.contextmanager
def started(
    command: list[str], stop: signal.Signals, log: Path, environ: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the block runs, ended in good order by the signal `stop`."""
    # Until the process is known here, a signal would leave it running.
    with _signals_as(signal.SIG_IGN), log.open("wb") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *command],
            env=environ,
            stdout=out,
            stderr=out,
            start_new_session=True,
            # What is ignored here would be ignored there too.
            preexec_fn=_signals_by_default,
        )
    try:
        with stopped_like_ctrl_c():
            yield process
    finally:
        with _signals_as(signal.SIG_IGN):
            process.send_signal(stop)
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def stopped_like_ctrl_c() -> contextlib.AbstractContextManager[None]:
    """Inside it, whoever ends this process in good order (SIGTERM, SIGHUP) raises KeyboardInterrupt."""
    return _signals_as(_interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _signals_by_default() -> None:
    for one in ENDINGS:
        signal.signal(one, signal.SIG_DFL)


@contextlib.contextmanager
def _signals_as(handler: Handler) -> Iterator[None]:
    kept = {one: signal.signal(one, handler) for one in ENDINGS}
    try:
        yield
    finally:
        for one, before in kept.items():
            signal.signal(one, before)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if "is ready" in log.read_text():
            return
        time.sleep(0.2)
    raise RuntimeError(f"margin up does not get ready:\n{log.read_text()[-3000:]}")
