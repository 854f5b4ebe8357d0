"""What commands that work on a home's database share: where it is, and how errors are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from server.foundation.audit import AuditLine
from server.foundation.db import Database
from server.foundation.errors import MarginError, NotFound
from server.foundation.settings import Settings, with_home_secrets

# Where nobody looks a table is read by a program, which wants every column whole.
WIDTH_OF_A_FILE = 200
OPERATOR = "operator at the command line"


def home_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--home`, as every command has it."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder that holds everything Margin keeps.  [MARGIN_HOME; var]",
    )(command)


def table_console() -> Console:
    """Where a table is printed: as wide as the terminal, or wide enough where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_A_FILE)


def settings_of(home: Path | None) -> Settings:
    """The environment's settings for this home; a clear complaint when they cannot be used."""
    said = {"MARGIN_HOME": str(home)} if home is not None else {}
    with complaints():
        return with_home_secrets(Settings.from_environ({**os.environ, **said}))


@contextmanager
def complaints() -> Iterator[None]:
    """Show a broken promise as the command's error, with every field and the remedy."""
    try:
        yield
    except MarginError as error:
        lines = [error.detail, *(problem.message for problem in error.problems), error.remedy]
        raise click.ClickException("\n".join(filter(None, lines))) from error


class NoRecords(NotFound):
    """There is no database of Margin where the settings say."""


@contextmanager
def writing(settings: Settings) -> Iterator[Session]:
    """A transaction on the home's database that commits when the block ends."""
    with complaints(), _records(settings) as database, database.writing() as session:
        yield session


@contextmanager
def reading(settings: Settings) -> Iterator[Session]:
    """A transaction on the home's database that only reads."""
    with complaints(), _records(settings) as database, database.reading() as session:
        yield session


@contextmanager
def _records(settings: Settings) -> Iterator[Database]:
    """The home's database; raises NoRecords before one is made by looking for it."""
    database = Database(settings.database_url)
    try:
        file = database.engine.url.database or ""
        if database.is_sqlite and not Path(file).exists():
            raise _no_records(file)
        with database.reading() as session:
            if not inspect(session.connection()).has_table(AuditLine.__tablename__):
                raise _no_records(database.engine.url.render_as_string(hide_password=True))
        yield database
    finally:
        database.dispose()


def _no_records(where: str) -> NoRecords:
    return NoRecords(
        f"There are no records in {where}.",
        remedy="Name the server's home with --home, and its database as the server's settings do; "
        "`margin up` makes a new home.",
    )
