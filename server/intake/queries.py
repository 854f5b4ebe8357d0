"""Reading arrivals and the state of the feed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, selectinload

from server.cases.lifecycle import State
from server.cases.queries import FINISHED
from server.cases.records import Case, CaseStudy
from server.foundation.errors import NotFound
from server.intake.matching import Candidate, accession_numbers
from server.intake.records import Arrival, FeedCursor, ReceivedInstance
from server.people.records import HospitalLine

FEED = "orthanc"


class ArrivalNotFound(NotFound):
    """There is no arrival of this id, or it is another coordinator's."""


def _theirs(hospital_ids: frozenset[str]) -> object:
    """Arrivals sent by these hospitals, or that belong to their cases."""
    titles = select(HospitalLine.ae_title).where(HospitalLine.hospital_id.in_(hospital_ids))
    cases = select(Case.id).where(Case.hospital_id.in_(hospital_ids))
    return or_(Arrival.calling_aet.in_(titles), Arrival.case_id.in_(cases))


def arrivals(
    session: Session,
    hospital_ids: frozenset[str] | None,
    states: Iterable[str] = ("receiving", "unmatched", "matched", "set_aside"),
    limit: int = 200,
) -> list[Arrival]:
    """Arrivals that concern these hospitals (None: all), newest first."""
    wanted = (
        select(Arrival)
        .where(Arrival.state.in_(tuple(states)))
        .options(selectinload(Arrival.case), selectinload(Arrival.senders))
        .order_by(Arrival.first_seen_at.desc())
        .limit(limit)
    )
    if hospital_ids is not None:
        wanted = wanted.where(_theirs(hospital_ids))  # type: ignore[arg-type]
    return list(session.scalars(wanted))


def unmatched_count(session: Session, hospital_ids: frozenset[str] | None) -> int:
    """How many settled arrivals wait for somebody to say where they belong."""
    wanted = select(func.count(Arrival.id)).where(Arrival.state == "unmatched")
    if hospital_ids is not None:
        wanted = wanted.where(_theirs(hospital_ids))  # type: ignore[arg-type]
    return session.scalar(wanted) or 0


def arrival(session: Session, arrival_id: str, hospital_ids: frozenset[str] | None) -> Arrival:
    """One arrival that concerns these hospitals (None: all); raises ArrivalNotFound."""
    wanted = (
        select(Arrival)
        .where(Arrival.id == arrival_id)
        .options(selectinload(Arrival.case), selectinload(Arrival.senders))
    )
    if hospital_ids is not None:
        wanted = wanted.where(_theirs(hospital_ids))  # type: ignore[arg-type]
    found = session.scalar(wanted)
    if found is None:
        raise ArrivalNotFound(
            "There is no such arrival.", remedy="Look for it in the arrivals inbox."
        )
    return found


def arrival_of_orthanc_id(session: Session, orthanc_id: str) -> Arrival | None:
    """The arrival of this study in the archive, or None."""
    return session.scalar(
        select(Arrival)
        .where(Arrival.orthanc_id == orthanc_id)
        .options(selectinload(Arrival.senders))
    )


def arrivals_of_case(session: Session, case_id: str) -> list[Arrival]:
    """What came in for a case, by study date."""
    return list(
        session.scalars(
            select(Arrival)
            .where(Arrival.case_id == case_id)
            .options(selectinload(Arrival.senders))
            .order_by(Arrival.StudyDate, Arrival.first_seen_at)
        )
    )


def candidates(session: Session) -> list[Candidate]:
    """The cases to which a study may be matched."""
    closed = (*FINISHED, State.OPINED.value)
    cases = session.scalars(
        select(Case).where(Case.state.not_in(closed)).options(selectinload(Case.studies))
    ).all()
    patient_ids: dict[str, set[str]] = {}
    known = session.execute(
        select(CaseStudy.case_id, Arrival.PatientID).join(
            Arrival, Arrival.StudyInstanceUID == CaseStudy.StudyInstanceUID
        )
    )
    for case_id, patient_id in known:
        if patient_id:
            patient_ids.setdefault(case_id, set()).add(patient_id)
    return [
        Candidate(
            case_id=case.id,
            number=case.number,
            hospital_id=case.hospital_id,
            accession_numbers=accession_numbers(case.accession_number),
            patient_ids=frozenset(patient_ids.get(case.id, ())),
            has_studies=bool(case.studies),
        )
        for case in cases
    ]


def cursor(session: Session) -> FeedCursor:
    """How far the feed was read; a fresh cursor when it never was."""
    found = session.get(FeedCursor, FEED)
    if found is None:
        found = FeedCursor(name=FEED, sequence=0, archive_ok=True)
        session.add(found)
    return found


def feed_status(session: Session) -> FeedCursor:
    """Whether the archive answered when last asked."""
    return session.get(FeedCursor, FEED) or FeedCursor(name=FEED, sequence=0, archive_ok=True)


def known_instances(session: Session, orthanc_id: str) -> frozenset[str]:
    """Orthanc's ids of the instances of a study that were noted already."""
    return frozenset(
        session.scalars(
            select(ReceivedInstance.orthanc_id)
            .join(Arrival, Arrival.id == ReceivedInstance.arrival_id)
            .where(Arrival.orthanc_id == orthanc_id)
        )
    )


def is_elsewhere(session: Session, StudyInstanceUID: str, case_id: str) -> bool:
    """Whether the study is in the archive already without being this case's, or another case's."""
    attached = session.scalar(
        select(CaseStudy.case_id).where(CaseStudy.StudyInstanceUID == StudyInstanceUID)
    )
    if attached is not None:
        return attached != case_id
    return (
        session.scalar(
            select(Arrival.id).where(Arrival.StudyInstanceUID == StudyInstanceUID).limit(1)
        )
        is not None
    )


def last_study_at(session: Session) -> dict[str, datetime]:
    """When each AE title last sent a study that was new."""
    found = session.execute(
        select(Arrival.calling_aet, func.max(Arrival.first_seen_at)).group_by(Arrival.calling_aet)
    )
    return {title: at for title, at in found if at is not None}
