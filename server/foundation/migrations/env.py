"""How Alembic reaches the database. Run by Alembic, never imported."""

from __future__ import annotations

from collections import Counter

from alembic import context
from sqlalchemy import Connection

from server.foundation.db import Base, Database

config = context.config
database = Database(config.get_main_option("sqlalchemy.url") or "")


def leave_references_alone(connection: Connection) -> None:
    """SQLite changes a table by making it anew, and would refuse to drop the old one while rows elsewhere
    refer to its rows (sqlite.org/lang_altertable.html, 7). Before a transaction begins only."""
    connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]


def referring_to_nothing(connection: Connection) -> Counter[str]:
    """How many rows of each table refer to a row that is not there; what somebody deleted by hand."""
    found = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return Counter(str(row[0]) for row in found)


def migrate_sqlite(connection: Connection) -> None:
    """Run the migrations, or change nothing: none of them may lose what others refer to."""
    before = referring_to_nothing(connection)
    context.run_migrations()
    lost = {
        table for table, count in referring_to_nothing(connection).items() if count > before[table]
    }
    if lost:
        raise ValueError(f"rows refer to what is not there any more: {', '.join(sorted(lost))}")


with database.engine.connect() as connection:
    connection = connection.execution_options(margin_writes=True)
    if database.is_sqlite:
        leave_references_alone(connection)
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=database.is_sqlite
    )
    with context.begin_transaction():
        if database.is_sqlite:
            migrate_sqlite(connection)
        else:
            context.run_migrations()
    connection.commit()
database.dispose()
