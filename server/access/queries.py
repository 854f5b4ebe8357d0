"""Reading grants and visits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.access.records import Grant, Launch
from server.foundation.errors import NotFound, Unauthenticated


class TokenUnknown(Unauthenticated):
    """There is no such token, or it is mangled."""


class GrantExpired(Unauthenticated):
    """The grant's time is over."""


class GrantNotYetValid(Unauthenticated):
    """The grant's time has not come."""


class GrantRevoked(Unauthenticated):
    """The grant was withdrawn."""


class GrantNotFound(NotFound):
    """There is no grant of this id."""


def grants_of_case(session: Session, case_id: str) -> list[Grant]:
    """Every grant ever made for a case, newest first."""
    return list(
        session.scalars(
            select(Grant).where(Grant.case_id == case_id).order_by(Grant.issued_at.desc())
        )
    )


def last_visits(session: Session, person_id: str) -> dict[str, datetime]:
    """When somebody last began a visit to each case that they ever visited."""
    wanted = (
        select(Launch.case_id, func.max(Launch.begun_at))
        .where(Launch.person_id == person_id)
        .group_by(Launch.case_id)
    )
    return {one[0]: one[1] for one in session.execute(wanted)}


def grants(session: Session) -> list[Grant]:
    """Every grant, newest first."""
    return list(session.scalars(select(Grant).order_by(Grant.issued_at.desc())))


def grant(session: Session, grant_id: str, *, case_id: str | None = None) -> Grant:
    """One grant by its id or the beginning of it; of this case, where one is given."""
    wanted = select(Grant).where(Grant.id.startswith(grant_id, autoescape=True))
    if case_id is not None:
        wanted = wanted.where(Grant.case_id == case_id)
    found = list(session.scalars(wanted.limit(2))) if len(grant_id) >= 4 else []
    if len(found) != 1:
        raise GrantNotFound(
            f"There is no single grant “{grant_id[:32]}”.",
            remedy="List the grants to see their ids.",
        )
    return found[0]
