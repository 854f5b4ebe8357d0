"""Noting what came in, and saying where it belongs."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases import actions as case_actions
from server.cases.queries import case_by_id, case_of_study
from server.cases.records import Case
from server.foundation import audit, jobs
from server.intake.matching import Guess, Guesses, Match, StudyFacts, match
from server.intake.observation import Observation, Received
from server.intake.queries import arrival_of_orthanc_id, candidates
from server.intake.records import Arrival, ArrivalSender, ReceivedInstance
from server.people.queries import hospital_of_ae_title
from server.prepared import actions as preparation

ARCHIVE = "archive"
SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"  # PS3.4 B.5
MEASURE_SEGMENTATION = "measure_segmentation"


def note_study(
    session: Session, observation: Observation, first: list[Received], now: datetime
) -> Arrival:
    """Keep what the archive says of a study now. Noting the same twice changes nothing."""
    study = observation.study
    arrival = arrival_of_orthanc_id(session, study.orthanc_id)
    if arrival is None:
        arrival = Arrival(
            orthanc_id=study.orthanc_id,
            StudyInstanceUID=study.StudyInstanceUID,
            first_seen_at=now,
            changed_at=now,
            senders=[],
        )
        session.add(arrival)
    if first and not arrival.calling_aet:
        origin = first[0].origin
        arrival.calling_aet, arrival.called_aet = origin.RemoteAET, origin.CalledAET
        arrival.remote_address = origin.RemoteIP
    count = len(observation.instance_ids)
    if count != arrival.instance_count or study.last_update != arrival.last_update:
        _take_over(arrival, observation, now)
    session.flush()
    return arrival


def _take_over(arrival: Arrival, observation: Observation, now: datetime) -> None:
    study = observation.study
    arrival.PatientID = study.PatientID[:64]
    arrival.PatientName = study.PatientName[:330]
    arrival.PatientSex = study.PatientSex[:16]
    arrival.PatientBirthDate = study.PatientBirthDate[:16]
    arrival.AccessionNumber = study.AccessionNumber[:64]
    arrival.StudyDate = study.StudyDate[:16]
    arrival.StudyDescription = study.StudyDescription[:64]
    arrival.StudyID = study.StudyID[:16]
    arrival.series = [
        {
            "SeriesInstanceUID": series.SeriesInstanceUID,
            "Modality": series.Modality,
            "SeriesNumber": series.SeriesNumber,
            "SeriesDescription": series.SeriesDescription,
            "instances": len(series.instance_ids),
        }
        for series in observation.series
    ]
    arrival.instance_count = len(observation.instance_ids)
    arrival.last_update = study.last_update
    arrival.changed_at = now
    arrival.settled_at = None
    if arrival.state != "set_aside":
        arrival.state = "receiving"


def settle(
    session: Session, observation: Observation, received: list[Received], now: datetime
) -> Arrival | None:
    """The study has been quiet: note every instance's origin and look for its case."""
    arrival = arrival_of_orthanc_id(session, observation.study.orthanc_id)
    if arrival is None or arrival.settled_at is not None:
        return arrival
    fresh = _note_instances(session, arrival, received, now)
    arrival.settled_at = now
    if arrival.state == "set_aside":
        return arrival
    case = case_of_study(session, arrival.StudyInstanceUID)
    known_twin = session.scalar(
        select(Arrival.id).where(
            Arrival.StudyInstanceUID == arrival.StudyInstanceUID, Arrival.id != arrival.id
        )
    )
    if known_twin is not None and arrival.case_id is None:
        _leave_unmatched(
            arrival,
            [],
            "Another study with the same StudyInstanceUID but another patient is here already.",
        )
    elif case is not None:
        arrival.case_id, arrival.state = case.id, "matched"
    else:
        case = _match(session, arrival, now)
    _audit_settling(session, arrival, case, len(fresh), now)
    ask_for_preparation(session, observation, now)
    if arrival.case_id is not None:
        ask_for_measurements(session, arrival, now)
    session.flush()
    return arrival


def _match(session: Session, arrival: Arrival, now: datetime) -> Case | None:
    hospital = hospital_of_ae_title(session, arrival.calling_aet)
    answer = match(
        StudyFacts(
            AccessionNumber=arrival.AccessionNumber,
            StudyDescription=arrival.StudyDescription,
            StudyID=arrival.StudyID,
            PatientID=arrival.PatientID,
            hospital_id=hospital.id if hospital else None,
        ),
        candidates(session),
    )
    if isinstance(answer, Guesses):
        _leave_unmatched(arrival, list(answer.guesses), "No open case expects this study.")
        return None
    return _attach_match(session, arrival, answer, now)


