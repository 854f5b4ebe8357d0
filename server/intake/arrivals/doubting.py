"""Gathering what the rules of `holding` judge: who sent what, whose images they are, which UIDs repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from server.intake.arrivals import holding
from server.intake.arrivals.holding import Doubt, SentBy
from server.intake.arrivals.identity import Identity
from server.intake.arrivals.observation import Observation
from server.intake.lines.orthanc_log import ALIKE, FAULTS, UNSEEN
from server.intake.records import (
    Arrival,
    ArrivalSender,
    ReceivedInstance,
    RepeatedInstance,
)
from server.people.queries import hospital_of_ae_title


def doubts(
    session: Session, arrival: Arrival, patients: Mapping[str, Sequence[Identity]]
) -> list[Doubt]:
    """What a person has to look at before this arrival goes anywhere, without what was let pass."""
    copies, differing = _copies(session, arrival)
    found = [
        *holding.mixed_senders(_senders(session, arrival)),
        *holding.mixed_patients(patients),
        *holding.same_study_uid(_twins(session, arrival)),
        *holding.copied_uids(copies, differing),
        *holding.other_content(_repeats(session, arrival)),
        *holding.faulty(_faulty(session, arrival)),
        *holding.replaced(_replaced(session, arrival)),
        *holding.missing(_missing(session, arrival)),
    ]
    return [doubt for doubt in found if doubt.key not in (arrival.allowed or ())]


def note_series(
    session: Session,
    arrival: Arrival,
    observation: Observation,
    patients: Mapping[str, Sequence[Identity]],
) -> None:
    """Keep beside each series who sent it, and whom it names when the series name several patients."""
    calling = dict(
        session.execute(
            select(ReceivedInstance.orthanc_id, ReceivedInstance.calling_aet).where(
                ReceivedInstance.arrival_id == arrival.id
            )
        ).all()
    )
    by_uid = {series.SeriesInstanceUID: series for series in observation.series}
    several = len(holding.patients_among(one for found in patients.values() for one in found)) > 1
    noted: list[dict[str, Any]] = []
    for kept in arrival.series:
        series = by_uid.get(kept["SeriesInstanceUID"])
        ids = series.instance_ids if series else ()
        senders = Counter(calling.get(one, "") for one in ids)
        named = patients.get(kept["SeriesInstanceUID"], ()) if several else ()
        noted.append(
            {
                **kept,
                "senders": dict(senders),
                "patients": [
                    [one.PatientName, one.PatientBirthDate, one.PatientSex] for one in named
                ],
            }
        )
    arrival.series = noted


def note_repeat(
    session: Session,
    *,
    instance_id: str,
    study_id: str,
    md5: str,
    sender: str,
    now: datetime,
    fault: str = "",
) -> None:
    """Somebody sent an instance again with other content, and the archive kept the first; or with a
    `fault`, and the archive took nothing; or it took the place of a damaged file (`fault` says how far it
    was compared with that).

    `instance_id` and `study_id` are Orthanc's. The study is held as soon as it is looked at, at once
    when it has settled already. Noting the same twice is counted once for each time.
    """
    sender = sender[:200]
    known = session.scalar(
        select(RepeatedInstance).where(
            RepeatedInstance.orthanc_id == instance_id,
            RepeatedInstance.sender == sender,
            RepeatedInstance.md5 == md5,
        )
    )
    if known is not None:
        known.times, known.at = known.times + 1, now
    else:
        session.add(
            RepeatedInstance(
                orthanc_id=instance_id,
                study_id=study_id,
                sender=sender,
                md5=md5,
                fault=fault,
                at=now,
            )
        )
    session.flush()
    arrival = session.scalar(select(Arrival).where(Arrival.orthanc_id == study_id))
    if arrival is not None and arrival.settled_at is not None:
        arrival.settled_at, arrival.changed_at = None, now
        if arrival.state in ("matched", "unmatched", "held"):
            arrival.state = "receiving"


def _senders(session: Session, arrival: Arrival) -> list[SentBy]:
    found = []
    senders = select(ArrivalSender).where(ArrivalSender.arrival_id == arrival.id)
    for sender in session.scalars(senders.order_by(ArrivalSender.first_seen_at)):
        hospital = hospital_of_ae_title(session, sender.calling_aet)
        found.append(
            SentBy(
                sender.calling_aet,
                hospital.id if hospital else "",
                hospital.name if hospital else "",
                sender.instances,
            )
        )
    return found


def _twins(session: Session, arrival: Arrival) -> list[str]:
    """PatientIDs of other studies with this StudyInstanceUID that came before, or lie in a case."""
    others = session.execute(
        select(Arrival.PatientID, Arrival.case_id, Arrival.first_seen_at).where(
            Arrival.StudyInstanceUID == arrival.StudyInstanceUID,
            Arrival.id != arrival.id,
            Arrival.state != "deleted",
        )
    ).all()
    if arrival.case_id is not None:
        return []
    return [
        patient_id
        for patient_id, case_id, seen_at in others
        if case_id is not None or seen_at <= arrival.first_seen_at
    ]


def _copies(session: Session, arrival: Arrival) -> tuple[int, int]:
    """How many of its images bear a SOPInstanceUID that is here in another place too, and how many of
    those have other content. Parts of one study that a person took apart are the same images."""
    mine, other, elsewhere = aliased(ReceivedInstance), aliased(ReceivedInstance), aliased(Arrival)
    apart: list[ColumnElement[bool]] = [
        elsewhere.split_from.is_(None) | (elsewhere.split_from != arrival.id)
    ]
    if arrival.split_from:
        apart += [
            elsewhere.id != arrival.split_from,
            or_(elsewhere.split_from.is_(None), elsewhere.split_from != arrival.split_from),
        ]
    # Only what came before: the later of the two is the one to be looked at.
    counted = session.execute(
        select(
            func.count(func.distinct(mine.orthanc_id)),
            func.count(func.distinct(case((mine.md5 != other.md5, mine.orthanc_id)))),
        )
        .select_from(mine)
        .join(
            other,
            (other.SOPInstanceUID == mine.SOPInstanceUID) & (other.orthanc_id != mine.orthanc_id),
        )
        .join(elsewhere, elsewhere.id == other.arrival_id)
        .where(mine.arrival_id == arrival.id, elsewhere.state != "deleted", *apart)
        .where((elsewhere.id == arrival.id) | (elsewhere.first_seen_at <= arrival.first_seen_at))
    ).one()
    return int(counted[0]), int(counted[1])


def _repeats(session: Session, arrival: Arrival) -> dict[str, int]:
    said = session.execute(
        select(RepeatedInstance.sender, func.count(RepeatedInstance.id))
        .where(RepeatedInstance.study_id == arrival.orthanc_id, RepeatedInstance.fault == "")
        .group_by(RepeatedInstance.sender)
    )
    return dict(said.all())


def _faulty(session: Session, arrival: Arrival) -> dict[tuple[str, str], int]:
    """How many images of it were refused, by sender and fault. One that came whole later is no more."""
    came = select(ReceivedInstance.orthanc_id).where(
        ReceivedInstance.orthanc_id == RepeatedInstance.orthanc_id
    )
    said = session.execute(
        select(
            RepeatedInstance.sender,
            RepeatedInstance.fault,
            func.count(func.distinct(RepeatedInstance.orthanc_id)),
        )
        .where(
            RepeatedInstance.study_id == arrival.orthanc_id,
            RepeatedInstance.fault.in_(FAULTS),
            ~came.exists(),
        )
        .group_by(RepeatedInstance.sender, RepeatedInstance.fault)
    )
    return {(sender, fault): count for sender, fault, count in said}


def _replaced(session: Session, arrival: Arrival) -> dict[tuple[str, str], int]:
    """How many images of it took a damaged file's place unproven, by sender and how far they were
    compared."""
    how = RepeatedInstance.fault
    said = session.execute(
        select(RepeatedInstance.sender, how, func.count(func.distinct(RepeatedInstance.orthanc_id)))
        .where(RepeatedInstance.study_id == arrival.orthanc_id, how.in_((ALIKE, UNSEEN)))
        .group_by(RepeatedInstance.sender, how)
    )
    return {(sender, compared): count for sender, compared, count in said}


def _missing(session: Session, arrival: Arrival) -> int:
    """How many more were received than the archive holds."""
    received = select(func.count()).where(ReceivedInstance.arrival_id == arrival.id)
    return (session.scalar(received) or 0) - arrival.instance_count
