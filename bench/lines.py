"""The two ways to a server that are measured: a surgeon's line, and the machine itself."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from bench.worlds import PORTS, started
from tests.archive.orthanc_process import free_port

START_LIMIT_S = 15.0


@dataclass(frozen=True)
class Line:
    """Rate in each direction and time there and back; without a rate there is no line in between."""

    mbit_per_s: float = 20.0
    round_trip_ms: float = 150.0
    slow_start: bool = False

    def __str__(self) -> str:
        if not self.mbit_per_s:
            return "loopback"
        kind = ", slow start" if self.slow_start else ""
        return f"{self.mbit_per_s:g} Mbit/s, {self.round_trip_ms:g} ms{kind}"


def line_options(command: Callable[..., bool | None]) -> Callable[..., bool | None]:
    """The options of a bench that measures over a line."""
    for option in (
        click.option("--slow-start", is_flag=True, help="Connections begin slowly (RFC 5681)."),
        click.option("--round-trip-ms", default=150.0, show_default=True),
        click.option("--mbit", default=20.0, show_default=True, help="0 is no line in between."),
    ):
        command = option(command)
    return command


def new_port() -> int:
    """A port of the benches' own that is free."""
    return free_port(*PORTS)


@contextlib.contextmanager
def line_to(port: int, line: Line, at: int = 0) -> Iterator[int]:
    """The port of 127.0.0.1 (`at`, if given) from which the line leads to `port`; a process of its
    own carries it."""
    if not line.mbit_per_s:
        yield port
        return
    begins = at or new_port()
    command = [sys.executable, "-m", "bench.shaped_line", "--to", f"127.0.0.1:{port}"]
    command += ["--port", str(begins), "--mbit", str(line.mbit_per_s)]
    command += ["--round-trip-ms", str(line.round_trip_ms)]
    command += ["--slow-start"] if line.slow_start else []
    with (
        tempfile.TemporaryDirectory(prefix="margin-bench-line-") as folder,
        started(command, signal.SIGINT, Path(folder) / "log") as process,
    ):
        _await_port(begins, process, Path(folder) / "log")
        yield begins


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the line does not begin: {log.read_text()[-2000:]}")


def trusted_by_key(certificate: Path) -> str:
    """Chromium's option to take a certificate that signed itself, by its key, as if it were a good one.

    With the plainer option it would keep nothing of that origin in its cache.
    """

    def openssl(*words: str, given: bytes | None = None) -> bytes:
        done: Any = subprocess.run(
            ["openssl", *words], input=given, capture_output=True, check=True
        )
        return bytes(done.stdout)

    key = openssl("x509", "-in", str(certificate), "-noout", "-pubkey")
    encoded = openssl("pkey", "-pubin", "-outform", "der", given=key)
    digest = b64encode(sha256(encoded).digest()).decode()
    return f"--ignore-certificate-errors-spki-list={digest}"
