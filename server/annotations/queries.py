"""Reading annotations."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from server.annotations.chain import breaks
from server.annotations.records import Annotation, EarlierCase, Revision
from server.cases.records import Case

READ_AT_ONCE = 100


def annotation_of(session: Session, case_id: str, reviewer_id: str) -> Annotation | None:
    """The reviewer's annotation of the round that the case is in, or None."""
    return session.scalar(
        select(Annotation)
        .join(Case)
        .where(
            Annotation.case_id == case_id,
            Annotation.reviewer_id == reviewer_id,
            Annotation.round == Case.round,
        )
        .options(selectinload(Annotation.revisions))
    )


def annotations_of_case(session: Session, case_id: str) -> list[Annotation]:
    """Every annotation of the case with its revisions."""
    return list(
        session.scalars(
            select(Annotation)
            .where(Annotation.case_id == case_id)
            .options(selectinload(Annotation.revisions))
            .order_by(Annotation.round, Annotation.reviewer_name, Annotation.id)
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
    """1 in the first round of a patient's first case, one more for each round since, also of the
    earlier cases that this one is linked to."""
    cases = [case_id, *earlier_cases(session, case_id)]
    return session.scalar(select(func.sum(Case.round)).where(Case.id.in_(cases))) or 1


def earlier_cases(session: Session, case_id: str) -> list[str]:
    """The ids of the earlier cases of the same patient, newest first."""
    found: list[str] = []
    here = earlier_link(session, case_id)
    while here is not None and here.earlier_case_id not in (case_id, *found):
        found.append(here.earlier_case_id)
        here = earlier_link(session, here.earlier_case_id)
    return found


def prior_revisions(
    session: Session, case_id: str, organ: str, *, reviewer_id: str = ""
) -> list[Revision]:
    """The last signed revision of each time point before: the earlier rounds of the case, then those of
    the patient's earlier cases, newest first.

    Where several reviewers signed in a round, that of `reviewer_id` if it is among them.
    """
    now = session.get_one(Case, case_id).round
    found = []
    for case in (case_id, *earlier_cases(session, case_id)):
        signed = [one for one in signed_revisions(session, case) if one.annotation.organ == organ]
        rounds = sorted({one.annotation.round for one in signed}, reverse=True)
        for number in rounds:
            if case == case_id and number >= now:
                continue
            here = [one for one in signed if one.annotation.round == number]
            own = [one for one in here if one.annotation.reviewer_id == reviewer_id]
            found.append((own or here)[-1])
    return found
