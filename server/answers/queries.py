"""Reading the points of a case, what was asked back, the addenda and the letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.answers.addendum import Addendum, Asked, moment
from server.answers.records import AnswerLetter, AnswerPoint, AnswerQuestion, OpinionAddendum
from server.foundation import audit
from server.foundation.errors import NotFound


class PointNotFound(NotFound):
    """The case has no such point."""


class AddendumNotFound(NotFound):
    """The case has no such addendum, or its document is still being made."""


def points_of(session: Session, case_id: str) -> Sequence[AnswerPoint]:
    """The points of a case in their order, with what was asked back and answered."""
    return session.scalars(
        select(AnswerPoint)
        .where(AnswerPoint.case_id == case_id)
        .options(selectinload(AnswerPoint.questions).selectinload(AnswerQuestion.addendum))
        .order_by(AnswerPoint.round, AnswerPoint.place, AnswerPoint.made_at)
    ).all()


def point(session: Session, case_id: str, point_id: str) -> AnswerPoint:
    """One point of this case; raises PointNotFound."""
    found = session.get(AnswerPoint, point_id)
    if found is None or found.case_id != case_id:
        raise PointNotFound("This case has no such point.", remedy="Reload the page.")
    return found


def open_questions(session: Session, case_id: str) -> Sequence[AnswerQuestion]:
    """What was asked back and is not answered, oldest first."""
    return session.scalars(
        select(AnswerQuestion)
        .join(AnswerPoint)
        .where(AnswerPoint.case_id == case_id, AnswerQuestion.addendum_id.is_(None))
        .options(selectinload(AnswerQuestion.point))
        .order_by(AnswerQuestion.asked_at, AnswerQuestion.id)
    ).all()


def addenda_of(session: Session, case_id: str) -> Sequence[OpinionAddendum]:
    """The addenda of a case, oldest first."""
    return session.scalars(
        select(OpinionAddendum)
        .where(OpinionAddendum.case_id == case_id)
        .options(selectinload(OpinionAddendum.opinion), selectinload(OpinionAddendum.questions))
        .order_by(OpinionAddendum.signed_at, OpinionAddendum.number)
    ).all()


def addendum(session: Session, case_id: str, number: str) -> OpinionAddendum:
    """One addendum of this case whose document can be read; raises AddendumNotFound."""
    found = session.scalar(
        select(OpinionAddendum).where(
            OpinionAddendum.case_id == case_id, OpinionAddendum.number == number
        )
    )
    if found is None or not found.sha256:
        raise AddendumNotFound(
            "There is no such addendum to read.", remedy="A fresh one is made within seconds."
        )
    return found


def addendum_of_document(session: Session, sha256: str) -> OpinionAddendum | None:
    """The addendum whose PDF has this SHA-256, or None: for whoever verifies a paper."""
    return session.scalar(select(OpinionAddendum).where(OpinionAddendum.sha256 == sha256))


def addendum_numbered(session: Session, number: str) -> OpinionAddendum | None:
    """The addendum of this number in whichever case, or None: for whoever verifies a paper."""
    return session.scalar(select(OpinionAddendum).where(OpinionAddendum.number == number))


def letter(session: Session, case_id: str, kind: str, language: str) -> AnswerLetter | None:
    """The letter as it was last kept, or None."""
    return session.get(AnswerLetter, (case_id, kind, language))


def asked_of(question: AnswerQuestion) -> Asked:
    """A question as an addendum quotes it."""
    return Asked(
        point=question.point.local_text,
        second=question.point.second_text,
        question=question.text,
        asked_by=question.asked_by,
        asked_at=moment(question.asked_at),
    )


def altered_addenda(session: Session) -> Iterator[str]:
    """What of any addendum is not as it was signed, as sentences that name it."""
    noted = audit.noted(session, "addendum.sign", "addendum", "sha256")
    for one in session.scalars(select(OpinionAddendum).order_by(OpinionAddendum.number)):
        signed = noted.pop(one.number, one.content_sha256)
        try:
            found = Addendum.from_json(one.content).sha256
        except (KeyError, TypeError):
            found = ""  # Not even of an addendum's form.
        if not found == one.content_sha256 == signed:
            yield f"Addendum {one.number} is not as it was signed."
    for number in sorted(noted):
        yield f"Addendum {number}, which the audit trail says was signed, is not there."
