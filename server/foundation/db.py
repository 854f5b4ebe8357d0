"""The database: one engine, two kinds of transaction.

SQLite is the embedded default; there, a transaction that will write takes the write lock at its start,
so that it never has to be upgraded half-way and two writers queue instead of failing.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Engine, Function, MetaData, create_engine, event, func, select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from server.foundation.errors import MarginError, NoRoom, Unavailable

WRITE_LOCK_WAIT_S = 20
# A PostgreSQL whose machine went away is given up after this long, by libpq's own options.
POSTGRESQL_PATIENCE = {
    "connect_timeout": 10,  # s
    "keepalives_idle": 30,  # s
    "keepalives_interval": 10,  # s
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # ms
}
# What the databases call a disk without room: SQLite's result codes (sqlite.org/rescode.html), the last
# two for the index beside its log; PostgreSQL's SQLSTATE (Appendix A of its manual).
_NO_ROOM = frozenset(
    {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_SHMSIZE", "53100"}
)


# The same sources, for a disk that is not to be written to, or not to be read.
_NOT_WRITABLE = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "25006", "58030")
# Another writer holds a lock for too long, or this one had to give way (class 40); connections end, are
# refused, or are not taken yet.
_AWAY = ("SQLITE_BUSY", "SQLITE_LOCKED", "08", "40", "53300", "57P01", "57P02", "57P03")
log = logging.getLogger("margin.database")


class DatabaseFull(NoRoom):
    """What was to be noted finds no room on the disk of the database. Nothing of it was kept."""


class DatabaseNotWritable(Unavailable):
    """The disk of the database refuses to be written to, or to be read. Nothing was changed."""


class DatabaseAway(Unavailable):
    """The database does not answer: it is being started anew, or has too much to do."""


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


def clock_of(session: Session) -> datetime:
    """What time it is to the database: one clock for all servers that share it."""
    now: Function[datetime] = func.strftime("%Y-%m-%d %H:%M:%f", "now", type_=UtcDateTime())
    if session.get_bind().dialect.name == "postgresql":
        # Now, and not when the transaction began.
        now = func.clock_timestamp(type_=UtcDateTime())
    return session.scalars(select(now)).one()


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
        with _trouble_is_said(), self._sessions() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is committed when the block ends and undone when it raises.

        Raises DatabaseFull, DatabaseNotWritable or DatabaseAway.
        """
        with _trouble_is_said(), self._sessions() as session:
            if self.is_sqlite:
                session.connection(execution_options={"margin_writes": True})
            yield session
            session.commit()

    def dispose(self) -> None:
        self.engine.dispose()


@contextmanager
def _trouble_is_said() -> Iterator[None]:
    """What is wrong with the database itself leaves as a sentence; what is wrong with us, as it is."""
    try:
        yield
    except NoConnectionFree as problem:
        log.warning("no connection was free: %s", problem)
        raise _away() from problem
    except DBAPIError as problem:
        trouble = _trouble(problem)
        if trouble is None:
            raise
        # Of these troubles the database speaks without naming any value.
        log.warning("%s: %s", trouble.code, problem.orig)
        raise trouble from problem


def _trouble(problem: DBAPIError) -> MarginError | None:
    cause = problem.orig
    named = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    if named in _NO_ROOM:
        return DatabaseFull(
            "The server's disk is full. What was kept before is still there.",
            remedy="Tell the coordinator, and do it again later.",
        )
    if named.startswith(_NOT_WRITABLE):
        return DatabaseNotWritable(
            "The server's records cannot be written to at present. What was kept before is still there.",
            remedy="Tell the coordinator, and do it again later.",
        )
    # psycopg names no state where there is no connection (any more) to have one.
    unnamed = not named and isinstance(problem, OperationalError)
    if problem.connection_invalidated or named.startswith(_AWAY) or unnamed:
        return _away()
    return None


def _away() -> DatabaseAway:
    return DatabaseAway(
        "The server's records do not answer at present.",
        remedy="Do it again in a minute. Tell the coordinator if it goes on.",
        retry_after_s=10,
    )


def _engine(url: str) -> Engine:
    # Errors reach the logs, and the values of a statement may name a patient: they are left out.
    if not url.startswith("sqlite"):
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            hide_parameters=True,
            connect_args=POSTGRESQL_PATIENCE,
        )
    engine = create_engine(
        url,
        pool_size=10,
        # A thread that reads may note something meanwhile by a second connection: with as many connections
        # as threads, all of them could wait for the one that each holds. A file takes any number.
        max_overflow=-1,
        hide_parameters=True,
        connect_args={"timeout": WRITE_LOCK_WAIT_S},
    )

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
