"""Frames per second through the gateway beside Orthanc's own DICOMweb, asked directly.

python -m bench.gateway [--frames 300] [--slices 300] [--rounds 5]
python -m bench.gateway --url URL --token TOKEN --orthanc-url URL --orthanc-auth USER:PASSWORD

Without addresses it starts a Margin of its own (`margin up` in a temporary folder) and fills it with
CT slices of 512 x 512 x 16 bit. Both sides are asked for the same frames, one after the other in
alternating rounds, with the Accept header of OHIF and without Accept-Encoding (Orthanc's compression
is off anyway). Prints medians and ratios and writes bench/results/gateway.json.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
import time

import click

from bench.figures import LOWEST_RATE, Figures, Kind
from bench.sides import Comparison, Running, Side, alternate, where

FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
KINDS = {
    1: Kind("1 connection", "frames/s", LOWEST_RATE),
    16: Kind("16 connections", "frames/s", LOWEST_RATE),
}


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
@click.option("--slices", default=300, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@where
def main(frames: int, slices: int, rounds: int, **running: str) -> bool | None:
    """Compare frames per second."""
    figures = Figures()
    with Running(**running).comparison(1, slices) as comparison:
        paths = frame_paths(comparison)
        for side in comparison.sides:
            frames_per_s(side, paths, min(frames, len(paths)), 4)

        def measure(side: Side) -> None:
            for connections, kind in KINDS.items():
                figures.add(kind, side.name, frames_per_s(side, paths, frames, connections))

        alternate(comparison.sides, rounds, measure)
    return figures.report("Frames of 512 x 512 x 16 bit", "gateway", frames=frames, rounds=rounds)


if __name__ == "__main__":
    main()
