"""How long the imaging of a study takes to assess: by its headers alone, and with its pixels.

python -m bench.assessment [--slices 450] [--rounds 3]

A synthetic liver of four phases is written to a folder (1 GB at 450 slices) and read as
`margin check-imaging` reads it, without the start of the program. Prints the medians and writes
bench/results/assessment.json.
"""

from __future__ import annotations

import tempfile
import time
from datetime import date
from pathlib import Path
from statistics import median

import click
from rich.table import Table

from bench.figures import as_program, console, keep
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.imaging.assessing import Assessment, assess
from server.imaging.folder import assess_series, read_folder
from server.imaging.protocols import protocol_named

HEADERS_BAR_S, WHOLE_BAR_S = 3.0, 30.0
ON = date(2026, 11, 20)


def assessed(folder: Path, *, pixels: bool) -> tuple[float, Assessment]:
    """Seconds that one assessment takes, and what it says."""
    began = time.perf_counter()
    content = read_folder(folder)
    series = assess_series(folder, content, pixels=pixels)
    found = assess(series, [protocol_named("liver-ct")], ON, content.others)
    return time.perf_counter() - began, found


@click.command()
@click.option("--slices", default=450, help="Slices of each phase.")
@click.option("--rounds", default=3, help="How often each is measured.")
def main(slices: int, rounds: int) -> bool:
    """Measure both and compare them with their bars."""
    table = Table("read", "median s", "bar s", "verdict")
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        Phantom("assessment bench", slices=slices).write(folder)
        for name, pixels, bar in (
            ("headers", False, HEADERS_BAR_S),
            ("headers and pixels", True, WHOLE_BAR_S),
        ):
            runs = [assessed(folder, pixels=pixels) for _ in range(rounds)]
            seconds = median(took for took, _ in runs)
            figures[name.replace(" ", "_") + "_s"] = round(seconds, 3)
            table.add_row(name, f"{seconds:.2f}", f"{bar:.0f}", runs[0][1].verdict.value)
    console().print(table)
    keep("assessment", {"slices": slices, "phases": len(PHASES), **figures})
    return figures["headers_s"] <= HEADERS_BAR_S and figures["headers_and_pixels_s"] <= WHOLE_BAR_S


if __name__ == "__main__":
    as_program(main)
