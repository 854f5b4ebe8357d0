"""The demo's hospital system: a fresh key for the API at every start, and the traces of the one before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from server.access.programs import issue_key, keys_of, revoke_key
from server.access.scopes import OF_HOSPITALS
from server.people.queries import hospitals

SYSTEM = "Hospital information system"
KEY_DAYS = 14


def fill_programs(session: Session, name: str, *, by: str, now: datetime) -> tuple[str, str]:
    """A label and the key of this hospital's system. The one of an earlier run ends: it cannot be shown
    twice."""
    hospital = next(found for found in hospitals(session) if found.name == name)
    for record in keys_of(session, hospital.id):
        if record.name == SYSTEM and record.issued_by == by:
            revoke_key(session, record, by=by, why="The demo was started again.", now=now)
    issued = issue_key(
        session,
        hospital=hospital,
        name=SYSTEM,
        scopes=OF_HOSPITALS,
        days=KEY_DAYS,
        issued_by=by,
        now=now,
    )
    return f"Key of {name} for the API (/api)", issued.key
