"""Reading arrivals and the state of the feed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session, selectinload

from server.cases.records import Case, CaseStudy
from server.foundation.errors import NotFound
from server.intake.records import (
    Arrival,
    ArrivalSender,
    FeedCursor,
    LineState,
    ReceivedInstance,
    RefusedAssociation,
)
from server.people.records import HospitalLine
from server.prepared.records import PreparedSeries

FEED = "orthanc"
WAITING = ("held", "unmatched")
PUT_AWAY = ("set_aside", "split", "refused")
STATES = ("receiving", *WAITING, "matched", *PUT_AWAY)


class ArrivalNotFound(NotFound):
    """There is no arrival of this id, or it is another coordinator's."""


def _theirs(hospital_ids: frozenset[str]) -> ColumnElement[bool]:
    """Arrivals sent by these hospitals, or that belong to their cases, or were uploaded into one of them
    and taken out again."""
    titles = select(HospitalLine.ae_title).where(HospitalLine.hospital_id.in_(hospital_ids))
    cases = select(Case.id).where(Case.hospital_id.in_(hospital_ids))
    before = cast(Arrival.not_cases, String)
    was_theirs = cases.where(before.contains(Case.id)).correlate(Arrival).exists()
    uploaded = Arrival.calling_aet.not_in(select(HospitalLine.ae_title))
    return or_(
        Arrival.calling_aet.in_(titles),
        Arrival.case_id.in_(cases),
        # The dearest question last: it is asked of the few of which the others hold.
        and_(Arrival.case_id.is_(None), before != "[]", uploaded, was_theirs),
    )


def arrivals(
    session: Session,
    hospital_ids: frozenset[str] | None,
    states: Iterable[str] = STATES,
    limit: int = 200,
    *,
    by_decision: bool = False,
) -> list[Arrival]:
    """Arrivals that concern these hospitals (None: all), newest first, or those decided about last."""
    at = func.coalesce(Arrival.decided_at, Arrival.first_seen_at)
    wanted = (
        select(Arrival)
        .where(Arrival.state.in_(tuple(states)))
        .options(selectinload(Arrival.case), selectinload(Arrival.senders))
        .order_by((at if by_decision else Arrival.first_seen_at).desc())
        .limit(limit)
    )
    if hospital_ids is not None:
        wanted = wanted.where(_theirs(hospital_ids))
    return list(session.scalars(wanted))


def unmatched_count(session: Session, hospital_ids: frozenset[str] | None) -> int:
    """How many settled arrivals wait for a person, to say where they belong or to look at a doubt."""
    wanted = select(func.count(Arrival.id)).where(Arrival.state.in_(WAITING))
    if hospital_ids is not None:
        wanted = wanted.where(_theirs(hospital_ids))
    return session.scalar(wanted) or 0


def arrival(session: Session, arrival_id: str, hospital_ids: frozenset[str] | None) -> Arrival:
    """One arrival that concerns these hospitals (None: all); raises ArrivalNotFound."""
    wanted = (
        select(Arrival)
        .where(Arrival.id == arrival_id)
        .options(selectinload(Arrival.case), selectinload(Arrival.senders))
    )
    if hospital_ids is not None:
        wanted = wanted.where(_theirs(hospital_ids))
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


def noted_updates(session: Session) -> dict[str, tuple[datetime | None, datetime | None]]:
    """Of every arrival, by Orthanc's id: the last update that was noted, and when it settled."""
    found = session.execute(select(Arrival.orthanc_id, Arrival.last_update, Arrival.settled_at))
    return {orthanc_id: (last_update, settled_at) for orthanc_id, last_update, settled_at in found}


def gone_unsaid(session: Session, orthanc_ids: Collection[str]) -> list[str]:
    """Which of these studies, in the archive no more, had images when they were last looked at and were not
    put away by a person."""
    states = [one for one in STATES if one not in PUT_AWAY]
    found = select(Arrival.orthanc_id).where(
        Arrival.orthanc_id.in_(orthanc_ids), Arrival.state.in_(states), Arrival.instance_count > 0
    )
    return list(session.scalars(found))


