"""Surgeons who scroll while something else is measured: frames at a steady pace, in a process each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.gateway import FRAME
from bench.reader import Reading, Task, begin, outcome
from bench.sides import Side

FRAMES_PER_S = 30.0  # what an eye follows, and more than a line of 20 Mbit/s carries
CONNECTIONS = 2
NO_END = 1_000_000


@dataclass
class Scrolled:
    """What the surgeons saw, filled in when the block has ended."""

    readings: list[Reading] = field(default_factory=list)

    @property
    def frames_per_s(self) -> float:
        """Of all of them together."""
        return sum(reading.per_s for reading in self.readings)


@contextlib.contextmanager
def scrolling(side: Side, paths: list[str], surgeons: int = 2) -> Iterator[Scrolled]:
    """So many surgeons scroll through these frames, each from another place, for the whole block."""
    found = Scrolled()
    headers = {**side.headers, "Accept": FRAME}
    processes = []
    try:
        for number in range(surgeons):
            start = number * len(paths) // surgeons
            own = paths[start:] + paths[:start]
            every_s = CONNECTIONS / FRAMES_PER_S
            processes.append(
                begin(Task(side.url, headers, own, NO_END, CONNECTIONS, every_s=every_s))
            )
        yield found
        for process in processes:
            process.terminate()
        found.readings = [outcome(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
