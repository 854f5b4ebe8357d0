"""C-STORE into Orthanc: instances per second of `margin push` beside DCMTK's storescu, and beside
two surgeons who scroll.

python -m bench.store [--instances 400] [--rounds 3]

First Orthanc runs alone on loopback with TCP_NODELAY=1, afresh for each run, and the runs of both
senders alternate. Then a whole Margin with a prepared study takes one new study after the other, in
turns undisturbed and while two surgeons scroll through the prepared one, 30 frames a second each; each
new study is prepared before the next one comes. Of our sender, time counts from the first connection to
the last answer, without the 60 ms in which it finds the files and the second that its interpreter takes
to start; of storescu it is the whole process. Prints medians and writes bench/results/store.json.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import click
import httpx
from rich.table import Table

from bench.figures import as_program, console, in_words, keep
from bench.gateway import frame_paths
from bench.scrolling import scrolling
from bench.sides import comparison_of
from bench.studies import await_matched, new_study, phantom_of, wait_until_prepared
from bench.worlds import running_margin, stopped_like_ctrl_c
from server.dicom.association import Peer
from server.dicom.sending import send
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess, running_orthanc

LEAST_PER_S = 200.0
LEAST_ON_FOUR_PER_S = 250.0
LEAST_SHARE_OF_ORTHANC = 0.9
LEAST_SHARE = 0.7
ON_ONE, ON_FOUR = "margin push, 1 association", "margin push, 4 associations"
ALONE = "into Margin, nobody else there"
SHARED = "into Margin, two surgeons scroll"
Sender = Callable[[list[Path], int, int], float]


def push(files: list[Path], port: int, associations: int) -> float:
    """Our own sender, in a process of its own as a hospital runs it; seconds from its first connection
    to the last answer."""
    command = [sys.executable, "-m", "bench.store", "--send", str(files[0].parent)]
    done = subprocess.run(
        [*command, "--port", str(port), "--associations", str(associations)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def storescu(files: list[Path], port: int, associations: int) -> float:
    """DCMTK's sender, one process per association; seconds."""

    def one(share: list[Path]) -> None:
        command = ["storescu", "-aet", "BENCH", "-aec", "MARGIN", "-pdu", "131072"]
        subprocess.run(
            [*command, "127.0.0.1", str(port), *map(str, share)],
            check=True,
            capture_output=True,
            env={**os.environ, "TCP_NODELAY": "1"},
        )

    started = time.perf_counter()
    with ThreadPoolExecutor(associations) as pool:
        list(pool.map(one, [files[number::associations] for number in range(associations)]))
    return time.perf_counter() - started


SENDERS: dict[str, Sender] = {"margin push": push, "storescu": storescu}


def rate(sender: Sender, files: list[Path], associations: int) -> float:
    """Instances per second of one run into an empty Orthanc."""
    with tempfile.TemporaryDirectory() as home, running_orthanc(Path(home)) as orthanc:
        admit(orthanc)
        seconds = sender(files, orthanc.dicom_port, associations)
        stored = httpx.get(f"{orthanc.url}/statistics", auth=(USER, PASSWORD)).json()
        if stored["CountInstances"] != len(files):
            raise RuntimeError(f"{stored['CountInstances']} of {len(files)} instances were stored")
    return len(files) / seconds


def admit(orthanc: OrthancProcess) -> None:
    """Registers the sender: an unknown one is turned away."""
    httpx.put(
        f"{orthanc.url}/modalities/bench", json=["BENCH", "127.0.0.1", 104], auth=(USER, PASSWORD)
    ).raise_for_status()


