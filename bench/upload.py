"""A zip file from a browser: Margin's upload page beside a bare copy of the same file over HTTP.

python -m bench.upload [--mb 1000] [--rounds 3] [--look-through]

A headless Chromium sends one file of CT slices, in turns by the upload page of a case (tus, every piece
synced before it is answered) and by one bare PUT to a server of a few lines that copies the body into
a new file with `shutil.copyfileobj`, under the same gunicorn with the same options. Both write to the
same disk and keep every file to the end: one that is written over finds its memory in place, which on a
virtual machine can be ten times faster than memory not used before. The same is done by a program without
a browser, and once more by a bare copy that is answered when it is on the disk: who answers only for what
a power cut leaves cannot be faster than that. Time counts from the choice of the file to the answer for
its last byte. The memory is the highest resident set (VmHWM, proc(5)) of any process of Margin's web
server over all rounds. With `--look-through` the time until every slice is in the archive is waited for
and shown, without a bar.
Prints medians and writes bench/results/upload.json.
"""

from __future__ import annotations

import http.client
import io
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import click
import httpx
import numpy as np
from playwright.sync_api import Page, sync_playwright
from pydicom.uid import ExplicitVRLittleEndian
from rich.console import Console
from rich.table import Table

from bench.figures import as_program, in_words, keep
from bench.resident import highest_resident_mb
from bench.worlds import Margin, running_margin, stopped_like_ctrl_c
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.intake.uploads.queries import progress
from server.processes.programs import web_command
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import free_port
from tests.browser import CHROMIUM, FLAGS
from tests.world import World, build_world

LEAST_SHARE = 0.6
MOST_MB = 200.0
SLICE_SIDE = 512
STUDY = "1.2.826.0.1.3680043.8.498.12"
BARE, SYNCED, PAGE, PROGRAM = "bare copy", "bare copy, synced", "upload page", "program"
LOOK_S = 0.05
BARE_APP = """
import os
import shutil
import tempfile

PAGE = b"<!doctype html><title>bare</title><input type=file id=f>"


def app(environ, start_response):
    if environ["REQUEST_METHOD"] == "PUT":
        with tempfile.NamedTemporaryFile(dir=".", delete=False) as sink:
            shutil.copyfileobj(environ["wsgi.input"], sink, 256 * 1024)
            if environ["PATH_INFO"] == "/synced":
                sink.flush()
                os.fsync(sink.fileno())
        start_response("204 No Content", [])
        return [b""]
    start_response("200 OK", [("Content-Type", "text/html")])
    return [PAGE]
"""
PUT_BY_BROWSER = """(input) => new Promise((sent, failed) => {
  const request = new XMLHttpRequest();
  request.open("PUT", "/file");
  request.onload = sent;
  request.onerror = failed;
  request.send(document.getElementById("f").files[0]);
})"""


@dataclass(frozen=True)
class Memory:
    """The highest resident set of a process of the web server, before and after, in MB."""

    before_mb: float
    peak_mb: float