def _attach_match(session: Session, arrival: Arrival, found: Match, now: datetime) -> Case:
    case = case_by_id(session, found.case_id)
    case_actions.attach_study(
        session, case, arrival.StudyInstanceUID, by=ARCHIVE, reason=found.reason, now=now
    )
    arrival.case_id, arrival.state, arrival.match_reason = case.id, "matched", found.reason
    arrival.guesses = []
    return case


def _leave_unmatched(arrival: Arrival, guesses: list[Guess], reason: str) -> None:
    arrival.state, arrival.match_reason = "unmatched", reason
    arrival.guesses = [
        {"case_id": guess.case_id, "number": guess.number, "reason": guess.reason}
        for guess in guesses
    ]


def _note_instances(
    session: Session, arrival: Arrival, received: list[Received], now: datetime
) -> list[ReceivedInstance]:
    known = set(
        session.scalars(
            select(ReceivedInstance.orthanc_id).where(ReceivedInstance.arrival_id == arrival.id)
        )
    )
    fresh = [
        ReceivedInstance(
            orthanc_id=one.orthanc_id,
            arrival_id=arrival.id,
            SOPInstanceUID=one.SOPInstanceUID[:64],
            SOPClassUID=one.origin.SOPClassUID[:64],
            calling_aet=one.origin.RemoteAET[:64],
            remote_address=one.origin.RemoteIP[:64],
            md5=one.origin.md5[:32],
            received_at=one.origin.ReceptionDate or now,
        )
        for one in received
        if one.orthanc_id not in known
    ]
    session.add_all(fresh)
    senders = {(sender.calling_aet, sender.remote_address): sender for sender in arrival.senders}
    for origin, count in Counter((one.calling_aet, one.remote_address) for one in fresh).items():
        sender = senders.get(origin)
        if sender is None:
            sender = ArrivalSender(
                arrival_id=arrival.id,
                calling_aet=origin[0],
                remote_address=origin[1],
                first_seen_at=now,
                instances=0,
            )
            session.add(sender)
        sender.instances += count
    session.flush()
    return fresh


def _audit_settling(
    session: Session, arrival: Arrival, case: Case | None, fresh: int, now: datetime
) -> None:
    if not fresh:
        return
    audit.append(
        session,
        actor=f"{arrival.calling_aet or 'viewer or upload'} {arrival.remote_address}".strip(),
        action="arrival.received",
        object_=f"arrival {arrival.id}",
        outcome="done",
        now=now,
        case_number=case.number if case else None,
        reason=arrival.match_reason,
        details={"instances": fresh, "series": len(arrival.series), "state": arrival.state},
    )


def attach(session: Session, arrival: Arrival, case: Case, *, by: str, now: datetime) -> None:
    """A person says that the study belongs to this case; raises StudyBelongsElsewhere."""
    case_actions.attach_study(
        session, case, arrival.StudyInstanceUID, by=by, reason="Attached by a coordinator", now=now
    )
    arrival.case_id, arrival.match_reason = case.id, f"Attached by {by}"
    arrival.state, arrival.guesses = "matched", []
    ask_for_measurements(session, arrival, now)
    session.flush()


def set_aside(session: Session, arrival: Arrival) -> None:
    """A person says that the study belongs to no case. It stays in the archive."""
    if arrival.case_id is None:
        arrival.state = "set_aside"
        session.flush()


def ask_for_preparation(session: Session, observation: Observation, now: datetime) -> None:
    """Have every series of a settled study prepared for viewing, also before its case is known."""
    for series in observation.series:
        preparation.ask(
            session,
            observation.study.StudyInstanceUID,
            series.SeriesInstanceUID,
            orthanc_id=series.orthanc_id,
            instance_count=len(series.instance_ids),
            now=now,
        )


def ask_for_measurements(session: Session, arrival: Arrival, now: datetime) -> None:
    """Ask the worker to measure every segmentation of a matched arrival, each once."""
    segmentations = session.scalars(
        select(ReceivedInstance).where(
            ReceivedInstance.arrival_id == arrival.id,
            ReceivedInstance.SOPClassUID == SEGMENTATION_STORAGE,
        )
    )
    for instance in segmentations:
        jobs.enqueue(
            session,
            MEASURE_SEGMENTATION,
            {
                "case_id": arrival.case_id,
                "orthanc_id": instance.orthanc_id,
                "SOPInstanceUID": instance.SOPInstanceUID,
                "StudyInstanceUID": arrival.StudyInstanceUID,
            },
            key=f"{MEASURE_SEGMENTATION} {instance.orthanc_id}",
            now=now,
        )
