"""Holding a case still while who has it, or whether it is signed, is being changed."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.records import Assignment, Case


def lock(session: Session, case: Case) -> None:
    """Hold the case's row until this transaction ends, and see it as it stands now.

    SQLite lets one transaction write at a time anyway; PostgreSQL lets the others wait at this row.
    """
    session.refresh(case, with_for_update=True)
    session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id)
        .execution_options(populate_existing=True)
    ).all()
    session.expire(case, ["assignments"])
