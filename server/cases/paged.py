"""Reading cases a page at a time, newest first: for programs that go through all of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, selectinload

from server.cases.records import Case, ExpectedAccession


@dataclass(frozen=True)
class Wanted:
    """Which cases. None means any; `hospital_ids` and `case_ids` are what the asker may see at most."""

    hospital_ids: frozenset[str] | None = None
    case_ids: frozenset[str] | None = None
    states: Collection[str] | None = None
    organ: str | None = None
    hospital_id: str | None = None
    accession_number: str | None = None
    opened_from: datetime | None = None
    opened_before: datetime | None = None
    due_until: date | None = None


def cases_page(
    session: Session, wanted: Wanted, *, after: tuple[datetime, str] | None, limit: int
) -> list[Case]:
    """At most `limit` cases behind the place `after` (opened_at, id), the newest first.

    The order is fixed at opening, so that a case opened meanwhile moves none of the others.
    """
    asked = (
        select(Case)
        .options(selectinload(Case.hospital))
        .order_by(Case.opened_at.desc(), Case.id.desc())
        .limit(limit)
    )
    if wanted.hospital_ids is not None:
        asked = asked.where(Case.hospital_id.in_(wanted.hospital_ids))
    if wanted.case_ids is not None:
        asked = asked.where(Case.id.in_(wanted.case_ids))
    if wanted.states is not None:
        asked = asked.where(Case.state.in_(wanted.states))
    if wanted.organ is not None:
        asked = asked.where(Case.organ == wanted.organ)
    if wanted.hospital_id is not None:
        asked = asked.where(Case.hospital_id == wanted.hospital_id)
    if wanted.accession_number is not None:
        number = wanted.accession_number.strip().upper()
        asked = asked.where(
            Case.id.in_(select(ExpectedAccession.case_id).where(ExpectedAccession.number == number))
        )
    if wanted.opened_from is not None:
        asked = asked.where(Case.opened_at >= wanted.opened_from)
    if wanted.opened_before is not None:
        asked = asked.where(Case.opened_at < wanted.opened_before)
    if wanted.due_until is not None:
        asked = asked.where(Case.due_on <= wanted.due_until)
    if after is not None:
        at, id_ = after
        asked = asked.where(or_(Case.opened_at < at, and_(Case.opened_at == at, Case.id < id_)))
    return list(session.scalars(asked))
