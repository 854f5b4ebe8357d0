"""Opening a prepared study: QIDO and the metadata of all its series, and the same from Orthanc.

python -m bench.open_study [--series 4] [--slices 450] [--rounds 5]
python -m bench.open_study --url URL --token TOKEN --orthanc-url URL --orthanc-auth USER:PASSWORD

What a viewer asks before it can show anything: the study, its series, the metadata of each series;
once one after the other and once all series at the same time, as OHIF does. As from a browser, answers
may come compressed (Orthanc's own compression is off); time ends with the last byte, and that both sides
told of the same instances is looked at afterwards. Prints medians and ratios and writes
bench/results/open_study.json.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import click

from bench.figures import Figures, Kind, as_program, ratio_at_most
from bench.sides import JSON, Comparison, Running, Side, alternate, where

TWENTIETH = ratio_at_most(0.05)
KINDS = {
    1: Kind("series one after the other", "s", TWENTIETH),
    8: Kind("all series at once", "s", TWENTIETH),
}
SIZE = Kind("metadata as it came", "MB")
GZIP = b"\x1f\x8b"


def open_study(side: Side, study: str, at_once: int) -> tuple[float, list[bytes]]:
    """Seconds from the first question to the last byte of metadata, and that metadata."""
    side = replace(side, headers={**side.headers, "Accept-Encoding": "gzip"})
    started = time.perf_counter()
    with contextlib.closing(side.connect()) as connection:
        side.ask(connection, f"/studies?StudyInstanceUID={study}&limit=101&offset=0", JSON)
        series = plain(side.ask(connection, f"/studies/{study}/series", JSON))
    uids = [one["0020000E"]["Value"][0] for one in json.loads(series)]

    def read(uid: str) -> bytes:
        with contextlib.closing(side.connect()) as connection:
            return side.ask(connection, f"/studies/{study}/series/{uid}/metadata", JSON)

    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(read, uids))
    return time.perf_counter() - started, found


def plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(GZIP) else body


def instances_of(metadata: list[bytes]) -> set[str]:
    """The SOPInstanceUIDs that are told of."""
    return {one["00080018"]["Value"][0] for series in metadata for one in json.loads(plain(series))}


def measured(comparison: Comparison, rounds: int) -> Figures:
    """Every run of both sides, after one that warms both up and holds them against each other."""
    figures = Figures()
    told = [instances_of(open_study(side, comparison.study, 1)[1]) for side in comparison.sides]
    if told[0] != told[1]:
        raise RuntimeError(f"{len(told[0])} instances are told of, Orthanc holds {len(told[1])}")

    def measure(side: Side) -> None:
        for at_once, kind in KINDS.items():
            seconds, metadata = open_study(side, comparison.study, at_once)
            figures.add(kind, side.name, seconds)
        figures.add(SIZE, side.name, sum(map(len, metadata)) / 1e6)

    alternate(comparison.sides, rounds, measure)
    return figures


@click.command()
@click.option("--series", type=click.IntRange(1, 4), default=4, show_default=True)
@click.option("--slices", default=450, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@where
def main(series: int, slices: int, rounds: int, **running: str) -> bool | None:
    """Compare how long a prepared study takes to open."""
    with Running(**running).comparison(series, slices) as comparison:
        figures = measured(comparison, rounds)
    title = "Opening a prepared study: QIDO and all series metadata"
    return figures.report(title, "open_study", series=series, slices=slices, rounds=rounds)


if __name__ == "__main__":
    as_program(main)
