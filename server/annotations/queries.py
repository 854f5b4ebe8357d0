"""Reading annotations."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.annotations.chain import breaks
from server.annotations.records import Annotation, EarlierCase, Revision

READ_AT_ONCE = 100


def annotation_of(session: Session, case_id: str, reviewer_id: str) -> Annotation | None:
    """The reviewer's annotation of the newest time point, or None."""
    return session.scalar(
        select(Annotation)
        .where(Annotation.case_id == case_id, Annotation.reviewer_id == reviewer_id)
        .options(selectinload(Annotation.revisions))
        .order_by(Annotation.time_point.desc())
    )


def annotations_of_case(session: Session, case_id: str) -> list[Annotation]:
    """Every annotation of the case with its revisions."""
    return list(
        session.scalars(
            select(Annotation)
            .where(Annotation.case_id == case_id)
            .options(selectinload(Annotation.revisions))
            .order_by(Annotation.reviewer_name, Annotation.id)
        )
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


def broken_chains(session: Session) -> Iterator[str]:
    """What does not fit together in the signed revisions of any case, as sentences that name it."""
    wanted = (
        select(Annotation)
        .options(selectinload(Annotation.revisions), selectinload(Annotation.case))
        .order_by(Annotation.case_id, Annotation.id)
        .execution_options(yield_per=READ_AT_ONCE)
    )
    for annotation in session.scalars(wanted):
        signed = [one for one in annotation.revisions if one.signed_at is not None]
        for sentence in breaks(annotation.organ, signed):
            yield f"Case {annotation.case.number}: {sentence}"


def revision(session: Session, revision_id: str) -> Revision:
    """One revision with its annotation."""
    return session.get_one(Revision, revision_id, options=[selectinload(Revision.annotation)])


def earlier_link(session: Session, case_id: str) -> EarlierCase | None:
    """Which case of the same patient came before this one, if somebody said so."""
    return session.get(EarlierCase, case_id)


def time_point_of(session: Session, case_id: str) -> int:
    """1 for a patient's first case, one more for each earlier case that it is linked to."""
    return 1 + len(earlier_cases(session, case_id))


def earlier_cases(session: Session, case_id: str) -> list[str]:
    """The ids of the earlier cases of the same patient, newest first."""
    found: list[str] = []
    here = earlier_link(session, case_id)
    while here is not None and here.earlier_case_id not in (case_id, *found):
        found.append(here.earlier_case_id)
        here = earlier_link(session, here.earlier_case_id)
    return found


def revision_before(annotation: Annotation | None) -> Revision | None:
    """The signed revision that an amendment was opened from."""
    revisions = annotation.revisions if annotation else []
    signed = [one for one in revisions[:-1] if one.signed_at]
    return signed[-1] if signed else None


def prior_revisions(session: Session, case_id: str, organ: str) -> list[Revision]:
    """The last signed revision of each earlier case of the same patient and organ, newest first."""
    found = []
    for earlier in earlier_cases(session, case_id):
        signed = [
            one for one in signed_revisions(session, earlier) if one.annotation.organ == organ
        ]
        found.extend(signed[-1:])
    return found
