"""Memory of the whole server while it idles, and of a server process under load.

python -m bench.memory [--slices 450] [--idle-s 20]

Idle: the proportional set size (PSS: what is shared counts by shares) of `margin up` and all its
descendants, after the start, and after a study of four series has come by C-STORE, was prepared and
was read whole through the gateway. The bar is 400 MB (2**20 bytes) in all, each time. What was highest
in between is shown too. Under load: the highest resident set (VmHWM, proc(5)) that any process of the web
server ever had, after frames were read over 16 connections and another study came while two surgeons
scrolled; the bar is 300 MB for each. Prints a table and writes bench/results/memory.json.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import click
from rich.table import Table

from bench.figures import as_program, console, in_words, keep
from bench.gateway import FRAME, frame_paths
from bench.open_study import open_study
from bench.resident import highest_resident_mb
from bench.scrolling import scrolling
from bench.sides import comparison_of, read
from bench.studies import another_study, new_study, wait_until_prepared
from bench.worlds import Margin, running_margin
from server.processes.memory import tree_pss_mb
from server.processes.supervision import Supervisor

MOST_MB = 400.0
MOST_OF_A_PROCESS_MB = 300.0
SERIES = 4
LOOKS = 5
LOOK_EVERY_S = 1.0
PEAK_LOOK_EVERY_S = 0.25
CONNECTIONS = 16
SUPERVISION, ALL = "supervision", "all"


@dataclass
class Peak:
    """The most memory of the whole tree seen so far, in MB."""

    mb: float = 0.0


def sizes_mb(margin: Margin) -> dict[str, float]:
    """PSS in MB of each program, of what supervises them, and of all; medians of a few looks."""
    looks: list[dict[str, float]] = []
    for _ in range(LOOKS):
        found = {one.name: tree_pss_mb(one.pid) for one in Supervisor(margin.settings).states()}
        whole = tree_pss_mb(margin.pid)
        looks.append({**found, SUPERVISION: whole - sum(found.values()), ALL: whole})
        time.sleep(LOOK_EVERY_S)
    return {name: median(look[name] for look in looks) for name in looks[0]}


def idle_sizes_mb(margin: Margin, idle_s: float) -> dict[str, float]:
    margin.wait_until_quiet()
    time.sleep(idle_s)
    return sizes_mb(margin)


@contextlib.contextmanager
def watching(margin: Margin) -> Iterator[Peak]:
    """Looks at the whole tree again and again while the block runs."""
    peak, over = Peak(), threading.Event()

    def look() -> None:
        while not over.wait(PEAK_LOOK_EVERY_S):
            peak.mb = max(peak.mb, tree_pss_mb(margin.pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def highest_mb(margin: Margin) -> list[float]:
    """The highest resident set in MB that each process of the web server ever had."""
    return [highest_resident_mb(pid) for pid in margin.pids_of("web")]


def use(margin: Margin, slices: int) -> None:
    """A study comes and is read whole: the series, their metadata, every frame; then another one
    comes while two surgeons scroll."""
    comparison = comparison_of(margin, new_study(margin, SERIES, slices))
    side = comparison.margin
    open_study(side, comparison.study, SERIES)
    paths = frame_paths(comparison)
    read(side, paths, FRAME, count=len(paths), connections=CONNECTIONS)
    with scrolling(side, paths):
        study = another_study(margin, 1, slices, "another")
        wait_until_prepared(margin.settings, study, slices)


@click.command()
@click.option("--slices", default=450, show_default=True, help="Images in each of the four series.")
@click.option("--idle-s", default=20.0, show_default=True, help="Seconds of rest before a look.")
def main(slices: int, idle_s: float) -> bool | None:
    """Measure the memory of an idle server."""
    with running_margin() as margin:
        at_first = idle_sizes_mb(margin, idle_s)
        with watching(margin) as peak:
            use(margin, slices)
        highest = max(highest_mb(margin))
        afterwards = idle_sizes_mb(margin, idle_s)
    return report(at_first, afterwards, peak.mb, highest, slices)


def report(
    at_first: dict[str, float],
    afterwards: dict[str, float],
    peak_mb: float,
    highest_mb: float,
    slices: int,
) -> bool:
    """Prints and keeps the sizes; whether all bars are kept."""
    table = Table(title=f"Memory of the idle server (PSS), before and after {SERIES} x {slices}")
    table.add_column("")
    for heading in ("after the start", "after serving a study"):
        table.add_column(heading, justify="right")
    for name, size_mb in at_first.items():
        table.add_row(name, f"{size_mb:.0f} MB", f"{afterwards[name]:.0f} MB")
    console().print(table)
    console().print(f"Highest while the study came and was read: {peak_mb:.0f} MB")
    console().print(f"Highest resident set of one process of the web server: {highest_mb:.0f} MB")
    is_lean = max(at_first[ALL], afterwards[ALL]) <= MOST_MB
    stays_lean = highest_mb <= MOST_OF_A_PROCESS_MB
    console().print(f"Bar (at most {MOST_MB:.0f} MB idle in all): {in_words(is_lean)}")
    console().print(
        f"Bar (at most {MOST_OF_A_PROCESS_MB:.0f} MB a process under load): {in_words(stays_lean)}"
    )
    kept = is_lean and stays_lean
    keep(
        "memory",
        {
            "unit": "MB (2**20 bytes), PSS",
            "series": SERIES,
            "slices": slices,
            "after_the_start": at_first,
            "after_serving_a_study": afterwards,
            "highest_while_serving": peak_mb,
            "highest_of_a_web_process": highest_mb,
            "bar_mb": MOST_MB,
            "bar_of_a_process_mb": MOST_OF_A_PROCESS_MB,
            "passed": kept,
        },
    )
    return kept


if __name__ == "__main__":
    as_program(main)
