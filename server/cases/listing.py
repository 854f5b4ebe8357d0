"""The coordinators' worklist: which cases, in which order, how many. Page by page, by the index.

A page is asked for by the last row of the one before (`Place`), never by counting rows off, so that the
thousandth page costs what the first does, and nothing is shown twice because a case moved.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from server.cases.lifecycle import State
from server.cases.queries import FINISHED
from server.cases.records import Assignment, Case, ExpectedAccession
from server.foundation.errors import BadRequest
from server.people.records import Hospital, Person

ON_A_PAGE: Final = 50
RUNNING: Final = (State.READY.value, State.ASSIGNED.value, State.IN_REVIEW.value)
STOPPED: Final = (State.ON_HOLD.value, State.AWAITING_RECORDS.value)
DUE: Final = ("past_limit", "overdue", "today", "soon", "later", "paused")
NOBODY: Final = "nobody"


class PlaceUnreadable(BadRequest):
    """The address names a place in the list that nothing could have written."""


@dataclass(frozen=True)
class Place:
    """A row of the list: what comes after it is the next page, what comes before it the one before."""

    listed_on: date
    number: str

    @classmethod
    def read(cls, text: str) -> Place:
        """From `2026-11-27.M-2026-00012`; raises PlaceUnreadable."""
        day, _, number = text.partition(".")
        try:
            return cls(date.fromisoformat(day), number[:20])
        except ValueError:
            raise PlaceUnreadable(
                "This page of the worklist does not exist.", remedy="Begin at the first page."
            ) from None

    def __str__(self) -> str:
        return f"{self.listed_on.isoformat()}.{self.number}"


@dataclass(frozen=True)
class Asked:
    """What is asked for; empty means everything. `hospital_ids` None: of every hospital.

    `due` is one of DUE, `holder` a person's id or NOBODY, `search` a piece of a case's number or the
    beginning of an accession number.
    """

    hospital_ids: frozenset[str] | None = None
    state: str = ""
    organ: str = ""
    hospital: str = ""
    due: str = ""
    holder: str = ""
    search: str = ""
    finished: bool = False


@dataclass(frozen=True)
class Page:
    """One page of the list. `before` and `after` are None where there is nothing more that way."""

    cases: list[Case]
    total: int
    before: Place | None
    after: Place | None


def page_of(
    session: Session,
    asked: Asked,
    today: date,
    *,
    after: Place | None = None,
    before: Place | None = None,
    most: int = ON_A_PAGE,
    total: int | None = None,
) -> Page:
    """A page of the worklist: the next deadline first, those without one last; of finished cases the
    newest first. `total` is how many there are, where that is known.
    """
    wanted = select(Case).where(*_conditions(asked, today)).options(*_WITH)
    backwards = before is not None
    place = before or after
    descending = asked.finished != backwards
    key: list[Any] = [Case.number] if asked.finished else [Case.listed_on, Case.number]
    if place is not None:
        at = [place.number] if asked.finished else [place.listed_on, place.number]
        here = tuple_(*key)
        wanted = wanted.where(here < tuple_(*at) if descending else here > tuple_(*at))
    order = [one.desc() for one in key] if descending else key
    found = list(session.scalars(wanted.order_by(*order).limit(most + 1)))
    more, found = len(found) > most, found[:most]
    if backwards:
        found.reverse()
    first, last = (_place(found[0]), _place(found[-1])) if found else (None, None)
    whole = place is None and not more
    if whole:
        total = len(found)
    return Page(
        cases=found,
        total=_total(session, asked, today) if total is None else total,
        before=first if (more if backwards else place is not None) else None,
        after=last if (more or backwards) else None,
    )


# Whoever is far from the database waits for each question once: what can come along, comes along.
_WITH = (
    joinedload(Case.hospital, innerjoin=True),
    selectinload(Case.studies),
    selectinload(Case.assignments).joinedload(Assignment.person, innerjoin=True),
)


def _place(found: Case) -> Place:
    return Place(found.listed_on, found.number)


def _total(session: Session, asked: Asked, today: date) -> int:
    wanted = select(func.count()).select_from(Case).where(*_conditions(asked, today))
    return session.scalar(wanted) or 0


@dataclass(frozen=True)
class Counts:
    """How many cases in work stand how; each is in one of the states and at most in one of the rest."""

    overdue: int = 0
    past_limit: int = 0
    soon: int = 0
    ready: int = 0
    awaiting: int = 0
    in_work: int = 0


def counts_of(session: Session, hospital_ids: frozenset[str] | None, today: date) -> Counts:
    """The figures above the list, counted in one pass: states are told apart afterwards."""
    how_many = func.count()
    due = or_(Case.due_on == today, and_(Case.due_on > today, Case.soon_on <= today))
    rows = session.execute(
        select(
            Case.state,
            how_many,
            how_many.filter(Case.due_on < today),
            how_many.filter(Case.limit_on < today),
            how_many.filter(due),
        )
        .where(*_conditions(Asked(hospital_ids=hospital_ids), today))
        .group_by(Case.state)
    ).all()
    by_state = {row[0]: row for row in rows}
    running = [row for row in rows if row[0] in RUNNING]
    return Counts(
        overdue=sum(row[2] for row in running),
        past_limit=sum(row[3] for row in running),
        soon=sum(row[4] for row in running),
        ready=_number(by_state.get(State.READY.value)),
        awaiting=_number(by_state.get(State.AWAITING_RECORDS.value)),
        in_work=sum(row[1] for row in rows),
    )


def _number(row: Any) -> int:
    return int(row[1]) if row is not None else 0


@dataclass(frozen=True)
class Choices:
    """What a worklist can be narrowed to, by name: (id, name)."""

    surgeons: list[tuple[str, str]]
    hospitals: list[tuple[str, str]]


def choices_of(session: Session, hospital_ids: frozenset[str] | None) -> Choices:
    """The surgeons, and those of the hospitals that are named (None: all); asked for at once."""
    hospitals = select(literal("hospital").label("kind"), Hospital.id, Hospital.name)
    if hospital_ids is not None:
        hospitals = hospitals.where(_among(Hospital.id, hospital_ids))
    surgeons = select(literal("surgeon"), Person.id, Person.name).where(Person.role == "surgeon")
    found: dict[str, list[tuple[str, str]]] = {"hospital": [], "surgeon": []}
    for kind, id_, name in session.execute(hospitals.union_all(surgeons)):
        found[kind].append((id_, name))
    by_name = {kind: sorted(rows, key=lambda row: row[1]) for kind, rows in found.items()}
    return Choices(by_name["surgeon"], by_name["hospital"])


def _conditions(asked: Asked, today: date) -> list[ColumnElement[bool]]:
    found = [_is_finished(Case) if asked.finished else _is_in_work(Case)]
    if asked.hospital_ids is not None:
        found.append(_among(Case.hospital_id, asked.hospital_ids))
    for column, value in (
        (Case.state, asked.state),
        (Case.organ, asked.organ),
        (Case.hospital_id, asked.hospital),
    ):
        if value:
            found.append(column == value)
    if asked.due:
        found.append(_is_due(asked.due, today))
    if asked.holder:
        found.append(_is_held_by(asked.holder))
    if asked.search.strip():
        found.append(_matches(asked))
    return found


def _is_in_work(of: type[Case]) -> ColumnElement[bool]:
    # Written out as in the index of the cases in work, which is used for nothing else.
    return of.state.not_in(
        bindparam("finished", FINISHED, expanding=True, literal_execute=True, unique=True)
    )


def _is_finished(of: type[Case]) -> ColumnElement[bool]:
    return of.state.in_(FINISHED)


def _among(column: Any, values: Collection[str]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.in_(sorted(values)) if values else false()
    return found


def _is_due(due: str, today: date) -> ColumnElement[bool]:
    """How the clock stands, by the days that were kept of it; the same as clock.listed."""
    running = Case.state.in_(RUNNING)
    match due:
        case "past_limit":
            return and_(running, Case.limit_on < today)
        case "overdue":
            return and_(running, Case.due_on < today)
        case "today":
            return and_(running, Case.due_on == today)
        case "soon":
            return and_(running, Case.due_on > today, Case.soon_on <= today)
        case "later":
            return and_(running, Case.soon_on > today)
        case "paused":
            return and_(Case.state.in_(STOPPED), Case.due_on.is_not(None))
    return false()


def _is_held_by(person_id: str) -> ColumnElement[bool]:
    held = select(Assignment.case_id).where(
        Assignment.state == "active", Assignment.role != "observer"
    )
    if person_id == NOBODY:
        return Case.id.not_in(held)
    return Case.id.in_(held.where(Assignment.person_id == person_id))


def _matches(asked: Asked) -> ColumnElement[bool]:
    """A piece of the case's number, or the beginning of an accession number that is expected.

    The numbers are looked through by themselves: they lie in an index, and the cases do not.
    """
    text = re.sub(r"\s+", "", asked.search)[:64].upper()
    other = aliased(Case)
    among = _is_finished(other) if asked.finished else _is_in_work(other)
    by_number = select(other.number).where(among, other.number.contains(text, autoescape=True))
    by_accession = select(ExpectedAccession.case_id).where(
        ExpectedAccession.number.startswith(text, autoescape=True)
    )
    return or_(Case.number.in_(by_number), Case.id.in_(by_accession))
