"""The audit trail: who did or was refused what, in a chain that shows where it was broken.

Each line's hash covers its own content and the hash of the line before, so that a line changed, removed
or put in between is found by `verify`. Cutting lines off the end is only found by whoever noted the head
(`ChainReport.head`) elsewhere; `margin audit verify --head` compares it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, Integer, String, Text, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.foundation.clock import iso
from server.foundation.db import Base

Outcome = Literal["allowed", "refused", "done"]
GENESIS = "0" * 64
# Any fixed number does: it names the lock under which PostgreSQL lets one writer extend the chain.
_CHAIN_LOCK = 0x4D415247


class AuditLine(Base):
    """One line of the trail. Strings only: it outlives whatever it speaks of."""

    __tablename__ = "audit_line"

    sequence: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(80))
    object_: Mapped[str] = mapped_column("object", String(300))
    case_number: Mapped[str | None] = mapped_column(String(40), index=True)
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text, default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


@dataclass(frozen=True)
class ChainReport:
    """What `verify` found. `broken_at` is the sequence of the first line that does not hold."""

    lines: int
    head: str
    broken_at: int | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        return self.broken_at is None


def line_hash(line: AuditLine) -> str:
    """SHA-256 over the canonical JSON of everything that a line says and of its predecessor's hash."""
    said = {
        "sequence": line.sequence,
        "at": iso(line.at),
        "actor": line.actor,
        "action": line.action,
        "object": line.object_,
        "case_number": line.case_number,
        "outcome": line.outcome,
        "reason": line.reason,
        "details": line.details,
        "previous_hash": line.previous_hash,
    }
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def append(
    session: Session,
    *,
    actor: str,
    action: str,
    object_: str,
    outcome: Outcome,
    now: datetime,
    case_number: str | None = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> AuditLine:
    """Add one line in the caller's transaction, which must be one that writes."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    last = session.execute(
        select(AuditLine.sequence, AuditLine.hash).order_by(AuditLine.sequence.desc()).limit(1)
    ).first()
    line = AuditLine(
        sequence=(last.sequence + 1) if last else 1,
        at=now,
        actor=actor[:200],
        action=action[:80],
        object_=object_[:300],
        case_number=case_number,
        outcome=outcome,
        reason=reason,
        details=details or {},
        previous_hash=last.hash if last else GENESIS,
    )
    line.hash = line_hash(line)
    session.add(line)
    session.flush()
    return line


def verify(session: Session) -> ChainReport:
    """Walk the chain from its beginning and say whether, or where, it is broken."""
    expected_sequence, previous = 1, GENESIS
    in_order = select(AuditLine).order_by(AuditLine.sequence).execution_options(yield_per=500)
    with session.scalars(in_order) as lines:
        for line in lines:
            why = _broken(line, expected_sequence, previous)
            if why:
                return ChainReport(expected_sequence - 1, previous, line.sequence, why)
            expected_sequence, previous = line.sequence + 1, line.hash
    return ChainReport(expected_sequence - 1, previous)


def _broken(line: AuditLine, expected_sequence: int, previous: str) -> str:
    if line.sequence != expected_sequence:
        return f"line {expected_sequence} is missing"
    if line.previous_hash != previous:
        return "the line does not follow from the one before it"
    if line.hash != line_hash(line):
        return "the line's content was changed after it was written"
    return ""


def contains(session: Session, head: str) -> bool:
    """Whether some line has this hash: a head noted earlier must stay in the trail."""
    return (
        head == GENESIS
        or session.scalar(select(AuditLine.sequence).where(AuditLine.hash == head)) is not None
    )


def noted(session: Session, action: str, name: str, value: str) -> dict[str, str]:
    """Of all lines in which this was done: what they noted as `value`, by what they noted as `name`."""
    details = session.scalars(
        select(AuditLine.details)
        .where(AuditLine.action == action, AuditLine.outcome == "done")
        .order_by(AuditLine.sequence)
    )
    return {one[name]: one[value] for one in details if name in one and value in one}


def newest(
    session: Session,
    *,
    case_number: str | None = None,
    actor: str | None = None,
    outcome: str | None = None,
    limit: int = 200,
) -> list[AuditLine]:
    """The newest lines first, narrowed as asked."""
    wanted = select(AuditLine).order_by(AuditLine.sequence.desc()).limit(limit)
    if case_number:
        wanted = wanted.where(AuditLine.case_number == case_number)
    if actor:
        wanted = wanted.where(AuditLine.actor.contains(actor, autoescape=True))
    if outcome:
        wanted = wanted.where(AuditLine.outcome == outcome)
    return list(session.scalars(wanted))
