"""A panel of three with a chair and two on standby, on the case that belongs to the first of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.access.action import Permit
from server.access.actions import issue_grant
from server.annotations import actions as forms
from server.annotations.organs import ORGANS
from server.cases.queries import case_by_number
from server.cases.records import Case
from server.foundation.db import Database
from server.panel import actions
from server.panel.actions import Advance, Wanted
from server.panel.queries import panel_of
from server.panel.records import Panel
from server.people import actions as people
from server.people.records import Person
from tests.world import World, hashed_password

MEMBERS = ("Mara", "Nils", "Olga")
STANDBY = ("Pia", "Quin")
CHAIR = "Carl"
RULE = "majority-3-then-5"
RESECTABLE = ORGANS["pancreas"].examples()["head-resectable"]
NOT_HERE = ORGANS["pancreas"].examples()["uncinate-locally-advanced"]
LATER = ORGANS["pancreas"].examples()["head-borderline-sma"]


@dataclass
class PanelWorld:
    """The people of a panel by first name, and the links of each."""

    world: World
    people: dict[str, Person]
    tokens: dict[str, str]

    @property
    def db(self) -> Database:
        return self.world.db

    @property
    def number(self) -> str:
        return self.world.inside.number

    def case(self, session: Session) -> Case:
        return case_by_number(session, self.number)

    def panel(self, session: Session) -> Panel:
        found = panel_of(session, self.case(session))
        assert found is not None
        return found

    def ids(self, names: Sequence[str]) -> list[str]:
        return [self.people[name].id for name in names]


def add_people(world: World, now: datetime) -> PanelWorld:
    """The surgeons of the panel, with accounts and with links to the case."""
    found, tokens = {}, {}
    with world.db.writing() as session:
        for name in (*MEMBERS, *STANDBY, CHAIR):
            person = people.add_person(
                session,
                name=name,
                email=f"{name.lower()}@margin.example",
                role="surgeon",
                centre=f"{name}'s centre",
                now=now,
            )
            person.password_hash = hashed_password()
            found[name] = person
            tokens[name] = issue_grant(
                session,
                case=world.inside,
                for_whom=name,
                permits=frozenset({Permit.VIEW, Permit.ANNOTATE, Permit.SIGN}),
                days=14,
                issued_by="test",
                now=now,
                person=person,
            ).token
    return PanelWorld(world, found, tokens)


def convene(
    made: PanelWorld,
    now: datetime,
    *,
    ask: bool = False,
    rule: str = RULE,
    members: Sequence[str] = MEMBERS,
    standby: Sequence[str] = STANDBY,
    chair: str = CHAIR,
    chair_votes: bool = False,
) -> None:
    """Put the panel on the case; nobody is asked first unless `ask`."""
    with made.db.writing() as session:
        case = made.case(session)
        wanted = Wanted(
            rule,
            members=[made.people[one] for one in members],
            chair=made.people[chair],
            chair_votes=chair_votes,
            standby=[made.people[one] for one in standby],
            answer_hours=48 if ask else None,
        )
        actions.convene(session, case, wanted, seen_version=case.version, by="test", now=now)


def vote(made: PanelWorld, name: str, answers: dict[str, Any], now: datetime) -> Advance:
    """A member saves a form, signs it, and it is counted."""
    with made.db.writing() as session:
        case, panel = made.case(session), made.panel(session)
        person = made.people[name]
        draft = forms.draft_of(
            session, case.id, case.organ, reviewer_id=person.id, reviewer_name=name
        )
        forms.save(session, draft, answers, seen_version=draft.version, now=now)
        signed = forms.sign(
            session,
            draft,
            seen_version=draft.version,
            restated_verdict=answers["verdict"],
            signed_by=name,
            now=now,
        )
        return actions.cast(session, panel, case, person.id, signed, now)
