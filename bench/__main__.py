"""All benches, one after the other.

python -m bench             small: ten minutes, to see that everything works
python -m bench --full      the real sizes, about an hour; leave the machine alone meanwhile
python -m bench store memory
python -m bench --list
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import click
from rich.table import Table

from bench import (
    assessment,
    clocks,
    dashboard,
    first_image,
    gateway,
    imaging,
    lossless,
    matching,
    memory,
    open_study,
    opinion,
    preparation,
    proxy,
    routing,
    rules,
    scale,
    scroll,
    store,
    upload,
    volumes,
    worklist,
)
from bench.figures import console, in_words


@dataclass(frozen=True)
class Bench:
    """One command: what it measures, its bar, and its options when all is to be small."""

    command: click.Command
    measures: str
    bar: str
    small: tuple[str, ...]


BENCHES = {
    "clocks": Bench(
        clocks.main,
        "recomputing every clock of 100,000 cases, PostgreSQL and SQLite",
        "30 s",
        ("--cases", "3000", "--sqlite-cases", "1000"),
    ),
    "worklist": Bench(
        worklist.main,
        "the worklist of 100,000 cases in PostgreSQL, 10,000 in SQLite",
        "150 ms, 400 ms",
        ("--cases", "5000", "--sqlite-cases", "1000", "--rounds", "5"),
    ),
    "open_study": Bench(
        open_study.main,
        "QIDO and the metadata of four prepared series",
        "a twentieth of Orthanc's time",
        ("--slices", "50", "--rounds", "3"),
    ),
    "gateway": Bench(
        gateway.main,
        "prepared frames per second with 1 and 16 connections, and their size",
        "3 x Orthanc, 40 % of raw",
        ("--slices", "120", "--frames", "300", "--rounds", "3"),
    ),
    "proxy": Bench(
        proxy.main,
        "prepared frames per second through the proxy",
        "1,000/s",
        ("--slices", "120", "--frames", "600", "--rounds", "3"),
    ),
    "preparation": Bench(
        preparation.main,
        "preparing a study, and the first click meanwhile",
        "150/s, no slower than passing through",
        ("--slices", "60", "--rounds", "2"),
    ),
    "store": Bench(
        store.main,
        "C-STORE with one and four associations, and while two surgeons scroll",
        "200/s with one, 250/s with four, 90 % of Orthanc alone, 70 % beside two surgeons",
        ("--instances", "100", "--rounds", "1"),
    ),
    "matching": Bench(
        matching.main,
        "finding the case of a study among very many",
        "50 ms",
        ("--cases", "5000", "--studies", "60"),
    ),
    "lossless": Bench(
        lossless.main,
        "kills, cuts and repeats while hospitals push, and what is lost",
        "nothing",
        ("--minutes", "0.1", "--senders", "3"),
    ),
    "memory": Bench(
        memory.main,
        "memory of the idle server, and of a server process under load",
        "400 MB in all, 300 MB",
        ("--slices", "80", "--idle-s", "5"),
    ),
    "first_image": Bench(
        first_image.main,
        "time to the first image in OHIF over a surgeon's line, by pixels",
        "1.0 s beyond the floor, a quarter of Orthanc's",
        ("--slices", "24", "--rounds", "1"),
    ),
    "scroll": Bench(
        scroll.main,
        "one phase over that line: scrollable, whole, as MPR",
        "6 s, 38 s; 2 s, 8 s",
        ("--slices", "60"),
    ),
    "upload": Bench(
        upload.main,
        "a zip file from a browser, beside a bare copy over HTTP",
        "60 % of the bare copy, 200 MB",
        ("--mb", "100", "--rounds", "1"),
    ),
    "imaging": Bench(
        imaging.main,
        "contrast phase by pixels of bodies of known making, and one series of 450 images",
        "none misled, 95 % right; 5 s, 1.5 GB",
        ("--variations", "3", "--slices", "150"),
    ),
    "assessment": Bench(
        assessment.main,
        "judging a study of four series of 450 images, by headers alone and with pixels",
        "3 s, 30 s",
        ("--slices", "100", "--rounds", "1"),
    ),
    "scale": Bench(
        scale.main,
        "queries on a database of many cases",
        "50 ms",
        ("--cases", "100", "--slices", "200", "--rounds", "3"),
    ),
    "volumes": Bench(
        volumes.main,
        "volumes, resection and margin of a large liver; regions grown from a click",
        "3 s and 1.5 GB, 2 s, 5 s",
        ("--slices", "120", "--runs", "1", "--no-quality"),
    ),
    "dashboard": Bench(
        dashboard.main,
        "the page of figures over many years of cases",
        "150 ms, 400 ms in SQLite",
        ("--cases", "2000", "--sqlite-cases", "1000", "--rounds", "3"),
    ),
    "routing": Bench(
        routing.main,
        "a thousand surgeons ranked for one case",
        "20 ms",
        ("--rounds", "10"),
    ),
    "opinion": Bench(
        opinion.main,
        "an opinion printed with six key images, and sealed",
        "2 s",
        ("--rounds", "2"),
    ),
    "rules": Bench(
        rules.main,
        "every published set of an organ on one case",
        "5 ms",
        ("--rounds", "50"),
    ),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)))
@click.option("--full", is_flag=True, help="The real sizes instead of small ones.")
@click.option("--list", "only_list", is_flag=True, help="Name the benches and run none.")
def main(names: tuple[str, ...], full: bool, only_list: bool) -> None:
    """Run all benches, or those that are named."""
    chosen = {name: BENCHES[name] for name in names or BENCHES}
    if only_list:
        _list(chosen)
        return
    outcomes: dict[str, tuple[str, float]] = {}
    for name, bench in chosen.items():
        click.echo(f"\n{name}: {bench.measures}")
        started = time.monotonic()
        outcome = _outcome(bench, full)
        outcomes[name] = (outcome, time.monotonic() - started)
    _summarise(chosen, outcomes, full)
    if any(outcome.startswith("failed") for outcome, _ in outcomes.values()):
        sys.exit(1)


def _outcome(bench: Bench, full: bool) -> str:
    """What became of the bar. One bench that fails does not keep the others from running."""
    try:
        kept = bench.command.main([] if full else list(bench.small), standalone_mode=False)
    except click.Abort:
        raise
    except Exception as failure:
        console(to_errors=True).print_exception()
        return f"failed: {type(failure).__name__}"
    return in_words(kept)


def _list(chosen: dict[str, Bench]) -> None:
    table = Table()
    for heading in ("bench", "what it measures", "bar", "options when small"):
        table.add_column(heading)
    for name, bench in chosen.items():
        table.add_row(name, bench.measures, bench.bar, " ".join(bench.small))
    console().print(table)


def _summarise(
    chosen: dict[str, Bench], outcomes: dict[str, tuple[str, float]], full: bool
) -> None:
    table = Table(title=f"All benches, {'real sizes' if full else 'small sizes'}")
    for heading in ("bench", "bar", "", "took"):
        table.add_column(heading)
    for name, (outcome, seconds) in outcomes.items():
        table.add_row(name, chosen[name].bar, outcome, f"{seconds:.0f} s")
    console().print(table)
    if not full:
        console().print("Small sizes show that all works; figures to quote come from --full.")


if __name__ == "__main__":
    main()
