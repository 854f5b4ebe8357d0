"""A grant that shows its case without names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.access.action import Permit
from server.access.actions import issue_grant
from server.access.queries import grants_of_case
from server.cli import main
from server.foundation.errors import Invalid
from tests.world import World

VIEW = frozenset({Permit.VIEW})


def test_a_grant_shows_names_unless_it_is_pseudonymised(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        for hidden in (False, True):
            issue_grant(
                session,
                case=world.inside,
                for_whom="a student",
                permits=VIEW,
                days=1,
                issued_by="test",
                now=now,
                pseudonymised=hidden,
            )
    with world.db.reading() as session:
        found = grants_of_case(session, world.inside.id)
        assert [one.pseudonymised for one in found if one.for_whom == "a student"].count(True) == 1
        assert not any(one.pseudonymised for one in found if one.for_whom != "a student")


@pytest.mark.parametrize("permits", [VIEW | {Permit.UPLOAD}, frozenset({Permit.UPLOAD})])
def test_who_sends_the_records_cannot_be_kept_from_the_name(
    sqlite_world: World, now: datetime, permits: frozenset[Permit]
) -> None:
    with pytest.raises(Invalid) as refused, sqlite_world.db.writing() as session:
        issue_grant(
            session,
            case=sqlite_world.inside,
            for_whom="Riverside",
            permits=permits,
            days=1,
            issued_by="test",
            now=now,
            pseudonymised=True,
        )
    assert [problem.pointer for problem in refused.value.problems] == ["/pseudonymised"]


def test_the_archive_has_no_pseudonyms(sqlite_world: World, now: datetime) -> None:
    with pytest.raises(Invalid), sqlite_world.db.writing() as session:
        issue_grant(
            session,
            case=None,
            for_whom="planning system",
            permits=VIEW,
            days=1,
            issued_by="test",
            now=now,
            pseudonymised=True,
        )


def test_the_command_line_issues_and_lists_a_pseudonymised_grant(
    sqlite_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARGIN_HOME", str(tmp_path))
    monkeypatch.setenv("MARGIN_DATABASE_URL", f"sqlite:///{tmp_path / 'margin.db'}")
    monkeypatch.delenv("COLUMNS", raising=False)
    number = sqlite_world.inside.number
    run = CliRunner().invoke(
        main, ["grant", "create", "--case", number, "--for", "a student", "--pseudonymised"]
    )
    assert run.exit_code == 0, run.output
    listed = CliRunner().invoke(main, ["grant", "list", "--case", number])
    line = next(line for line in listed.output.splitlines() if "a student" in line)
    assert "pseudonymised" in line
    assert number in line


@pytest.mark.parametrize("work", [Permit.ANNOTATE, Permit.SIGN])
def test_who_draws_or_signs_sends_nothing_into_the_case(
    sqlite_world: World, now: datetime, work: Permit
) -> None:
    with pytest.raises(Invalid) as refused, sqlite_world.db.writing() as session:
        issue_grant(
            session,
            case=sqlite_world.inside,
            for_whom="a member of a panel",
            permits=VIEW | {work, Permit.UPLOAD},
            days=1,
            issued_by="test",
            now=now,
        )
    assert [problem.pointer for problem in refused.value.problems] == ["/permits"]
