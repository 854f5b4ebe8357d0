"""The staircase holds, and its gate closes when somebody climbs it the wrong way."""

from __future__ import annotations

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
        ("dicomweb/query/search.py", "import pyorthanc"),
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
