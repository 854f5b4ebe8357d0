"""What a person decides about an arrival: where it belongs, that a doubt is none, that it is refused.

Every decision can be taken back as long as nobody has judged by it. Nothing here removes an image from
the archive; what was refused is kept for some days, and then a person may have it deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.archive import orthanc_id
from server.cases import actions as case_actions
from server.cases.queries import case_by_id
from server.cases.records import Case
from server.dicom.uids import uid_from
from server.foundation import jobs
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.intake.actions import ask_for_measurements, guess, look_for_case
from server.intake.records import Arrival

SPLIT_ARRIVAL = "split_arrival"
DELETE_REFUSED = "delete_refused"
SHORTEST_REASON = 10
LONGEST_REASON = 2000


class ArrivalIsHeld(Conflict):
    """The study is kept back: a person has to look at a doubt first."""


class ArrivalHasItsCase(Conflict):
    """The study belongs to a case: it has to be taken out of it first."""


class NotThere(Conflict):
    """The arrival is not in the state in which this can be done."""


class KeptForNow(Conflict):
    """What was refused is kept for some days, so that it can be asked about."""


def attach(session: Session, arrival: Arrival, case: Case, *, by: str, now: datetime) -> None:
    """A person says that the study belongs to this case; raises StudyBelongsElsewhere or
    ArrivalIsHeld."""
    if arrival.state == "held" or arrival.held_for:
        raise ArrivalIsHeld(
            "This study is held because of a doubt, so it was not attached.",
            remedy="Look at the doubt first: let it pass, make two studies of it, or refuse it. If it "
            "was set aside, take that back before.",
        )
    if arrival.state in ("split", "refused", "deleted"):
        raise _not_there("attached")
    case_actions.attach_study(
        session, case, arrival.StudyInstanceUID, by=by, reason="Attached by a coordinator", now=now
    )
    arrival.case_id, arrival.match_reason = case.id, f"Attached by {by}"
    arrival.state, arrival.guesses = "matched", []
    _decided(arrival, by, now)
    ask_for_measurements(session, arrival, now)
    session.flush()


def set_aside(session: Session, arrival: Arrival, *, by: str, now: datetime) -> None:
    """A person says that the study belongs to no case. It stays in the archive."""
    _must_be_free(arrival)
    if arrival.state not in ("unmatched", "held", "set_aside"):
        raise _not_there("set aside")
    arrival.state = "set_aside"
    _decided(arrival, by, now)
    session.flush()


def let_pass(session: Session, arrival: Arrival, *, by: str, now: datetime) -> None:
    """A person looked at the doubts and found the study in order. It goes on to its case or into the
    inbox; another doubt holds it again."""
    if arrival.state != "held":
        raise _not_there("let pass")
    keys = [f"{doubt['code']} {doubt['about']}" for doubt in arrival.held_for]
    arrival.allowed = sorted({*arrival.allowed, *keys})
    arrival.held_for = []
    _decided(arrival, by, now)
    if arrival.case_id is not None:
        arrival.state, arrival.match_reason = "matched", f"Looked at by {by}"
        ask_for_measurements(session, arrival, now)
    else:
        look_for_case(session, arrival, now)
    session.flush()


def refuse(
    session: Session, arrival: Arrival, reason: str, *, by: str, now: datetime, case: Case | None
) -> None:
    """A person turns the study down, with a reason that the hospital reads; with `case`, on that
    case's page. Raises Invalid, ArrivalHasItsCase."""
    _must_be_free(arrival)
    reason = reason.strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise Invalid(
            "The study was not refused.",
            [
                FieldProblem(
                    "/reason",
                    "Say in a sentence why, and what the hospital is to do; it reads this.",
                )
            ],
        )
    if arrival.state not in ("unmatched", "held", "set_aside"):
        raise _not_there("refused")
    arrival.state, arrival.refusal = "refused", reason
    arrival.refused_for = case.id if case is not None else None
    _decided(arrival, by, now)
    session.flush()


def undo(session: Session, arrival: Arrival, *, by: str, now: datetime) -> None:
    """Take the last decision back. Out of a case, the study waits in the inbox and is not matched to
    that case by itself again. Raises EventNotPossible once the case is finished."""
    if arrival.state in ("receiving", "unmatched", "deleted"):
        raise _not_there("taken back")
    if arrival.case_id is not None:
        case = case_by_id(session, arrival.case_id)
        case_actions.detach_study(session, case, arrival.StudyInstanceUID)
        arrival.case_id, arrival.not_cases = None, sorted({*arrival.not_cases, case.id})
    arrival.refusal, arrival.refused_for = "", None
    if arrival.held_for:
        arrival.state, arrival.match_reason = "held", "Held until somebody has looked at it."
        guess(session, arrival, now)
    else:
        look_for_case(session, arrival, now, by_itself=False)
        arrival.match_reason = f"Taken back by {by}."
    _decided(arrival, by, now)
    session.flush()


