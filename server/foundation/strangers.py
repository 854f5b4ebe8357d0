"""What strangers do, in the audit trail: the first of a kind line by line, all further ones counted.

Whoever asks without being let in leaves a line each time, and a machine asks many thousand times a minute.
Of each kind the first few within a quarter of an hour have lines of their own; those that follow are
counted beside the trail, and the count becomes one line when the quarter of an hour is over. So the
trail grows by time and by kinds, never by how fast somebody asks, and how often it was is known.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Index, String, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.foundation import audit
from server.foundation.clock import iso
from server.foundation.db import Base

NOBODY: Final = "nobody"
WRITTEN_SINGLY: Final = 5
COUNTED_FOR: Final = timedelta(minutes=15)
COUNTED: Final = "strangers.count"


class StrangerTally(Base):
    """One kind of what strangers do, since `began_at`: how many lines it has in the trail, and how often
    it came besides. `about` is what it concerned, where that is known here (an account, a link, an
    opinion); never what a stranger made up.
    """

    __tablename__ = "stranger_tally"
    __table_args__ = (Index("ix_stranger_tally_began_at", "began_at"),)

    actor: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(80), primary_key=True)
    about: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_number: Mapped[str | None] = mapped_column(String(40))
    outcome: Mapped[str] = mapped_column(String(10))
    began_at: Mapped[datetime]
    last_at: Mapped[datetime]
    written: Mapped[int] = mapped_column(default=0)
    counted: Mapped[int] = mapped_column(default=0)


def note(
    session: Session,
    *,
    kind: str,
    action: str,
    object_: str,
    outcome: audit.Outcome,
    now: datetime,
    actor: str = NOBODY,
    about: str = "",
    case_number: str | None = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """Write a line, or count what came too often for lines. In a transaction that writes, and before
    anything else of it goes into the trail: others of this kind wait until it ends."""
    row = _held(session, (actor[:200], kind[:80], about[:64]), outcome, now)
    if not row.began_at <= now < row.began_at + COUNTED_FOR:
        _close(session, row, now)
        row.began_at, row.written, row.counted = now, 0, 0
    row.outcome, row.case_number, row.last_at = outcome, case_number, now
    if row.written >= WRITTEN_SINGLY:
        row.counted += 1
        session.flush()
        return
    row.written += 1
    session.flush()
    audit.append(
        session,
        actor=actor,
        action=action,
        object_=object_,
        outcome=outcome,
        now=now,
        case_number=case_number,
        reason=reason,
        details=details,
    )


def _held(
    session: Session, key: tuple[str, str, str], outcome: audit.Outcome, now: datetime
) -> StrangerTally:
    """The row of this kind, made if there is none, and nobody else's until the transaction ends."""
    values = dict(zip(("actor", "kind", "about"), key, strict=True)) | {
        "outcome": outcome,
        "began_at": now,
        "last_at": now,
        "written": 0,
        "counted": 0,
    }
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert if postgres else sqlite.insert
    same = {"kind": key[1]}  # changes nothing; it is what waits for the row and takes it
    session.execute(
        insert(StrangerTally)
        .values(values)
        .on_conflict_do_update(index_elements=["actor", "kind", "about"], set_=same)
    )
    return session.get_one(StrangerTally, key, populate_existing=True)


def close_over(session: Session, now: datetime, most: int = 500) -> int:
    """Write the counts whose quarter of an hour is over into the trail; how many rows were over."""
    over = (
        select(StrangerTally)
        .where(StrangerTally.began_at <= now - COUNTED_FOR)
        .order_by(StrangerTally.began_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    rows = list(session.scalars(over.execution_options(populate_existing=True)))
    for row in rows:
        _close(session, row, now)
        session.delete(row)
    session.flush()
    return len(rows)


def _close(session: Session, row: StrangerTally, now: datetime) -> None:
    if not row.counted:
        return
    told: dict[str, Any] = {"times": row.counted, "from": iso(row.began_at), "to": iso(row.last_at)}
    audit.append(
        session,
        actor=row.actor,
        action=COUNTED,
        object_=row.kind,
        outcome="refused" if row.outcome == "refused" else "done",
        now=now,
        case_number=row.case_number,
        reason=f"{row.kind}, besides those written singly",
        details=told | ({"about": row.about} if row.about else {}),
    )
