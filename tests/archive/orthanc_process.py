"""A real Orthanc for tests and benches: its own folder, loopback, free ports, stopped at the end."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from server.archive import Archive
from server.foundation.errors import Unavailable
from server.processes.orthanc_configuration import REPEATS_SCRIPT, plugins

ORTHANC = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
USER, PASSWORD = "margin", "a password only for tests"


def free_port(first: int = 18310, last: int = 18399) -> int:
    """A port from `first` to `last` that nobody listens on.

    The parallel workers of one run share the ports out between them, so they never meet; where the
    search begins is left to chance, so that two test runs at once seldom do.
    """
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = [
        port
        for port in range(first, (last if last > first else first + 40) + 1)
        if port % workers == mine
    ]
    start = random.randrange(len(ports))
    for port in ports[start:] + ports[:start]:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no port from {first} to {last} is free")


def held_to_permissions(script: Path) -> str:
    """A program that runs Orthanc so that root, too, may not read what nobody may."""
    drop = "setpriv --bounding-set -dac_override,-dac_read_search" if os.geteuid() == 0 else ""
    script.write_text(f'#!/bin/sh\nexec {drop} {ORTHANC} "$@"\n')
    script.chmod(0o755)
    return str(script)


@dataclass
class OrthancProcess:
    """Orthanc on a folder. `stop` and `start` again keep what it stores."""

    home: Path
    http_port: int = field(default_factory=free_port)
    dicom_port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def archive(self, timeout_s: float = 10.0) -> Archive:
        return Archive(self.url, USER, PASSWORD, timeout_s)

    def start(self) -> None:
        self.dicom_port = self.dicom_port or free_port(18500, 18599)
        self.home.mkdir(parents=True, exist_ok=True)
        configuration = self.home / "orthanc.json"
        configuration.write_text(json.dumps(self._configuration()))
        with (self.home / "orthanc.log").open("ab") as log:
            self.process = subprocess.Popen(
                [ORTHANC, str(configuration)],
                stdout=log,
                stderr=log,
                env={**os.environ, "TCP_NODELAY": "1"},
            )
        self._wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def _wait(self) -> None:
        archive = self.archive(timeout_s=2)
        deadline = time.monotonic() + 30
        try:
            while True:
                try:
                    archive.system()
                except Unavailable:
                    if time.monotonic() > deadline:
                        log = (self.home / "orthanc.log").read_text()[-2000:]
                        raise RuntimeError(f"Orthanc does not start:\n{log}") from None
                    time.sleep(0.05)
                else:
                    return
        finally:
            archive.close()

    def _configuration(self) -> dict[str, object]:
        return {
            "Name": "Margin's tests",
            "StorageDirectory": str(self.home / "store"),
            "IndexDirectory": str(self.home / "store"),
            "StoreMD5ForAttachments": True,
            "OverwriteInstances": False,
            "Plugins": [str(one) for one in plugins()],
            "PythonScript": str(REPEATS_SCRIPT),
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": "MARGIN",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "HttpCompressionEnabled": False,
            "HttpThreadsCount": 32,
            "KeepAlive": True,
            "TcpNoDelay": True,
            "DicomAlwaysAllowStore": False,
            "DicomAlwaysAllowEcho": False,
            "DicomCheckCalledAet": True,
            "DicomModalitiesInDatabase": True,
            "OrthancExplorerEnabled": False,
            "WebDavEnabled": False,
            "DicomWeb": {
                "Enable": True,
                "Root": "/dicom-web/",
                "EnableWado": False,
                "StudiesMetadata": "Full",
                "SeriesMetadata": "Full",
            },
        }


@contextlib.contextmanager
def running_orthanc(home: Path) -> Iterator[OrthancProcess]:
    """An Orthanc for as long as the block runs."""
    orthanc = OrthancProcess(home)
    orthanc.start()
    try:
        yield orthanc
    finally:
        orthanc.stop()


@contextlib.contextmanager
def archive_with(home: Path, files: Iterable[bytes] = ()) -> Iterator[Archive]:
    """An archive in an Orthanc of its own, with these DICOM files in it, while the block runs."""
    with running_orthanc(home) as orthanc, contextlib.closing(orthanc.archive()) as archive:
        for file in files:
            archive.store_instance(file)
        yield archive
