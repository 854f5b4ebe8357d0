"""Nothing that was acknowledged is lost: a long run of kills, cuts and repeats, and what it left.

python -m bench.lossless [--minutes 10] [--senders 6] [--postgres] [--seed 1]

A whole Margin is started again and again, each time empty. Hospitals push to it at once, some over a
line that is cut in the middle of an association; all use one PatientID. Meanwhile Orthanc, the web
server and the worker are killed by SIGKILL at random moments, with --postgres the database too, uploads
by the page's protocol are cut half-way, and the change feed is read from its beginning again. Each round
ends when every sender has had everything accepted and every half upload was gone on with where it ended.
Then each instance that was ever acknowledged has to be in the archive exactly once, byte for byte, under
the MD5 that Margin noted, in the arrival of its sender, in the case that expects it, and the audit trail
has to be whole. Prints how many kills and how many instances, and writes bench/results/lossless.json; the
exit code is 0 only if nothing was lost.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psycopg
from rich.console import Console

from bench.figures import as_program, in_words, keep
from bench.worlds import running_margin, stopped_like_ctrl_c
from server.foundation import audit
from server.foundation.db import Database, DatabaseFull
from server.foundation.errors import Unavailable
from server.foundation.settings import Settings
from server.intake.queries import cursor
from tests import postgres
from tests.e2e.losing import (
    Kill,
    hospitals_with_cases,
    kill_a_process,
    push_while_killing,
    verdict,
)
from tests.e2e.uploading import HalfUploads, await_looked_through, faults_of_uploads, world_of

KILLS_IN_A_ROUND = 12
SLICES = 60


class MortalPostgres:
    """A PostgreSQL with all its safeguards, that can be killed and comes back on the same data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._as_account = postgres._account(folder)
        self._programs = postgres.programs_folder()
        self._log = (folder / "log").open("w+b")
        command = (self._programs / "initdb", "-D", folder / "data", "-U", "margin", "-A", "trust")
        subprocess.run(
            [*command, "--encoding=UTF8", "--locale=C.UTF-8"],
            cwd="/",
            check=True,
            stdout=self._log,
            stderr=self._log,
            **self._as_account,
        )
        self._process = self._started()
        with self._connection() as connection:
            connection.execute("CREATE DATABASE margin_lossless")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://margin@/margin_lossless?host={self._folder}"

    def kill(self, _chance: random.Random) -> str:
        """SIGKILL to the first of its processes; the others end by themselves. Then it is started."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = self._started()
        return "database"

    def stop(self) -> None:
        """End it in good order."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        self._log.close()

    def _connection(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self._folder), user="margin", dbname="postgres", autocommit=True
        )

    def _started(self) -> subprocess.Popen[bytes]:
        """Until it answers: the dead one's memory may have to be given back first."""
        until = time.monotonic() + 60
        while True:
            process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "INT", "--", self._programs / "postgres"),
                    *("-D", self._folder / "data", "-k", self._folder),
                    *("-c", "listen_addresses=", "-c", "max_connections=60"),
                ],
                cwd="/",
                stdout=self._log,
                stderr=self._log,
                **self._as_account,
            )
            while process.poll() is None:
                with contextlib.suppress(psycopg.OperationalError), self._connection():
                    return process
                time.sleep(0.1)
            if time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start: {self._folder / 'log'}")


@contextmanager
def database(wanted: bool) -> Iterator[MortalPostgres | None]:
    """A PostgreSQL that can be killed, or None for SQLite, which has no process of its own."""
    if not wanted:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="margin-mortal-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - its own account has to reach the data in it
        place = Path(folder) / "postgres"
        place.mkdir()
        found = MortalPostgres(place)
        try:
            yield found
        finally:
            found.stop()


def read_feed_anew(settings: Settings) -> Kill:
    """Has the worker read the whole change feed once more, as if its place in it had been lost."""

    def anew(_chance: random.Random) -> str:
        db = Database(settings.database_url)
        try:
            with db.writing() as session:
                cursor(session).sequence = 0
        except (Unavailable, DatabaseFull):
            return ""
        finally:
            db.dispose()
        return "feed read anew"

    return anew


def broken_trail(settings: Settings) -> list[str]:
    """What is wrong with the chain of the audit trail."""
    db = Database(settings.database_url)
    try:
        with db.reading() as session:
            report = audit.verify(session)
    finally:
        db.dispose()
    return [] if report.whole else [f"audit trail, line {report.broken_at}: {report.why}"]


@click.command()
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--senders", "count", default=6, show_default=True)
@click.option("--postgres", "on_postgres", is_flag=True, help="Records in PostgreSQL; kill it too.")
@click.option("--seed", default=20261121, show_default=True)
def main(minutes: float, count: int, on_postgres: bool, seed: int) -> bool:
    """Kill Margin again and again, and count what is lost."""
    chance, console = random.Random(seed), Console()
    until = time.monotonic() + minutes * 60
    killed: Counter[str] = Counter()
    instances = rounds = 0
    faults: list[str] = []
    with stopped_like_ctrl_c():
        while rounds == 0 or (time.monotonic() < until and not faults):
            done, found, wrong = one_round(count, on_postgres, chance)
            rounds, killed, instances = rounds + 1, killed + done, instances + found
            faults += wrong
            console.print(
                f"round {rounds}: {killed.total()} kills, {instances} instances acknowledged, "
                f"{len(faults)} faults"
            )
    kept = not faults
    console.print(f"{killed.total()} kills: {dict(killed)}")
    console.print(f"{instances} instances acknowledged, each byte for byte in its case, once:")
    console.print(f"Bar (nothing lost, doubled, altered or astray): {in_words(kept)}")
    for fault in faults[:20]:
        console.print(fault)
    facts: dict[str, object] = {"kills": dict(killed), "instances": instances, "rounds": rounds}
    keep("lossless", {**facts, "postgres": on_postgres, "faults": faults[:20], "passed": kept})
    return kept


def one_round(
    count: int, on_postgres: bool, chance: random.Random
) -> tuple[Counter[str], int, list[str]]:
    """One Margin from its start to its end: kills, instances acknowledged, and what is wrong."""
    with contextlib.ExitStack() as stack:
        mortal = stack.enter_context(database(on_postgres))
        more = {"MARGIN_DATABASE_URL": mortal.url} if mortal else {}
        margin = stack.enter_context(running_margin(**more))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        senders = hospitals_with_cases(margin.settings, folder, count, SLICES, chance)
        world = world_of(margin.settings)
        halves = stack.enter_context(HalfUploads(margin.settings, world.tokens["hospital"]))
        ways = [kill_a_process(margin.settings)] * 3 + [halves.cut, read_feed_anew(margin.settings)]
        if mortal is not None:
            ways.append(mortal.kill)
        kills = push_while_killing(margin.settings, senders, KILLS_IN_A_ROUND, chance, ways)
        halves.finish()
        found = verdict(margin.settings, senders)
        await_looked_through(margin.settings, world)
        astray = faults_of_uploads(margin.settings, world, halves.images)
        broken = broken_trail(margin.settings)
    wrong = [f"uploaded, {fault}" for fault in astray] + broken
    wrong += [
        f"{kind}: {what}" for kind, what in vars(found).items() if kind != "instances" and what
    ]
    wrong += [
        f"{one.ae_title} never got everything accepted" for one in senders if not one.complete
    ]
    return kills, found.instances + len(halves.images), wrong


if __name__ == "__main__":
    as_program(main)
