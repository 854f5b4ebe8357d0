"""Run nginx in the foreground: `python -m server.processes.proxy`.

    python -m server.processes.proxy [--upstream server:8600] [--redirect-port 8080]

A small parent of nginx, for three things that nginx does not do: its messages are cut before they
name who asked for what, its workers do not outlive it, and a web server that comes back under another
address, as containers do, is found again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import IO

from server.foundation.errors import MarginError
from server.foundation.settings import Settings
from server.processes.certificate import ensure_certificate
from server.processes.nginx_configuration import (
    challenge_folder,
    nginx_program,
    runtime_folder,
    write_configuration,
)

# After the message nginx tells the client's address, the request with its query, the referrer.
_WHO = re.compile(rb", (?:client|server|request|upstream|host|referrer): .*")
LOOKED_UP_EVERY_S = 5.0
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def prepare(settings: Settings, upstream: str = "", redirect_port: int = 0) -> tuple[str, ...]:
    """Write what nginx needs; its command line. Raises MarginError with what to do."""
    ensure_certificate(settings)
    challenge_folder(settings).mkdir(mode=0o755, parents=True, exist_ok=True)
    path = write_configuration(settings, upstream, redirect_port)
    folder = str(runtime_folder(settings))
    return (str(nginx_program()), "-p", folder, "-c", str(path), "-e", "stderr")


def without_identity(line: bytes) -> bytes:
    """A message of nginx without the address, the request and whatever else names somebody."""
    return _WHO.sub(b"", line.rstrip(b"\n")) + b"\n"


def run(command: tuple[str, ...], home: Path, upstream: str = "") -> int:
    """Run nginx in its own process group until it ends or this process is asked to."""
    known = addresses_of(upstream)
    nginx = subprocess.Popen(  # noqa: S603 - our own command line
        ("setpriv", "--pdeathsig", "TERM", "--", *command),  # noqa: S607 - as supervisor does
        cwd=home,
        stderr=subprocess.PIPE,
        process_group=0,
    )

    def stop(_number: int, _frame: FrameType | None) -> None:
        # QUIT: answers under way are finished, idle connections are closed.
        nginx.send_signal(signal.SIGQUIT)

    for number in ENDINGS:
        signal.signal(number, stop)
    assert nginx.stderr is not None
    # Its workers hold the other end too, so that the end of the file is not the end of nginx.
    threading.Thread(target=_tell, args=(nginx.stderr,), daemon=True).start()
    code = None
    while code is None:
        try:
            code = nginx.wait(LOOKED_UP_EVERY_S if upstream else None)
        except subprocess.TimeoutExpired:
            found = addresses_of(upstream)
            if found and found != known:
                # nginx looks names up when it reads its configuration, and only then.
                known = found
                nginx.send_signal(signal.SIGHUP)
    # No worker should be left; after a crash of nginx they are.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(nginx.pid, signal.SIGKILL)
    return code


def addresses_of(upstream: str) -> frozenset[str]:
    """The addresses that the name in HOST:PORT stands for just now; none when it is unknown."""
    host = upstream.rpartition(":")[0]
    try:
        found = socket.getaddrinfo(host, None) if host else []
    except OSError:
        return frozenset()
    return frozenset(str(address[0]) for *_, address in found)


def _tell(messages: IO[bytes]) -> None:
    for line in messages:
        sys.stderr.buffer.write(without_identity(line))
        sys.stderr.buffer.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m server.processes.proxy")
    parser.add_argument("--upstream", default="", help="HOST:PORT of the web server")
    parser.add_argument("--redirect-port", type=int, default=0, help="port of plain HTTP")
    told = parser.parse_args()
    settings = Settings.from_environ(os.environ)
    try:
        command = prepare(settings, told.upstream, told.redirect_port)
    except MarginError as error:
        print(f"margin: {error.detail}\n{error.remedy}", file=sys.stderr)
        return 1
    return run(command, settings.home, told.upstream)


if __name__ == "__main__":
    sys.exit(main())
