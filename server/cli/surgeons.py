"""`margin import-surgeons` and `margin export-surgeons`: surgeons by the sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from rich.table import Table

from server.cli.home import (
    OPERATOR,
    complaints,
    home_option,
    reading,
    settings_of,
    table_console,
    writing,
)
from server.foundation import audit
from server.foundation.clock import utc_now
from server.routing import importing, sheet_files
from server.routing.importing import SheetOutcome
from server.routing.sheet import COLUMNS

WORDS: Final = {"new": "new", "changed": "changed", "same": "as it is", "refused": "refused"}


@click.command("import-surgeons")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--dry-run", is_flag=True, help="Say what would become of each row; change nothing.")
@home_option
def import_surgeons(file: Path, dry_run: bool, home: Path | None) -> None:
    """Add and change surgeons from a CSV or .xlsx FILE; exit code 1 when a row was refused."""
    with complaints():
        rows = sheet_files.read_sheet(file.read_bytes())
    now = utc_now()
    with writing(settings_of(home)) as session:
        if dry_run:
            outcome = importing.try_out(session, rows, by=OPERATOR, now=now)
        else:
            outcome = importing.bring_in(session, rows, by=OPERATOR, now=now)
            audit.append(
                session,
                actor=OPERATOR,
                action="surgeons.change",
                object_="sheet of surgeons",
                outcome="done",
                now=now,
                details=outcome.facts(),
            )
    _show(outcome, dry_run)
    if outcome.count(importing.REFUSED):
        raise SystemExit(1)


def _show(outcome: SheetOutcome, dry_run: bool) -> None:
    table = Table(title="Nothing is changed: this is a dry run" if dry_run else None)
    for heading in ("row", "surgeon", "outcome", "what changes, or what to do"):
        table.add_column(heading)
    for row in outcome.rows:
        problems = [f"{one.cell} {one.column}: {one.message}" for one in row.problems]
        table.add_row(
            str(row.number),
            f"{row.name}\n{row.email}",
            WORDS[row.outcome],
            "\n".join([*problems, *row.changes]),
        )
    table_console().print(table)
    click.echo(", ".join(f"{outcome.count(name)} {words}" for name, words in WORDS.items()))


@click.command("export-surgeons")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--template", is_flag=True, help="An empty sheet with one example instead.")
@home_option
def export_surgeons(file: Path, template: bool, home: Path | None) -> None:
    """Write every surgeon into a sheet, FILE.csv or FILE.xlsx, that can be brought in again."""
    if file.suffix not in (".csv", ".xlsx"):
        raise click.UsageError("FILE ends in .csv or .xlsx.")
    rows = [{column.id: column.example for column in COLUMNS}]
    if not template:
        with reading(settings_of(home)) as session:
            rows = importing.every_row(session)
    write = sheet_files.as_csv if file.suffix == ".csv" else sheet_files.as_xlsx
    file.write_bytes(write(rows))
    click.echo(f"{len(rows)} {'row is' if len(rows) == 1 else 'rows are'} in {file}.")
