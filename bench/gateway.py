"""Frames per second through the gateway beside Orthanc's own DICOMweb, asked directly.

python -m bench.gateway [--frames 300] [--rounds 5]
python -m bench.gateway --url URL --token TOKEN --orthanc-url URL --orthanc-auth USER:PASSWORD

Without addresses it starts a Margin of its own (`margin up` in a temporary folder) and fills it with
CT slices of 512 x 512 x 16 bit. Both sides are asked for the same frames, one after the other in
alternating rounds, with the Accept header of OHIF and without Accept-Encoding (Orthanc's compression
is off anyway). Prints medians and ratios and writes bench/results/gateway.json.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from server.archive import Archive
from server.foundation.settings import Settings, with_home_secrets
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import free_port

RESULTS = Path(__file__).parent / "results"
FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
JSON = "application/dicom+json"
STUDY = "1.2.826.0.1.3680043.10.511.9"
CONNECTIONS = (1, 16)


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: where its DICOMweb begins, and what it wants to see."""

    name: str
    url: str
    headers: dict[str, str]

    def ask(self, connection: http.client.HTTPConnection, path: str, accept: str) -> bytes:
        """The body of one answer; anything but 200 ends the bench."""
        whole = urlsplit(self.url).path + path
        connection.request("GET", whole, headers={**self.headers, "Accept": accept})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.name} answers {answer.status} to {path}: {body[:200]!r}")
        return body

    def connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port or (443 if secure else 80), timeout=120)

    def json(self, path: str) -> list[dict[str, dict[str, list[str]]]]:
        with contextlib.closing(self.connect()) as connection:
            found: list[dict[str, dict[str, list[str]]]] = json.loads(
                self.ask(connection, path, JSON)
            )
            return found


@dataclass(frozen=True)
class Comparison:
    """The gateway, Orthanc, and a study that both hold."""

    margin: Side
    orthanc: Side
    study: str

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.margin, self.orthanc


@dataclass
class Figures:
    """What was measured, by kind and side: every run is kept."""

    unit: str
    runs: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, kind: str, side: Side, figure: float) -> None:
        self.runs.setdefault(kind, {}).setdefault(side.name, []).append(figure)

    def report(self, title: str, file: str, *, more_is_better: bool, **facts: object) -> None:
        """Prints the medians with their ratio and writes them to bench/results."""
        table = Table(title=title)
        for heading in ("", f"Margin ({self.unit})", f"Orthanc ({self.unit})", "Margin : Orthanc"):
            table.add_column(heading)
        medians: dict[str, dict[str, float]] = {}
        for kind, sides in self.runs.items():
            margin, orthanc = median(sides["margin"]), median(sides["orthanc"])
            ratio = margin / orthanc
            medians[kind] = {"margin": margin, "orthanc": orthanc, "ratio": ratio}
            table.add_row(kind, f"{margin:.4g}", f"{orthanc:.4g}", f"{ratio:.2f}")
        Console().print(table)
        bar = 0.8 if more_is_better else 1.25
        passed = all(
            one["ratio"] >= bar if more_is_better else one["ratio"] <= bar
            for one in medians.values()
        )
        verdict = "kept" if passed else "NOT kept"
        Console().print(f"Bar (the gateway costs at most 25 %, ratio {bar}): {verdict}")
        RESULTS.mkdir(exist_ok=True)
        result = {"unit": self.unit, **facts, "median": medians, "bar": bar, "passed": passed}
        text = json.dumps({**result, "runs": self.runs}, indent=2)
        (RESULTS / file).write_text(text + "\n")


def alternate(comparison: Comparison, rounds: int, measure: Callable[[Side], None]) -> None:
    """Measures both sides in turn; who begins changes every round."""
    for number in range(rounds):
        for side in comparison.sides[:: 1 if number % 2 else -1]:
            measure(side)


