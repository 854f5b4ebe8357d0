"""Reading who takes part."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.foundation.errors import NotFound
from server.people.records import Coordination, Hospital, HospitalLine, Person


class HospitalNotFound(NotFound):
    """No hospital of this id is registered."""


class PersonNotFound(NotFound):
    """Nobody of this id is known."""


def hospitals(session: Session) -> list[Hospital]:
    """All hospitals with their lines, by name."""
    return list(
        session.scalars(
            select(Hospital).options(selectinload(Hospital.lines)).order_by(Hospital.name)
        )
    )


def hospital(session: Session, hospital_id: str) -> Hospital:
    """One hospital; raises HospitalNotFound."""
    found = session.get(Hospital, hospital_id)
    if found is None:
        raise HospitalNotFound(
            "This hospital is not registered.", remedy="Choose one from the list."
        )
    return found


def lines(session: Session) -> list[HospitalLine]:
    """Every line from which studies are taken, by AE title."""
    return list(session.scalars(select(HospitalLine).order_by(HospitalLine.ae_title)))


def line(session: Session, line_id: str) -> HospitalLine:
    """One line; raises HospitalNotFound."""
    found = session.get(HospitalLine, line_id)
    if found is None:
        raise HospitalNotFound("This line is not registered.", remedy="Choose one from the list.")
    return found


def hospital_of_ae_title(session: Session, ae_title: str) -> Hospital | None:
    """The hospital that sends under `ae_title`, or None."""
    return session.scalar(
        select(Hospital).join(HospitalLine).where(HospitalLine.ae_title == ae_title)
    )


def person(session: Session, person_id: str) -> Person:
    """One person; raises PersonNotFound."""
    found = session.get(Person, person_id)
    if found is None:
        raise PersonNotFound("Nobody of this id is known.", remedy="Choose somebody from the list.")
    return found


def person_of_email(session: Session, email: str) -> Person | None:
    """The person with this address, or None."""
    return session.scalar(select(Person).where(Person.email == email.strip().lower()))


def people(session: Session, role: str | None = None) -> list[Person]:
    """Everybody, or everybody of one role, by name."""
    wanted = select(Person).order_by(Person.name)
    if role is not None:
        wanted = wanted.where(Person.role == role)
    return list(session.scalars(wanted))


def coordinators_of(session: Session, hospital_id: str) -> list[Person]:
    """Who looks after the hospital's cases and is active, by name."""
    return list(
        session.scalars(
            select(Person)
            .join(Coordination, Coordination.person_id == Person.id)
            .where(
                Coordination.hospital_id == hospital_id,
                Person.role == "coordinator",
                Person.active.is_(True),
            )
            .order_by(Person.name)
        )
    )


def coordinated_hospital_ids(session: Session, person_id: str) -> frozenset[str]:
    """Ids of the hospitals whose cases this coordinator looks after."""
    return frozenset(
        session.scalars(select(Coordination.hospital_id).where(Coordination.person_id == person_id))
    )
