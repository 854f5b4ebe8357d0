"""Prepared frames per second through `margin up --proxy`: TLS, over HTTP/1.1 and HTTP/2.

python -m bench.proxy [--frames 3000] [--slices 450] [--rounds 5] [--workers 2]

h2load (Debian: nghttp2-client) reads the same frames from the proxy, with 16 connections of HTTP/1.1 and
with 4 of HTTP/2 that have 16 questions under way each, and from Orthanc asked directly without TLS.
Reader, nginx and the server processes share the machine. Prints medians and writes
bench/results/proxy.json.
"""

from __future__ import annotations

import click

from bench.figures import Figures, Kind, as_program, at_least
from bench.gateway import FRAME, frame_paths
from bench.loads import HTTP_1, frames_per_s
from bench.sides import Comparison, Running, Side, alternate

A_THOUSAND = at_least(1000)
OVER_HTTP_1 = Kind("HTTP/1.1, 16 connections", "frames/s", A_THOUSAND)
OVER_HTTP_2 = Kind("HTTP/2, 4 x 16 at once", "frames/s", A_THOUSAND)
WAYS: dict[Kind, tuple[str, ...]] = {
    OVER_HTTP_1: (HTTP_1, "--clients=16"),
    OVER_HTTP_2: ("--clients=4", "--max-concurrent-streams=16"),
}


def measured(comparison: Comparison, frames: int, rounds: int) -> Figures:
    """Every run, after one that warms both sides up."""
    figures = Figures()
    paths = frame_paths(comparison)
    for side in comparison.sides:
        frames_per_s(side, paths, FRAME, min(frames, len(paths)), *WAYS[OVER_HTTP_1])

    def measure(side: Side) -> None:
        for kind, options in WAYS.items():
            # Orthanc knows no HTTP/2, and h2load would ask it in that way only.
            if side is comparison.margin or kind is OVER_HTTP_1:
                rate = frames_per_s(side, paths, FRAME, frames, *options)
                figures.add(kind, side.name, rate)

    alternate(comparison.sides, rounds, measure)
    return figures


@click.command()
@click.option("--frames", default=3000, show_default=True)
@click.option("--slices", default=450, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Server processes behind the proxy.")
def main(frames: int, slices: int, rounds: int, workers: int) -> bool | None:
    """Frames per second through the proxy."""
    own = Running("", "", "", "", "")
    with own.comparison(
        1, slices, MARGIN_PROXY="true", MARGIN_WEB_WORKERS=str(workers)
    ) as comparison:
        figures = measured(comparison, frames, rounds)
    return figures.report(
        "Prepared frames of 512 x 512 x 16 bit through the proxy, over TLS",
        "proxy",
        frames=frames,
        rounds=rounds,
        workers=workers,
    )


if __name__ == "__main__":
    as_program(main)
