"""What became of a patient is asked for when it is time, once and once more, of those who can say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from server.cases import actions as cases
from server.cases.records import Case
from server.errand.morning import ask_for_outcomes
from server.notices import preferences
from server.notices.kinds import Choice, Group, NoticeKind
from server.notices.records import Delivery, Notice
from server.outcomes.actions import enter_outcome
from server.outcomes.entered import Outcome
from server.people.records import Hospital
from tests.world import World

Asked = list[tuple[str, str]]


def opined(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        cases.complete(session, session.get_one(Case, world.inside.id), now)


def enter(world: World, outcome: Outcome, now: datetime, seen: int = 0) -> None:
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        enter_outcome(
            session, case, outcome, seen_number=seen, by="Clara", entered_as="coordinator", now=now
        )


def days_on_which_it_is_asked(world: World, begin: datetime, days: int) -> list[int]:
    """Every morning is gone through twice: the second time nothing is new."""
    found = []
    for day in range(days):
        now = begin + timedelta(days=day)
        if ask_for_outcomes(world.db, now):
            found.append(day)
        assert ask_for_outcomes(world.db, now) == 0
    return found


def told(world: World) -> Asked:
    """The notices with the channels and choices by which they go, in their order."""
    with world.db.reading() as session:
        rows = session.execute(
            select(Delivery.channel, Delivery.digest, Delivery.contact_id, Delivery.person_id)
            .join(Notice)
            .where(Notice.kind == NoticeKind.OUTCOME_WANTED.value)
            .order_by(Notice.created_at, Delivery.channel)
        )
        return [
            ("hospital" if contact else "coordinator", f"{channel}{' daily' if digest else ''}")
            for channel, digest, contact, _person in rows
        ]


def test_a_first_outcome_is_asked_for_two_months_after_the_opinion_and_once_more(
    world: World, now: datetime
) -> None:
    opined(world, now)
    assert days_on_which_it_is_asked(world, now, 200) == [60, 90]


def test_an_update_is_asked_for_on_its_day_and_no_more_once_it_is_entered(
    world: World, now: datetime
) -> None:
    opined(world, now)
    due = (now + timedelta(days=100)).date()
    enter(world, Outcome(course="pending", next_update_on=due), now)
    assert days_on_which_it_is_asked(world, now, 110) == [100]
    later = now + timedelta(days=110)
    enter(world, Outcome(course="not_operated", not_operated_reason="progression"), later, 1)
    assert days_on_which_it_is_asked(world, later, 100) == []


@pytest.mark.parametrize("what", ["dead", "withdrawn"])
def test_nobody_is_asked_about_who_died_or_was_withdrawn(
    sqlite_world: World, now: datetime, what: str
) -> None:
    soon = (now + timedelta(days=5)).date()
    said: dict[str, object] = {"vital_status": "dead", "vital_on": now.date()}
    outcome = Outcome(
        course="not_operated",
        not_operated_reason="progression",
        next_update_on=soon,
        **(said if what == "dead" else {}),  # type: ignore[arg-type]
    )
    enter(sqlite_world, outcome, now)
    if what == "withdrawn":
        with sqlite_world.db.writing() as session:
            case = session.get_one(Case, sqlite_world.inside.id)
            cases.withdraw(session, case, reason="Asked for", seen_version=case.version, now=now)
    assert days_on_which_it_is_asked(sqlite_world, now, 60) == []


def test_the_hospital_and_the_coordinators_are_asked_as_each_of_them_chose(
    world: World, now: datetime
) -> None:
    opined(world, now)
    with world.db.writing() as session:
        hospital = session.get_one(Hospital, world.hospital.id)
        for name in ("office", "quiet"):
            contact = preferences.add_contact(
                session,
                hospital,
                case=None,
                name=name,
                email=f"{name}@riverside.example",
                language="es",
                by="Clara",
                now=now,
            )
        chosen = {NoticeKind.OUTCOME_WANTED: Choice.NEVER}
        preferences.choose(session, contact.id, Group.HOSPITAL, chosen)
    ask_for_outcomes(world.db, now + timedelta(days=60))
    assert sorted(told(world)) == [
        ("coordinator", "email daily"),
        ("coordinator", "page"),
        ("hospital", "email"),
    ]
    with world.db.reading() as session:
        notice = session.scalars(
            select(Notice).where(Notice.kind == NoticeKind.OUTCOME_WANTED.value)
        ).one()
        assert notice.facts == {"due_on": (now + timedelta(days=60)).date().isoformat()}
