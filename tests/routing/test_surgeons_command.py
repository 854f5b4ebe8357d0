"""`margin import-surgeons` and `margin export-surgeons`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli import main
from server.foundation import audit
from server.foundation.db import Database
from server.people.queries import people
from server.routing.sheet_files import read_sheet
from tests.world import World

Run = Callable[..., Result]
SHEET = "Name,E-mail address,Organs\nDr New,new@x.example,Liver\n"
BAD = "Dr Bad,bad@x.example,Spleen\n"


@pytest.fixture
def run(sqlite_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MARGIN_DATABASE_URL", sqlite_world.db.url)
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--home", str(tmp_path)])

    return invoke


def names(db: Database) -> set[str]:
    with db.reading() as session:
        return {one.name for one in people(session, "surgeon")}


def test_a_dry_run_says_what_would_become_of_each_row_and_changes_nothing(
    run: Run, sqlite_world: World
) -> None:
    Path("s.csv").write_text(SHEET)
    said = run("import-surgeons", "s.csv", "--dry-run")
    assert said.exit_code == 0, said.output
    assert "1 new, 0 changed, 0 as it is, 0 refused" in said.output
    assert names(sqlite_world.db) == {"Lena", "Otto"}


def test_a_refused_row_is_told_and_fails_the_command_and_the_others_are_in(
    run: Run, sqlite_world: World
) -> None:
    Path("s.csv").write_text(SHEET + BAD)
    said = run("import-surgeons", "s.csv")
    assert said.exit_code == 1
    assert "C3 Organs" in said.output
    assert names(sqlite_world.db) == {"Lena", "Otto", "Dr New"}
    with sqlite_world.db.reading() as session:
        line = audit.newest(session)[0]
        assert (line.action, line.details["new"]) == ("surgeons.change", 1)


def test_a_file_that_is_no_sheet_is_an_error_with_its_remedy(run: Run) -> None:
    Path("s.csv").write_bytes(b"\xd0\xcf\x11\xe0")
    said = run("import-surgeons", "s.csv")
    assert said.exit_code == 1
    assert "Save it as .xlsx or as CSV." in said.output


@pytest.mark.parametrize("name", ["s.csv", "s.xlsx"])
def test_surgeons_are_written_and_the_template_too(run: Run, name: str) -> None:
    assert "2 rows are in" in run("export-surgeons", name).output
    assert {row.cells["name"] for row in read_sheet(Path(name).read_bytes())} == {"Lena", "Otto"}
    assert "1 row is in" in run("export-surgeons", name, "--template").output


def test_another_ending_is_refused(run: Run) -> None:
    assert run("export-surgeons", "s.pdf").exit_code == 2
