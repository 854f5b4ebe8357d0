"""Who a notice is for: named people, or whoever has a part in the case at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from server.cases.records import Assignment, Case
from server.notices.kinds import Group
from server.notices.records import Contact
from server.people.queries import coordinators_of
from server.people.records import Person


class Part(StrEnum):
    """A part in a case. `HOLDER` is the surgeon who has it now, `PANEL` everybody asked to judge it."""

    ADMIN = "admin"
    COORDINATOR = "coordinator"
    HOLDER = "holder"
    HOSPITAL = "hospital"
    PANEL = "panel"


@dataclass(frozen=True)
class Recipients:
    """Whom to tell: people by id, and parts of the case. `but` are people who know already, because
    they did it."""

    parts: frozenset[Part] = frozenset()
    people: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()


def to(*parts: Part, people: tuple[str, ...] = (), but: tuple[str | None, ...] = ()) -> Recipients:
    """Recipients in one line: `to(Part.COORDINATOR, Part.HOSPITAL)`, `to(people=(person.id,))`."""
    return Recipients(
        frozenset(parts), frozenset(people), frozenset(one for one in but if one is not None)
    )


_ASKED: Final = "active"
_LOOKS_ON: Final = "observer"


def group_of(person: Person) -> Group:
    """Whose desk it is."""
    return Group.SURGEON if person.role == "surgeon" else Group.COORDINATOR


def people_told(session: Session, case: Case | None, to: Recipients) -> list[Person]:
    """Every active person meant, each once, by name."""
    ids = set(to.people)
    if case is not None:
        ids |= _of_case(session, case, to.parts)
    if Part.ADMIN in to.parts:
        ids |= set(session.scalars(select(Person.id).where(Person.role == "admin")))
    ids -= to.but
    if not ids:
        return []
    meant = select(Person).where(Person.id.in_(ids), Person.active.is_(True))
    return list(session.scalars(meant.order_by(Person.name)))


def _of_case(session: Session, case: Case, parts: frozenset[Part]) -> set[str]:
    ids: set[str] = set()
    if Part.COORDINATOR in parts:
        found = {one.id for one in coordinators_of(session, case.hospital_id)}
        # A hospital that nobody looks after must not fall silent.
        ids |= found or set(session.scalars(select(Person.id).where(Person.role == "admin")))
    asked = session.scalars(
        select(Assignment.person_id)
        .where(
            Assignment.case_id == case.id,
            Assignment.state == _ASKED,
            Assignment.role != _LOOKS_ON,
        )
        .order_by(Assignment.assigned_at)
    ).all()
    if Part.PANEL in parts:
        ids |= set(asked)
    if Part.HOLDER in parts and asked:
        ids.add(asked[-1])
    return ids


def contacts_told(session: Session, case: Case | None, to: Recipients) -> list[Contact]:
    """The hospital's contacts: those for all its cases and those for this one."""
    if case is None or Part.HOSPITAL not in to.parts:
        return []
    return contacts_of(session, case)


def contacts_of(session: Session, case: Case) -> list[Contact]:
    """Who is written to at the case's hospital, by name."""
    meant = select(Contact).where(
        Contact.hospital_id == case.hospital_id,
        or_(Contact.case_id.is_(None), Contact.case_id == case.id),
        Contact.removed_at.is_(None),
    )
    by_address: dict[str, Contact] = {}
    for one in session.scalars(meant.order_by(Contact.name, Contact.id)):
        by_address.setdefault(one.email, one)
    return list(by_address.values())
