"""Opening a study: QIDO and the metadata of all its series, through the gateway and from Orthanc.

python -m bench.open_study [--series 4] [--slices 450] [--rounds 5]
python -m bench.open_study --url URL --token TOKEN --orthanc-url URL --orthanc-auth USER:PASSWORD

What a viewer asks before it can show anything: the study, its series, the metadata of each series;
once one after the other and once all series at the same time, as OHIF does. Prints medians and ratios
and writes bench/results/open_study.json.
"""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import click

from bench.figures import LONGEST_TIME, Figures, Kind
from bench.sides import JSON, Comparison, Running, Side, alternate, where

KINDS = {
    1: Kind("series one after the other", "s", LONGEST_TIME),
    8: Kind("all series at once", "s", LONGEST_TIME),
}


def open_study(side: Side, study: str, at_once: int) -> float:
    """Seconds from the first question to the last byte of metadata."""
    started = time.perf_counter()
    side.json(f"/studies?StudyInstanceUID={study}&limit=101&offset=0")
    uids = [one["0020000E"]["Value"][0] for one in side.json(f"/studies/{study}/series")]

    def read(uid: str) -> int:
        with contextlib.closing(side.connect()) as connection:
            return len(side.ask(connection, f"/studies/{study}/series/{uid}/metadata", JSON))

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(read, uids))
    return time.perf_counter() - started


def measured(comparison: Comparison, rounds: int) -> Figures:
    """Every run of both sides, after one that warms both up."""
    figures = Figures()
    for side in comparison.sides:
        open_study(side, comparison.study, 1)

    def measure(side: Side) -> None:
        for at_once, kind in KINDS.items():
            figures.add(kind, side.name, open_study(side, comparison.study, at_once))

    alternate(comparison.sides, rounds, measure)
    return figures


@click.command()
@click.option("--series", type=click.IntRange(1, 4), default=4, show_default=True)
@click.option("--slices", default=450, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@where
def main(series: int, slices: int, rounds: int, **running: str) -> bool | None:
    """Compare how long a study takes to open."""
    with Running(**running).comparison(series, slices) as comparison:
        figures = measured(comparison, rounds)
    title = "Opening a study: QIDO and all series metadata"
    return figures.report(title, "open_study", series=series, slices=slices, rounds=rounds)


if __name__ == "__main__":
    main()
