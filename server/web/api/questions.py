"""Questions and answers on a case, between hospital, coordinator and surgeon."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.cases.queries import document
from server.cases.records import CaseDocument
from server.conversation import actions, queries
from server.conversation.actions import LONGEST_SUBJECT, Said
from server.conversation.queries import Thread
from server.conversation.visibility import Audience, Voice, name_for
from server.foundation.db import new_id
from server.foundation.errors import FieldProblem
from server.web import asking
from server.web.api.endpoint import BASE, Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, NUMBER, Href, Id, Moment
from server.web.api.fields import Said as Words
from server.web.api.fitting import RequestRefused
from server.web.visit import Visit
from server.web.voices import voice_of

TAG = "Questions"
DocumentIds = Annotated[
    list[Id], Meta(max_length=5, description="Documents of this case that were sent before.")
]


class MessageRead(Given):
    """One message of a thread."""

    side: Annotated[str, Meta(description="coordinator, hospital or surgeon")]
    author: str
    at: Moment
    text: str
    documents: Annotated[list[str], Meta(description="Ids of documents of the case.")]
    images: Annotated[list[str], Meta(description="SOPInstanceUIDs that it points at.")]


class QuestionRead(Given):
    """A question with everything that was said to it."""

    href: Href
    number: int
    subject: str
    open: bool
    waits_for: Annotated[str, Meta(description="Which side has to act; empty when closed.")]
    wants_imaging: bool
    begun_at: Moment
    messages: list[MessageRead]


class Questions(Given):
    """The questions of the case: open ones first, of each kind the newest first."""

    questions: list[QuestionRead]


class QuestionAsked(Sent):
    """A new question. A hospital's goes to the coordinator."""

    text: Words
    subject: Annotated[str, Meta(max_length=LONGEST_SUBJECT)] = ""
    audience: Annotated[
        Audience,
        Meta(description="For whom a coordinator asks: the hospital, or the reviewers."),
    ] = Audience.HOSPITAL
    wants_imaging: Annotated[
        bool, Meta(description="More imaging is asked for: the clock is paused.")
    ] = False
    documents: DocumentIds = []  # noqa: RUF012 - copied by msgspec


class AnswerGiven(Sent):
    """A message in a thread; a closed one is open again."""

    text: Words
    documents: DocumentIds = []  # noqa: RUF012 - copied by msgspec


def list_questions(visit: Visit) -> Questions:
    """Every thread that the caller's side sees."""
    voice = voice_of(visit)
    return Questions(
        questions=[
            _read(visit, voice, one) for one in queries.threads(visit.session, visit.case, voice)
        ]
    )


def ask(visit: Visit, body: QuestionAsked) -> QuestionRead:
    """Begin a thread."""
    question = asking.ask(
        visit,
        Said(text=body.text, key=new_id(), documents=_documents(visit, body.documents)),
        audience=body.audience,
        subject=body.subject,
        wants_imaging=body.wants_imaging,
        shown=False,
    )
    return _one(visit, question.number)


def answer(visit: Visit, question: str, body: AnswerGiven) -> QuestionRead:
    """Add to a thread."""
    thread = _thread(visit, question)
    said = Said(text=body.text, key=new_id(), documents=_documents(visit, body.documents))
    asking.answer(visit, thread, said)
    return _one(visit, thread.question.number)


def close(visit: Visit, question: str) -> QuestionRead:
    """Say that nothing more is waited for."""
    found = _thread(visit, question).question
    actions.close(visit.session, found, voice_of(visit), visit.now)
    visit.note(question=found.number)
    return _one(visit, found.number)


def _documents(visit: Visit, ids: list[str]) -> list[CaseDocument]:
    if ids and not visit.may(Action.DOCUMENT_READ):
        wanted = FieldProblem("/documents", "This key does not show documents.")
        raise RequestRefused("The message was not sent.", [wanted])
    return [document(visit.case, one) for one in ids]


def _thread(visit: Visit, number: str) -> Thread:
    known = int(number) if number.isascii() and number.isdigit() and len(number) < 8 else 0
    return queries.thread(visit.session, visit.case, voice_of(visit), known)


def _one(visit: Visit, number: int) -> QuestionRead:
    visit.session.expire_all()
    voice = voice_of(visit)
    return _read(visit, voice, queries.thread(visit.session, visit.case, voice, number))


def _read(visit: Visit, voice: Voice, thread: Thread) -> QuestionRead:
    question = thread.question
    return QuestionRead(
        href=f"{BASE}/cases/{visit.case.number}/questions/{question.number}",
        number=question.number,
        subject=question.subject,
        open=thread.is_open,
        waits_for=thread.waits_for,
        wants_imaging=question.wants_imaging,
        begun_at=question.begun_at,
        messages=[
            MessageRead(
                side=one.side,
                author=name_for(voice, one.side, one.author_id, one.author),
                at=one.at,
                text=one.text,
                documents=[kept.id for kept in one.documents],
                images=[image.SOPInstanceUID for image in one.images],
            )
            for one in thread.messages
        ],
    )


def read_question(visit: Visit, question: str) -> QuestionRead:
    """One thread."""
    return _read(visit, voice_of(visit), _thread(visit, question))


_QUESTION = QuestionRead(
    href=f"{BASE}/cases/{NUMBER}/questions/1",
    number=1,
    subject="Biliary stent",
    open=True,
    waits_for="coordinator",
    wants_imaging=False,
    begun_at=AT,
    messages=[
        MessageRead(
            side="hospital",
            author="You",
            at=AT,
            text="A metal stent was placed on 12 November. Do you want a new CT?",
            documents=[AN_ID],
            images=[],
        )
    ],
)
_PLACE = "/cases/<number>/questions"

ENDPOINTS = (
    Endpoint(
        "GET", _PLACE, list_questions, Action.QUESTIONS_READ, TAG, "List questions",
        Questions, Questions(questions=[_QUESTION]),
    ),
    Endpoint(
        "POST", _PLACE, ask, Action.QUESTIONS_WRITE, TAG, "Ask a question",
        QuestionRead, _QUESTION, body=QuestionAsked,
        sent=QuestionAsked(text=_QUESTION.messages[0].text, subject="Biliary stent"),
        status=201, creates=True, refusals=("questions_are_over",),
    ),
    Endpoint(
        "GET", f"{_PLACE}/<question>", read_question, Action.QUESTIONS_READ, TAG,
        "Read a question", QuestionRead, _QUESTION,
    ),
    Endpoint(
        "POST", f"{_PLACE}/<question>/answers", answer, Action.QUESTIONS_WRITE, TAG,
        "Answer a question", QuestionRead, _QUESTION,
        body=AnswerGiven, sent=AnswerGiven(text="Yes, three weeks after the stent."),
        status=201, creates=True, refusals=("questions_are_over",),
    ),
    Endpoint(
        "POST", f"{_PLACE}/<question>/closing", close, Action.QUESTIONS_WRITE, TAG,
        "Close a question", QuestionRead, _QUESTION, refusals=("not_for_them",),
    ),
)  # fmt: skip
