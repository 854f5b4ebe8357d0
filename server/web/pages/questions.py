"""Questions on a case: asked and answered by surgeon, coordinator and hospital, with images and
documents."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.cases.lifecycle import State
from server.conversation import actions, queries
from server.conversation.actions import ImagePointed, Said
from server.conversation.queries import Thread
from server.conversation.records import KeyImage
from server.conversation.visibility import Audience, Side
from server.foundation.db import new_id
from server.foundation.errors import Invalid, MarginError
from server.notices.recipients import contacts_of
from server.web import asking
from server.web.forms import text_only
from server.web.languages import say
from server.web.pages.case_places import base_of
from server.web.pages.launches import begin
from server.web.pages.layout import go, page
from server.web.pages.questions_shown import threads_shown
from server.web.pages.records_frame import documents_seen
from server.web.visit import Visit
from server.web.voices import voice_of


def questions_page(
    visit: Visit, refused: MarginError | None = None, at: str = "", **facts: Any
) -> Response:
    """All threads of the case, open ones first, and the form for a new one."""
    voice = voice_of(visit)
    threads = threads_shown(visit, voice)
    pointing = asking.pointed(visit, request.values)
    contacts = contacts_of(visit.session, visit.case) if voice.side is Side.COORDINATOR else []
    return page(
        visit,
        "questions.html",
        refused=refused,
        case=visit.case,
        base=base_of(visit),
        voice=voice,
        threads=threads,
        fresh=sum(one.fresh for one in threads),
        may_write=visit.may(Action.QUESTIONS_WRITE) and visit.case.state != State.WITHDRAWN,
        may_steer=visit.may(Action.QUESTIONS_STEER),
        may_send=visit.may(Action.DOCUMENT_SEND),
        documents=documents_seen(visit) if visit.may(Action.DOCUMENT_READ) else [],
        pointing=_offered(visit, pointing) if pointing else None,
        nobody_written_to=voice.side is Side.COORDINATOR and not contacts,
        on_hold=visit.case.state == State.ON_HOLD,
        fresh_key=new_id(),
        at=at,
        typed=request.form if refused else {},
        problems=[one.message for one in refused.problems] or [refused.detail] if refused else [],
        **facts,
    )


def _offered(visit: Visit, image: ImagePointed) -> dict[str, str]:
    """The image that came with the address, as the form sends it back."""
    view = visit.view
    return {
        "study": view.shown(image.StudyInstanceUID),
        "series": view.shown(image.SeriesInstanceUID),
        "instance": view.shown(image.SOPInstanceUID),
        "frame": str(image.frame),
        "label": image.label,
    }


def _said(visit: Visit) -> Said:
    """What a form sent: text, images by the visitor's UIDs, documents that are here, and new files."""
    form = request.form
    theirs = {one.id: one for one in visit.case.documents}
    chosen = form.getlist("documents") if visit.may(Action.DOCUMENT_READ) else []
    pointing = asking.pointed(visit, form)
    return Said(
        text=text_only(form.get("text", "")) or "",
        key=form.get("key", ""),
        images=[pointing] if pointing and form.get("with_image") else [],
        documents=[
            *(theirs[one] for one in chosen if one in theirs),
            *asking.attached(visit, request.files.getlist("files")),
        ],
    )


def ask(visit: Visit) -> Response:
    """Begin a thread."""
    form = request.form
    internal = form.get("audience") == Audience.INTERNAL
    try:
        with visit.attempt():
            question = asking.ask(
                visit,
                _said(visit),
                audience=Audience.INTERNAL if internal else Audience.HOSPITAL,
                subject=text_only(form.get("subject", "")) or "",
                wants_imaging=bool(form.get("wants_imaging")),
                shown=bool(form.get("shown")),
            )
    except Invalid as error:
        return questions_page(visit, error, at="new")
    done = f"{base_of(visit)}/questions#q{question.number}"
    if question.paused:
        return go(done, "The question is asked, and the clock is paused until images arrive.")
    return go(done, say("The question is asked."))


