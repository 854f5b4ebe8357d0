"""Keeping centres, profiles, absences and conflicts; what is refused, and who wins of two."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from server.foundation.errors import Invalid
from server.people.queries import person
from server.routing import actions, queries
from server.routing.actions import CentreNameTaken, EntryChangedMeanwhile
from server.routing.checking import CentreSaid, ProfileSaid
from server.routing.records import SurgeonProfile, YearlyVolume
from server.routing.values import Volume
from tests.world import World

CENTRE = CentreSaid(
    name="Northern Centre",
    country="SE",
    time_zone="Europe/Stockholm",
    kinds=("hpb_high_volume",),
    languages=("sv",),
    capabilities=("alpps",),
    volumes=(Volume("hepatectomy", 2025, 500, "report"),),
)
PROFILE = ProfileSaid(organs=("liver",), subspecialties=("hpb",), capabilities=("alpps",))


def test_a_centre_is_kept_with_its_hospitals_and_volumes(world: World, now: datetime) -> None:
    said = replace(CENTRE, hospitals=((world.hospital.id, "part_of"),))
    with world.db.writing() as session:
        made = actions.keep_centre(session, None, said, by="Ada", now=now)
        again = replace(said, hospitals=((world.other_hospital.id, "affiliated"),), volumes=())
        actions.keep_centre(session, made, again, by="Ada", now=now, seen_version=1)
    with world.db.reading() as session:
        (found,) = queries.centres(session)
        assert [(one.hospital.name, one.how) for one in found.hospitals] == [
            ("Hillcrest", "affiliated")
        ]
        assert (found.version, queries.volumes(session, centre_id=found.id)) == (2, [])


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"country": "Sweden"}, "/country"),
        ({"time_zone": "Mars/Base"}, "/time_zone"),
        ({"kinds": ("best",)}, "/kinds"),
        ({"languages": ("xx",)}, "/languages"),
        ({"capabilities": ("flying",)}, "/capabilities"),
        ({"hospitals": (("nowhere", "part_of"),)}, "/hospitals"),
        ({"hospitals": (("nowhere", "next to"),)}, "/hospitals"),
        ({"volumes": (Volume("juggling", 2025, 3),)}, "/volumes/0"),
        ({"volumes": (Volume("hepatectomy", 2027, 3),)}, "/volumes/0"),
        ({"volumes": (Volume("hepatectomy", 2025, -1),)}, "/volumes/0"),
        (
            {"volumes": (Volume("hepatectomy", 2025, 3), Volume("hepatectomy", 2025, 4))},
            "/volumes/1",
        ),
    ],
)
def test_a_centre_that_cannot_be_is_refused_at_the_field(
    sqlite_world: World, now: datetime, changes: dict[str, Any], pointer: str
) -> None:
    with sqlite_world.db.writing() as session, pytest.raises(Invalid) as refused:
        actions.keep_centre(session, None, replace(CENTRE, **changes), by="Ada", now=now)
    assert pointer in [one.pointer for one in refused.value.problems]


def test_two_centres_do_not_share_a_name(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        actions.keep_centre(session, None, CENTRE, by="Ada", now=now)
        with pytest.raises(CentreNameTaken):
            actions.keep_centre(
                session, None, replace(CENTRE, name="northern  CENTRE"), by="Ada", now=now
            )


def test_a_centres_new_name_stands_beside_its_surgeons(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        made = actions.keep_centre(session, None, CENTRE, by="Ada", now=now)
        lena = person(session, world.surgeon.id)
        actions.keep_profile(session, lena, replace(PROFILE, centre_id=made.id), by="Ada", now=now)
        assert (lena.centre, lena.subspecialty) == (
            "Northern Centre",
            "Hepatopancreatobiliary surgery",
        )
        actions.keep_centre(session, made, replace(CENTRE, name="Nordic"), by="Ada", now=now)
        assert lena.centre == "Nordic"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"organs": ("spleen",)}, "/organs"),
        ({"subspecialties": ("magic",)}, "/subspecialties"),
        ({"countries": ("gb",)}, "/countries"),
        ({"countries": ("SE", "UK")}, "/countries"),
        ({"accepts_tiers": ("gold",)}, "/accepts_tiers"),
        ({"most_cases": 0}, "/most_cases"),
        ({"most_cases": 51}, "/most_cases"),
        ({"calendar": "Germany"}, "/calendar"),
        ({"centre_id": "nowhere"}, "/centre_id"),
        ({"volumes": (Volume("hepatectomy", 2025, 5001),)}, "/volumes/0"),
        ({"volumes": (Volume("hepatectomy", 2025, 1, "x" * 201),)}, "/volumes/0"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_at_the_field(
    sqlite_world: World, now: datetime, changes: dict[str, Any], pointer: str
) -> None:
    with sqlite_world.db.writing() as session, pytest.raises(Invalid) as refused:
        actions.keep_profile(
            session, sqlite_world.surgeon, replace(PROFILE, **changes), by="Ada", now=now
        )
    assert pointer in [one.pointer for one in refused.value.problems]


def test_only_a_surgeon_has_a_profile(sqlite_world: World, now: datetime) -> None:
    with sqlite_world.db.writing() as session, pytest.raises(Invalid, match="not saved"):
        actions.keep_profile(session, sqlite_world.coordinator, PROFILE, by="Ada", now=now)


def test_of_two_who_change_a_profile_at_once_the_second_is_told(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        actions.keep_profile(session, world.surgeon, PROFILE, by="Ada", now=now, seen_version=0)
    with world.db.writing() as session:
        lena = person(session, world.surgeon.id)
        first = replace(PROFILE, most_cases=2)
        actions.keep_profile(session, lena, first, by="Ada", now=now, seen_version=1)
    with world.db.writing() as session, pytest.raises(EntryChangedMeanwhile):
        lena = person(session, world.surgeon.id)
        actions.keep_profile(session, lena, PROFILE, by="Bea", now=now, seen_version=1)
    with world.db.writing() as session, pytest.raises(EntryChangedMeanwhile):
        lena = person(session, world.surgeon.id)
        actions.keep_profile(session, lena, PROFILE, by="Bea", now=now, seen_version=0)
    with world.db.reading() as session:
        kept = queries.profile_of(session, world.surgeon.id)
        assert kept is not None
        assert (kept.most_cases, kept.version, kept.changed_by) == (2, 2, "Ada")


def test_a_volume_belongs_to_a_centre_or_to_a_person(world: World) -> None:
    with pytest.raises(IntegrityError), world.db.writing() as session:
        session.add(YearlyVolume(operation="hepatectomy", year=2025, count=1))
        session.flush()


@pytest.mark.parametrize(
    ("from_on", "until_on", "pointer"),
    [
        (None, date(2026, 12, 1), "/from_on"),
        (date(2026, 12, 1), None, "/until_on"),
        (date(2026, 12, 2), date(2026, 12, 1), "/until_on"),
        (date(2026, 12, 1), date(2029, 12, 1), "/until_on"),
    ],
)
def test_an_absence_that_cannot_be_is_refused(
    sqlite_world: World, now: datetime, from_on: date | None, until_on: date | None, pointer: str
) -> None:
    with sqlite_world.db.writing() as session, pytest.raises(Invalid) as refused:
        actions.add_absence(
            session,
            sqlite_world.surgeon,
            from_on=from_on,
            until_on=until_on,
            why="",
            by="Ada",
            now=now,
        )
    assert [one.pointer for one in refused.value.problems] == [pointer]


def test_an_absence_is_one_persons_and_ends(world: World, now: datetime) -> None:
    today = now.date()
    with world.db.writing() as session:
        kept = actions.add_absence(
            session,
            world.surgeon,
            from_on=today,
            until_on=today + timedelta(days=1),
            why=" leave ",
            by="Ada",
            now=now,
        )
        actions.remove_absence(session, world.other_surgeon.id, kept.id)
        assert queries.absences(session, today=today)[world.surgeon.id][0].why == "leave"
        assert queries.absences(session, today=today + timedelta(days=2)) == {}
        actions.remove_absence(session, world.surgeon.id, kept.id)
        actions.remove_absence(session, world.surgeon.id, kept.id)
        assert queries.absences(session, today=today) == {}


def test_a_conflict_names_a_hospital_a_centre_or_a_person(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        made = actions.keep_centre(session, None, CENTRE, by="Ada", now=now)
        for against in (
            f"hospital:{world.hospital.id}",
            f"centre:{made.id}",
            f"person:{world.other_surgeon.id}",
        ):
            actions.add_conflict(
                session, person_id=world.surgeon.id, against=against, why="x", by="Ada", now=now
            )
        kept = queries.conflicts(session, person_id=world.surgeon.id)
        assert len(kept) == 3
        actions.remove_conflict(session, kept[0].id, person_id=world.other_surgeon.id)
        assert len(queries.conflicts(session)) == 3
        actions.remove_conflict(session, kept[0].id, person_id=world.surgeon.id)
        assert len(queries.conflicts(session)) == 2


@pytest.mark.parametrize(
    ("against", "why", "pointer"),
    [
        ("", "x", "/against"),
        ("hospital:nowhere", "x", "/against"),
        ("case:1", "x", "/against"),
        ("self", "x", "/against"),
        ("hospital", "", "/why"),
    ],
)
def test_a_conflict_that_says_nothing_is_refused(
    sqlite_world: World, now: datetime, against: str, why: str, pointer: str
) -> None:
    named = {"self": f"person:{sqlite_world.surgeon.id}"}
    with sqlite_world.db.writing() as session, pytest.raises(Invalid) as refused:
        actions.add_conflict(
            session,
            person_id=sqlite_world.surgeon.id,
            against=named.get(against, against),
            why=why,
            by="Ada",
            now=now,
        )
    assert pointer in [one.pointer for one in refused.value.problems]


def test_a_profile_exists_once(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        actions.keep_profile(session, world.surgeon, PROFILE, by="Ada", now=now)
    with pytest.raises(IntegrityError), world.db.writing() as session:
        session.add(SurgeonProfile(person_id=world.surgeon.id, changed_by="", changed_at=now))
        session.flush()
