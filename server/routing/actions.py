"""Changing centres, profiles, absences and conflicts, and what a case is said to call for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.cases.records import Case
from server.foundation.errors import Conflict, FieldProblem, Invalid, NotFound
from server.people.records import Hospital, Person
from server.routing.checking import (
    LONGEST_NOTE,
    CentreSaid,
    ProfileSaid,
    absence_problems,
    centre_problems,
    profile_problems,
)
from server.routing.records import (
    Absence,
    CaseNeed,
    Centre,
    CentreHospital,
    ConflictOfInterest,
    SurgeonProfile,
    YearlyVolume,
)
from server.routing.values import Volume
from server.routing.vocabulary import titles_of

NEED_KINDS = ("capability", "operation", "language")


class CentreNameTaken(Conflict):
    """A centre of this name is known already."""


class NeedNotFound(NotFound):
    """A coordinator said nothing of this id about what the case calls for."""


class EntryChangedMeanwhile(Conflict):
    """Somebody else changed the entry between looking and saving."""


def keep_centre(
    session: Session,
    centre: Centre | None,
    said: CentreSaid,
    *,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> Centre:
    """Add a centre, or change one. Raises Invalid, CentreNameTaken and EntryChangedMeanwhile."""
    problems = centre_problems(said, now.date())
    ids = [hospital_id for hospital_id, _ in said.hospitals]
    if len(set(ids)) != _count_hospitals(session, ids):
        problems.append(FieldProblem("/hospitals", "Choose hospitals from the list."))
    if problems:
        raise Invalid("The centre was not saved.", problems)
    name = " ".join(said.name.split())
    same = session.scalar(select(Centre).where(func.lower(Centre.name) == name.lower()))
    if same is not None and same is not centre:
        raise CentreNameTaken(
            f"A centre named “{same.name}” is known already.", remedy="Open it and change it there."
        )
    if centre is None:
        centre = Centre(name=name, changed_by=by, changed_at=now)
        _insert(session, centre)
    else:
        _take_version(session, Centre, Centre.id == centre.id, centre.version, seen_version)
        session.refresh(centre)
    is_renamed = centre.name != name
    centre.name = name
    _fill_centre(centre, said)
    centre.changed_by, centre.changed_at = by, now
    _keep_volumes(session, said.volumes, centre_id=centre.id)
    if is_renamed:
        _rename_at_people(session, centre)
    session.flush()
    return centre


def _fill_centre(centre: Centre, said: CentreSaid) -> None:
    centre.country, centre.time_zone = said.country, said.time_zone
    centre.kinds, centre.languages = list(said.kinds), list(said.languages)
    centre.capabilities = list(said.capabilities)
    centre.note, centre.active = said.note.strip()[:LONGEST_NOTE], said.active
    centre.hospitals = [
        CentreHospital(centre_id=centre.id, hospital_id=hospital_id, how=how)
        for hospital_id, how in dict(said.hospitals).items()
    ]


def _count_hospitals(session: Session, ids: Sequence[str]) -> int:
    wanted = select(func.count()).select_from(Hospital).where(Hospital.id.in_(ids))
    return session.scalar(wanted) or 0


def _rename_at_people(session: Session, centre: Centre) -> None:
    """The name stands beside its surgeons wherever people are chosen."""
    of_centre = select(SurgeonProfile.person_id).where(SurgeonProfile.centre_id == centre.id)
    for person in session.scalars(select(Person).where(Person.id.in_(of_centre))):
        person.centre = centre.name


def _take_version(
    session: Session,
    kind: type[Centre] | type[SurgeonProfile],
    which: object,
    version: int,
    seen: int | None,
) -> None:
    changed = session.execute(
        update(kind)
        .where(which, kind.version == (version if seen is None else seen))  # type: ignore[arg-type]
        .values(version=kind.version + 1)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise _changed_meanwhile()


def _changed_meanwhile() -> EntryChangedMeanwhile:
    return EntryChangedMeanwhile(
        "Somebody else changed this entry while you were looking at it; yours was not saved.",
        remedy="Reload the page, look at what changed, and enter yours again.",
    )


def _insert(session: Session, record: Centre | SurgeonProfile | CaseNeed) -> None:
    """Add a record of which there is one; who adds the same one at the same moment is told."""
    try:
        with session.begin_nested():
            session.add(record)
    except IntegrityError as error:
        raise _changed_meanwhile() from error


def keep_profile(
    session: Session,
    person: Person,
    said: ProfileSaid,
    *,
    by: str,
    now: datetime,
    seen_version: int | None = None,
) -> SurgeonProfile:
    """Give a surgeon a profile, or change it. Raises Invalid and EntryChangedMeanwhile.

    `seen_version` 0 says that there was none when the person acting looked.
    """
    problems = profile_problems(said, now.date())
    if person.role != "surgeon":
        problems.append(FieldProblem("/role", "Only a surgeon has a profile."))
    centre = session.get(Centre, said.centre_id) if said.centre_id else None
    if said.centre_id and centre is None:
        problems.append(FieldProblem("/centre_id", "Choose a centre from the list."))
    if problems:
        raise Invalid("The profile was not saved.", problems)
    profile = session.get(SurgeonProfile, person.id)
    if profile is None:
        profile = SurgeonProfile(person_id=person.id, changed_by=by, changed_at=now)
        _insert(session, profile)
    else:
        which = SurgeonProfile.person_id == person.id
        _take_version(session, SurgeonProfile, which, profile.version, seen_version)
        session.refresh(profile)
    _fill_profile(profile, said)
    profile.centre = centre
    profile.changed_by, profile.changed_at = by, now
    # Lists of people show these two texts.
    if centre is not None:
        person.centre = centre.name
    if said.subspecialties:
        titles = titles_of("subspecialty")
        person.subspecialty = ", ".join(titles[code] for code in said.subspecialties)[:200]
    _keep_volumes(session, said.volumes, person_id=person.id)
    session.flush()
    return profile


def _fill_profile(profile: SurgeonProfile, said: ProfileSaid) -> None:
    profile.organs, profile.subspecialties = list(said.organs), list(said.subspecialties)
    profile.capabilities, profile.languages = list(said.capabilities), list(said.languages)
    profile.countries, profile.accepts_tiers = list(said.countries), list(said.accepts_tiers)
    profile.accepting, profile.most_cases = said.accepting, said.most_cases
    profile.time_zone, profile.calendar = said.time_zone, said.calendar
    profile.note = said.note.strip()[:LONGEST_NOTE]


def _keep_volumes(
    session: Session,
    volumes: Sequence[Volume],
    *,
    centre_id: str | None = None,
    person_id: str | None = None,
) -> None:
    """Make these the volumes of a centre or a person, the others gone."""
    owner = (
        YearlyVolume.centre_id == centre_id if centre_id else YearlyVolume.person_id == person_id
    )
    session.execute(delete(YearlyVolume).where(owner))
    session.add_all(
        YearlyVolume(
            centre_id=centre_id,
            person_id=person_id,
            operation=one.operation,
            year=one.year,
            count=one.count,
            source=one.source.strip(),
        )
        for one in volumes
    )


def add_absence(
    session: Session,
    person: Person,
    *,
    from_on: date | None,
    until_on: date | None,
    why: str,
    by: str,
    now: datetime,
) -> Absence:
    """Note that a surgeon takes no case on these days. Raises Invalid."""
    problems = absence_problems(from_on, until_on, why)
    if person.role != "surgeon":
        problems.append(FieldProblem("/from_on", "Only a surgeon's absence is noted."))
    if problems or from_on is None or until_on is None:
        raise Invalid("The absence was not noted.", problems)
    absence = Absence(
        person_id=person.id,
        from_on=from_on,
        until_on=until_on,
        why=why.strip(),
        entered_by=by,
        entered_at=now,
    )
    session.add(absence)
    session.flush()
    return absence


def remove_absence(session: Session, person_id: str, absence_id: str) -> None:
    """They are there after all. Doing it twice is harmless."""
    session.execute(delete(Absence).where(Absence.id == absence_id, Absence.person_id == person_id))


def add_conflict(
    session: Session,
    *,
    why: str,
    by: str,
    now: datetime,
    person_id: str = "",
    centre_id: str = "",
    against: str = "",
) -> ConflictOfInterest:
    """Note that a surgeon or a centre is not to judge what comes from somewhere. Raises Invalid.

    `against` is `hospital:<id>`, `centre:<id>` or `person:<id>`.
    """
    kind, _, other = against.partition(":")
    kinds: dict[str, type[Hospital] | type[Centre] | type[Person]] = {
        "hospital": Hospital,
        "centre": Centre,
        "person": Person,
    }
    problems = []
    if kind not in kinds or session.get(kinds[kind], other) is None:
        problems.append(FieldProblem("/against", "Choose whom the conflict is with."))
    elif other in (person_id, centre_id):
        problems.append(FieldProblem("/against", "Nobody is in conflict with themselves."))
    if not why.strip():
        problems.append(FieldProblem("/why", "Say why, such as: worked there until 2025."))
    if problems:
        raise Invalid("The conflict was not noted.", problems)
    conflict = ConflictOfInterest(
        person_id=person_id or None,
        centre_id=centre_id or None,
        hospital_id=other if kind == "hospital" else None,
        other_centre_id=other if kind == "centre" else None,
        other_person_id=other if kind == "person" else None,
        why=why.strip()[:LONGEST_NOTE],
        entered_by=by,
        entered_at=now,
    )
    session.add(conflict)
    session.flush()
    return conflict


def remove_conflict(
    session: Session, conflict_id: str, *, person_id: str = "", centre_id: str = ""
) -> None:
    """The conflict is over. Doing it twice is harmless."""
    owner = (
        ConflictOfInterest.person_id == person_id
        if person_id
        else ConflictOfInterest.centre_id == centre_id
    )
    session.execute(delete(ConflictOfInterest).where(ConflictOfInterest.id == conflict_id, owner))


def decide_need(
    session: Session,
    case: Case,
    *,
    kind: str,
    code: str,
    wanted: bool,
    reason: str,
    by: str,
    now: datetime,
) -> CaseNeed:
    """Say that a case calls for something, or does not after all. Raises Invalid.

    Said twice, the later word counts.
    """
    problems = []
    if kind not in NEED_KINDS or code not in titles_of(kind):
        problems.append(FieldProblem("/code", "Choose what the case calls for from the list."))
    if not reason.strip():
        problems.append(FieldProblem("/reason", "Say why; it stands beside every reviewer."))
    if problems:
        raise Invalid("Nothing was changed.", problems)
    said = reason.strip()[:LONGEST_NOTE]
    need = session.scalar(
        select(CaseNeed).where(
            CaseNeed.case_id == case.id, CaseNeed.kind == kind, CaseNeed.code == code
        )
    )
    if need is None:
        need = CaseNeed(
            case_id=case.id, kind=kind, code=code, wanted=wanted, reason=said, by=by, at=now
        )
        _insert(session, need)
    need.wanted, need.reason, need.by, need.at = wanted, said, by, now
    session.flush()
    return need


def undo_need(session: Session, case: Case, need_id: str) -> None:
    """Take the coordinator's word back. Raises NeedNotFound."""
    gone = session.execute(
        delete(CaseNeed).where(CaseNeed.id == need_id, CaseNeed.case_id == case.id)
    )
    if gone.rowcount != 1:  # type: ignore[attr-defined]
        raise NeedNotFound(
            "Nothing of the kind is said of what this case calls for.",
            remedy="Reload the page to see what is said.",
        )
