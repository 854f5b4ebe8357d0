"""The staircase holds, and its gate closes when somebody climbs it the wrong way."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--config", folder / "pyproject.toml", "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_staircase_holds() -> None:
    result = lint_imports(PROJECT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("room", "offence"),
    [
        ("cases/clocks/clock.py", "from server.web import problems"),
        ("opinions/queries.py", "from server.intake import queries as q"),
        ("access/tokens.py", "import flask"),
        ("cases/lifecycle.py", "import sqlalchemy"),
        ("foundation/days.py", "import flask"),
        ("dicomweb/query/search.py", "import pyorthanc"),
        ("prepared/queries.py", "import pyorthanc"),
    ],
)
def test_an_offence_is_found(tmp_path: Path, room: str, offence: str) -> None:
    shutil.copytree(
        PROJECT / "server", tmp_path / "server", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    file = tmp_path / "server" / room
    file.write_text(file.read_text() + f"\n{offence}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout


def test_what_calls_itself_pure_is_held_to_it() -> None:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    held = next(one for one in contracts["contracts"] if one["name"] == "Rules are pure")
    for path in sorted((PROJECT / "server").rglob("*.py")):
        module = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        if re.search(r"\bPure\b", ast.get_docstring(ast.parse(path.read_text())) or ""):
            within = [
                module == one or module.startswith(f"{one}.") for one in held["source_modules"]
            ]
            assert any(within), f"{module} says that it is pure: add it to the contract"


def test_the_map_of_the_house_is_the_contract_and_names_every_room() -> None:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = contracts["contracts"][0]["layers"]
    page = (PROJECT / "docs" / "house.md").read_text()
    drawn = page.split("```")[1].strip().splitlines()
    assert drawn == [layer.replace("server.", "") for layer in layers]
    rooms = {path.parent.name for path in (PROJECT / "server").glob("*/__init__.py")}
    on_the_map = set(" ".join(drawn).replace(":", " ").replace("|", " ").split())
    assert on_the_map == rooms | {"app", "worker"}
    for room in rooms - {"foundation"}:
        assert f"`server/{room}/`" in page, room
