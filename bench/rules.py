"""All published sets of an organ applied to one case, and compared: each of its examples, and one
without an answer, in which everything is open.

python -m bench.rules
"""

from __future__ import annotations

import time
from statistics import median

import click
from rich.table import Table

from bench.figures import as_program, console, in_words, keep
from server.annotations.comparison import differences
from server.annotations.decision import Answers
from server.annotations.organs import ORGANS
from server.annotations.organs.organ import Organ

MOST_MS = 5.0


@click.command()
@click.option("--rounds", default=200, show_default=True)
def main(rounds: int) -> bool:
    """Milliseconds to evaluate every ruleset of an organ on the slowest of its cases."""
    table = Table(title="All sets of an organ on one case, the slowest of its examples")
    for heading in ("organ", "sets", "case", "median", "95 %", "bar", ""):
        table.add_column(heading)
    figures = []
    for organ in ORGANS.values():
        cases: dict[str, Answers] = {"no answer": {}, **organ.examples()}
        runs_of = {name: runs_ms(organ, case, rounds) for name, case in cases.items()}
        slowest = max(runs_of, key=lambda name: median(runs_of[name]))
        runs, sets = runs_of[slowest], len(organ.rulesets)
        middle, slow = median(runs), runs[int(0.95 * len(runs))]
        kept = middle <= MOST_MS
        figures.append(
            {
                "organ": organ.id,
                "sets": sets,
                "case": slowest,
                "ms": middle,
                "ms_95": slow,
                "kept": kept,
            }
        )
        table.add_row(
            organ.id,
            str(sets),
            slowest,
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


def runs_ms(organ: Organ, case: Answers, rounds: int) -> list[float]:
    """Milliseconds of each evaluation and comparison of all sets, ascending."""
    runs = []
    for _ in range(rounds):
        started = time.perf_counter()
        differences(organ, organ.evaluate(case))
        runs.append(1000 * (time.perf_counter() - started))
    return sorted(runs)


if __name__ == "__main__":
    as_program(main)
