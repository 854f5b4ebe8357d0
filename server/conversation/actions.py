"""Asking, answering, showing and closing. Messages are only ever added: two who answer at once are
both kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.cases import actions as cases
from server.cases.lifecycle import Event, State, possible
from server.cases.records import Case, CaseDocument
from server.conversation.records import KeyImage, Message, MessageDocument, MessageRead, Question
from server.conversation.visibility import Audience, Side, Voice, is_own
from server.foundation.errors import Conflict, FieldProblem, Invalid

LONGEST_TEXT: Final = 8000
LONGEST_SUBJECT: Final = 120
MOST_IMAGES: Final = 12
_KEY: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NUMBERED_AGAIN: Final = 5


class QuestionsAreOver(Conflict):
    """The case was withdrawn: nothing more is asked or answered in it."""


class NotForThem(Conflict):
    """The thread is not one that this can be done with."""


@dataclass(frozen=True)
class ImagePointed:
    """An image of the case's studies, by the archive's UIDs; `frame` counts from 1."""

    StudyInstanceUID: str
    SeriesInstanceUID: str
    SOPInstanceUID: str
    frame: int = 1
    label: str = ""


@dataclass(frozen=True)
class Said:
    """What somebody wrote. `key` (32 hexadecimal digits) was made with their form: sent twice under
    one key, it is said once."""

    text: str
    key: str
    images: Sequence[ImagePointed] = ()
    documents: Sequence[CaseDocument] = ()


def ask(
    session: Session,
    case: Case,
    voice: Voice,
    said: Said,
    *,
    audience: Audience,
    now: datetime,
    subject: str = "",
    wants_imaging: bool = False,
    shown: bool = False,
) -> Question:
    """Begin a thread. `shown`: all reviewers see it from the beginning, which a coordinator says.

    A surgeon who wants more imaging stops the clock with it. Raises Invalid, QuestionsAreOver,
    CaseChangedMeanwhile.
    """
    _check(case, said)
    if voice.side is Side.HOSPITAL or wants_imaging:
        audience = Audience.HOSPITAL
    known = session.get(Question, said.key)
    if known is not None:
        return _own_again(known, case, voice)
    question = _numbered(
        session,
        Question(
            id=said.key,
            case_id=case.id,
            audience=audience.value,
            subject=_subject(subject, said.text),
            wants_imaging=wants_imaging and voice.side is not Side.HOSPITAL,
            side=voice.side.value,
            owner_id=voice.id,
            begun_at=now,
            begun_by=voice.name[:200],
            shown_at=now if shown and voice.side is Side.COORDINATOR else None,
        ),
    )
    _add(session, question, voice, said, now)
    if question.wants_imaging and possible(State(case.state), Event.HOLD):
        _wait_for_imaging(session, case, question, voice, now)
    return question


def _wait_for_imaging(
    session: Session, case: Case, question: Question, voice: Voice, now: datetime
) -> None:
    cases.hold(
        session,
        case,
        reason=f"More imaging was asked for: {question.subject}",
        seen_version=case.version,
        now=now,
        by=voice.name,
        waits_for="hospital",
    )
    question.paused = True
    session.flush()


def answer(
    session: Session, case: Case, question: Question, voice: Voice, said: Said, now: datetime
) -> Message:
    """Add a message to a thread; a closed one is open again. Raises Invalid, QuestionsAreOver."""
    _check(case, said)
    message = _add(session, question, voice, said, now)
    question.closed_at, question.closed_by = None, ""
    session.flush()
    return message


def close(session: Session, question: Question, voice: Voice, now: datetime) -> None:
    """Say that nothing more is waited for: by a coordinator, or by who asked. Raises NotForThem."""
    if voice.side is not Side.COORDINATOR and not is_own(voice, question):
        raise NotForThem(
            "Only who asked, or a coordinator, closes a question.",
            remedy="Answer it; whoever asked closes it.",
        )
    if question.closed_at is None:
        question.closed_at, question.closed_by = now, voice.name[:200]
        session.flush()


def show_to_reviewers(session: Session, question: Question, now: datetime) -> None:
    """Let every reviewer of the case see the thread as it is now."""
    question.shown_at = now
    session.flush()


def mark_seen(session: Session, voice: Voice, messages: Sequence[Message], now: datetime) -> None:
    """These messages were before this reader's eyes. Doing it twice is harmless."""
    ids = [one.id for one in messages if one.author_id != voice.id]
    known = set(
        session.scalars(
            select(MessageRead.message_id).where(
                MessageRead.reader_id == voice.id, MessageRead.message_id.in_(ids)
            )
        )
    )
    for message_id in ids:
        if message_id in known:
            continue
        try:
            with session.begin_nested():
                session.add(
                    MessageRead(
                        message_id=message_id,
                        reader_id=voice.id,
                        reader=voice.name[:200],
                        side=voice.side.value,
                        at=now,
                    )
                )
        except IntegrityError:
            continue  # the same reader in another window, at this moment


