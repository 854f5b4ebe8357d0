"""Arrivals as the follower of the archive's feed leaves them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from server.intake.records import Arrival
from tests.world import World

PATIENT = "LEFEBVRE^CAMILLE"


def arrival(session: Session, world: World, now: datetime, **other: object) -> Arrival:
    """An unmatched CT from the first hospital, with a guess at its case."""
    guess = {
        "case_id": world.inside.id,
        "number": world.inside.number,
        "reason": "Same hospital; this case has no images yet",
    }
    facts: dict[str, object] = {
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.77",
        "orthanc_id": "f" * 44,
        "state": "unmatched",
        "guesses": [guess],
        "PatientID": "PID-1",
        "PatientName": PATIENT,
        "AccessionNumber": "ACC-<b>77</b>",
        "StudyDate": "20261118",
        "StudyDescription": "CT abdomen",
        "calling_aet": "RIVERSIDE",
        "called_aet": "MARGIN",
        "remote_address": "10.0.0.7",
        "series": [
            {
                "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.77.1",
                "Modality": "CT",
                "SeriesNumber": "2",
                "SeriesDescription": "Portal venous",
                "instances": 120,
            }
        ],
        "instance_count": 120,
        "first_seen_at": now,
        "changed_at": now,
        **other,
    }
    made = Arrival(**facts)
    session.add(made)
    session.flush()
    return made
