"""What every test can ask for: a fresh database of either kind, a world of two of everything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import make_url, text

from server.foundation.db import Database
from server.foundation.migrations import upgrade
from tests.browser import browser, context, page
from tests.postgres import new_database, postgres_server
from tests.world import World, build_world

# Fixtures that live elsewhere are found because their names stand here.
__all__ = ["browser", "context", "page"]
# How long an example takes says how busy the machine is, and nothing about the code.
hypothesis.settings.register_profile("margin", deadline=None)
hypothesis.settings.load_profile("margin")
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """A fixed moment."""
    return NOW


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with every migration applied, to copy from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres() -> Iterator[str]:
    """Address of a PostgreSQL database with every migration applied, to make copies of."""
    with postgres_server() as server:
        url = new_database(server, "margin_template")
        upgrade(url)
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A fresh, empty database; every test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        yield from _sqlite(request.getfixturevalue("migrated_sqlite"), tmp_path)
    else:
        yield from _postgres(request.getfixturevalue("migrated_postgres"))


@pytest.fixture
def sqlite_database(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh, empty SQLite database, where the kind of database does not matter."""
    yield from _sqlite(migrated_sqlite, tmp_path)


def _sqlite(template: Path, folder: Path) -> Iterator[Database]:
    path = folder / "margin.db"
    shutil.copyfile(template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.dispose()


def _postgres(template_url: str) -> Iterator[Database]:
    template = make_url(template_url)
    copy = template.set(database="margin_test")
    maintenance = Database(template.set(database="postgres").render_as_string(False))
    engine = maintenance.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS margin_test WITH (FORCE)"))
        connection.execute(text(f'CREATE DATABASE margin_test TEMPLATE "{template.database}"'))
    maintenance.dispose()
    database = Database(copy.render_as_string(False))
    yield database
    database.dispose()


@pytest.fixture
def world(database: Database, now: datetime) -> World:
    """Two of everything: one who is entitled and one who is not, on either kind of database."""
    return build_world(database, now)


@pytest.fixture
def sqlite_world(sqlite_database: Database, now: datetime) -> World:
    """The same world where the kind of database does not matter."""
    return build_world(sqlite_database, now)