def _check(case: Case, said: Said) -> None:
    if case.state == State.WITHDRAWN:
        raise QuestionsAreOver(
            "This case was withdrawn: nothing more is asked in it.",
            remedy="Ask the coordinator by another way.",
        )
    problems = []
    if not said.text.strip():
        problems.append(FieldProblem("/text", "Write what you want to say."))
    if len(said.text) > LONGEST_TEXT:
        problems.append(
            FieldProblem("/text", f"At most {LONGEST_TEXT} characters; this has {len(said.text)}.")
        )
    if len(said.images) > MOST_IMAGES:
        problems.append(FieldProblem("/images", f"At most {MOST_IMAGES} images at a time."))
    if not _KEY.fullmatch(said.key):
        problems.append(FieldProblem("/key", "Reload the page and send it again."))
    studies = {one.StudyInstanceUID for one in case.studies}
    if any(one.StudyInstanceUID not in studies for one in said.images):
        problems.append(FieldProblem("/images", "One of the images does not belong to this case."))
    if any(one.case_id != case.id for one in said.documents):
        problems.append(FieldProblem("/documents", "Choose documents of this case."))
    if problems:
        raise Invalid("The message was not sent.", problems)


def _own_again(known: Question, case: Case, voice: Voice) -> Question:
    if known.case_id != case.id or not is_own(voice, known):
        raise Invalid(
            "The message was not sent.",
            [FieldProblem("/key", "Reload the page and send it again.")],
        )
    return known


def _subject(given: str, text: str) -> str:
    """The given subject, or the beginning of the text, cut between words."""
    line = " ".join((given.strip() or text).split())
    if len(line) <= LONGEST_SUBJECT:
        return line
    return line[: LONGEST_SUBJECT - 1].rsplit(" ", 1)[0] + "…"


def _numbered(session: Session, question: Question) -> Question:
    """Give the thread the next number of its case; two that begin at once get two numbers."""
    for _ in range(_NUMBERED_AGAIN):
        last = select(func.max(Question.number)).where(Question.case_id == question.case_id)
        question.number = (session.scalar(last) or 0) + 1
        try:
            with session.begin_nested():
                session.add(question)
                session.flush()
        except IntegrityError:
            continue
        return question
    raise NotForThem("Others are asking at this moment.", remedy="Send it again.")


def _add(session: Session, question: Question, voice: Voice, said: Said, now: datetime) -> Message:
    last = session.scalar(select(func.max(Message.at)).where(Message.question_id == question.id))
    message = Message(
        question_id=question.id,
        side=voice.side.value,
        author_id=voice.id,
        author=voice.name[:200],
        text=said.text.strip(),
        # Two of one moment keep their order: what was said first stands first.
        at=now if last is None else max(now, last + timedelta(microseconds=1)),
        key=said.key,
    )
    try:
        with session.begin_nested():
            session.add(message)
            session.flush()
    except IntegrityError:
        return session.scalars(
            select(Message).where(Message.question_id == question.id, Message.key == said.key)
        ).one()
    for place, one in enumerate(said.images):
        session.add(
            KeyImage(
                message_id=message.id,
                place=place,
                StudyInstanceUID=one.StudyInstanceUID,
                SeriesInstanceUID=one.SeriesInstanceUID,
                SOPInstanceUID=one.SOPInstanceUID,
                frame=one.frame,
                label=one.label[:200],
            )
        )
    for document in {one.id: one for one in said.documents}.values():
        session.add(MessageDocument(message_id=message.id, document_id=document.id))
    session.flush()
    session.expire(question, ["messages"])
    session.expire(message, ["images", "documents"])
    return message
