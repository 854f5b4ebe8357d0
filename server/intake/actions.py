"""Noting what came in, and saying where it belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server.cases import actions as case_actions
from server.cases.queries import case_by_id, case_of_study
from server.cases.records import Case
from server.foundation import audit, jobs
from server.imaging.actions import ask_for_assessment
from server.intake.arrivals.candidates import candidates
from server.intake.arrivals.doubting import doubts, note_series
from server.intake.arrivals.holding import SAME_STUDY_UID, Doubt, missing
from server.intake.arrivals.identity import Identity, name_key
from server.intake.arrivals.matching import Guess, Guesses, Match, StudyFacts, match
from server.intake.arrivals.observation import Observation, Received
from server.intake.queries import PUT_AWAY, arrival_of_orthanc_id
from server.intake.records import Arrival, ArrivalSender, ReceivedInstance
from server.intake.telling import tell_of_images
from server.people.queries import hospital_of_ae_title
from server.prepared import actions as preparation

ARCHIVE = "archive"
# What volumes are measured from, PS3.4 B.5.
MEASURED_STORAGE = (
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation
    "1.2.840.10008.5.1.4.1.1.481.3",  # RT Structure Set
)
MEASURE_SEGMENTATION = "measure_segmentation"
CERTAIN = 100
KEPT_OF_SERIES = ("split_to", "senders", "patients")


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
    elif arrival.state == "deleted":
        _begin_anew(session, arrival)
    if first and not arrival.calling_aet:
        origin = first[0].origin
        arrival.calling_aet, arrival.called_aet = origin.RemoteAET, origin.CalledAET
        arrival.remote_address = origin.RemoteIP
    count = len(observation.instance_ids)
    if count != arrival.instance_count or study.last_update != arrival.last_update:
        _take_over(arrival, observation, now)
    session.flush()
    return arrival


def _begin_anew(session: Session, arrival: Arrival) -> None:
    """What was deleted has come again: who sent it then, and what it was, counts no more."""
    noted = ReceivedInstance.arrival_id == arrival.id
    session.execute(delete(ReceivedInstance).where(noted))
    for sender in arrival.senders:
        sender.instances = 0


def _take_over(arrival: Arrival, observation: Observation, now: datetime) -> None:
    study = observation.study
    arrival.PatientID = study.PatientID[:64]
    arrival.PatientName = study.PatientName[:330]
    arrival.name_key = name_key(study.PatientName)
    arrival.PatientSex = study.PatientSex[:16]
    arrival.PatientBirthDate = study.PatientBirthDate[:16]
    arrival.AccessionNumber = study.AccessionNumber[:64]
    arrival.StudyDate = study.StudyDate[:16]
    arrival.StudyDescription = study.StudyDescription[:64]
    arrival.StudyID = study.StudyID[:16]
    known = {one["SeriesInstanceUID"]: one for one in arrival.series or []}
    arrival.series = [
        {
            **{key: known.get(series.SeriesInstanceUID, {}).get(key, "") for key in KEPT_OF_SERIES},
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
    if arrival.state not in PUT_AWAY:
        arrival.state = "receiving"


def settle(
    session: Session,
    observation: Observation,
    received: list[Received],
    now: datetime,
    patients: Mapping[str, Sequence[Identity]] | None = None,
) -> Arrival | None:
    """The study has been quiet: note every instance's origin, and look for doubts and for its case.

    `patients` is what its series say of the patient, by SeriesInstanceUID.
    """
    arrival = arrival_of_orthanc_id(session, observation.study.orthanc_id)
    if arrival is None or arrival.settled_at is not None:
        return arrival
    fresh = _note_instances(session, arrival, received, now)
    note_series(session, arrival, observation, patients or {})
    arrival.settled_at = now
    if arrival.state in PUT_AWAY:
        return arrival
    case = _place(session, arrival, patients or {}, now)
    _audit_settling(session, arrival, case, len(fresh), now)
    ask_for_preparation(session, observation, now)
    if arrival.case_id is not None and arrival.state == "matched":
        ask_for_measurements(session, arrival, now)
    if case is not None and fresh:
        tell_of_images(session, arrival, case, fresh, now)
    session.flush()
    return arrival


def _place(
    session: Session,
    arrival: Arrival,
    patients: Mapping[str, Sequence[Identity]],
    now: datetime,
) -> Case | None:
    """Where a settled arrival goes: to its case, into the inbox, or on hold."""
    found = doubts(session, arrival, patients)
    case = case_of_study(session, arrival.StudyInstanceUID)
    is_twin = any(doubt.code == SAME_STUDY_UID for doubt in found)
    if case is not None and (arrival.case_id is not None or not is_twin):
        arrival.case_id = case.id
    if found:
        hold(session, arrival, found, now)
        return arrival.case if arrival.case_id else None
    arrival.held_for = []
    if arrival.case_id is not None:
        arrival.state = "matched"
        return case
    # What a person took apart bears the reference of the whole: where a part belongs they say.
    return look_for_case(session, arrival, now, by_itself=arrival.split_from is None)


def hold(session: Session, arrival: Arrival, found: list[Doubt], now: datetime) -> None:
    """Keep a study back until a person has looked at these doubts."""
    arrival.state, arrival.held_for = "held", [doubt.written() for doubt in found]
    arrival.match_reason = "Held until somebody has looked at it."
    if arrival.case_id is None:
        guess(session, arrival, now)


def hold_gone(session: Session, orthanc_id: str, now: datetime) -> None:
    """A study that was received is in the archive no more. It is held; once its images come again it is
    looked at as if it were new."""
    arrival = arrival_of_orthanc_id(session, orthanc_id)
    if arrival is None:
        return
    gone = arrival.instance_count
    arrival.instance_count, arrival.last_update, arrival.settled_at = 0, None, now
    hold(session, arrival, missing(gone), now)
    audit.append(
        session,
        actor=ARCHIVE,
        action="images.missing",
        object_=f"arrival {arrival.id}",
        outcome="done",
        now=now,
        case_number=arrival.case.number if arrival.case else None,
        details={"instances": gone},
    )


def look_for_case(
    session: Session, arrival: Arrival, now: datetime, *, by_itself: bool = True
) -> Case | None:
    """Attach the arrival to the one case that expects it, or leave it in the inbox with guesses.

    `by_itself` False only guesses: a person has taken it out of a case before.
    """
    answer = _answer(session, arrival, now)
    if isinstance(answer, Match) and by_itself:
        return _attach_match(session, arrival, answer, now)
    guess(session, arrival, now)
    arrival.state = "unmatched"
    arrival.match_reason = (
        "No case can be told for certain. These may fit:"
        if arrival.guesses
        else "No open case expects this study."
    )
    return None


def guess(session: Session, arrival: Arrival, now: datetime) -> None:
    """Keep the cases to which the arrival may belong, best first, with the reasons for each."""
    answer = _answer(session, arrival, now)
    if isinstance(answer, Match):
        found: tuple[Guess, ...] = (
            Guess(answer.case_id, answer.number, CERTAIN, (answer.reason,)),
        )
    else:
        found = answer.guesses
    arrival.guesses = [
        {
            "case_id": one.case_id,
            "number": one.number,
            "score": one.score,
            "reason": one.reason,
            "doubts": list(one.doubts),
        }
        for one in found
    ]


def _answer(session: Session, arrival: Arrival, now: datetime) -> Match | Guesses:
    facts = study_facts(session, arrival)
    return match(facts, candidates(session, facts, now, but=arrival.not_cases or ()))


def study_facts(session: Session, arrival: Arrival) -> StudyFacts:
    """What matching needs to know of an arrival."""
    hospital = hospital_of_ae_title(session, arrival.calling_aet)
    return StudyFacts(
        AccessionNumber=arrival.AccessionNumber,
        StudyDescription=arrival.StudyDescription,
        StudyID=arrival.StudyID,
        PatientID=arrival.PatientID,
        hospital_id=hospital.id if hospital else None,
        PatientName=arrival.PatientName,
        PatientBirthDate=arrival.PatientBirthDate,
        PatientSex=arrival.PatientSex,
        StudyDate=arrival.StudyDate,
    )


def _attach_match(session: Session, arrival: Arrival, found: Match, now: datetime) -> Case:
    case = case_by_id(session, found.case_id)
    case_actions.attach_study(
        session, case, arrival.StudyInstanceUID, by=ARCHIVE, reason=found.reason, now=now
    )
    arrival.case_id, arrival.state, arrival.match_reason = case.id, "matched", found.reason
    arrival.guesses = []
    return case


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
    """Ask the worker to assess the imaging, and to measure every segmentation of a matched arrival."""
    if arrival.case_id is not None:
        mark = f"{arrival.id} {arrival.instance_count} {arrival.last_update or ''}"
        ask_for_assessment(session, arrival.case_id, mark=mark, now=now)
    segmentations = session.scalars(
        select(ReceivedInstance).where(
            ReceivedInstance.arrival_id == arrival.id,
            ReceivedInstance.SOPClassUID.in_(MEASURED_STORAGE),
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
