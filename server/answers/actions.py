"""Splitting the local reasons into points, comparing them, asking back, answering by an addendum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from server.answers.addendum import Addendum, moment
from server.answers.points import LONGEST_POINT, MOST_POINTS, STANDINGS
from server.answers.queries import asked_of, open_questions, point, points_of
from server.answers.records import AnswerLetter, AnswerPoint, AnswerQuestion, OpinionAddendum
from server.cases.records import Case
from server.foundation import jobs
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.opinions.records import IssuedOpinion

PRINT_ADDENDUM: Final = "print_addendum"
PRINT_LETTER: Final = "print_letter"
LONGEST_TEXT: Final = 8000
LONGEST_LETTER: Final = 20_000
MOST_OPEN_QUESTIONS: Final = 20


class PointsChangedMeanwhile(Conflict):
    """Somebody else changed a point between looking and acting."""


class PointInUse(Conflict):
    """The point was compared or asked about, so it stays."""


class NoOpinionToCompare(Conflict):
    """There is no issued opinion yet with which a point could be compared."""


class QuestionAnsweredMeanwhile(Conflict):
    """A question was answered by another addendum meanwhile."""


class LetterChangedMeanwhile(Conflict):
    """Somebody else kept the same letter meanwhile."""


@dataclass(frozen=True)
class Compared:
    """What the second opinion says to a point, as a form sends it."""

    local_text: str
    second_text: str = ""
    standing: str = ""
    pointer: str = ""


@dataclass(frozen=True)
class Signing:
    """Who signs an addendum, and to which signed annotation its opinion belongs."""

    name: str
    signer_id: str
    centre: str
    revision_sha256: str


def add_points(
    session: Session, case: Case, texts: Sequence[str], *, by: str, now: datetime
) -> list[AnswerPoint]:
    """Add what the local team said, a point each. What stands there already is not added twice.

    Raises Invalid.
    """
    _lock(session, case)
    known = points_of(session, case.id)
    here = {one.local_text for one in known if one.round == case.round}
    cleaned = (text.strip()[:LONGEST_POINT] for text in texts)
    wanted = [text for text in dict.fromkeys(cleaned) if text and text not in here]
    if not wanted:
        text = "Write what the local team said, one point on each line."
        raise Invalid("No point was added.", [FieldProblem("/points", text)])
    if len(here) + len(wanted) > MOST_POINTS:
        text = f"At most {MOST_POINTS} points can be compared; join some of them."
        raise Invalid("No point was added.", [FieldProblem("/points", text)])
    place = max((one.place for one in known), default=0)
    added = [
        AnswerPoint(
            case_id=case.id,
            round=case.round,
            place=place + index,
            local_text=text,
            made_at=now,
            made_by=by,
            changed_at=now,
            changed_by=by,
        )
        for index, text in enumerate(wanted, start=1)
    ]
    session.add_all(added)
    session.flush()
    return added


def compare(
    session: Session,
    kept: AnswerPoint,
    compared: Compared,
    *,
    opinion: IssuedOpinion | None,
    pointers: frozenset[str],
    seen_version: int,
    by: str,
    now: datetime,
) -> AnswerPoint:
    """Keep a point with what the second opinion says to it. `pointers` are the form's fields.

    Raises Invalid, NoOpinionToCompare or PointsChangedMeanwhile.
    """
    problems = _objections(compared, pointers)
    if problems:
        raise Invalid("The point was not changed.", problems)
    says_something = bool(compared.second_text.strip() or compared.standing or compared.pointer)
    if says_something and opinion is None:
        # Before the signature it would tell others how one of several surgeons is going to vote.
        raise NoOpinionToCompare(
            "There is no issued opinion to compare with yet.",
            remedy="Split the local reasons now, and compare when the opinion is issued.",
        )
    changed = session.execute(
        update(AnswerPoint)
        .where(AnswerPoint.id == kept.id, AnswerPoint.version == seen_version)
        .values(
            local_text=compared.local_text.strip(),
            second_text=compared.second_text.strip(),
            standing=compared.standing,
            pointer=compared.pointer,
            opinion_id=opinion.id if opinion is not None and says_something else None,
            version=AnswerPoint.version + 1,
            changed_at=now,
            changed_by=by,
        )
        .execution_options(synchronize_session=False)
    )
    session.refresh(kept)
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise _changed()
    return kept


def _changed() -> PointsChangedMeanwhile:
    return PointsChangedMeanwhile(
        "Somebody else changed this point while you were writing.",
        remedy="Your text still stands in the form: compare it with what is kept, and keep it again.",
    )


def _objections(compared: Compared, pointers: frozenset[str]) -> list[FieldProblem]:
    found = []
    if not 1 <= len(compared.local_text.strip()) <= LONGEST_POINT:
        text = f"Write what the local team said, in at most {LONGEST_POINT} characters."
        found.append(FieldProblem("/local_text", text))
    if len(compared.second_text.strip()) > LONGEST_TEXT:
        found.append(FieldProblem("/second_text", f"At most {LONGEST_TEXT} characters."))
    if compared.standing and compared.standing not in STANDINGS:
        found.append(FieldProblem("/standing", "Choose how the two compare."))
    if compared.standing in ("agree", "differ") and not compared.second_text.strip():
        found.append(FieldProblem("/second_text", "Write what the second opinion says to this."))
    if compared.pointer and compared.pointer not in pointers:
        found.append(FieldProblem("/pointer", "Choose a finding of the form."))
    return found


def remove_point(session: Session, case: Case, point_id: str, *, seen_version: int) -> None:
    """Take a point away that nobody compared or asked about. Raises PointInUse and others."""
    kept = point(session, case.id, point_id)
    if kept.second_text or kept.standing or kept.questions:
        raise PointInUse(
            "This point was compared or asked about, so it stays.",
            remedy="Change its text instead.",
        )
    gone = session.execute(
        delete(AnswerPoint)
        .where(AnswerPoint.id == kept.id, AnswerPoint.version == seen_version)
        .execution_options(synchronize_session=False)
    )
    if gone.rowcount != 1:  # type: ignore[attr-defined]
        raise _changed()
    session.expunge(kept)


def ask_back(
    session: Session, case: Case, kept: AnswerPoint, text: str, *, by: str, now: datetime
) -> AnswerQuestion:
    """Ask the surgeon back on a point. Raises Invalid, and NoOpinionToCompare before the opinion."""
    words = text.strip()
    if kept.opinion_id is None:
        raise NoOpinionToCompare(
            "The second opinion has not been compared on this point yet.",
            remedy="Ask once its answer stands beside yours.",
        )
    if not 1 <= len(words) <= LONGEST_TEXT:
        wanted = FieldProblem(
            "/question", f"Write a question of at most {LONGEST_TEXT} characters."
        )
        raise Invalid("Nothing was asked.", [wanted])
    if len(open_questions(session, case.id)) >= MOST_OPEN_QUESTIONS:
        wanted = FieldProblem("/question", "Too many questions are open; wait for the addendum.")
        raise Invalid("Nothing was asked.", [wanted])
    asked = AnswerQuestion(point_id=kept.id, text=words, asked_at=now, asked_by=by)
    session.add(asked)
    session.flush()
    session.expire(kept, ["questions"])
    return asked


def sign_addendum(
    session: Session,
    case: Case,
    opinion: IssuedOpinion,
    *,
    text: str,
    question_ids: Sequence[str],
    signing: Signing,
    now: datetime,
) -> OpinionAddendum:
    """Add a signed text to an issued opinion, answering these questions; its document is made by a job.

    Raises Invalid or QuestionAnsweredMeanwhile; then nothing is signed.
    """
    words = text.strip()
    if not 1 <= len(words) <= LONGEST_TEXT:
        wanted = FieldProblem("/text", f"Write the addendum in at most {LONGEST_TEXT} characters.")
        raise Invalid("The addendum was not signed.", [wanted])
    _lock(session, case)
    answered = _still_open(session, case, question_ids)
    place = _next_place(session, opinion)
    content = _addendum(case, opinion, place, words, answered, signing, now)
    kept = OpinionAddendum(
        case_id=case.id,
        opinion_id=opinion.id,
        place=place,
        number=content.number,
        content=content.to_json(),
        content_sha256=content.sha256,
        signed_at=now,
        signed_by=signing.name,
        signer_id=signing.signer_id,
    )
    session.add(kept)
    session.flush()
    for one in answered:
        one.addendum_id = kept.id
    session.flush()
    key = f"{PRINT_ADDENDUM} {kept.id}"
    jobs.enqueue(session, PRINT_ADDENDUM, {"addendum_id": kept.id}, key=key, now=now)
    return kept


def _addendum(
    case: Case,
    opinion: IssuedOpinion,
    place: int,
    text: str,
    answered: Sequence[AnswerQuestion],
    signing: Signing,
    now: datetime,
) -> Addendum:
    """What is signed: the text with everything that it belongs to."""
    return Addendum(
        number=f"{opinion.number}-A{place}",
        case_number=case.number,
        opinion_number=opinion.number,
        opinion_signed_at=moment(opinion.requested_at),
        opinion_sha256=signing.revision_sha256,
        text=text,
        asked=tuple(asked_of(one) for one in answered),
        signed_by=signing.name,
        centre=signing.centre,
        signed_at=moment(now),
    )


def _still_open(session: Session, case: Case, question_ids: Sequence[str]) -> list[AnswerQuestion]:
    """These questions, in the order in which they were asked."""
    still_open = {one.id: one for one in open_questions(session, case.id)}
    if any(one not in still_open for one in question_ids):
        raise QuestionAnsweredMeanwhile(
            "One of these questions was answered by another addendum meanwhile.",
            remedy="Your text still stands in the form: read the other addendum, and sign again.",
        )
    return [one for one in still_open.values() if one.id in question_ids]


def _next_place(session: Session, opinion: IssuedOpinion) -> int:
    """Where the next addendum stands among those of its opinion, from 1."""
    taken = session.scalar(
        select(func.count(OpinionAddendum.id)).where(OpinionAddendum.opinion_id == opinion.id)
    )
    return (taken or 0) + 1


def _lock(session: Session, case: Case) -> None:
    """Let those who count the points or addenda of one case do so one after the other."""
    session.execute(select(Case.id).where(Case.id == case.id).with_for_update())


def note_printed(session: Session, addendum_id: str, sha256: str, now: datetime) -> None:
    """The addendum's PDF is made and can be read from now on."""
    kept = session.get_one(OpinionAddendum, addendum_id)
    if not kept.sha256:
        kept.sha256, kept.issued_at = sha256, now