def answer(visit: Visit, question: str) -> Response:
    """Add to a thread."""
    thread = _thread(visit, question)
    try:
        with visit.attempt():
            asking.answer(visit, thread, _said(visit))
    except Invalid as error:
        return questions_page(visit, error, at=str(thread.question.number))
    sent = say("The answer is sent.")
    return go(f"{base_of(visit)}/questions#q{thread.question.number}", sent)


def close(visit: Visit, question: str) -> Response:
    """Say that nothing more is waited for."""
    found = _thread(visit, question).question
    actions.close(visit.session, found, voice_of(visit), visit.now)
    visit.note(question=found.number)
    return go(
        f"{base_of(visit)}/questions", say("Question {number} is closed.", number=found.number)
    )


def show(visit: Visit, question: str) -> Response:
    """Let every reviewer of the case see a thread as it is now."""
    found = _thread(visit, question).question
    actions.show_to_reviewers(visit.session, found, visit.now)
    visit.note(question=found.number)
    return go(f"{base_of(visit)}/questions#q{found.number}", "All reviewers see it as it is now.")


def seen(visit: Visit) -> Response:
    """The messages named by the form were before this reader's eyes."""
    voice = voice_of(visit)
    named = set(request.form.getlist("message"))
    shown_here = [
        message
        for thread in queries.threads(visit.session, visit.case, voice)
        for message in thread.messages
        if message.id in named
    ]
    actions.mark_seen(visit.session, voice, shown_here, visit.now)
    return go(f"{base_of(visit)}/questions")


def image_in_visit(visit: Visit, image_id: str) -> Response:
    """To the viewer, at the image that a message points at."""
    image = queries.key_image(visit.session, visit.case, voice_of(visit), image_id)
    return go(_viewer(visit, visit.launch.id, image))


def image_from_account(visit: Visit, image_id: str) -> Response:
    """Begin a visit to the case and go to the viewer, at the image."""
    image = queries.key_image(visit.session, visit.case, voice_of(visit), image_id)
    return begin(visit, lambda launch_id: _viewer(visit, launch_id, image))


def _viewer(visit: Visit, launch_id: str, image: KeyImage) -> str:
    view = visit.view
    asked = {
        "StudyInstanceUIDs": ",".join(
            view.shown(one.StudyInstanceUID) for one in visit.case.studies
        ),
        "initialSeriesInstanceUID": view.shown(image.SeriesInstanceUID),
        "initialSOPInstanceUID": view.shown(image.SOPInstanceUID),
    }
    return f"/r/{launch_id}/view/margin?{urlencode(asked, safe=',')}"


def _thread(visit: Visit, question: str) -> Thread:
    number = int(question) if question.isascii() and question.isdigit() else 0
    return queries.thread(visit.session, visit.case, voice_of(visit), number)


def both(path: str) -> tuple[str, str]:
    """An address of the questions for accounts and for visits by link."""
    return f"/cases/<number>/questions{path}", f"/r/<launch>/questions{path}"


R, W, S = Action.QUESTIONS_READ, Action.QUESTIONS_WRITE, Action.QUESTIONS_STEER
POST = ("POST",)
ROUTES = [
    *(Route(url, questions_page, R) for url in both("")),
    *(Route(url, ask, W, POST) for url in both("")),
    *(Route(url, seen, R, POST) for url in both("/seen")),
    *(Route(url, answer, W, POST) for url in both("/<question>/answers")),
    *(Route(url, close, W, POST) for url in both("/<question>/close")),
    Route("/cases/<number>/questions/<question>/show", show, S, POST),
    Route("/r/<launch>/questions/images/<image_id>", image_in_visit, Action.IMAGES_READ),
    Route("/cases/<number>/questions/images/<image_id>", image_from_account, Action.LAUNCH, POST),
]
