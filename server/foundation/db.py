"""The database: one engine, two kinds of transaction.

SQLite is the embedded default; there, a transaction that will write takes the write lock at its start,
so that it never has to be upgraded half-way and two writers queue instead of failing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from server.foundation.errors import NoRoom

WRITE_LOCK_WAIT_S = 20
# What the databases call a disk without room: SQLite's result codes (sqlite.org/rescode.html), the last
# two for the index beside its log; PostgreSQL's SQLSTATE (Appendix A of its manual).
_NO_ROOM = frozenset(
    {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_SHMSIZE", "53100"}
)


class DatabaseFull(NoRoom):
    """What was to be noted finds no room on the disk of the database. Nothing of it was kept."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. A naive datetime is refused rather than guessed at."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be kept")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Parent of every record."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime()}  # noqa: RUF012 - SQLAlchemy reads it as it stands


def new_id() -> str:
    """A fresh identifier: 32 hexadecimal digits, random."""
    return uuid.uuid4().hex


class Database:
    """Opens transactions on the database that `url` names."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads; whatever was changed in it is thrown away.

        What was loaded stays readable afterwards.
        """
        with _no_room_is_said(), self._sessions() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is committed when the block ends and undone when it raises.

        Raises DatabaseFull.
        """
        with _no_room_is_said(), self._sessions() as session:
            if self.is_sqlite:
                session.connection(execution_options={"margin_writes": True})
            yield session
            session.commit()

    def dispose(self) -> None:
        self.engine.dispose()


@contextmanager
def _no_room_is_said() -> Iterator[None]:
    try:
        yield
    except DBAPIError as problem:
        cause = problem.orig
        named = {getattr(cause, "sqlite_errorname", None), getattr(cause, "sqlstate", None)}
        if not named & _NO_ROOM:
            raise
        raise DatabaseFull(
            "The server's disk is full. What was kept before is still there.",
            remedy="Tell the coordinator, and do it again later.",
        ) from problem


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    engine = create_engine(url, connect_args={"timeout": WRITE_LOCK_WAIT_S})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # The driver must not open transactions by itself: BEGIN is ours, below.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("margin_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