def keep_letter(
    session: Session,
    case: Case,
    *,
    kind: str,
    language: str,
    text: str,
    seen_version: int,
    by: str,
    now: datetime,
) -> AnswerLetter:
    """Keep a letter as it was edited, and have its PDF made. Raises Invalid, LetterChangedMeanwhile."""
    words = text.replace("\r\n", "\n").strip()
    if not 1 <= len(words) <= LONGEST_LETTER:
        wanted = FieldProblem("/text", f"A letter has 1 to {LONGEST_LETTER} characters.")
        raise Invalid("The letter was not kept.", [wanted])
    _lock(session, case)
    kept = session.get(AnswerLetter, (case.id, kind, language), populate_existing=True)
    if seen_version != (kept.version if kept else 0):
        raise LetterChangedMeanwhile(
            "Somebody else kept this letter while you were writing.",
            remedy="Your text still stands in the form: compare the two, and keep it again.",
        )
    if kept is None:
        kept = AnswerLetter(case_id=case.id, kind=kind, language=language, version=0)
        session.add(kept)
    kept.text, kept.version, kept.sha256 = words, kept.version + 1, ""
    kept.kept_at, kept.kept_by = now, by
    session.flush()
    wanted_print = {"case_id": case.id, "kind": kind, "language": language, "version": kept.version}
    key = f"{PRINT_LETTER} {case.id} {kind} {language} {kept.version}"
    jobs.enqueue(session, PRINT_LETTER, wanted_print, key=key, now=now)
    return kept


def note_letter_printed(
    session: Session, case_id: str, kind: str, language: str, version: int, sha256: str
) -> None:
    """The PDF of this version of a letter is made; that of an older version is of no use any more."""
    kept = session.get(AnswerLetter, (case_id, kind, language))
    if kept is not None and kept.version == version:
        kept.sha256 = sha256
