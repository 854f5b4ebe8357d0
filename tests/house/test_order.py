"""What the house asks of every file, and of the database's steps."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click import Command, Group

from server.cli import main
from server.foundation.db import Base, Database

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = sorted((PROJECT / "server").rglob("*.py"))
WRITTEN = [path for path in SOURCES if "versions" not in path.parts]
# The ways in ask what time it is, or are made with something else that does; all below is told.
MAY_ASK_THE_TIME = ("app.py", "worker.py", "errand/means.py", "cli/", "demo/seed.py")
DOORS = ("web", "dicomweb", "cli", "errand", "worker.py", "app.py")
EMPTY_NAMES = re.compile(r"(utils?|helpers?|common|misc|managers?|handlers?|services?)")


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_file_is_small_has_a_sentence_and_imports_at_its_top(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 450
    assert not EMPTY_NAMES.fullmatch(path.stem)
    assert not text.strip() or ast.get_docstring(tree)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [
                node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)
            ]
            assert not inner, f"{function.name} imports inside itself"
            assert (function.end_lineno or 0) - function.lineno <= 60, function.name


@pytest.mark.parametrize("name", [*MAY_ASK_THE_TIME, *DOORS])
def test_what_is_named_here_is_there(name: str) -> None:
    assert (PROJECT / "server" / name).exists()


def test_only_the_ways_in_ask_what_time_it_is() -> None:
    asking = re.compile(r"\butc_now\b|\bdatetime\.now\(|\bdate\.today\(|\bdatetime\.utcnow\(")
    for path in SOURCES:
        name = path.relative_to(PROJECT / "server").as_posix()
        if name != "foundation/clock.py" and not name.startswith(MAY_ASK_THE_TIME):
            assert not asking.search(path.read_text()), name


def test_doors_read_by_queries_and_change_by_actions() -> None:
    statements = {"select", "insert", "update", "delete"}
    for path in SOURCES:
        if path.relative_to(PROJECT / "server").parts[0] not in DOORS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy":
                assert statements.isdisjoint(name.name for name in node.names), path


def test_the_migrations_give_the_shape_that_the_records_have(database: Database) -> None:
    for path in SOURCES:
        if path.name == "records.py" or "__tablename__" in path.read_text():
            importlib.import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_nothing_tracked_names_a_registry_or_a_machine() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    forbidden = re.compile(r"(files\.pythonhosted|pypi\.org|registry\.npmjs|deb\.debian)\b")
    for name in tracked:
        path = PROJECT / name
        # What was moved is named until the next commit.
        if (
            path.suffix in (".png", ".ico")
            or name == "tests/house/test_order.py"
            or not path.exists()
        ):
            continue
        assert not forbidden.search(path.read_text(errors="replace")), name


def commands(group: Group, prefix: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        full = f"{prefix} {name}"
        found += commands(command, full) if isinstance(command, Group) else [full]
    return found


def test_every_command_stands_in_the_documentation() -> None:
    assert isinstance(main, Command)
    documented = (PROJECT / "docs" / "commands.md").read_text()
    missing = [name for name in commands(main, "margin") if f"`{name}" not in documented]
    assert missing == []
