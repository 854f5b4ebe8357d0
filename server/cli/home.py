"""What commands that work on a home's database share: where it is, and how errors are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from server.foundation.db import Database
from server.foundation.errors import MarginError
from server.foundation.settings import Settings, with_home_secrets

OPERATOR = "operator at the command line"


def home_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--home`, as every command has it."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder that holds everything Margin keeps.  [MARGIN_HOME; var]",
    )(command)


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


@contextmanager
def writing(settings: Settings) -> Iterator[Session]:
    """A transaction on the home's database that commits when the block ends."""
    database = Database(settings.database_url)
    try:
        with complaints(), database.writing() as session:
            yield session
    finally:
        database.dispose()


@contextmanager
def reading(settings: Settings) -> Iterator[Session]:
    """A transaction on the home's database that only reads."""
    database = Database(settings.database_url)
    try:
        with complaints(), database.reading() as session:
            yield session
    finally:
        database.dispose()
