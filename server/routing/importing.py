"""Bringing a sheet of surgeons in, row by row: each one whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from server.foundation.errors import Conflict, FieldProblem, Invalid, NotFound
from server.people.actions import add_person
from server.people.queries import people, person_of_email
from server.people.records import Person
from server.routing.actions import keep_centre, keep_profile
from server.routing.checking import CentreSaid, ProfileSaid
from server.routing.queries import centre_named, profile_of, profiles, volumes
from server.routing.records import Centre, SheetWaiting, SurgeonProfile
from server.routing.sheet import (
    BY_ID,
    COLUMNS,
    CellProblem,
    RowSaid,
    SheetRow,
    cells_of,
    read_row,
    row_of_json,
)
from server.routing.values import Volume

KEPT_FOR = timedelta(hours=24)
NEW, CHANGED, SAME, REFUSED = "new", "changed", "same", "refused"
# What a problem of an action speaks of -> the column in which it was written.
_COLUMN_OF = {"centre_id": "centre", "name": "centre", "country": "centre_country"}


class SheetGone(NotFound):
    """The sheet was brought in already, or lay too long."""


@dataclass(frozen=True)
class RowOutcome:
    """What became of a row, or would become of it. `changes` are sentences, for changed rows."""

    number: int
    name: str
    email: str
    outcome: str
    changes: tuple[str, ...] = ()
    problems: tuple[CellProblem, ...] = ()


@dataclass(frozen=True)
class SheetOutcome:
    """What became of a sheet, row by row."""

    rows: tuple[RowOutcome, ...]

    def count(self, outcome: str) -> int:
        """How many rows are `new`, `changed`, `same` or `refused`."""
        return Counter(row.outcome for row in self.rows)[outcome]

    def facts(self) -> dict[str, int]:
        """The counts, for the trail."""
        return {name: self.count(name) for name in (NEW, CHANGED, SAME, REFUSED)}


def try_out(session: Session, rows: Iterable[SheetRow], *, by: str, now: datetime) -> SheetOutcome:
    """What would become of the rows: everything is done, and undone."""
    trial = session.begin_nested()
    try:
        return bring_in(session, rows, by=by, now=now)
    finally:
        trial.rollback()
        session.expire_all()


def bring_in(session: Session, rows: Iterable[SheetRow], *, by: str, now: datetime) -> SheetOutcome:
    """Add and change surgeons. A row with a problem changes nothing; the others go on."""
    seen: dict[str, int] = {}
    outcomes = []
    for row in rows:
        said, problems = read_row(row)
        if said.email and said.email in seen:
            text = f"Row {seen[said.email]} has the same address: put both into one row."
            problems = [*problems, CellProblem(row.cell("email"), BY_ID["email"].title, text)]
        seen.setdefault(said.email, row.number)
        outcomes.append(_one(session, row, said, problems, by, now))
    return SheetOutcome(tuple(outcomes))


def _one(
    session: Session,
    row: SheetRow,
    said: RowSaid,
    problems: Sequence[CellProblem],
    by: str,
    now: datetime,
) -> RowOutcome:
    def refused(found: Iterable[CellProblem]) -> RowOutcome:
        return RowOutcome(row.number, said.name, said.email, REFUSED, problems=tuple(found))

    if problems:
        return refused(problems)
    try:
        with session.begin_nested():
            outcome, changes = _keep(session, said, by, now)
    except (Invalid, Conflict) as error:
        session.expire_all()
        found = [_at_cell(row, problem) for problem in error.problems]
        general = CellProblem(row.cell("name"), "", f"{error.detail} {error.remedy}".strip())
        return refused(found or [general])
    return RowOutcome(row.number, said.name, said.email, outcome, tuple(changes))


def _at_cell(row: SheetRow, problem: FieldProblem) -> CellProblem:
    """An action's problem at the cell that it came from."""
    field = problem.pointer.strip("/").split("/")[0]
    column = _COLUMN_OF.get(field, field)
    column = column if column in BY_ID else "name"
    return CellProblem(row.cell(column), BY_ID[column].title, problem.message)


