"""Reading threads, as one voice sees them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.cases.records import Case
from server.conversation.records import KeyImage, Message, MessageRead, Question
from server.conversation.visibility import Voice, may_see, seen_of, waits_for
from server.foundation.errors import NotFound


class QuestionNotFound(NotFound):
    """The case has no such question, or none that this reader may know of."""


class KeyImageNotFound(NotFound):
    """No message that this reader sees points at such an image."""


@dataclass(frozen=True)
class Thread:
    """A question with those of its messages that a reader sees. `fresh` are the ids of those they
    have not seen before; `read_by` says for each message which sides have seen it."""

    question: Question
    messages: tuple[Message, ...]
    fresh: frozenset[str]
    read_by: dict[str, frozenset[str]]

    @property
    def is_open(self) -> bool:
        return self.question.closed_at is None

    @property
    def waits_for(self) -> str:
        """The side that has to act; empty for a closed thread."""
        if not self.is_open or not self.messages:
            return ""
        return waits_for(self.messages[-1].side, self.question.audience).value


def threads(session: Session, case: Case, voice: Voice) -> list[Thread]:
    """The threads of a case that this voice sees: open ones first, of each kind the newest first."""
    wanted = (
        select(Question)
        .where(Question.case_id == case.id)
        .options(
            selectinload(Question.messages).selectinload(Message.images),
            selectinload(Question.messages).selectinload(Message.documents),
        )
        .order_by(Question.number.desc())
    )
    seen = [one for one in session.scalars(wanted) if may_see(voice, one)]
    shown = [(one, seen_of(voice, one, one.messages)) for one in seen]
    marks = _marks(session, [message.id for _, messages in shown for message in messages])
    found = [
        Thread(
            question,
            tuple(messages),
            frozenset(
                message.id
                for message in messages
                if message.author_id != voice.id
                and voice.id not in {mark.reader_id for mark in marks.get(message.id, [])}
            ),
            {
                message.id: frozenset(
                    mark.side for mark in marks.get(message.id, []) if mark.side != message.side
                )
                for message in messages
            },
        )
        for question, messages in shown
    ]
    return sorted(found, key=lambda one: not one.is_open)


def unseen_count(session: Session, case: Case, voice: Voice) -> int:
    """How many messages of the case this voice has not seen."""
    return sum(len(one.fresh) for one in threads(session, case, voice))


def thread(session: Session, case: Case, voice: Voice, number: int) -> Thread:
    """One thread of the case; raises QuestionNotFound."""
    for found in threads(session, case, voice):
        if found.question.number == number:
            return found
    raise QuestionNotFound(
        "This case has no such question.", remedy="Choose one from the case's questions."
    )


def key_image(session: Session, case: Case, voice: Voice, image_id: str) -> KeyImage:
    """An image that a message points at; raises KeyImageNotFound."""
    for found in threads(session, case, voice):
        for message in found.messages:
            for image in message.images:
                if image.id == image_id:
                    return image
    raise KeyImageNotFound(
        "No question points at such an image.", remedy="Choose one on the page of questions."
    )


def _marks(session: Session, message_ids: list[str]) -> dict[str, list[MessageRead]]:
    found: dict[str, list[MessageRead]] = {}
    if message_ids:
        wanted = select(MessageRead).where(MessageRead.message_id.in_(message_ids))
        for mark in session.scalars(wanted):
            found.setdefault(mark.message_id, []).append(mark)
    return found
