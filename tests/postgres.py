"""A PostgreSQL of the tests' own: started from the distribution's programs, gone afterwards.

It listens on a Unix socket in a folder of its own, so no port is taken and no service touched.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

INSTALLED = Path("/usr/lib/postgresql")
START_LIMIT_S = 30.0
# Speed instead of durability: the data does not outlive the run.
OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


def programs_folder() -> Path:
    """The newest installed PostgreSQL's bin folder; FileNotFoundError with the remedy."""
    found = [folder for folder in INSTALLED.glob("*/bin") if (folder / "initdb").exists()]
    if not found:
        raise FileNotFoundError(
            f"no PostgreSQL under {INSTALLED}; run `make test`, which installs it"
        )
    return max(found, key=lambda folder: float(folder.parent.name))


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server; yields the URL of its first database (for `Settings.database_url`)."""
    programs = programs_folder()
    folder = Path(tempfile.mkdtemp(prefix="margin-postgres-"))
    as_account = _account(folder)
    data = folder / "data"
    log = (folder.with_suffix(".log")).open("w+b")
    try:
        subprocess.run(
            [
                *(programs / "initdb", "-D", data, "-U", "margin", "--auth=trust", "--no-sync"),
                *("--encoding=UTF8", "--locale=C.UTF-8"),
            ],
            cwd="/",
            check=True,
            stdout=log,
            stderr=log,
            **as_account,
        )
        command: list[str | Path] = [
            "setpriv",
            "--pdeathsig",
            "INT",
            "--",
            programs / "postgres",
            "-D",
            data,
        ]
        command += ["-k", folder, "-c", "listen_addresses="]
        command += [word for option in OPTIONS for word in ("-c", option)]
        server = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **as_account)
        try:
            _await(server, folder, Path(log.name))
            yield f"postgresql+psycopg://margin@/postgres?host={folder}"
        finally:
            _stop(server)
    finally:
        log.close()
        Path(log.name).unlink()
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server_url: str, name: str) -> str:
    """Create an empty database `name` on a running server; its URL."""
    plain = server_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    before, _, after = server_url.partition("/postgres?")
    return f"{before}/{name}?{after}"


def _account(folder: Path) -> dict[str, Any]:
    """Options for subprocess: PostgreSQL refuses to run as root, so root hands the folder over."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = known.get("postgres") or known["nobody"]
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _await(server: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        try:
            connection = psycopg.connect(host=str(folder), user="margin", dbname="postgres")
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
        else:
            connection.close()
            return


def _stop(server: subprocess.Popen[bytes]) -> None:
    """SIGINT is PostgreSQL's fast shutdown: it does not wait for clients."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