def _keep(session: Session, said: RowSaid, by: str, now: datetime) -> tuple[str, list[str]]:
    person = person_of_email(session, said.email)
    if person is not None and person.role != "surgeon":
        text = f"This address belongs to somebody who is {person.role} here: use another one."
        raise Invalid("The row was not taken.", [FieldProblem("/email", text)])
    centre = _centre(session, said, by, now)
    before = _cells_now(session, person) if person is not None else None
    kept = profile_of(session, person.id) if person is not None else None
    profile = _whole(session, said, kept, centre)
    if person is None:
        person = add_person(session, name=said.name, email=said.email, role="surgeon", now=now)
    person.name = said.name
    after = _cells_of_person(person, centre, profile)
    if before == after and kept is not None:
        return SAME, []
    keep_profile(session, person, profile, by=by, now=now)
    if before is None:
        return NEW, []
    return CHANGED, _changes(before, after) or ["Profile added"]


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Every cell that differs, such as `Languages: en → en, de`."""
    return [
        f"{column.title}: {before[column.id] or 'empty'} → {after[column.id] or 'empty'}"
        for column in COLUMNS
        if before[column.id] != after[column.id]
    ]


def _centre(session: Session, said: RowSaid, by: str, now: datetime) -> Centre | None:
    if not said.centre:
        return None
    known = centre_named(session, said.centre)
    if known is not None:
        return known
    if not said.centre_country:
        text = (
            f"No centre is named “{said.centre[:60]}”. Write it as in the list of centres, or give its"
            " country under “Centre country” and it is added."
        )
        raise Invalid("The row was not taken.", [FieldProblem("/centre_id", text)])
    new = CentreSaid(name=said.centre, country=said.centre_country)
    return keep_centre(session, None, new, by=by, now=now)


def _whole(
    session: Session, said: RowSaid, kept: SurgeonProfile | None, centre: Centre | None
) -> ProfileSaid:
    """The row's profile, with what the sheet has no column for as it was."""
    known = said_of(session, kept) if kept is not None else ProfileSaid()
    given = {
        name: getattr(said.profile, name)
        for name in ProfileSaid.__dataclass_fields__
        if name in said.given
    }
    if "centre" in said.given:
        given["centre_id"] = centre.id if centre else ""
    return replace(known, **given)


def said_of(session: Session, profile: SurgeonProfile) -> ProfileSaid:
    """A kept profile as it would be given again."""
    return ProfileSaid(
        centre_id=profile.centre_id or "",
        organs=tuple(profile.organs),
        subspecialties=tuple(profile.subspecialties),
        capabilities=tuple(profile.capabilities),
        languages=tuple(profile.languages),
        countries=tuple(profile.countries),
        accepts_tiers=tuple(profile.accepts_tiers),
        accepting=profile.accepting,
        most_cases=profile.most_cases,
        time_zone=profile.time_zone,
        calendar=profile.calendar,
        note=profile.note,
        volumes=tuple(
            Volume(one.operation, one.year, one.count, one.source)
            for one in volumes(session, person_id=profile.person_id)
        ),
    )


def _cells_now(session: Session, person: Person) -> dict[str, str]:
    profile = profile_of(session, person.id)
    said = said_of(session, profile) if profile is not None else ProfileSaid()
    return _cells_of_person(person, profile.centre if profile is not None else None, said)


def _cells_of_person(person: Person, centre: Centre | None, said: ProfileSaid) -> dict[str, str]:
    """A surgeon's cells, volumes in one order so that the same ones compare as the same."""
    ordered = sorted(said.volumes, key=lambda one: (-one.year, one.operation))
    return cells_of(
        person.name,
        person.email,
        centre.name if centre else "",
        centre.country if centre else "",
        replace(said, volumes=tuple(ordered)),
    )


def every_row(session: Session) -> list[dict[str, str]]:
    """Every surgeon as cells, by name: the sheet that can be brought in again."""
    profiles(session)  # one question for all of them
    return [_cells_now(session, person) for person in people(session, "surgeon")]


def lay_aside(
    session: Session, rows: Sequence[SheetRow], *, file_name: str, by: str, now: datetime
) -> SheetWaiting:
    """Keep a sheet that was looked through until somebody says that it is to be brought in."""
    session.execute(delete(SheetWaiting).where(SheetWaiting.brought_at < now - KEPT_FOR))
    waiting = SheetWaiting(
        file_name=file_name[:200],
        rows=[row.to_json() for row in rows],
        brought_by=by,
        brought_at=now,
    )
    session.add(waiting)
    session.flush()
    return waiting


def waiting_sheet(session: Session, sheet_id: str) -> tuple[SheetWaiting, list[SheetRow]]:
    """A sheet that was laid aside, with its rows; raises SheetGone."""
    found = session.get(SheetWaiting, sheet_id)
    if found is None:
        raise SheetGone(
            "This sheet was brought in already, or a day has passed.", remedy="Send it again."
        )
    return found, [row_of_json(one) for one in found.rows]


def take_up(session: Session, sheet_id: str, *, by: str, now: datetime) -> SheetOutcome:
    """Bring in a sheet that was laid aside. Raises SheetGone: two who press at once do it once."""
    _, rows = waiting_sheet(session, sheet_id)
    gone = session.execute(delete(SheetWaiting).where(SheetWaiting.id == sheet_id))
    if gone.rowcount != 1:  # type: ignore[attr-defined]
        raise SheetGone(
            "This sheet was brought in already.", remedy="Look at the list of surgeons."
        )
    return bring_in(session, rows, by=by, now=now)
