"""The process behind `margin up`: starts all, says when all is well, stops all.

Kept small in imports, because it lives as long as the server does.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from server.foundation.errors import Conflict, MarginError, Unavailable
from server.foundation.settings import Settings, with_home_secrets
from server.processes import supervision
from server.processes.ports import require_free
from server.processes.programs import Program, programs, runs_own_orthanc

START_LIMIT_S = 90.0
LOOK_EVERY_S = 0.2
WATCH_EVERY_S = 3.0
LOG_TAIL_LINES = 15
STOP_LIMIT_S = 90.0

ProgramTable = Callable[[Settings], Sequence[Program]]


class HomeInUse(Conflict):
    """Margin already runs in this home."""


class StartFailed(Unavailable):
    """A program did not become healthy."""


class _Stop(BaseException):
    """Somebody asked for the end; no `except Exception` may swallow it."""


def lock_of(settings: Settings) -> Path:
    return settings.run_dir / "lock"


def ready_line(settings: Settings) -> str:
    dicom = f"DICOM {settings.dicom_aet}@127.0.0.1:{settings.dicom_port}  "
    shown = dicom if runs_own_orthanc(settings) else f"Orthanc {settings.orthanc_url}  "
    return f"Margin is ready: {settings.public_url}/  {shown}home {settings.home}/"


def run(
    settings: Settings,
    table: ProgramTable = programs,
    out: TextIO = sys.stdout,
    err: TextIO = sys.stderr,
) -> int:
    """Run everything until SIGINT, SIGTERM or SIGHUP; the exit code is 0 when asked to stop.

    Raises MarginError (HomeInUse, PortTaken, OrthancMissing, StartFailed ...) with what to do.
    """
    _stop_on_signals()
    supervisord: subprocess.Popen[bytes] | None = None
    try:
        # A home that was made by somebody else may be open to all: what is written into it is not.
        os.umask(0o077)
        for folder in (settings.home, settings.run_dir, settings.log_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _only_one(lock_of(settings), settings.home) as lock:
            require_free(settings)
            settings = with_home_secrets(settings)
            chosen = table(settings)
            environment = {**os.environ, **settings.to_environ(), "PYTHONUNBUFFERED": "1"}
            _migrate(settings, environment)
            try:
                supervisord = _start(settings, chosen, environment, lock)
                _await_health(settings, chosen, supervisord)
                print(ready_line(settings), file=out, flush=True)
                _watch(settings, supervisord, err)
            finally:
                _ignore_signals()
                if supervisord is not None:
                    _stop(settings, chosen, supervisord)
    except _Stop:
        return 0
    raise StartFailed(
        "supervisor ended unexpectedly",
        remedy=f"Read supervisord.log and supervisord.out in {settings.log_dir} and start again.",
    )


def _start(
    settings: Settings, chosen: Sequence[Program], environment: dict[str, str], lock: TextIO
) -> subprocess.Popen[bytes]:
    settings.worker_heartbeat.unlink(missing_ok=True)
    supervision.write_configuration(settings, chosen)
    with (settings.log_dir / "supervisord.out").open("w") as out:
        return subprocess.Popen(  # noqa: S603 - our own command line
            supervision.start_command(),
            cwd=settings.run_dir,
            env=environment,
            stdin=lock,
            # It complains there when this process hangs up in the middle of a question.
            stdout=out,
            stderr=out,
            # A Ctrl-C in the terminal reaches this process only, which ends the rest in order.
            start_new_session=True,
        )


def _migrate(settings: Settings, environment: dict[str, str]) -> None:
    command = (sys.executable, "-m", "server.processes.migrate")
    done = subprocess.run(  # noqa: S603 - our own command line
        command, env=environment, capture_output=True, text=True, check=False
    )
    (settings.log_dir / "migrate.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        raise StartFailed(
            "the database could not be brought up to date:\n" + _last_lines(done.stderr),
            remedy="Check MARGIN_DATABASE_URL and that the database answers; "
            f"the whole message is in {settings.log_dir}/migrate.log.",
        )


def _await_health(
    settings: Settings, chosen: Sequence[Program], supervisord: subprocess.Popen[bytes]
) -> None:
    supervisor = supervision.Supervisor(settings)
    pids: dict[str, int] = {}
    waiting = list(chosen)
    deadline = time.monotonic() + START_LIMIT_S
    problem = ""
    while waiting:
        problem = waiting[0].problem(settings)
        if not problem:
            waiting.pop(0)
            continue
        if supervisord.poll() is not None or time.monotonic() > deadline:
            raise _failed(settings, waiting[0].name, problem)
        if lost := _first_lost(supervisor, pids):
            raise _failed(settings, lost, "it ends as soon as it is started")
        time.sleep(LOOK_EVERY_S)


def _first_lost(supervisor: supervision.Supervisor, pids: dict[str, int]) -> str:
    """A program that ended since it was first seen in `pids`, or ""."""
    try:
        states = supervisor.states()
    except OSError:
        # supervisord does not listen yet.
        return ""
    for state in states:
        if state.stumbled or (state.pid and pids.setdefault(state.name, state.pid) != state.pid):
            return state.name
    return ""


def _failed(settings: Settings, name: str, problem: str) -> StartFailed:
    log = settings.log_dir / f"{name}.log"
    tail = _last_lines(log.read_text(errors="replace")) if log.exists() else ""
    return StartFailed(
        f"{name} did not start: {problem}\n{tail}".rstrip(),
        remedy=f"The whole message is in {log}.",
    )


def _last_lines(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines()[-LOG_TAIL_LINES:])


def _watch(settings: Settings, supervisord: subprocess.Popen[bytes], err: TextIO) -> None:
    """Say so when a program was restarted; give one that supervisor gave up another chance."""
    supervisor = supervision.Supervisor(settings)
    seen: dict[str, int] = {}
    while supervisord.poll() is None:
        try:
            for state in supervisor.states():
                if state.gave_up:
                    print(f"{state.name} keeps ending; see {state.log}", file=err, flush=True)
                    supervisor.start(state.name)
                elif state.runs and seen.setdefault(state.name, state.pid) != state.pid:
                    seen[state.name] = state.pid
                    print(f"{state.name} was restarted; see {state.log}", file=err, flush=True)
        except OSError:
            # supervisord is ending, or busy for a moment; the loop's condition decides.
            pass
        time.sleep(WATCH_EVERY_S)


def _stop(
    settings: Settings, chosen: Sequence[Program], supervisord: subprocess.Popen[bytes]
) -> None:
    """End in order: what was started last first, each given its own time to end."""
    supervisor = supervision.Supervisor(settings)
    try:
        for program in reversed(chosen):
            # The worker and the web server do not need each other; both need Orthanc.
            supervisor.stop(program.name, wait=program is not chosen[-1])
    except OSError:
        # Not listening yet, or a program already stopped: supervisord ends what is left.
        pass
    supervisord.terminate()
    try:
        supervisord.wait(timeout=STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        supervisord.kill()
        supervisord.wait()


@contextmanager
def _only_one(lock: Path, home: Path) -> Iterator[TextIO]:
    """Hold the home's lock.

    supervisord inherits the lock as its stdin: should this process be killed, nobody else starts
    in this home until all that it had started is gone.
    """
    with lock.open("a+") as file:
        deadline = time.monotonic() + STOP_LIMIT_S
        while not _locked(file):
            pid = running_pid(lock)
            if pid or time.monotonic() > deadline:
                raise HomeInUse(
                    f"Margin already runs in {home} (process {pid or 'unknown'})",
                    remedy="Use that one, stop it with Ctrl-C, or choose another with --home.",
                )
            time.sleep(LOOK_EVERY_S)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file


def running_pid(lock: Path) -> int:
    """The process that holds a home's lock, 0 when it is no more."""
    try:
        pid = int(lock.read_text())
        # A process that has ended but was not yet waited for has no command line any more.
        return pid if Path(f"/proc/{pid}/cmdline").read_bytes() else 0
    except (OSError, ValueError):
        return 0


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _Stop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def told(error: MarginError) -> str:
    """An error as a person at a terminal reads it."""
    return "\n".join(line for line in (f"margin: {error.detail}", error.remedy) if line)


def main() -> int:
    try:
        return run(Settings.from_environ(os.environ))
    except MarginError as error:
        print(told(error), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
