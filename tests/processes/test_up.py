"""Starting, watching and stopping everything, with the real supervisor and the real Orthanc."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.foundation.settings import Settings, with_home_secrets
from server.processes.commands import status
from server.processes.health import orthanc_problem, web_problem, worker_problem
from server.processes.memory import tree, tree_pss_mb
from server.processes.supervision import Supervisor
from tests.processes.conftest import MakeSettings, settings_for

STAND_INS = Path(__file__).with_name("stand_ins.py")
PATIENCE_S = 60.0


@contextmanager
def up(settings: Settings, **more: str) -> Iterator[subprocess.Popen[str]]:
    """`margin up` with stand-ins; ended at the end if the test has not done so."""
    process = subprocess.Popen(
        [sys.executable, str(STAND_INS), "up"],
        env={**os.environ, **settings.to_environ(), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE_S)


def ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(f"not ready: {process.communicate(timeout=PATIENCE_S)[1]}")
    return line.rstrip("\n")


def await_(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def pid_of(settings: Settings, name: str) -> int:
    found = [state.pid for state in Supervisor(settings).states() if state.name == name]
    return found[0]


def was_replaced(settings: Settings, name: str, before: int) -> Callable[[], bool]:
    return lambda: pid_of(settings, name) not in (0, before)


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, str]]:
    """A server that is up, and the line it said."""
    settings = settings_for(tmp_path_factory.mktemp("up") / "a home with spaces")
    settings.home.mkdir(mode=0o755)  # made by an administrator, open to all
    with up(settings) as process:
        line = ready(process)
        yield with_home_secrets(settings), line


def test_one_line_says_where_everything_is(running: tuple[Settings, str]) -> None:
    settings, line = running
    assert line == (
        f"Margin is ready: http://127.0.0.1:{settings.port}/  "
        f"DICOM MARGIN@127.0.0.1:{settings.dicom_port}  home {settings.home}/"
    )


def test_ready_means_that_every_part_is_well(running: tuple[Settings, str]) -> None:
    settings, _ = running
    assert orthanc_problem(settings) == ""
    assert web_problem(settings) == ""
    assert worker_problem(settings) == ""


def test_status_shows_each_program(running: tuple[Settings, str]) -> None:
    settings, _ = running
    await_(
        lambda: all(state.runs for state in Supervisor(settings).states()),
        "all programs count as running",
    )
    shown = CliRunner().invoke(status, ["--home", str(settings.home)])
    assert shown.exit_code == 0, shown.output
    assert [line.split()[0] for line in shown.output.splitlines()] == [
        "orthanc",
        "web",
        "worker",
        "all",
    ]
    assert f"running, {pid_of(settings, 'web')}" in shown.output


def test_a_program_that_is_killed_is_started_again(running: tuple[Settings, str]) -> None:
    settings, _ = running
    for name in ("worker", "web", "orthanc"):
        before = pid_of(settings, name)
        os.kill(before, signal.SIGKILL)
        await_(was_replaced(settings, name, before), f"{name} is back")
    await_(lambda: not orthanc_problem(settings), "Orthanc is well again")


def test_there_is_one_worker(running: tuple[Settings, str]) -> None:
    settings, _ = running
    names = [state.name for state in Supervisor(settings).states()]
    assert names.count("worker") == 1


def test_the_same_home_is_not_started_twice(running: tuple[Settings, str]) -> None:
    settings, _ = running
    other_ports = settings_for(settings.home)
    with up(other_ports) as second:
        _, told = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 1
    assert f"Margin already runs in {settings.home}" in told
    assert web_problem(settings) == ""


def test_no_secret_stands_in_supervisors_file_and_only_the_owner_enters(
    running: tuple[Settings, str],
) -> None:
    settings, _ = running
    text = (settings.run_dir / "supervisord.conf").read_text()
    assert settings.orthanc_password not in text
    assert settings.secret_key not in text
    for inside in settings.home.iterdir():
        assert stat.S_IMODE(inside.stat().st_mode) & 0o077 == 0, inside
    assert stat.S_IMODE((settings.run_dir / "supervisor.sock").stat().st_mode) == 0o700


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_that_was_started_and_only_that(
    make_settings: MakeSettings, number: signal.Signals
) -> None:
    settings = make_settings()
    bystander = subprocess.Popen(["sleep", "120"])
    try:
        with up(settings) as process:
            ready(process)
            started = tree(process.pid)
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out, err) == (0, "", "")
        assert len(started) >= 5
        assert [pid for pid in started if not is_gone(pid)] == []
        assert bystander.poll() is None
        for port in (settings.port, settings.dicom_port, settings.orthanc_port):
            with socket.socket() as knock:
                assert knock.connect_ex(("127.0.0.1", port)) != 0
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("victim", ["foreground", "supervisord"])
def test_nothing_stays_when_a_parent_is_killed(make_settings: MakeSettings, victim: str) -> None:
    settings = make_settings()
    with up(settings) as process:
        ready(process)
        started = tree(process.pid)
        supervisord = Supervisor(settings).pid()
        os.kill(process.pid if victim == "foreground" else supervisord, signal.SIGKILL)
        await_(lambda: all(map(is_gone, started)), "all processes are gone")


def test_two_homes_run_side_by_side(make_settings: MakeSettings) -> None:
    one, two = make_settings("one"), make_settings("two")
    with up(one) as first, up(two) as second:
        ready(first)
        ready(second)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=PATIENCE_S)
        assert orthanc_problem(with_home_secrets(two)) == ""
        assert web_problem(two) == ""


def test_a_home_can_be_started_again_at_once_after_a_kill(make_settings: MakeSettings) -> None:
    settings = make_settings()
    with up(settings) as first:
        ready(first)
        first.kill()
        with up(settings) as second:
            assert ready(second).startswith("Margin is ready")


@pytest.mark.parametrize(
    ("field", "option"),
    [("port", "--port"), ("dicom_port", "--dicom-port"), ("orthanc_port", "--orthanc-port")],
)
def test_a_port_that_is_taken_is_named_with_the_remedy(
    make_settings: MakeSettings, field: str, option: str
) -> None:
    settings = make_settings()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", getattr(settings, field)))
        taken.listen()
        with up(settings) as process:
            out, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert out == ""
    assert f"Port {getattr(settings, field)} " in told
    assert "already in use" in told
    assert option in told


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_program_that_cannot_start_is_told_with_the_end_of_its_log(
    make_settings: MakeSettings, name: str
) -> None:
    settings = make_settings()
    with up(settings, STAND_IN_BROKEN=name) as process:
        out, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert out == ""
    assert f"{name} did not start" in told
    assert "the stand-in is broken" in told
    assert str(settings.log_dir / f"{name}.log") in told


def test_status_of_a_home_where_nothing_runs_says_so(tmp_path: Path) -> None:
    shown = CliRunner().invoke(status, ["--home", str(tmp_path)])
    assert shown.exit_code == 3
    assert "does not run" in shown.output


def test_the_real_server_becomes_ready_and_idles_within_its_budget(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings()
    command = [sys.executable, "-m", "server.processes.foreground"]
    environment = {**os.environ, **settings.to_environ()}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert ready(process).startswith("Margin is ready")
            # What the worker does first, it does in children that end.
            await_(lambda: tree_pss_mb(process.pid) < 400, "idle, it keeps to 400 MB")
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
