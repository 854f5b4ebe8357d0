"""Reading centres and surgeons, as records for their pages and as plain values for the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, extract, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from server.cases.asking import DECIDING, Standing
from server.cases.records import Assignment
from server.foundation.errors import NotFound
from server.people.records import Hospital, Person
from server.routing.records import (
    Absence,
    Centre,
    CentreHospital,
    ConflictOfInterest,
    SurgeonProfile,
    YearlyVolume,
)
from server.routing.values import Against, Away, Candidate, CentreFacts, Tie, Volume

# Speed of answering is judged by the last half year: people change, and so does their work.
PAST = timedelta(days=182)
_WITH_CASE = (Standing.OFFERED.value, Standing.ACTIVE.value)
_DECIDING = tuple(role.value for role in DECIDING)


class CentreNotFound(NotFound):
    """No centre of this id is known."""


@dataclass(frozen=True)
class Pace:
    """How many cases somebody has now, and how long past ones took on average, in calendar days."""

    load: int = 0
    average_days: float | None = None
    finished: int = 0


def centres(session: Session) -> list[Centre]:
    """All centres with the hospitals they belong to, by name."""
    wanted = select(Centre).options(
        selectinload(Centre.hospitals).selectinload(CentreHospital.hospital)
    )
    return list(session.scalars(wanted.order_by(Centre.name)))


def centre(session: Session, centre_id: str) -> Centre:
    """One centre; raises CentreNotFound."""
    found = session.get(Centre, centre_id)
    if found is None:
        raise CentreNotFound("This centre is not known.", remedy="Choose one from the list.")
    return found


def centre_named(session: Session, name: str) -> Centre | None:
    """The centre of that name, whatever its case and spaces, or None."""
    wanted = " ".join(name.split()).lower()
    return session.scalar(select(Centre).where(func.lower(Centre.name) == wanted))


def profiles(session: Session) -> dict[str, SurgeonProfile]:
    """Every profile with its centre, by the person's id."""
    found = session.scalars(select(SurgeonProfile).options(selectinload(SurgeonProfile.centre)))
    return {one.person_id: one for one in found}


def profile_of(session: Session, person_id: str) -> SurgeonProfile | None:
    """A surgeon's profile, or None before anybody gave them one."""
    return session.get(SurgeonProfile, person_id, options=[selectinload(SurgeonProfile.centre)])


def surgeons_of(session: Session, centre_id: str) -> list[Person]:
    """Who works at a centre, by name."""
    return list(
        session.scalars(
            select(Person)
            .join(SurgeonProfile, SurgeonProfile.person_id == Person.id)
            .where(SurgeonProfile.centre_id == centre_id)
            .order_by(Person.name)
        )
    )


def volumes(
    session: Session, *, person_id: str | None = None, centre_id: str | None = None
) -> list[YearlyVolume]:
    """The yearly volumes of a surgeon or a centre, newest year first."""
    owner = (
        YearlyVolume.person_id == person_id if person_id else YearlyVolume.centre_id == centre_id
    )
    order = (YearlyVolume.year.desc(), YearlyVolume.operation)
    return list(session.scalars(select(YearlyVolume).where(owner).order_by(*order)))


def absences(
    session: Session, *, today: date, person_id: str | None = None
) -> dict[str, list[Absence]]:
    """Absences that are not over, by person and first day; of everybody or of one."""
    wanted = select(Absence).where(Absence.until_on >= today).order_by(Absence.from_on, Absence.id)
    if person_id is not None:
        wanted = wanted.where(Absence.person_id == person_id)
    found: dict[str, list[Absence]] = defaultdict(list)
    for one in session.scalars(wanted):
        found[one.person_id].append(one)
    return found


