"""All published sets of an organ applied to one case.

python -m bench.rules
"""

from __future__ import annotations

import time
from statistics import median

import click
from rich.table import Table

from bench.figures import as_program, console, in_words, keep
from server.annotations.organs import ORGANS

MOST_MS = 5.0


@click.command()
@click.option("--rounds", default=200, show_default=True)
def main(rounds: int) -> bool:
    """Milliseconds to evaluate every ruleset of an organ on its fullest example."""
    table = Table(title="All sets of an organ on one case")
    for heading in ("organ", "sets", "median", "95 %", "bar", ""):
        table.add_column(heading)
    figures = []
    for organ in ORGANS.values():
        case = max(organ.examples().values(), key=lambda example: len(str(example)))
        runs = []
        for _ in range(rounds):
            started = time.perf_counter()
            found = organ.evaluate(case)
            runs.append(1000 * (time.perf_counter() - started))
        runs.sort()
        middle, slow = median(runs), runs[int(0.95 * len(runs))]
        kept = middle <= MOST_MS
        figures.append(
            {"organ": organ.id, "sets": len(found), "ms": middle, "ms_95": slow, "kept": kept}
        )
        table.add_row(
            organ.id,
            str(len(found)),
            f"{middle:.2f} ms",
            f"{slow:.2f} ms",
            f"{MOST_MS:g} ms",
            in_words(kept),
        )
    console().print(table)
    passed = all(bool(one["kept"]) for one in figures)
    keep("rules", {"rounds": rounds, "passed": passed, "figures": figures})
    console().print(f"Bars: {in_words(passed)}")
    return passed


if __name__ == "__main__":
    as_program(main)