def prepared_of(session: Session, orthanc_ids: Collection[str]) -> list[tuple[str, str]]:
    """The series that are prepared of these studies (Orthanc's ids): both UIDs of each."""
    found = session.execute(
        select(PreparedSeries.StudyInstanceUID, PreparedSeries.SeriesInstanceUID)
        .join(Arrival, Arrival.StudyInstanceUID == PreparedSeries.StudyInstanceUID)
        .where(Arrival.orthanc_id.in_(orthanc_ids))
    )
    return [(study, series) for study, series in found]


def receiving(session: Session) -> set[str]:
    """Orthanc's ids of the studies that are not settled yet."""
    return set(session.scalars(select(Arrival.orthanc_id).where(Arrival.state == "receiving")))


def not_served(session: Session, StudyInstanceUID: str) -> frozenset[str]:
    """Orthanc's ids of the studies with this UID that must not be shown under it.

    Two hospitals, or one under two PatientIDs, may send the same StudyInstanceUID. Shown is what was
    found to belong to a case; before that, what came first. The others wait for a person.
    """
    several = session.execute(
        select(Arrival.orthanc_id, Arrival.state, Arrival.case_id)
        .where(Arrival.StudyInstanceUID == StudyInstanceUID)
        .order_by(Arrival.first_seen_at)
    ).all()
    matched = {one for one, state, _ in several if state == "matched"}
    of_a_case = {one for one, _, case_id in several if case_id is not None}
    first = {one for one, _, _ in several[:1]}
    return frozenset(one for one, _, _ in several) - (matched or of_a_case or first)


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


def refused_for_case(session: Session, case_id: str) -> list[Arrival]:
    """Studies that were refused and of which the hospital reads on this case's page."""
    wanted = select(Arrival).where(
        Arrival.refused_for == case_id, Arrival.state.in_(("refused", "deleted"))
    )
    return list(session.scalars(wanted.order_by(Arrival.decided_at.desc())))


@dataclass(frozen=True)
class Traffic:
    """What came under one AE title: how many studies and instances, and when the last new study did."""

    studies: int = 0
    instances: int = 0
    last_study_at: datetime | None = None


def traffic(session: Session, ae_titles: Collection[str]) -> dict[str, Traffic]:
    """What came under each of these AE titles so far."""
    found = session.execute(
        select(
            ArrivalSender.calling_aet,
            func.count(func.distinct(ArrivalSender.arrival_id)),
            func.sum(ArrivalSender.instances),
            func.max(ArrivalSender.first_seen_at),
        )
        .where(ArrivalSender.calling_aet.in_(ae_titles))
        .group_by(ArrivalSender.calling_aet)
    )
    return {title: Traffic(studies, int(count or 0), at) for title, studies, count, at in found}


def line_states(session: Session, ae_titles: Collection[str]) -> dict[str, LineState]:
    """What is known of the lines under these AE titles."""
    found = session.scalars(select(LineState).where(LineState.ae_title.in_(ae_titles)))
    return {state.ae_title: state for state in found}


def refused_associations(
    session: Session, lines: Collection[HospitalLine], limit: int = 50
) -> list[RefusedAssociation]:
    """Associations that came to nothing and concern these lines, by title or by address."""
    titles = [line.ae_title for line in lines]
    hosts = [line.host for line in lines]
    concerns = RefusedAssociation.calling_aet.in_(titles) | (
        RefusedAssociation.address.in_(hosts) & (RefusedAssociation.address != "")
    )
    wanted = select(RefusedAssociation).where(concerns)
    return list(session.scalars(wanted.order_by(RefusedAssociation.last_at.desc()).limit(limit)))


def strangers(session: Session, limit: int = 50) -> list[RefusedAssociation]:
    """Associations of callers that no hospital is registered under, newest first."""
    known = select(HospitalLine.ae_title)
    wanted = select(RefusedAssociation).where(RefusedAssociation.calling_aet.not_in(known))
    return list(session.scalars(wanted.order_by(RefusedAssociation.last_at.desc()).limit(limit)))