def take_apart(
    session: Session, arrival: Arrival, series_uids: Sequence[str], *, by: str, now: datetime
) -> Arrival:
    """Have the chosen series made a study of their own, with a StudyInstanceUID of its own.

    The images are copied: what the hospital sent stays as it was sent, in the study that is held. The
    new study waits in the inbox like any other. Asking for the same again changes nothing. Raises
    Invalid when no series of it, or all of them, were chosen.
    """
    if arrival.state not in ("held", "unmatched", "split"):
        raise _not_there("taken apart")
    there = [one["SeriesInstanceUID"] for one in arrival.series if not one.get("split_to")]
    chosen = sorted({uid for uid in series_uids if uid in there})
    if not chosen or (len(chosen) == len(arrival.series) and not arrival.split_from):
        raise Invalid(
            "The study was not taken apart.",
            [FieldProblem("/series", "Choose some of the series, not all of them.")],
        )
    new_uid = uid_from("split", arrival.StudyInstanceUID, arrival.id, *chosen)
    part = _part(session, arrival, new_uid, chosen, now)
    arrival.series = [
        {**one, "split_to": new_uid} if one["SeriesInstanceUID"] in chosen else one
        for one in arrival.series
    ]
    if all(one.get("split_to") for one in arrival.series) and arrival.case_id is None:
        arrival.state = "split"
    _decided(arrival, by, now)
    jobs.enqueue(
        session,
        SPLIT_ARRIVAL,
        {
            "orthanc_id": arrival.orthanc_id,
            "series": chosen,
            "StudyInstanceUID": new_uid,
            "by": by[:200],
        },
        key=f"{SPLIT_ARRIVAL} {part.id}",
        now=now,
    )
    session.flush()
    return part


def _part(
    session: Session, arrival: Arrival, new_uid: str, chosen: list[str], now: datetime
) -> Arrival:
    """The arrival of the new study, before its images are there."""
    origin = next(
        (
            title
            for one in arrival.series
            if one["SeriesInstanceUID"] in chosen
            for title in one.get("senders") or ()
            if title
        ),
        arrival.calling_aet,
    )
    part = Arrival(
        orthanc_id=orthanc_id(arrival.PatientID, new_uid),
        StudyInstanceUID=new_uid,
        split_from=arrival.id,
        calling_aet=origin,
        called_aet=arrival.called_aet,
        remote_address=arrival.remote_address if origin == arrival.calling_aet else "",
        first_seen_at=now,
        changed_at=now,
        senders=[],
    )
    session.add(part)
    session.flush()
    return part


def delete_refused(session: Session, arrival: Arrival, *, kept_days: int, now: datetime) -> None:
    """Have what was refused deleted from the archive, once it was kept for so many days; raises
    KeptForNow."""
    if arrival.state != "refused" or arrival.decided_at is None:
        raise _not_there("deleted")
    if now < kept_until(arrival, kept_days):
        raise KeptForNow(
            f"What was refused is kept for {kept_days} days.",
            remedy="Come back after that, or take the refusal back.",
        )
    jobs.enqueue(
        session,
        DELETE_REFUSED,
        {"arrival_id": arrival.id, "orthanc_id": arrival.orthanc_id},
        key=f"{DELETE_REFUSED} {arrival.id}",
        now=now,
    )


def kept_until(arrival: Arrival, kept_days: int) -> datetime:
    """From when on a refused study may be deleted."""
    return (arrival.decided_at or arrival.changed_at) + timedelta(days=kept_days)


def _decided(arrival: Arrival, by: str, now: datetime) -> None:
    arrival.decided_by, arrival.decided_at = by[:200], now


def _must_be_free(arrival: Arrival) -> None:
    if arrival.case_id is not None:
        raise ArrivalHasItsCase(
            "This study belongs to a case.",
            remedy="Take it out of the case first, in the list of what was decided lately.",
        )


def _not_there(what: str) -> NotThere:
    return NotThere(
        f"This study cannot be {what} now: it was decided about meanwhile.",
        remedy="Reload the arrivals to see where it is.",
    )
