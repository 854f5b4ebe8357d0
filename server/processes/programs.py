"""The table of what runs: one frozen record per program, in the order they start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from server.foundation.places import IN_BULK_PER_THREAD
from server.foundation.settings import Settings
from server.processes import health
from server.processes.nginx_configuration import WEB_SOCKET, nginx_program
from server.processes.orthanc_configuration import orthanc_program, write_configuration

WEB_GRACE_S = 10
# A search may name many UIDs; this is the longest that gunicorn allows.
LONGEST_ADDRESS_BYTES = 8190


@dataclass(frozen=True)
class Program:
    """One supervised program.

    `problem` says in a few words why it is not healthy yet, "" when it is. `stop_wait_s` is how
    long it may take to end in good order before it is killed.
    """

    name: str
    command: tuple[str, ...]
    problem: Callable[[Settings], str]
    stop_wait_s: int
    environment: Mapping[str, str] = field(default_factory=dict)


def runs_own_orthanc(settings: Settings) -> bool:
    """Whether `settings.orthanc_url` means the Orthanc that `margin up` starts itself."""
    address = urlsplit(settings.orthanc_url)
    is_here = address.hostname in ("127.0.0.1", "localhost", "::1")
    return is_here and address.port == settings.orthanc_port


def programs(settings: Settings) -> tuple[Program, ...]:
    """What `margin up` runs. Orthanc is left out when MARGIN_ORTHANC_URL names another one; nginx
    stands in front when MARGIN_PROXY says so.

    Writes Orthanc's configuration; raises OrthancMissing or ProxyMissing when one is not installed.
    """
    web = Program("web", web_command(settings), health.web_problem, WEB_GRACE_S + 5, LEAN)
    worker = Program("worker", worker_command(), health.worker_problem, 20, LEAN)
    return (*_orthanc(settings), web, worker, *_proxy(settings))


def _orthanc(settings: Settings) -> tuple[Program, ...]:
    if not runs_own_orthanc(settings):
        return ()
    orthanc = Program(
        "orthanc",
        (str(orthanc_program()), str(write_configuration(settings))),
        health.orthanc_problem,
        30,
        # DCMTK leaves Nagle's algorithm on unless told; with it every C-STORE waits for 40 ms.
        {"TCP_NODELAY": "1"},
    )
    return (orthanc,)


def _proxy(settings: Settings) -> tuple[Program, ...]:
    if not settings.proxy:
        return ()
    # Asked for here, so that a start without it ends with the remedy and not in a log.
    nginx_program()
    command = (sys.executable, "-m", "server.processes.proxy")
    return (Program("proxy", command, health.proxy_problem, WEB_GRACE_S + 5, LEAN),)


# glibc gives every thread its own arena; with dozens of threads that is memory nobody uses.
LEAN = {"MALLOC_ARENA_MAX": "2"}


def web_command(settings: Settings) -> tuple[str, ...]:
    """gunicorn with threads, of which those for bodies in bulk leave those for pages alone; loading before
    the fork saves memory from two processes on."""
    threads = settings.web_threads * (1 + IN_BULK_PER_THREAD)
    in_memory = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file of its own there
    command = [
        *(sys.executable, "-m", "gunicorn", "server.app:create_app()"),
        *_bound(settings),
        *("--worker-class", "server.processes.web_worker.LingeringThreads"),
        *("--workers", str(settings.web_workers), "--threads", str(threads)),
        *("--timeout", "120", "--graceful-timeout", str(WEB_GRACE_S), "--keep-alive", "75"),
        *("--limit-request-line", str(LONGEST_ADDRESS_BYTES)),
        *("--log-level", settings.log_level, "--no-control-socket"),
    ]
    if os.access(in_memory, os.W_OK):
        command += ["--worker-tmp-dir", str(in_memory)]
    if settings.web_workers > 1:
        command += ["--preload"]
    if settings.log_level == "debug":
        # %(U)s is the path without its query string, which may name a patient.
        command += ["--access-logfile", "-", "--access-logformat", "%(m)s %(U)s %(s)s %(B)s %(L)s"]
    return tuple(command)


def _bound(settings: Settings) -> tuple[str, ...]:
    if settings.proxy:
        return ("--bind", f"unix:{WEB_SOCKET}", "--umask", "0o077")
    return ("--bind", f"{_bracketed(settings.host)}:{settings.port}")


def worker_command() -> tuple[str, ...]:
    return (sys.executable, "-m", "server.worker")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
