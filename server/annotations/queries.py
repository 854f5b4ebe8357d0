"""Reading annotations."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.annotations.records import Annotation, Revision


def annotation_of(session: Session, case_id: str, reviewer_id: str) -> Annotation | None:
    """The reviewer's annotation of the newest time point, or None."""
    return session.scalar(
        select(Annotation)
        .where(Annotation.case_id == case_id, Annotation.reviewer_id == reviewer_id)
        .options(selectinload(Annotation.revisions))
        .order_by(Annotation.time_point.desc())
    )


def current(annotation: Annotation | None) -> Revision | None:
    """The revision that is being written, or the last signed one."""
    return annotation.revisions[-1] if annotation and annotation.revisions else None


def signed_revisions(session: Session, case_id: str) -> list[Revision]:
    """Every signed revision of the case, oldest first."""
    return list(
        session.scalars(
            select(Revision)
            .join(Annotation)
            .where(Annotation.case_id == case_id, Revision.signed_at.is_not(None))
            .options(selectinload(Revision.annotation))
            .order_by(Revision.signed_at)
        )
    )


def revision(session: Session, revision_id: str) -> Revision:
    """One revision with its annotation."""
    return session.get_one(Revision, revision_id, options=[selectinload(Revision.annotation)])
