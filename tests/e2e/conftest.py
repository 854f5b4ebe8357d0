"""A whole Margin with the demo world in it, and a real browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.demo.seed import DemoLinks, fill
from server.foundation.settings import Settings, with_home_secrets
from tests.archive.orthanc_process import free_port

START_LIMIT_S = 90.0


@dataclass(frozen=True)
class RunningMargin:
    """A Margin that runs, with the demo world, and what a tester needs to use it."""

    settings: Settings
    links: DemoLinks
    process: subprocess.Popen[str]

    def link(self, *words: str) -> str:
        """The access link whose label contains all of these words."""
        return next(
            link for label, link in self.links.links if all(word in label for word in words)
        )


@contextmanager
def running_margin(home: Path) -> Iterator[tuple[Settings, subprocess.Popen[str]]]:
    """A Margin of its own, empty, for as long as the block runs."""
    ports = {
        "MARGIN_PORT": free_port(18800, 18829),
        "MARGIN_ORTHANC_PORT": free_port(18830, 18859),
        "MARGIN_DICOM_PORT": free_port(18860, 18889),
    }
    said = {"MARGIN_HOME": str(home), **{name: str(port) for name, port in ports.items()}}
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.err").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "server.processes.foreground"],
            env={**os.environ, **said},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        _await_ready(process, home)
        yield with_home_secrets(Settings.from_environ(said)), process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def margin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMargin]:
    with running_margin(tmp_path_factory.mktemp("margin")) as (settings, process):
        yield RunningMargin(settings, demo_world(settings), process)


def demo_world(settings: Settings) -> DemoLinks:
    """The demo world, filled in a thread of its own: sealing a PDF needs an event loop, and in this
    thread Playwright's may be running."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(fill, settings, lambda _text: None).result()


def _await_ready(process: subprocess.Popen[str], home: Path) -> None:
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if "is ready" in (process.stdout.readline() or ""):
            return
        time.sleep(0.2)
    raise RuntimeError(f"Margin did not start: {(home / 'up.err').read_text()}")
