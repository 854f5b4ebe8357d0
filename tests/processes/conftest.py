"""A real Orthanc with our configuration, and free ports for whole servers."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from server.foundation.settings import Settings, with_home_secrets
from server.processes.health import orthanc_problem
from server.processes.orthanc_configuration import orthanc_program, write_configuration

MakeSettings = Callable[..., Settings]


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on just now; asked for together, so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]


def settings_for(home: Path, **more: str) -> Settings:
    port, dicom_port, orthanc_port = free_ports(3)
    return Settings.from_environ(
        {
            "MARGIN_HOME": str(home),
            "MARGIN_PORT": str(port),
            "MARGIN_DICOM_PORT": str(dicom_port),
            "MARGIN_ORTHANC_PORT": str(orthanc_port),
            **more,
        }
    )


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings for `tmp_path/NAME` on ports of their own."""

    def make(name: str = "home", **more: str) -> Settings:
        return settings_for(tmp_path / name, **more)

    return make


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a running Orthanc that nothing else stands around."""
    with running(settings_for(tmp_path_factory.mktemp("orthanc"))) as settings:
        yield settings


@contextmanager
def running(settings: Settings) -> Iterator[Settings]:
    """An Orthanc with these settings and its secrets, for as long as the block runs."""
    settings = with_home_secrets(settings)
    settings.run_dir.mkdir()
    command = [str(orthanc_program()), str(write_configuration(settings))]
    with (settings.home / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, "TCP_NODELAY": "1"}, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 30
            while problem := orthanc_problem(settings):
                assert time.monotonic() < deadline, problem
                time.sleep(0.1)
            yield settings
        finally:
            process.terminate()
            process.wait(timeout=30)
