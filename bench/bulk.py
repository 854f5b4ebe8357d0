"""Rows by the million into either database, past the program's own actions, and what names them.

Identifiers look like real ones, because their length and their order decide how an index behaves.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Table
from sqlalchemy.sql.schema import CallableColumnDefault, ScalarElementColumnDefault

from server.foundation.db import Database

AT_ONCE = 20_000

Row = dict[str, Any]


def identifier(*what: object) -> str:
    """32 hexadecimal digits, random as the program's own are, and the same each time."""
    return hashlib.md5(" ".join(map(str, what)).encode(), usedforsecurity=False).hexdigest()


def uid(*what: object) -> str:
    return f"2.25.{int(identifier(*what), 16)}"


def orthanc_id(*what: object) -> str:
    digits = hashlib.sha1(" ".join(map(str, what)).encode(), usedforsecurity=False).hexdigest()
    return "-".join(digits[start : start + 8] for start in range(0, 40, 8))


def write(db: Database, table: Table, rows: Iterable[Row]) -> int:
    """Rows into one table, as fast as the database takes them."""
    names = [column.name for column in table.columns]
    usual = {
        column.name: column.default.arg
        for column in table.columns
        if isinstance(column.default, ScalarElementColumnDefault)
    }
    nothing: Any = None  # in place of a statement that is being executed, which none of them reads
    usual |= {
        column.name: column.default.arg(nothing)
        for column in table.columns
        if isinstance(column.default, CallableColumnDefault) and not column.nullable
    }
    rows = ({**usual, **row} for row in rows)
    connection = db.engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        kept = _into_sqlite if db.is_sqlite else _into_postgres
        count = kept(driver, table.name, names, rows)
        driver.commit()
    finally:
        connection.close()
    return count


def _into_sqlite(
    driver: sqlite3.Connection, table: str, names: list[str], rows: Iterable[Row]
) -> int:
    marks = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
    count, waiting = 0, iter(rows)
    driver.execute("PRAGMA synchronous=OFF")
    while batch := list(islice(waiting, AT_ONCE)):
        driver.execute("BEGIN")
        driver.executemany(statement, [[_plain(row.get(name)) for name in names] for row in batch])
        driver.execute("COMMIT")
        count += len(batch)
    return count


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def _into_postgres(
    driver: psycopg.Connection[Any], table: str, names: list[str], rows: Iterable[Row]
) -> int:
    count = 0
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN".encode()) as copy,
    ):
        for row in rows:
            values = (row.get(name) for name in names)
            copy.write_row(
                [json.dumps(one) if isinstance(one, (dict, list)) else one for one in values]
            )
            count += 1
    return count


def tell_the_planner(db: Database) -> None:
    """What a database does by itself after a while."""
    connection = db.engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        if db.is_sqlite:
            driver.execute("PRAGMA optimize")
            driver.commit()
        else:
            driver.autocommit = True  # no VACUUM within a transaction
            driver.execute("VACUUM ANALYZE")
            driver.autocommit = False
    finally:
        connection.close()
