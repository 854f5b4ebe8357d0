"""Bringing a sheet in: new, changed, the same, refused; and nothing half."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.people.queries import people, person_of_email
from server.people.records import Person
from server.routing import actions, importing, queries
from server.routing.checking import CentreSaid, ProfileSaid
from server.routing.importing import SheetGone, SheetOutcome
from server.routing.records import Centre, SheetWaiting, SurgeonProfile, YearlyVolume
from server.routing.sheet_files import as_csv, read_sheet
from server.routing.values import Volume
from tests.world import World

HEAD = "Name,E-mail address,Centre,Centre country,Organs,Operations a year,Cases at a time,Holidays of\n"
NEW = 'Dr New,new@x.example,Northern Centre,,Liver,"Hepatectomy (any) 40 in 2025 (log)",3,SE\n'


def bring(session: Session, text: str, now: datetime, head: str = HEAD) -> SheetOutcome:
    return importing.bring_in(session, read_sheet((head + text).encode()), by="Ada", now=now)


@pytest.fixture
def centre(world: World, now: datetime) -> str:
    with world.db.writing() as session:
        said = CentreSaid(name="Northern Centre", country="SE")
        return actions.keep_centre(session, None, said, by="Ada", now=now).id


def test_an_unknown_address_is_a_new_surgeon(world: World, centre: str, now: datetime) -> None:
    with world.db.writing() as session:
        outcome = bring(session, NEW, now)
        assert outcome.facts() == {"new": 1, "changed": 0, "same": 0, "refused": 0}
    with world.db.reading() as session:
        made = person_of_email(session, "new@x.example")
        assert made is not None
        profile = queries.profile_of(session, made.id)
        assert profile is not None
        assert (made.role, made.centre, made.password_hash) == ("surgeon", "Northern Centre", None)
        assert (profile.centre_id, profile.organs, profile.most_cases) == (centre, ["liver"], 3)
        (volume,) = queries.volumes(session, person_id=made.id)
        assert (volume.operation, volume.count, volume.source) == ("hepatectomy", 40, "log")


def test_the_same_sheet_again_changes_nothing(world: World, centre: str, now: datetime) -> None:
    with world.db.writing() as session:
        bring(session, NEW, now)
        before = session.scalar(select(SurgeonProfile.version))
        assert bring(session, NEW, now + timedelta(days=1)).facts()["same"] == 1
        assert session.scalar(select(SurgeonProfile.version)) == before


def test_a_known_address_changes_that_surgeon_and_says_what(
    world: World, centre: str, now: datetime
) -> None:
    with world.db.writing() as session:
        bring(session, NEW, now)
        (row,) = bring(
            session, NEW.replace("Dr New", "Dr Newer").replace("40 in", "50 in"), now
        ).rows
        assert row.outcome == "changed"
        assert row.changes == (
            "Name: Dr New → Dr Newer",
            "Operations a year: Hepatectomy (any) 40 in 2025 (log) → Hepatectomy (any) 50 in 2025 (log)",
        )
        assert session.scalar(select(func.count()).select_from(YearlyVolume)) == 1


def test_the_address_is_compared_without_capitals(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        (row,) = bring(session, "Lena,LENA@Margin.Example,,,Liver,,,\n", now).rows
        assert row.outcome == "changed"
        assert len(people(session, "surgeon")) == 2


def test_a_column_that_the_sheet_has_not_is_left_alone_and_an_empty_cell_empties(
    world: World, centre: str, now: datetime
) -> None:
    head = "Name,E-mail address,Organs\n"
    with world.db.writing() as session:
        bring(session, NEW, now)
        bring(session, "Dr New,new@x.example,\n", now, head)
        made = person_of_email(session, "new@x.example")
        assert made is not None
        profile = queries.profile_of(session, made.id)
        assert profile is not None
        assert (profile.organs, profile.centre_id, profile.most_cases) == ([], centre, 3)


def test_a_row_with_a_problem_changes_nothing_and_the_others_go_on(
    world: World, centre: str, now: datetime
) -> None:
    bad = "Dr Bad,bad@x.example,New Place,DE,Liver,Hepatectomy (any) 4 in 2099,3,\n"
    with world.db.writing() as session:
        outcome = bring(session, bad + NEW, now)
        assert outcome.facts() == {"new": 1, "changed": 0, "same": 0, "refused": 1}
        (problem,) = outcome.rows[0].problems
        assert (problem.cell, problem.column) == ("F2", "Operations a year")
        assert "the year is one from 1990 to 2026" in problem.message
    with world.db.reading() as session:
        assert person_of_email(session, "bad@x.example") is None
        assert queries.centre_named(session, "New Place") is None


ROWS: dict[str, tuple[str, str, str]] = {
    "unknown centre": (
        "Dr A,a@x.example,Nowhere,,Liver,,,\n",
        "C2",
        "No centre is named “Nowhere”",
    ),
    "bad country": ("Dr A,a@x.example,Nowhere,Sweden,Liver,,,\n", "D2", "two capital letters"),
    "bad calendar": ("Dr A,a@x.example,,,Liver,,,Sweden\n", "H2", "write the calendar's country"),
    "too many": ("Dr A,a@x.example,,,Liver,,900,\n", "G2", "a number from 1 to 50"),
    "a coordinator's address": (
        "Clara,clara@margin.example,,,Liver,,,\n",
        "B2",
        "coordinator here",
    ),
}


@pytest.mark.parametrize(("text", "cell", "message"), ROWS.values(), ids=ROWS.keys())
def test_what_the_world_does_not_allow_is_named_at_its_cell(
    sqlite_world: World, now: datetime, text: str, cell: str, message: str
) -> None:
    with sqlite_world.db.writing() as session:
        (row,) = bring(session, text, now).rows
        assert row.outcome == "refused"
        assert row.problems[0].cell == cell
        assert message in row.problems[0].message


def test_two_rows_of_one_address_are_not_both_taken(sqlite_world: World, now: datetime) -> None:
    with sqlite_world.db.writing() as session:
        first, second = bring(session, "A,a@x.example,,,,,,\nB,A@x.example,,,,,,\n", now).rows
        assert (first.outcome, second.outcome) == ("new", "refused")
        assert "Row 2 has the same address" in second.problems[0].message


def test_a_centre_with_its_country_is_added_once(world: World, now: datetime) -> None:
    rows = "A,a@x.example,New Place,de,Liver,,,\nB,b@x.example,new  place,,Liver,,,\n"
    with world.db.writing() as session:
        assert bring(session, rows, now).facts()["new"] == 2
        (made,) = session.scalars(select(Centre))
        assert (made.name, made.country) == ("New Place", "DE")
        assert len(queries.surgeons_of(session, made.id)) == 2


def test_trying_out_says_what_would_become_of_it_and_changes_nothing(
    world: World, centre: str, now: datetime
) -> None:
    with world.db.writing() as session:
        rows = read_sheet((HEAD + NEW + "B,b@x.example,Other,FR,Liver,,,\n").encode())
        outcome = importing.try_out(session, rows, by="Ada", now=now)
        assert outcome.facts()["new"] == 2
        assert session.scalar(select(func.count()).select_from(Centre)) == 1
        assert person_of_email(session, "new@x.example") is None
    with world.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 5
        assert session.scalar(select(func.count()).select_from(SurgeonProfile)) == 0


def test_what_is_exported_can_be_brought_in_again_and_changes_nothing(
    world: World, centre: str, now: datetime
) -> None:
    with world.db.writing() as session:
        said = ProfileSaid(
            centre_id=centre,
            organs=("liver",),
            capabilities=("alpps", "haic"),
            languages=("en", "zh"),
            countries=("GB", "CN"),
            accepts_tiers=("report",),
            accepting=False,
            most_cases=2,
            time_zone="Europe/Stockholm",
            note="-- prefers mornings",
            volumes=(Volume("hepatectomy", 2025, 80, "log"), Volume("hepatectomy", 2024, 70)),
        )
        actions.keep_profile(session, world.surgeon, said, by="Ada", now=now)
        sheet = as_csv(importing.every_row(session))
        outcome = importing.bring_in(session, read_sheet(sheet), by="Ada", now=now)
        assert outcome.facts() == {"new": 0, "changed": 1, "same": 1, "refused": 0}
        changed = next(row for row in outcome.rows if row.outcome == "changed")
        assert (changed.name, changed.changes) == ("Otto", ("Profile added",))


def test_a_sheet_that_was_looked_through_is_brought_in_once(
    sqlite_world: World, now: datetime
) -> None:
    with sqlite_world.db.writing() as session:
        rows = read_sheet((HEAD + "A,a@x.example,,,Liver,,,\n").encode())
        waiting = importing.lay_aside(session, rows, file_name="s.csv", by="Ada", now=now)
        assert importing.take_up(session, waiting.id, by="Ada", now=now).facts()["new"] == 1
        with pytest.raises(SheetGone):
            importing.take_up(session, waiting.id, by="Ada", now=now)


def test_a_sheet_that_nobody_took_up_goes_after_a_day(sqlite_world: World, now: datetime) -> None:
    with sqlite_world.db.writing() as session:
        importing.lay_aside(session, [], file_name="old.csv", by="Ada", now=now)
        later = now + importing.KEPT_FOR + timedelta(minutes=1)
        importing.lay_aside(session, [], file_name="new.csv", by="Ada", now=later)
        assert session.scalars(select(SheetWaiting.file_name)).all() == ["new.csv"]
