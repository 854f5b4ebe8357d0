"""Preparing a study: frames per second, and the first click while it is being prepared.

python -m bench.preparation [--slices 450] [--rounds 3]

A whole Margin takes studies of four series by C-STORE. Frames per second are those of one study from its
first prepared frame to its last list of a series. "The first click" is what a viewer asks before it
shows something: the study, its series, the metadata of one series, one frame; asked the moment a study
belongs to its case, of the series that will be prepared last. The same click is made in a second Margin
that can prepare nothing (its cache lies where no folder can be), and at Orthanc itself. Prints medians and
writes bench/results/preparation.json.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from statistics import median

import click
from rich.table import Table

from bench.figures import as_program, console, in_words, keep
from bench.gateway import FRAME
from bench.open_study import plain
from bench.sides import JSON, Comparison, Side, comparison_of
from bench.studies import another_study, new_study, wait_until_prepared
from bench.worlds import Margin, running_margin, stopped_like_ctrl_c
from server.foundation.settings import Settings
from server.prepared.shelf import FRAMES, MANIFEST, Shelf

SERIES = 4
LEAST_PER_S = 150.0
# Two clicks of the same kind differ by so much.
MOST_RATIO = 1.1
NOWHERE = "/dev/null/cache"
PREPARING, PASSING, ORTHANC = "while it is prepared", "passing through", "Orthanc itself"


def first_click(side: Side, study: str) -> float:
    """Seconds until the first frame of the last series was there."""
    started = time.perf_counter()
    with contextlib.closing(side.connect()) as connection:
        side.ask(connection, f"/studies?StudyInstanceUID={study}", JSON)
        found = json.loads(plain(side.ask(connection, f"/studies/{study}/series", JSON)))
        series = max(one["0020000E"]["Value"][0] for one in found)
        path = f"/studies/{study}/series/{series}"
        told = json.loads(plain(side.ask(connection, f"{path}/metadata", JSON)))
        instance = told[len(told) // 2]["00080018"]["Value"][0]
        side.ask(connection, f"{path}/instances/{instance}/frames/1", FRAME)
    return time.perf_counter() - started


def frames_per_s(settings: Settings, study: str) -> float:
    """How fast a study was prepared, as its files tell."""
    folder = Shelf(settings.cache_dir).study_folder(study)
    frames = [path.stat().st_mtime for path in folder.glob(f"*/{FRAMES}/*")]
    ended = max(path.stat().st_mtime for path in folder.glob(f"*/{MANIFEST}"))
    return len(frames) / (ended - min(frames))


def clicks(margin: Margin, slices: int, rounds: int, *, prepares: bool) -> dict[str, list[float]]:
    """Seconds of each first click in one world, and, where it prepares, frames per second."""
    kind = PREPARING if prepares else PASSING
    found: dict[str, list[float]] = {kind: [], ORTHANC: [], "frames": []}
    comparison: Comparison = comparison_of(
        margin, new_study(margin, SERIES, slices, prepared=prepares)
    )
    # Not counted: the first question after the start.
    first_click(comparison.margin, comparison.study)
    for number in range(rounds):
        study = another_study(margin, SERIES, slices, f"bench {number}")
        found[kind].append(first_click(comparison.margin, study))
        if prepares:
            wait_until_prepared(margin.settings, study, SERIES * slices)
            found["frames"].append(frames_per_s(margin.settings, study))
        margin.wait_until_quiet()
        found[ORTHANC].append(first_click(comparison.orthanc, study))
    return found


@click.command()
@click.option("--slices", default=450, show_default=True, help="Images in each of the four series.")
@click.option("--rounds", default=3, show_default=True)
def main(slices: int, rounds: int) -> bool | None:
    """How fast a study is prepared, and what a click costs meanwhile."""
    with stopped_like_ctrl_c():
        with running_margin() as margin:
            preparing = clicks(margin, slices, rounds, prepares=True)
        with running_margin(MARGIN_CACHE_DIR=str(Path(NOWHERE))) as margin:
            passing = clicks(margin, slices, rounds, prepares=False)
    return report(preparing, passing, slices)


def report(preparing: dict[str, list[float]], passing: dict[str, list[float]], slices: int) -> bool:
    """Prints and keeps the medians; whether both bars are kept."""
    rate = median(preparing["frames"])
    times = {
        PREPARING: preparing[PREPARING],
        PASSING: passing[PASSING],
        ORTHANC: preparing[ORTHANC] + passing[ORTHANC],
    }
    table = Table(title=f"Preparing {SERIES} x {slices} slices, and the first click")
    for heading in ("", "median", "runs"):
        table.add_column(heading)
    rates = ", ".join(f"{one:.0f}" for one in preparing["frames"])
    table.add_row("prepared frames", f"{rate:.0f}/s", rates)
    for name, runs in times.items():
        shown = ", ".join(f"{one:.2f}" for one in runs)
        table.add_row(f"first click, {name}", f"{median(runs):.2f} s", shown)
    console().print(table)
    ratio = median(times[PREPARING]) / median(times[PASSING])
    is_fast, is_no_slower = rate >= LEAST_PER_S, ratio <= MOST_RATIO
    console().print(f"Bar (at least {LEAST_PER_S:.0f} frames/s): {in_words(is_fast)}")
    console().print(
        f"Bar (a click costs at most {MOST_RATIO:g} of passing through; {ratio:.2f}): "
        f"{in_words(is_no_slower)}"
    )
    keep(
        "preparation",
        {
            "slices": slices,
            "frames_per_s": preparing["frames"],
            "first_click_s": times,
            "ratio": ratio,
            "bars": {"frames_per_s": LEAST_PER_S, "ratio": MOST_RATIO},
            "passed": is_fast and is_no_slower,
        },
    )
    return is_fast and is_no_slower


if __name__ == "__main__":
    as_program(main)