def conflicts(
    session: Session, *, person_id: str | None = None, centre_id: str | None = None
) -> list[ConflictOfInterest]:
    """Conflicts of a surgeon, of a centre, or of everybody."""
    wanted = select(ConflictOfInterest).options(
        selectinload(ConflictOfInterest.hospital),
        selectinload(ConflictOfInterest.other_centre),
        selectinload(ConflictOfInterest.other_person),
    )
    if person_id is not None:
        wanted = wanted.where(ConflictOfInterest.person_id == person_id)
    if centre_id is not None:
        wanted = wanted.where(ConflictOfInterest.centre_id == centre_id)
    return list(session.scalars(wanted.order_by(ConflictOfInterest.entered_at)))


def paces(session: Session, now: datetime, person_id: str | None = None) -> dict[str, Pace]:
    """What people have now and how fast they were, from assignments that include a voice.

    The average is of the assignments completed in the last half year, from being asked to the
    signature, with whatever time the case was on hold meanwhile.
    """
    parts: list[ColumnElement[bool]] = [Assignment.role.in_(_DECIDING)]
    if person_id is not None:
        parts.append(Assignment.person_id == person_id)
    who_asked = Assignment.person_id
    held = select(who_asked, func.count()).where(*parts, Assignment.state.in_(_WITH_CASE))
    loads = {who: int(count) for who, count in session.execute(held.group_by(who_asked))}
    taken_s = extract("epoch", Assignment.ended_at) - extract("epoch", Assignment.assigned_at)
    done = select(who_asked, func.avg(taken_s), func.count()).where(
        *parts,
        Assignment.state == Standing.COMPLETED.value,
        Assignment.ended_at >= now - PAST,
    )
    past = {
        who: (float(seconds) / 86400, count)
        for who, seconds, count in session.execute(done.group_by(who_asked))
    }
    return {who: Pace(loads.get(who, 0), *past.get(who, (None, 0))) for who in {*loads, *past}}


def candidates(
    session: Session, now: datetime, operations: Collection[str] | None = None
) -> list[Candidate]:
    """Every active surgeon as the rules see them; the order is the database's.

    `operations` are those whose volumes are wanted, None meaning all.
    """
    there = _centres_read(session)
    by_person = _volumes_by(session, YearlyVolume.person_id, operations)
    away = _aways(session, now.date())
    against = _conflicts_by(session)
    pace = paces(session, now)
    wanted = (
        select(Person.id, Person.name, Person.centre, *_OF_PROFILE)
        .outerjoin(SurgeonProfile, SurgeonProfile.person_id == Person.id)
        .where(Person.role == "surgeon", Person.active.is_(True))
    )
    nowhere, idle = _CentreRead(), Pace()
    return [
        _candidate(
            row,
            there.get(row.centre_id, nowhere),
            pace.get(row.id, idle),
            volumes=by_person.get(row.id, ()),
            absences=away.get(row.id, ()),
            conflicts=against.get(row.id, ()),
        )
        for row in session.execute(wanted)
    ]


_OF_PROFILE = (
    SurgeonProfile.person_id.label("profile"),
    SurgeonProfile.centre_id,
    SurgeonProfile.organs,
    SurgeonProfile.subspecialties,
    SurgeonProfile.capabilities,
    SurgeonProfile.languages,
    SurgeonProfile.countries,
    SurgeonProfile.accepts_tiers,
    SurgeonProfile.accepting,
    SurgeonProfile.most_cases,
    SurgeonProfile.calendar,
)


def _candidate(
    row: Any,
    at: _CentreRead,
    pace: Pace,
    *,
    volumes: tuple[Volume, ...],
    absences: tuple[Away, ...],
    conflicts: Sequence[Against],
) -> Candidate:
    """A row of `candidates` as the rules see it; without a profile there is little to see."""
    found = Candidate(
        person_id=row.id,
        name=row.name,
        known=False,
        centre_name=at.name or row.centre,
        load=pace.load,
        average_days=pace.average_days,
        finished=pace.finished,
        absences=absences,
        conflicts=(*conflicts, *at.conflicts),
    )
    if row.profile is None:
        return found
    return replace(
        found,
        known=True,
        centre_id=row.centre_id or "",
        centre_capabilities=at.capabilities,
        centre_kinds=at.kinds,
        ties=at.ties,
        accepting=row.accepting,
        organs=frozenset(row.organs),
        subspecialties=frozenset(row.subspecialties),
        capabilities=frozenset(row.capabilities),
        volumes=volumes,
        languages=frozenset(row.languages),
        countries=frozenset(row.countries),
        tiers=frozenset(row.accepts_tiers),
        most_cases=row.most_cases,
        calendar=row.calendar or at.country,
    )


