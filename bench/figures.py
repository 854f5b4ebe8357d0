"""What a bench found: every run is kept, medians are printed beside each other and held to a bar."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NoReturn

import click
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
WIDTH_IN_FILES = 140
MARGIN, ORTHANC = "margin", "orthanc"


def console(*, to_errors: bool = False) -> Console:
    """Where a bench prints: as wide as the terminal, and wide enough for a table where there is none."""
    found = Console(stderr=to_errors)
    return found if found.is_terminal else Console(stderr=to_errors, width=WIDTH_IN_FILES)


def as_program(bench: click.Command) -> NoReturn:
    """Run one bench and end with 1 where it says that a bar was not kept."""
    try:
        kept = bench.main(standalone_mode=False)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except click.Abort:
        sys.exit(130)
    sys.exit(1 if kept is False else 0)


@dataclass(frozen=True)
class Bar:
    """What must be kept: by the ratio Margin : Orthanc, or by Margin's own figure."""

    limit: float
    is_most: bool
    of_ratio: bool = True

    def is_kept_by(self, found: Medians) -> bool | None:
        """None when what it is about was not measured."""
        figure = found.ratio if self.of_ratio else found.margin
        if figure is None:
            return None
        return figure <= self.limit if self.is_most else figure >= self.limit

    def __str__(self) -> str:
        what = "" if self.of_ratio else "Margin "
        return f"{what}{'at most' if self.is_most else 'at least'} {self.limit:g}"


def ratio_at_least(limit: float) -> Bar:
    return Bar(limit, is_most=False)


def ratio_at_most(limit: float) -> Bar:
    return Bar(limit, is_most=True)


def at_least(limit: float) -> Bar:
    """Margin's own figure, whatever Orthanc's is."""
    return Bar(limit, is_most=False, of_ratio=False)


def at_most(limit: float) -> Bar:
    """Margin's own figure, whatever Orthanc's is."""
    return Bar(limit, is_most=True, of_ratio=False)


@dataclass(frozen=True)
class Kind:
    """One row of a table: what is measured, in which unit, and its bar, if it has one."""

    name: str
    unit: str
    bar: Bar | None = None


@dataclass(frozen=True)
class Medians:
    """The medians of one kind; None for a side that was not measured."""

    margin: float | None
    orthanc: float | None

    @property
    def ratio(self) -> float | None:
        """Margin : Orthanc, None when one is missing or Orthanc's is zero."""
        if self.margin is None or not self.orthanc:
            return None
        return self.margin / self.orthanc


@dataclass
class Figures:
    """Runs of both sides by kind, in the order in which the kinds came."""

    runs: dict[Kind, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, kind: Kind, side: str, figure: float) -> None:
        self.runs.setdefault(kind, {}).setdefault(side, []).append(figure)

    def medians(self, kind: Kind) -> Medians:
        found = {side: median(runs) for side, runs in self.runs[kind].items()}
        return Medians(found.get(MARGIN), found.get(ORTHANC))

    def is_kept(self) -> bool | None:
        """Whether every bar is kept; None when no row that was measured has one."""
        held = [kept for kind in self.runs if (kept := self._keeps(kind)) is not None]
        return all(held) if held else None

    def _keeps(self, kind: Kind) -> bool | None:
        return kind.bar.is_kept_by(self.medians(kind)) if kind.bar is not None else None

    def report(self, title: str, name: str, **facts: object) -> bool | None:
        """Prints the medians beside those of Orthanc asked directly, with the ratio Margin : Orthanc,
        and writes all to results/<name>.json; whether the bars are kept."""
        table = Table(title=title)
        table.add_column("", no_wrap=True)
        for heading in ("Margin", "Orthanc", "ratio", "bar", ""):
            table.add_column(heading, justify="right")
        for kind in self.runs:
            found = self.medians(kind)
            table.add_row(
                kind.name,
                _shown(found.margin, kind.unit),
                _shown(found.orthanc, kind.unit),
                "-" if found.ratio is None else f"{found.ratio:.3g}",
                str(kind.bar or ""),
                "" if (kept := self._keeps(kind)) is None else in_words(kept),
            )
        console().print(table)
        kept = self.is_kept()
        if kept is not None:
            console().print(f"Bars: {in_words(kept)}")
        keep(name, {**facts, "passed": kept, "figures": [self._kept(kind) for kind in self.runs]})
        return kept

    def _kept(self, kind: Kind) -> dict[str, object]:
        found = self.medians(kind)
        return {
            "kind": kind.name,
            "unit": kind.unit,
            "median": {MARGIN: found.margin, ORTHANC: found.orthanc},
            "ratio": found.ratio,
            "bar": str(kind.bar) if kind.bar else None,
            "runs": self.runs[kind],
        }


def keep(name: str, result: dict[str, object]) -> None:
    """Write results/<name>.json."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")


def in_words(kept: bool | None) -> str:
    return {True: "kept", False: "NOT kept", None: "none"}[kept]


def _shown(figure: float | None, unit: str) -> str:
    if figure is None:
        return "-"
    if not unit:
        return f"{figure:g}"
    digits = 0 if abs(figure) >= 100 else 2 if abs(figure) < 20 else 1
    return f"{figure:.{digits}f} {unit}"
