"""A command that is led to the wrong place says so, and makes nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from server.cli import main


@pytest.mark.parametrize("made", [False, True])
def test_a_home_without_records_is_named_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    monkeypatch.setenv("MARGIN_SECRET_KEY", "a key for tests only, nothing else")
    monkeypatch.setenv("MARGIN_ORTHANC_PASSWORD", "a password for tests")
    file = tmp_path / "margin.db"
    if made:
        file.touch()
    for command in (["grant", "list"], ["person", "code", "a@margin.example"]):
        run = CliRunner().invoke(main, [*command, "--home", str(tmp_path)])
        assert run.exit_code == 1
        assert "There are no records in" in run.output
        assert "--home" in run.output
    assert file.exists() == made
