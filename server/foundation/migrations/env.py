"""How Alembic reaches the database. Run by Alembic, never imported."""

from __future__ import annotations

from alembic import context

from server.foundation.db import Base, Database

config = context.config
database = Database(config.get_main_option("sqlalchemy.url") or "")

with database.engine.connect() as connection:
    connection = connection.execution_options(margin_writes=True)
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=database.is_sqlite
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
database.dispose()
