"""Registering hospitals, their lines, and people."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.foundation.settings_kinds import HOST
from server.people import ae_titles
from server.people.records import Coordination, Hospital, HospitalLine, Person

ROLES = ("admin", "coordinator", "surgeon", "auditor")


class NameTaken(Conflict):
    """A hospital, AE title or address of this name is registered already."""


def register_hospital(session: Session, *, name: str, country: str, now: datetime) -> Hospital:
    """Register a hospital; raises Invalid or NameTaken."""
    name = name.strip()
    if not name:
        raise Invalid(
            "A hospital needs a name.", [FieldProblem("/name", "Enter the hospital's name.")]
        )
    if session.scalar(select(Hospital).where(func.lower(Hospital.name) == name.lower())):
        raise NameTaken(
            f"A hospital named “{name}” is registered already.",
            remedy="Open it in the list of hospitals and add the line there.",
        )
    country = country.strip().upper()
    if not re.fullmatch(r"([A-Z]{2})?", country):
        wanted = "A country has two letters (ISO 3166-1), such as DE."
        raise Invalid("The hospital was not registered.", [FieldProblem("/country", wanted)])
    hospital = Hospital(name=name, country=country, registered_at=now)
    session.add(hospital)
    session.flush()
    return hospital


def register_line(
    session: Session,
    hospital: Hospital,
    *,
    ae_title: str,
    host: str,
    port: int,
    now: datetime,
    use_tls: bool = False,
) -> HospitalLine:
    """Let a hospital send from `ae_title`; raises Invalid or NameTaken."""
    problems = [found] if (found := ae_titles.problem(ae_title)) else []
    problems += _address_problems(host, port)
    if problems:
        raise Invalid("The line was not registered.", problems)
    taken = session.scalar(select(HospitalLine).where(HospitalLine.ae_title == ae_title))
    if taken is not None:
        raise NameTaken(
            f"The AE title {ae_title} is registered already.",
            remedy="Ask the hospital for an AE title of its own; Orthanc tells senders apart by it.",
        )
    line = HospitalLine(
        hospital=hospital,
        ae_title=ae_title,
        host=host.strip(),
        port=port,
        use_tls=use_tls,
        registered_at=now,
    )
    session.add(line)
    session.flush()
    return line


def change_line(
    session: Session, line: HospitalLine, *, host: str, port: int, use_tls: bool
) -> None:
    """Change where a line is called and how; raises Invalid. Its AE title stays: what came under it
    is known by it."""
    problems = _address_problems(host, port)
    if problems:
        raise Invalid("The line was not changed.", problems)
    line.host, line.port, line.use_tls = host.strip(), port, use_tls
    session.flush()


def _address_problems(host: str, port: int) -> list[FieldProblem]:
    problems = []
    if not host.strip():
        problems.append(FieldProblem("/host", "Enter the address from which the hospital sends."))
    else:
        try:
            HOST.parse(host.strip())
        except ValueError as error:
            problems.append(FieldProblem("/host", f"The address {error}."))
    if not 1 <= port <= 65535:
        problems.append(FieldProblem("/port", "A port is a number from 1 to 65535."))
    return problems


def remove_line(session: Session, line: HospitalLine) -> None:
    """Stop taking studies from this AE title."""
    session.delete(line)
    session.flush()


def add_person(
    session: Session,
    *,
    name: str,
    email: str,
    role: str,
    now: datetime,
    centre: str = "",
    subspecialty: str = "",
) -> Person:
    """Make somebody known; raises Invalid or NameTaken."""
    problems = []
    if not name.strip():
        problems.append(FieldProblem("/name", "Enter the person's name."))
    if "@" not in email:
        problems.append(
            FieldProblem("/email", "Enter an e-mail address such as name@hospital.example.")
        )
    if role not in ROLES:
        problems.append(FieldProblem("/role", f"A role is one of {', '.join(ROLES)}."))
    if problems:
        raise Invalid("The person was not added.", problems)
    email = email.strip().lower()
    if session.scalar(select(Person).where(Person.email == email)):
        raise NameTaken(f"{email} belongs to somebody already.", remedy="Use another address.")
    person = Person(
        name=name.strip(),
        email=email,
        role=role,
        centre=centre.strip(),
        subspecialty=subspecialty.strip(),
        created_at=now,
    )
    session.add(person)
    session.flush()
    return person


def take_over_care(session: Session, person: Person, hospitals: list[Hospital]) -> None:
    """Put exactly these hospitals' cases into a coordinator's care; raises Invalid."""
    if person.role != "coordinator":
        raise Invalid(
            "Nothing was changed.",
            [FieldProblem("/hospital_ids", "Only a coordinator looks after hospitals.")],
        )
    session.execute(delete(Coordination).where(Coordination.person_id == person.id))
    for hospital in hospitals:
        let_coordinate(session, person, hospital)


def let_coordinate(session: Session, person: Person, hospital: Hospital) -> None:
    """Put a hospital's cases into a coordinator's care. Doing it twice is harmless."""
    if session.get(Coordination, (person.id, hospital.id)) is None:
        session.add(Coordination(person_id=person.id, hospital_id=hospital.id))
        session.flush()
