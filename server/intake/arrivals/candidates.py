"""The cases that a study may belong to, found by indexed keys and never by reading all cases.

Each key is a question of its own with a limit: the case numbers written in the study, its accession
number, its PatientID in the same hospital, its birth date (also with day and month exchanged), its
name, and the newest cases of the same hospital that still wait for images. With 100,000 cases that is a
few milliseconds; `bench/matching.py` measures it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, select, union_all
from sqlalchemy.orm import Session

from server.cases.lifecycle import State
from server.cases.queries import FINISHED
from server.cases.records import Case, CaseStudy, ExpectedAccession
from server.intake.arrivals.identity import Identity, name_key, swapped
from server.intake.arrivals.matching import Candidate, StudyFacts
from server.intake.records import Arrival

MOST_PER_KEY = 40
MOST_WAITING = 20
WAITS_FOR = timedelta(days=120)
STILL_OPEN = tuple(
    state.value for state in State if state.value not in (*FINISHED, State.OPINED.value)
)
WITHOUT_IMAGES = (State.OPEN.value, State.AWAITING_RECORDS.value)


def candidates(
    session: Session, study: StudyFacts, now: datetime, *, but: Iterable[str] = ()
) -> list[Candidate]:
    """The open cases worth weighing for this study, without those in `but` (case ids)."""
    keys = _keys(study, now)
    if not keys:
        return []
    # One question instead of seven: going to the database costs more than looking there.
    parts = [select(key.subquery().c.id) for key in keys]
    found = set(session.execute(union_all(*parts)).scalars())
    return _as_candidates(session, found - set(but))


def _keys(study: StudyFacts, now: datetime) -> list[Select[str]]:
    wanted: list[Select[str]] = []
    if study.case_numbers:
        wanted.append(_open().where(Case.number.in_(study.case_numbers)))
    if study.accession:
        expected = ExpectedAccession.number == study.accession
        wanted.append(_open().join(ExpectedAccession).where(expected).limit(MOST_PER_KEY))
    if study.PatientID and study.hospital_id:
        same = (Arrival.PatientID == study.PatientID) & (Case.hospital_id == study.hospital_id)
        wanted.append(_by_arrival(same))
    days = [day for day in (study.PatientBirthDate, swapped(study.PatientBirthDate)) if day]
    if days:
        wanted.append(_by_arrival(Arrival.PatientBirthDate.in_(days)))
    if key := name_key(study.PatientName):
        wanted.append(_by_arrival(Arrival.name_key == key))
    if study.hospital_id:
        wanted.append(_waiting(study.hospital_id, now))
    return wanted


def _open() -> Select[str]:
    return select(Case.id).where(Case.state.in_(STILL_OPEN))


def _by_arrival(condition: ColumnElement[bool]) -> Select[str]:
    """Cases that have a study of which this is true, those of the newest arrival first."""
    joined = _open().join(Arrival, Arrival.case_id == Case.id).where(condition)
    return joined.order_by(Arrival.first_seen_at.desc()).limit(MOST_PER_KEY)


def _waiting(hospital_id: str, now: datetime) -> Select[str]:
    """The newest cases of the hospital that have no images yet."""
    return (
        select(Case.id)
        .where(
            Case.hospital_id == hospital_id,
            Case.opened_at >= now - WAITS_FOR,
            Case.state.in_(WITHOUT_IMAGES),
            ~exists().where(CaseStudy.case_id == Case.id),
        )
        .order_by(Case.opened_at.desc())
        .limit(MOST_WAITING)
    )


def _as_candidates(session: Session, case_ids: set[str]) -> list[Candidate]:
    if not case_ids:
        return []
    facts = session.execute(
        select(
            Case.id,
            Case.number,
            Case.hospital_id,
            Case.opened_at,
            exists().where(CaseStudy.case_id == Case.id),
        ).where(Case.id.in_(case_ids))
    ).all()
    expected: dict[str, set[str]] = {}
    written = select(ExpectedAccession.case_id, ExpectedAccession.number)
    for case_id, number in session.execute(written.where(ExpectedAccession.case_id.in_(case_ids))):
        expected.setdefault(case_id, set()).add(number)
    patients = _patients(session, case_ids)
    return [
        Candidate(
            case_id=case_id,
            number=number,
            hospital_id=hospital_id,
            accession_numbers=frozenset(expected.get(case_id, ())),
            has_studies=has_studies,
            patients=tuple(dict.fromkeys(patients.get(case_id, ()))),
            opened_on=opened_at.date(),
        )
        for case_id, number, hospital_id, opened_at, has_studies in facts
    ]


def _patients(session: Session, case_ids: set[str]) -> dict[str, list[Identity]]:
    """Who the studies of each case say the patient is."""
    found: dict[str, list[Identity]] = {}
    said = session.execute(
        select(
            Arrival.case_id,
            Arrival.PatientName,
            Arrival.PatientBirthDate,
            Arrival.PatientSex,
            Arrival.PatientID,
        ).where(Arrival.case_id.in_(case_ids))
    )
    for case_id, name, birth_date, sex, patient_id in said:
        if case_id is not None:
            found.setdefault(case_id, []).append(Identity(name, birth_date, sex, patient_id))
    return found
