"""Making, finding and revoking the keys with which programs come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.access import tokens
from server.access.permissions import Program
from server.access.program_records import ProgramKey
from server.access.scopes import OF_HOSPITALS, Scope, actions_of
from server.foundation.errors import FieldProblem, Invalid, NotFound, Unauthenticated
from server.people.records import Hospital

LONGEST_KEY_DAYS = 731
USUAL_KEY_DAYS = 365
LONGEST_NAME = 100
USE_NOTED_EVERY = timedelta(minutes=1)


class KeyUnknown(Unauthenticated):
    """There is no such key, or it is mangled."""


class KeyExpired(Unauthenticated):
    """The key's time is over."""


class KeyRevoked(Unauthenticated):
    """The key was revoked."""


class KeyNotFound(NotFound):
    """There is no key of this id here."""


@dataclass(frozen=True)
class IssuedKey:
    """A key's record together with the key itself, which is known at this moment only."""

    record: ProgramKey
    key: str


def issue_key(
    session: Session,
    *,
    hospital: Hospital | None,
    name: str,
    scopes: Collection[str],
    days: int,
    issued_by: str,
    now: datetime,
) -> IssuedKey:
    """Make a key for a hospital's system, or for a service when `hospital` is None; raises Invalid."""
    allowed = OF_HOSPITALS if hospital is not None else tuple(Scope)
    problems = []
    if not name.strip():
        problems.append(FieldProblem("/name", "Say which system uses the key."))
    if not scopes:
        problems.append(FieldProblem("/scopes", "Choose at least one thing that the key allows."))
    elif not set(scopes) <= set(allowed):
        known = ", ".join(allowed)
        problems.append(FieldProblem("/scopes", f"A key of this kind allows some of: {known}."))
    if not 1 <= days <= LONGEST_KEY_DAYS:
        problems.append(FieldProblem("/days", f"A key is valid for 1 to {LONGEST_KEY_DAYS} days."))
    if problems:
        raise Invalid("The key was not made.", problems)
    key = tokens.new_key()
    record = ProgramKey(
        hospital_id=hospital.id if hospital else None,
        name=name.strip()[:LONGEST_NAME],
        scopes=[scope.value for scope in Scope if scope.value in scopes],
        key_sha256=tokens.sha256(key),
        shown=key[: tokens.KEY_SHOWN],
        issued_at=now,
        issued_by=issued_by,
        expires_at=now + timedelta(days=days),
    )
    session.add(record)
    session.flush()
    return IssuedKey(record, key)


def revoke_key(session: Session, record: ProgramKey, *, by: str, why: str, now: datetime) -> None:
    """End a key at once. Revoking twice changes nothing."""
    if record.revoked_at is None:
        record.revoked_at, record.revoked_by, record.revoked_why = now, by, why.strip()[:2000]
        session.flush()


def program_of_key(session: Session, key: str, now: datetime) -> Program:
    """Whoever comes by this key. Raises KeyUnknown, KeyRevoked or KeyExpired."""
    if not tokens.looks_like_key(key):
        raise KeyUnknown("This key is not complete.", remedy="Send the key as it was shown.")
    record = session.scalar(select(ProgramKey).where(ProgramKey.key_sha256 == tokens.sha256(key)))
    if record is None:
        raise KeyUnknown("This key is not known.", remedy=_ANOTHER)
    if record.revoked_at is not None and record.revoked_at <= now:
        raise KeyRevoked("This key was revoked.", remedy=_ANOTHER, grant=f"key {record.id[:8]}")
    if now >= record.expires_at:
        raise KeyExpired("This key has expired.", remedy=_ANOTHER, grant=f"key {record.id[:8]}")
    return Program(record.id, record.name, record.hospital_id, actions_of(record.scopes))


_ANOTHER = "Ask an administrator of Margin for a new one."


def note_use(session: Session, program_id: str, now: datetime) -> None:
    """Remember when a key was last used, to the minute."""
    session.execute(
        update(ProgramKey)
        .where(
            ProgramKey.id == program_id,
            ProgramKey.last_used_at.is_(None) | (ProgramKey.last_used_at < now - USE_NOTED_EVERY),
        )
        .values(last_used_at=now)
        .execution_options(synchronize_session=False)
    )


def keys_of(session: Session, hospital_id: str | None) -> list[ProgramKey]:
    """The keys of a hospital, or of services when it is None: the newest first."""
    return list(
        session.scalars(
            select(ProgramKey)
            .where(ProgramKey.hospital_id == hospital_id)
            .order_by(ProgramKey.issued_at.desc(), ProgramKey.id)
        )
    )


def key_named(session: Session, key_id: str) -> ProgramKey:
    """One key's record; raises KeyNotFound."""
    found = session.get(ProgramKey, key_id)
    if found is None:
        raise KeyNotFound("There is no such key.", remedy="Choose one from the list.")
    return found
