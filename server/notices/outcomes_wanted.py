"""Asking the hospital and the coordinators what became of a patient."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.records import Case
from server.notices.actions import post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, to
from server.notices.records import Notice

LOOKED_UP_AT_ONCE = 500


def told_of(session: Session, keys: Collection[str]) -> set[str]:
    """Which of these events were told already."""
    wanted, told = sorted(keys), set[str]()
    for begin in range(0, len(wanted), LOOKED_UP_AT_ONCE):
        some = wanted[begin : begin + LOOKED_UP_AT_ONCE]
        told.update(session.scalars(select(Notice.key).where(Notice.key.in_(some))))
    return told


def ask_for_outcome(
    session: Session, case_id: str, *, due_on: date, key: str, now: datetime
) -> None:
    """Tell the hospital and its coordinators that the outcome is wanted; of each `key` once."""
    post(
        session,
        kind=NoticeKind.OUTCOME_WANTED,
        case=session.get_one(Case, case_id),
        to=to(Part.COORDINATOR, Part.HOSPITAL),
        facts={"due_on": due_on},
        now=now,
        key=key,
    )