@contextlib.contextmanager
def own_margin(series: int, slices: int) -> Iterator[Comparison]:
    """A Margin in a temporary folder, with one study in it, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="margin-bench-") as folder:
        port, orthanc_port, dicom_port = (
            free_port(first, first + 28) for first in (18310, 18340, 18370)
        )
        home = Path(folder) / "home"
        environ = {
            **{name: value for name, value in os.environ.items() if "MARGIN_" not in name},
            "MARGIN_HOME": str(home),
            "MARGIN_PORT": str(port),
            "MARGIN_ORTHANC_PORT": str(orthanc_port),
            "MARGIN_DICOM_PORT": str(dicom_port),
        }
        margin = str(Path(sys.executable).with_name("margin"))
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen([margin, "up"], env=environ, stdout=log, stderr=log)
        try:
            _wait_until_healthy(process, port, Path(folder) / "log")
            settings = with_home_secrets(Settings.from_environ(environ))
            token = subprocess.run(
                [margin, "grant", "create", "--archive", "--for", "bench"],
                env=environ,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            _fill(settings, series, slices)
            pair = f"{settings.orthanc_user}:{settings.orthanc_password}"
            yield compare(f"http://127.0.0.1:{port}", token, settings.orthanc_url, pair, STUDY)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"margin up does not get ready:\n{log.read_text()[-3000:]}")


def _fill(settings: Settings, series: int, slices: int) -> None:
    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    for number in range(1, series + 1):
        for position in range(1, slices + 1):
            uid = f"{STUDY}.{number}"
            slice_ = ct_slice("BENCH", STUDY, uid, position, rows=512, columns=512)
            slice_.SeriesNumber = number
            archive.store_instance(written(slice_))
    archive.close()


def compare(url: str, token: str, orthanc_url: str, pair: str, study: str) -> Comparison:
    """Both sides by their addresses; an empty `study` means the first one found."""
    basic = base64.b64encode(pair.encode()).decode()
    margin = Side("margin", f"{url.rstrip('/')}/dicom-web", {"Authorization": f"Bearer {token}"})
    orthanc = Side(
        "orthanc", f"{orthanc_url.rstrip('/')}/dicom-web", {"Authorization": f"Basic {basic}"}
    )
    if not study:
        study = margin.json("/studies?limit=1&ModalitiesInStudy=CT")[0]["0020000D"]["Value"][0]
    return Comparison(margin, orthanc, study)


@contextlib.contextmanager
def comparison_of(
    url: str, token: str, orthanc_url: str, pair: str, study: str, size: tuple[int, int]
) -> Iterator[Comparison]:
    """The Margin at `url`, or without one a Margin of our own with `size` = (series, slices)."""
    if url:
        yield compare(url, token, orthanc_url, pair, study)
        return
    with own_margin(*size) as own:
        yield own


def where(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a bench that can use a Margin which runs already."""
    for option in (
        click.option("--study", default="", help="StudyInstanceUID; the first CT when not given."),
        click.option("--orthanc-auth", "pair", default="", help="USER:PASSWORD"),
        click.option("--orthanc-url", default="", help="Orthanc behind it."),
        click.option("--token", default="", help="An access token for the study."),
        click.option("--url", default="", help="A running Margin."),
    ):
        command = option(command)
    return command


def frame_paths(comparison: Comparison) -> list[str]:
    """The address of the first frame of every CT instance of the study."""
    study = f"/studies/{comparison.study}"
    found = []
    for item in comparison.margin.json(f"{study}/instances?Modality=CT"):
        series, instance = item["0020000E"]["Value"][0], item["00080018"]["Value"][0]
        found.append(f"{study}/series/{series}/instances/{instance}/frames/1")
    return found


def frames_per_s(side: Side, paths: list[str], count: int, connections: int) -> float:
    """How fast `count` frames come over so many connections."""
    failures: list[BaseException] = []

    def read(first: int) -> None:
        try:
            with contextlib.closing(side.connect()) as connection:
                for number in range(first, count, connections):
                    side.ask(connection, paths[number % len(paths)], FRAME)
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(first,)) for first in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return count / (time.perf_counter() - started)


@click.command()
@click.option("--frames", default=300, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@where
def main(
    frames: int, rounds: int, url: str, token: str, orthanc_url: str, pair: str, study: str
) -> None:
    """Compare frames per second."""
    figures = Figures("frames/s")
    with comparison_of(url, token, orthanc_url, pair, study, (1, 300)) as comparison:
        paths = frame_paths(comparison)
        for side in comparison.sides:
            frames_per_s(side, paths, min(frames, len(paths)), 4)

        def measure(side: Side) -> None:
            for connections in CONNECTIONS:
                kind = f"{connections} connection{'s' if connections > 1 else ''}"
                figures.add(kind, side, frames_per_s(side, paths, frames, connections))

        alternate(comparison, rounds, measure)
    figures.report(
        "Frames of 512 x 512 x 16 bit", "gateway.json", more_is_better=True, frames=frames
    )


if __name__ == "__main__":
    main()
