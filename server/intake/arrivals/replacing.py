"""Noting that an image took the place of a file that the archive's disk had changed or lost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.foundation import audit
from server.intake.arrivals.doubting import note_repeat
from server.intake.arrivals.holding import REPLACED_IN_WORDS
from server.intake.lines.orthanc_log import SAME, Replaced
from server.intake.records import Arrival, ReceivedInstance


def note_replaced(session: Session, fact: Replaced, now: datetime) -> None:
    """What is stored now has the MD5 of what came again, and the trail says so. Unless it was proven to be
    what was received, its study is held until a person has looked at it."""
    received = session.get(ReceivedInstance, fact.instance_id)
    if received is not None:
        received.md5 = fact.md5
    if fact.how != SAME:
        note_repeat(
            session,
            instance_id=fact.instance_id,
            study_id=fact.study_id,
            md5=fact.md5,
            sender=fact.ae_title,
            fault=fact.how,
            now=now,
        )
    arrival = session.scalar(select(Arrival).where(Arrival.orthanc_id == fact.study_id))
    audit.append(
        session,
        actor=f"AE {fact.ae_title or '(none)'}",
        action="images.replace",
        object_=f"arrival {arrival.id}" if arrival else f"study {fact.study_id}",
        outcome="done",
        now=now,
        case_number=arrival.case.number if arrival and arrival.case else None,
        reason=REPLACED_IN_WORDS.get(fact.how, ""),
        details={"SOPInstanceUID": received.SOPInstanceUID} if received else {},
    )
