"""A fixed cast for tests: two hospitals, two coordinators, two surgeons, two cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy.orm import Session

from server.access.action import Permit
from server.access.actions import issue_grant, set_password
from server.cases import actions as cases
from server.cases.records import Case
from server.foundation.db import Database
from server.people import actions as people
from server.people.records import Hospital, Person

PASSWORD = "correct horse battery"
INSIDE_STUDY = "1.2.826.0.1.3680043.8.498.1"
OUTSIDE_STUDY = "1.2.826.0.1.3680043.8.498.2"


@dataclass
class World:
    """Who and what there is. `inside` belongs to the first of each kind, `outside` to the second."""

    db: Database
    hospital: Hospital
    other_hospital: Hospital
    admin: Person
    coordinator: Person
    other_coordinator: Person
    surgeon: Person
    other_surgeon: Person
    inside: Case
    outside: Case
    tokens: dict[str, str]


def build_world(db: Database, now: datetime) -> World:
    """Fill an empty database."""
    with db.writing() as session:
        hospital = people.register_hospital(session, name="Riverside", country="GB", now=now)
        other_hospital = people.register_hospital(session, name="Hillcrest", country="IN", now=now)
        for found, title in ((hospital, "RIVERSIDE"), (other_hospital, "HILLCREST")):
            people.register_line(
                session, found, ae_title=title, host="127.0.0.1", port=104, now=now
            )
        admin = _person(session, "Ada", "admin", now)
        coordinator = _person(session, "Clara", "coordinator", now)
        other_coordinator = _person(session, "Omar", "coordinator", now)
        people.let_coordinate(session, coordinator, hospital)
        people.let_coordinate(session, other_coordinator, other_hospital)
        surgeon = _person(session, "Lena", "surgeon", now)
        other_surgeon = _person(session, "Otto", "surgeon", now)
        inside = _assigned_case(session, hospital, surgeon, INSIDE_STUDY, "pancreas", now)
        outside = _assigned_case(
            session, other_hospital, other_surgeon, OUTSIDE_STUDY, "liver", now
        )
        tokens = {
            "surgeon": _token(session, inside, surgeon, "view annotate sign", now),
            "other_surgeon": _token(session, outside, other_surgeon, "view annotate sign", now),
            "hospital": _token(session, inside, None, "upload download", now),
            "viewer": _token(session, inside, None, "view", now),
            "archive": _token(session, None, None, "view annotate", now),
        }
    return World(
        db=db,
        hospital=hospital,
        other_hospital=other_hospital,
        admin=admin,
        coordinator=coordinator,
        other_coordinator=other_coordinator,
        surgeon=surgeon,
        other_surgeon=other_surgeon,
        inside=inside,
        outside=outside,
        tokens=tokens,
    )


def _person(session: Session, name: str, role: str, now: datetime) -> Person:
    person = people.add_person(
        session, name=name, email=f"{name.lower()}@margin.example", role=role, now=now
    )
    person.password_hash = hashed_password()
    return person


@cache
def hashed_password() -> str:
    """The hash of the cast's password: slow to make on purpose, and the same for everybody here."""
    somebody = Person(name="", email="", role="admin")
    set_password(somebody, PASSWORD)
    return str(somebody.password_hash)


def _assigned_case(
    session: Session, hospital: Hospital, surgeon: Person, study: str, organ: str, now: datetime
) -> Case:
    case = cases.open_case(
        session,
        organ=organ,
        hospital=hospital,
        question="Can it be resected?",
        opened_by="test",
        now=now,
        accession_number=f"ACC-{hospital.name}",
    )
    cases.attach_study(session, case, study, by="test", reason="test", now=now)
    cases.declare_records_complete(session, case, case.version, now)
    cases.assign(session, case, surgeon, seen_version=case.version, by="test", now=now)
    return case


def _token(
    session: Session, case: Case | None, person: Person | None, permits: str, now: datetime
) -> str:
    return issue_grant(
        session,
        case=case,
        for_whom=person.name if person else "somebody",
        permits=frozenset(Permit(permit) for permit in permits.split()),
        days=14,
        issued_by="test",
        now=now,
        person=person,
    ).token
