"""Prepared frames per second through the gateway beside Orthanc's own DICOMweb, asked directly.

python -m bench.gateway [--frames 1800] [--slices 450] [--rounds 5]
python -m bench.gateway --url URL --token TOKEN --orthanc-url URL --orthanc-auth USER:PASSWORD

Without addresses it starts a Margin of its own (`margin up` in a temporary folder, one server process,
no proxy), fills it with CT slices of 512 x 512 x 16 bit and waits until they are prepared. Both sides are
asked for the same frames in alternating rounds by h2load (Debian: nghttp2-client) over HTTP/1.1, with the
Accept header of OHIF and without Accept-Encoding (Orthanc's compression is off anyway). The bytes of
all frames are counted on both sides, and some frames are decoded and compared pixel by pixel. Prints
medians and ratios and writes bench/results/gateway.json.
"""

from __future__ import annotations

import contextlib
import re

import click
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from bench.figures import Figures, Kind, as_program, ratio_at_least, ratio_at_most
from bench.loads import HTTP_1, frames_per_s
from bench.sides import Comparison, Running, Side, alternate, read, where

FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
KINDS = {
    1: Kind("1 connection", "frames/s"),
    16: Kind("16 connections", "frames/s", ratio_at_least(3)),
}
SIZE = Kind("bytes of an answer", "kB", ratio_at_most(0.4))
HTJ2K = "1.2.840.10008.1.2.4.20"
COMPARED = 24


def frame_paths(comparison: Comparison) -> list[str]:
    """The address of the first frame of every CT instance of the study."""
    study = f"/studies/{comparison.study}"
    found = []
    for item in comparison.margin.json(f"{study}/instances?Modality=CT&limit=10000"):
        series, instance = item["0020000E"]["Value"][0], item["00080018"]["Value"][0]
        found.append(f"{study}/series/{series}/instances/{instance}/frames/1")
    return found


def pixels(body: bytes) -> NDArray[np.int16]:
    """The pixels of a multipart answer with one frame, whatever of the two it is encoded as."""
    boundary = body[: body.index(b"\r\n")]
    head, _, rest = body.partition(b"\r\n\r\n")
    data = rest[: rest.rindex(b"\r\n" + boundary)]
    syntax = re.search(rb"transfer-syntax=\"?([0-9.]+)", head)
    if syntax is not None and syntax[1].decode().startswith(HTJ2K):
        decoded: NDArray[np.int16] = imagecodecs.htj2k_decode(data).astype(np.int16)
        return decoded.ravel()
    return np.frombuffer(data, dtype="<i2")


def differing(comparison: Comparison, paths: list[str]) -> int:
    """How many of a few frames, taken evenly from all, are not the same pixels on both sides."""
    chosen = paths[:: max(1, len(paths) // COMPARED)]
    with (
        contextlib.closing(comparison.margin.connect()) as ours,
        contextlib.closing(comparison.orthanc.connect()) as theirs,
    ):
        return sum(
            not np.array_equal(
                pixels(comparison.margin.ask(ours, path, FRAME)),
                pixels(comparison.orthanc.ask(theirs, path, FRAME)),
            )
            for path in chosen
        )


@click.command()
@click.option("--frames", default=1800, show_default=True)
@click.option("--slices", default=450, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@where
def main(frames: int, slices: int, rounds: int, **running: str) -> bool | None:
    """Compare frames per second, and what a frame weighs."""
    figures = Figures()
    with Running(**running).comparison(1, slices) as comparison:
        paths = frame_paths(comparison)
        for side in comparison.sides:
            # Warms both up, too.
            found = read(side, paths, FRAME, count=len(paths), connections=4)
            figures.add(SIZE, side.name, found.body_bytes / found.answers / 1000)

        def measure(side: Side) -> None:
            for connections, kind in KINDS.items():
                options = (HTTP_1, f"--clients={connections}")
                rate = frames_per_s(side, paths, FRAME, frames, *options)
                figures.add(kind, side.name, rate)

        alternate(comparison.sides, rounds, measure)
        different = differing(comparison, paths)
    if different:
        raise RuntimeError(f"{different} frames have not the same pixels on both sides")
    title = "Prepared frames of 512 x 512 x 16 bit, pixels compared"
    return figures.report(title, "gateway", frames=frames, rounds=rounds, slices=slices)


if __name__ == "__main__":
    as_program(main)
