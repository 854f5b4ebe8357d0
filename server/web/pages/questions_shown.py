"""The threads of a case as a page shows them to this visitor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from server.access.action import Action
from server.conversation import queries
from server.conversation.queries import Thread
from server.conversation.records import KeyImage, Message
from server.conversation.visibility import Side, Voice, is_own, name_for
from server.foundation.db import new_id
from server.web.languages import said as said_here
from server.web.languages import say
from server.web.pages.case_places import base_of
from server.web.pages.records_frame import DocumentSeen, documents_seen, said_of
from server.web.visit import Visit
from server.web.voices import voice_of

SIDE_WORDS = {
    Side.COORDINATOR: "the coordinator",
    Side.HOSPITAL: "the hospital",
    Side.SURGEON: "the surgeon",
}
WAITS_FOR = {side: f"waits for {words}" for side, words in SIDE_WORDS.items()}


@dataclass(frozen=True)
class Reading:
    """Who reads, and how texts and documents are shown to them."""

    visit: Visit
    voice: Voice
    said: Callable[[str], str]
    documents: dict[str, DocumentSeen]


@dataclass(frozen=True)
class ImageShown:
    """A key image as a page shows it. `picture` and `opens` are empty where the visitor sees none."""

    id: str
    label: str
    picture: str
    opens: str


@dataclass(frozen=True)
class MessageShown:
    """A message as this visitor reads it."""

    id: str
    own_key: str
    author: str
    side: str
    at: datetime
    text: str
    images: list[ImageShown]
    documents: list[DocumentSeen]
    fresh: bool
    read_by: str


@dataclass(frozen=True)
class ThreadShown:
    """A thread as this visitor reads it."""

    number: int
    subject: str
    audience: str
    wants_imaging: bool
    paused: bool
    is_open: bool
    waits_for: str
    waits_for_reader: bool
    for_reviewers: bool
    can_close: bool
    closed_by: str
    messages: list[MessageShown]
    key: str

    @property
    def fresh(self) -> int:
        return sum(one.fresh for one in self.messages)


@dataclass(frozen=True)
class Glance:
    """What the case's own page says of its questions; `yours` are the open ones that wait for whoever
    reads."""

    open: int
    yours: int
    fresh: int
    imaging: list[tuple[int, str, str]]


def glance(visit: Visit) -> Glance | None:
    """The questions of the case in a few figures; `imaging` are the open requests for more imaging with
    their number, subject and text. None for whoever sees no questions."""
    if not visit.may(Action.QUESTIONS_READ):
        return None
    said, voice = said_of(visit), voice_of(visit)
    threads = queries.threads(visit.session, visit.case, voice)
    return Glance(
        open=sum(one.is_open for one in threads),
        yours=sum(one.waits_for == voice.side for one in threads),
        fresh=sum(len(one.fresh) for one in threads),
        imaging=[
            (one.question.number, said(one.question.subject), said(one.messages[0].text))
            for one in threads
            if one.is_open and one.question.wants_imaging and one.messages
        ],
    )


def threads_shown(visit: Visit, voice: Voice) -> list[ThreadShown]:
    """The case's threads that this visitor sees, open ones first, the newest of each first."""
    documents = documents_seen(visit) if visit.may(Action.DOCUMENT_READ) else []
    reading = Reading(visit, voice, said_of(visit), {one.document.id: one for one in documents})
    return [_shown(reading, one) for one in queries.threads(visit.session, visit.case, voice)]


def _shown(reading: Reading, thread: Thread) -> ThreadShown:
    visit, voice, question, said = reading.visit, reading.voice, thread.question, reading.said
    return ThreadShown(
        number=question.number,
        subject=said(question.subject),
        audience=question.audience,
        wants_imaging=question.wants_imaging,
        paused=question.paused,
        is_open=thread.is_open,
        waits_for=said_here(WAITS_FOR[Side(thread.waits_for)]) if thread.waits_for else "",
        waits_for_reader=thread.waits_for == voice.side,
        for_reviewers=question.shown_at is not None,
        can_close=visit.may(Action.QUESTIONS_STEER) or is_own(voice, question),
        closed_by=question.closed_by if voice.side is Side.COORDINATOR else "",
        messages=[_message(reading, thread, one) for one in thread.messages],
        key=new_id(),
    )


def _message(reading: Reading, thread: Thread, message: Message) -> MessageShown:
    voice, said, seen = reading.voice, reading.said, reading.documents
    readers = sorted(thread.read_by[message.id])
    return MessageShown(
        id=message.id,
        own_key=message.key if message.author_id == voice.id else "",
        author=said_here(said(name_for(voice, message.side, message.author_id, message.author))),
        side=message.side,
        at=message.at,
        text=said(message.text),
        images=[_image(reading, one) for one in message.images],
        documents=[seen[one.id] for one in message.documents if one.id in seen],
        fresh=message.id in thread.fresh,
        read_by=", ".join(said_here(SIDE_WORDS[Side(one)]) for one in readers)
        if message.author_id == voice.id
        else "",
    )


def _image(reading: Reading, image: KeyImage) -> ImageShown:
    visit = reading.visit
    view, base = visit.view, base_of(visit)
    picture = ""
    if visit.admission.launch is not None and visit.may(Action.IMAGES_READ):
        study, series, instance = (
            view.shown(uid)
            for uid in (image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID)
        )
        picture = (
            f"{base}/dicom-web/studies/{study}/series/{series}/instances/{instance}"
            f"/frames/{image.frame}/thumbnail"
        )
    opens = f"{base}/questions/images/{image.id}" if visit.may(Action.IMAGES_READ) else ""
    return ImageShown(image.id, reading.said(image.label) or str(say("An image")), picture, opens)