@click.command()
@click.option("--instances", default=400, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--send", "folder", type=click.Path(path_type=Path), hidden=True)
@click.option("--port", type=int, hidden=True)
@click.option("--associations", type=int, default=1, hidden=True)
def main(
    instances: int, rounds: int, folder: Path | None, port: int | None, associations: int
) -> bool | None:
    """Compare C-STORE rates."""
    if folder is not None and port is not None:
        peer = Peer("127.0.0.1", port, "BENCH", "MARGIN")
        summary = send(folder, peer, associations=associations)
        click.echo(summary.seconds)
        sys.exit(0 if summary.is_complete else 1)
    found: dict[str, list[float]] = {}
    with stopped_like_ctrl_c():
        shared, seen = shared_with_surgeons(instances, rounds)
    with stopped_like_ctrl_c(), tempfile.TemporaryDirectory() as directory:
        files = phantom_of(1, instances).write(Path(directory))
        for _ in range(rounds):
            for count in (1, 4):
                for name, sender in SENDERS.items():
                    key = f"{name}, {count} association{'s' if count > 1 else ''}"
                    found.setdefault(key, []).append(rate(sender, files, count))
        size = files[0].stat().st_size
    return report({**found, **shared}, size, instances, seen)


def shared_with_surgeons(instances: int, rounds: int) -> tuple[dict[str, list[float]], list[float]]:
    """Instances per second of each run alone and while two surgeons scroll, and how many frames per
    second both of them saw then."""
    found: dict[str, list[float]] = {ALONE: [], SHARED: []}
    seen: list[float] = []
    with running_margin() as margin:
        comparison = comparison_of(margin, new_study(margin, 1, instances))
        paths = frame_paths(comparison)
        for number in range(2 * rounds):
            kind = (ALONE, SHARED)[(number + number // 2) % 2]
            with contextlib.ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                phantom = phantom_of(1, instances, f"bench {number}")
                files = phantom.write(folder)
                if kind == SHARED:
                    scrolled = stack.enter_context(scrolling(comparison.margin, paths))
                seconds = push(files, margin.settings.dicom_port, 1)
            found[kind].append(instances / seconds)
            if kind == SHARED:
                seen.append(scrolled.frames_per_s)
            await_matched(margin.settings, phantom.StudyInstanceUID, instances)
            wait_until_prepared(margin.settings, phantom.StudyInstanceUID, instances)
            margin.wait_until_quiet()
    return found, seen


def report(found: dict[str, list[float]], size: int, instances: int, seen: list[float]) -> bool:
    """Prints the medians, keeps every run; whether all bars are kept."""
    table = Table(title=f"C-STORE of {instances} instances of {size / 1000:.0f} kB into Orthanc")
    for heading in ("sender", "instances/s (median)", "MB/s", "runs"):
        table.add_column(heading)
    medians = {name: median(runs) for name, runs in found.items()}
    for name, runs in found.items():
        runs_in_words = ", ".join(f"{run:.0f}" for run in runs)
        rate_mb = medians[name] * size / 1e6
        table.add_row(name, f"{medians[name]:.0f}", f"{rate_mb:.0f}", runs_in_words)
    console().print(table)
    share, of_orthanc = medians[SHARED] / medians[ALONE], medians[ALONE] / medians[ON_ONE]
    bars = {
        f"into Margin, one association, at least {LEAST_PER_S:.0f}/s": medians[ALONE]
        >= LEAST_PER_S,
        f"four, at least {LEAST_ON_FOUR_PER_S:.0f}/s": medians[ON_FOUR] >= LEAST_ON_FOUR_PER_S,
        f"into Margin, at least {LEAST_SHARE_OF_ORTHANC:.0%} of Orthanc alone; "
        f"{of_orthanc:.0%}": of_orthanc >= LEAST_SHARE_OF_ORTHANC,
        f"shared, at least {LEAST_SHARE:.0%} of alone; {share:.0%}": share >= LEAST_SHARE,
    }
    console().print(f"The surgeons saw {median(seen):.0f} frames/s together.")
    for bar, is_kept in bars.items():
        console().print(f"Bar ({bar}): {in_words(is_kept)}")
    kept = all(bars.values())
    facts: dict[str, object] = {"instances": instances, "bytes_per_instance": size}
    facts |= {"bar_instances_per_s": LEAST_PER_S, "bar_on_four_per_s": LEAST_ON_FOUR_PER_S}
    facts |= {"bar_share": LEAST_SHARE, "share": share, "share_of_orthanc": of_orthanc}
    facts["frames_per_s_seen"] = seen
    keep("store", {**facts, "passed": kept, "instances_per_s": medians, "runs": found})
    return kept


if __name__ == "__main__":
    as_program(main)
