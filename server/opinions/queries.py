"""Reading issued opinions."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.annotations.records import Annotation, Revision
from server.foundation.errors import NotFound
from server.opinions.records import IssuedOpinion, OpinionDraft


class OpinionNotIssued(NotFound):
    """The case has no opinion yet, or its document is still being made."""


def opinions_of_case(session: Session, case_id: str) -> list[IssuedOpinion]:
    """Every opinion of a case, newest first."""
    return list(
        session.scalars(
            select(IssuedOpinion)
            .where(IssuedOpinion.case_id == case_id)
            .order_by(IssuedOpinion.requested_at.desc())
        )
    )


def opinion_of_revision(session: Session, revision_id: str) -> IssuedOpinion | None:
    """The opinion that was made from a signed revision, or None."""
    return session.scalar(select(IssuedOpinion).where(IssuedOpinion.revision_id == revision_id))


def rounds_of_opinions(session: Session, case_id: str) -> dict[str, int]:
    """Which round of the case each of its opinions answers, by the opinion's id."""
    wanted = (
        select(IssuedOpinion.id, Annotation.round)
        .join(Revision, Revision.id == IssuedOpinion.revision_id)
        .join(Annotation, Annotation.id == Revision.annotation_id)
        .where(IssuedOpinion.case_id == case_id)
    )
    return {row.id: row.round for row in session.execute(wanted)}


def issued_as(session: Session, case_id: str, number: str) -> IssuedOpinion:
    """The opinion of that number whose document can be read; raises OpinionNotIssued."""
    for opinion in opinions_of_case(session, case_id):
        if opinion.number == number and opinion.sha256:
            return opinion
    raise OpinionNotIssued(
        "This case has no such opinion to read.", remedy="Choose one from the case's list."
    )


def issued(session: Session, case_id: str) -> IssuedOpinion:
    """The newest opinion whose document can be read; raises OpinionNotIssued."""
    for opinion in opinions_of_case(session, case_id):
        if opinion.sha256:
            return opinion
    raise OpinionNotIssued(
        "There is no opinion to read yet.",
        remedy="It appears here as soon as the surgeon has signed and the document is made.",
    )


def draft_record(
    session: Session, case_id: str, reviewer_id: str, time_point: int = 1
) -> OpinionDraft | None:
    """What this reviewer wrote for the opinion at a time point, or None."""
    return session.scalar(
        select(OpinionDraft).where(
            OpinionDraft.case_id == case_id,
            OpinionDraft.reviewer_id == reviewer_id,
            OpinionDraft.time_point == time_point,
        )
    )


def replaced_by(session: Session, number: str) -> IssuedOpinion | None:
    """The opinion that amends this one or makes it final; the newest where there are several."""
    return session.scalars(
        select(IssuedOpinion)
        .where(IssuedOpinion.replaces == number)
        .order_by(IssuedOpinion.requested_at.desc())
    ).first()
