"""Answers kept under an idempotency key, so that a creation asked for twice happens once.

The row is written in the transaction of the effect: both are there or neither. A second request with the
same key waits at the row's primary key until the first is decided, then gets the first one's answer.
It knows nobody: strings only.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Index, String, Text, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.foundation.db import Base

KEPT_FOR = timedelta(hours=48)


class KeptAnswer(Base):
    """What was answered to `actor` under `key`. `status` 0 stands only while the effect is made."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index("ix_kept_answer_kept_at", "kept_at"),)

    actor: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(default=0)
    content: Mapped[str] = mapped_column(Text, default="")
    location: Mapped[str] = mapped_column(String(300), default="")
    kept_at: Mapped[datetime]


def claim(
    session: Session, *, actor: str, key: str, request_sha256: str, now: datetime
) -> tuple[KeptAnswer, bool]:
    """The row of this key, and whether it is new: then the effect is the caller's to make.

    Call it in a transaction that writes. What was kept longer than 48 h is forgotten.
    """
    session.execute(delete(KeptAnswer).where(KeptAnswer.kept_at < now - KEPT_FOR))
    values = {
        "actor": actor,
        "key": key,
        "request_sha256": request_sha256,
        "status": 0,
        "content": "",
        "location": "",
        "kept_at": now,
    }
    # Another request with this key makes this one wait here until it is decided.
    if session.get_bind().dialect.name == "postgresql":
        made = postgresql.insert(KeptAnswer).values(values).on_conflict_do_nothing()
        is_new = session.scalar(made.returning(KeptAnswer.key)) is not None
    else:
        kept = sqlite.insert(KeptAnswer).values(values).on_conflict_do_nothing()
        is_new = session.scalar(kept.returning(KeptAnswer.key)) is not None
    return session.get_one(KeptAnswer, (actor, key)), is_new


def keep(row: KeptAnswer, *, status: int, content: str, location: str = "") -> None:
    """Note the answer beside the effect; both are committed together."""
    row.status, row.content, row.location = status, content, location[:300]