@dataclass(frozen=True)
class _CentreRead:
    name: str = ""
    country: str = ""
    active: bool = True
    kinds: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    ties: tuple[Tie, ...] = ()
    conflicts: tuple[Against, ...] = ()


def _centres_read(session: Session) -> dict[str | None, _CentreRead]:
    ties: dict[str, list[Tie]] = defaultdict(list)
    for centre_id, hospital_id, name, how in session.execute(
        select(
            CentreHospital.centre_id, CentreHospital.hospital_id, Hospital.name, CentreHospital.how
        ).join(Hospital)
    ):
        ties[centre_id].append(Tie(hospital_id, name, how))
    against = _conflicts_by(session, of_centres=True)
    return {
        one.id: _CentreRead(
            name=one.name,
            country=one.country,
            active=one.active,
            kinds=frozenset(one.kinds),
            capabilities=frozenset(one.capabilities),
            languages=frozenset(one.languages),
            ties=tuple(ties.get(one.id, ())),
            conflicts=tuple(against.get(one.id, ())),
        )
        for one in session.scalars(select(Centre))
    }


def centre_facts(
    session: Session, askable: Mapping[str, int], operations: Collection[str] | None = None
) -> list[CentreFacts]:
    """Every centre as the rules see it; `askable` counts those of it who could be asked."""
    counted = _volumes_by(session, YearlyVolume.centre_id, operations)
    return [
        CentreFacts(
            centre_id=key,
            name=one.name,
            country=one.country,
            active=one.active,
            kinds=one.kinds,
            capabilities=one.capabilities,
            languages=one.languages,
            volumes=counted.get(key, ()),
            ties=one.ties,
            conflicts=one.conflicts,
            surgeons=askable.get(key, 0),
        )
        for key, one in _centres_read(session).items()
        if key is not None
    ]


def _volumes_by(
    session: Session,
    owner: InstrumentedAttribute[str | None],
    operations: Collection[str] | None,
) -> dict[str, tuple[Volume, ...]]:
    found: dict[str, list[Volume]] = defaultdict(list)
    columns = (owner, YearlyVolume.operation, YearlyVolume.year, YearlyVolume.count)
    wanted = select(*columns, YearlyVolume.source).where(owner.is_not(None))
    if operations is not None:
        wanted = wanted.where(YearlyVolume.operation.in_(operations))
    for who, operation, year, count, source in session.execute(wanted):
        if who is not None:
            found[who].append(Volume(operation, year, count, source))
    return {who: tuple(them) for who, them in found.items()}


def _aways(session: Session, today: date) -> dict[str, tuple[Away, ...]]:
    return {
        who: tuple(Away(one.from_on, one.until_on, one.why) for one in them)
        for who, them in absences(session, today=today).items()
    }


def _conflicts_by(session: Session, *, of_centres: bool = False) -> dict[str, list[Against]]:
    found: dict[str, list[Against]] = defaultdict(list)
    for one in conflicts(session):
        owner = one.centre_id if of_centres else one.person_id
        if owner is not None:
            found[owner].append(_against(one))
    return found


def _against(one: ConflictOfInterest) -> Against:
    if one.hospital is not None:
        return Against(one.why, hospital_id=one.hospital.id, name=one.hospital.name)
    if one.other_centre is not None:
        return Against(one.why, centre_name=one.other_centre.name, name=one.other_centre.name)
    other = one.other_person
    return Against(one.why, person_id=other.id if other else "", name=other.name if other else "")