def write_zip(path: Path, size_mb: int) -> int:
    """A zip file of noisy CT slices, nothing in it compressed; how many slices."""
    chance = np.random.default_rng(1)
    count = max(1, round(size_mb * 1e6 / (SLICE_SIDE * SLICE_SIDE * 2)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number in range(1, count + 1):
            dataset = ct_slice(
                "BENCH", STUDY, f"{STUDY}.1", number, ExplicitVRLittleEndian, rows=8, columns=8
            )
            dataset.Rows = dataset.Columns = SLICE_SIDE
            noise = chance.integers(-1000, 1000, (SLICE_SIDE, SLICE_SIDE), np.int16)
            dataset.PixelData = noise.tobytes()
            archive.writestr(f"DICOM/IM{number:05d}", written(dataset))
    return count


@contextmanager
def bare_server(margin: Margin, folder: Path) -> Iterator[int]:
    """A few lines under the same gunicorn with the same options; gives its port."""
    (folder / "bare.py").write_text(BARE_APP)
    port = free_port(18600, 18690)
    command = [*web_command(margin.settings)]
    command[command.index("server.app:create_app()")] = "bare:app"
    command[command.index("--bind") + 1] = f"127.0.0.1:{port}"
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as process:
        try:
            _await_port(port)
            yield port
        finally:
            process.terminate()


def _await_port(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
        except httpx.HTTPError:
            time.sleep(LOOK_S)
        else:
            return
    raise RuntimeError("the bare server did not start")


def by_bare_browser(page: Page, port: int, file: Path) -> float:
    page.goto(f"http://127.0.0.1:{port}/")
    started = time.perf_counter()
    page.set_input_files("#f", file)
    page.evaluate(PUT_BY_BROWSER)
    return time.perf_counter() - started


def by_page(page: Page, link: str, file: Path) -> float:
    """The upload page as a hospital uses it; a fresh browser knows no earlier upload."""
    page.goto(link)
    page.wait_for_selector("[data-drop]")
    page.wait_for_timeout(500)
    started = time.perf_counter()
    page.set_input_files("#upload-files", file)
    page.wait_for_selector("[data-finished]:not([hidden])", timeout=600_000)
    return time.perf_counter() - started


def by_bare_program(port: int, file: Path, path: str = "/file") -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    started = time.perf_counter()
    with file.open("rb") as body:
        headers = {"Content-Length": str(file.stat().st_size)}
        connection.request("PUT", path, body, headers)
        connection.getresponse().read()
    return time.perf_counter() - started


def by_program(base: str, token: str, file: Path, piece: int = 64 * 1024 * 1024) -> float:
    """tus without a browser, in pieces as large as the page's."""
    size = file.stat().st_size
    with httpx.Client(base_url=base, headers={"Tus-Resumable": "1.0.0"}, timeout=600) as client:
        visit = client.post("/open", json={"token": token}).json()["location"]
        started = time.perf_counter()
        begun = client.post(f"{visit}uploads", headers={"Upload-Length": str(size)})
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        address = begun.headers["Location"]
    connection = http.client.HTTPConnection(base.removeprefix("http://"))
    headers = {
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Cookie": cookie,
    }
    with file.open("rb") as source:
        for offset in range(0, size, piece):
            length = min(piece, size - offset)
            said = {**headers, "Upload-Offset": str(offset), "Content-Length": str(length)}
            connection.request("PATCH", address, _part(source, length), said)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 204:
                raise RuntimeError(f"a piece was answered with {answer.status}")
    return time.perf_counter() - started


def _part(source: io.BufferedReader, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = source.read(min(length, 1 << 20))
        length -= len(piece)
        yield piece


def highest_mb(margin: Margin) -> float:
    """The highest resident set of the largest process of the web server, in MiB."""
    return max((highest_resident_mb(pid) for pid in margin.pids_of("web")), default=0.0)


def look_through(margin: Margin, world: World, count: int) -> float:
    """Seconds until everything that came was looked through; Margin works on it meanwhile."""
    db = Database(margin.settings.database_url)
    started = time.perf_counter()
    while True:
        with db.reading() as session:
            found = progress(session, world.inside.id)
        if not found.waiting and not found.receiving:
            db.dispose()
            if found.taken < count or found.refused:
                raise RuntimeError(f"{found.taken} of {count} slices were taken")
            return time.perf_counter() - started
        time.sleep(1)


@click.command()
@click.option("--mb", default=1000, show_default=True, help="Size of the zip file.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--look-through", "looks", is_flag=True, help="Wait for the archive as well.")
def main(mb: int, rounds: int, looks: bool) -> bool:
    """Measure the upload of one large file."""
    found: dict[str, list[float]] = {}
    with stopped_like_ctrl_c(), tempfile.TemporaryDirectory(prefix="margin-bench-") as directory:
        folder = Path(directory)
        file = folder / "disc.zip"
        count = write_zip(file, mb)
        size = file.stat().st_size
        with running_margin() as margin, bare_server(margin, folder) as port:
            world = build_world(Database(margin.settings.database_url), utc_now())
            by_page_once(margin, world)
            before = highest_mb(margin)
            _rounds(margin, world, port, file, rounds, found)
            memory = Memory(before, highest_mb(margin))
            seconds = look_through(margin, world, count) if looks else None
    return report(found, size, memory, count, seconds)


def by_page_once(margin: Margin, world: World) -> None:
    """A first visit, so that what the server loads only once is there before memory is measured."""
    link = f"{margin.settings.public_url}/open#{world.tokens['hospital']}"
    with sync_playwright() as playwright, tempfile.NamedTemporaryFile(suffix=".pdf") as small:
        small.write(b"%PDF-1.7\n%%EOF\n")
        small.flush()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        by_page(browser.new_page(), link, Path(small.name))
        browser.close()


def _rounds(
    margin: Margin,
    world: World,
    port: int,
    file: Path,
    rounds: int,
    found: dict[str, list[float]],
) -> None:
    base, token = margin.settings.public_url, world.tokens["hospital"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for _ in range(rounds):
            page = browser.new_context().new_page()
            turns = {
                f"browser, {BARE}": partial(by_bare_browser, page, port, file),
                f"browser, {PAGE}": partial(by_page, page, f"{base}/open#{token}", file),
                f"{PROGRAM}, {BARE}": partial(by_bare_program, port, file),
                f"{PROGRAM}, {SYNCED}": partial(by_bare_program, port, file, "/synced"),
                f"{PROGRAM}, tus": partial(by_program, base, token, file),
            }
            for name, turn in turns.items():
                margin.wait_until_quiet(limit_s=600)
                found.setdefault(name, []).append(file.stat().st_size / turn() / 1e6)
            page.context.close()
        browser.close()


def report(
    found: dict[str, list[float]], size: int, memory: Memory, count: int, seconds: float | None
) -> bool:
    """Print the medians, keep every run; whether both bars are kept."""
    table = Table(title=f"One zip file of {size / 1e6:.0f} MB over loopback")
    for heading in ("", "MB/s (median)", "of the bare copy", "runs"):
        table.add_column(heading, justify="left" if not heading else "right")
    medians = {name: median(runs) for name, runs in found.items()}
    shares = {
        f"browser, {PAGE}": medians[f"browser, {PAGE}"] / medians[f"browser, {BARE}"],
        f"{PROGRAM}, {SYNCED}": medians[f"{PROGRAM}, {SYNCED}"] / medians[f"{PROGRAM}, {BARE}"],
        f"{PROGRAM}, tus": medians[f"{PROGRAM}, tus"] / medians[f"{PROGRAM}, {BARE}"],
    }
    for name, runs in found.items():
        share = f"{shares[name]:.0%}" if name in shares else ""
        table.add_row(name, f"{medians[name]:.0f}", share, ", ".join(f"{run:.0f}" for run in runs))
    Console().print(table)
    is_fast = shares[f"browser, {PAGE}"] >= LEAST_SHARE
    is_small = memory.peak_mb <= MOST_MB
    Console().print(
        f"Bar (browser, at least {LEAST_SHARE:.0%} of a bare copy): {in_words(is_fast)}"
    )
    Console().print(
        f"Bar (web server, at most {MOST_MB:.0f} MB; {memory.peak_mb:.0f} MB, "
        f"{memory.before_mb:.0f} MB before): {in_words(is_small)}"
    )
    if seconds is not None:
        Console().print(f"{count} slices were in the archive after another {seconds:.0f} s.")
    facts: dict[str, object] = {
        "bytes": size,
        "share": shares,
        "web_peak_mb": memory.peak_mb,
        "web_before_mb": memory.before_mb,
    }
    facts |= {"bar_share": LEAST_SHARE, "bar_mb": MOST_MB}
    keep("upload", {**facts, "passed": is_fast and is_small, "mb_per_s": medians, "runs": found})
    return is_fast and is_small


if __name__ == "__main__":
    as_program(main)
