"""Questions, answers and notices of the demo world. Doing it again does no harm."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases import actions as cases
from server.cases.queries import holder
from server.cases.records import Case
from server.conversation import actions
from server.conversation.actions import Said
from server.conversation.records import Question
from server.conversation.visibility import Audience, Side, Voice
from server.notices import preferences
from server.notices.actions import post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, Recipients, to
from server.people.queries import coordinators_of

LATER: Final = timedelta(seconds=1)
STEATOSIS: Final = (
    "Was steatosis or sinusoidal injury seen on biopsy or on MRI after the six cycles of FOLFOX? The "
    "threshold for the remnant depends on it. If there is no biopsy: please send the liver values of "
    "the last four weeks, with the indocyanine green clearance if it was measured."
)
NO_BIOPSY: Final = (
    "There is no biopsy. MRI fat fraction was 9 % in September. The values of the last four weeks are "
    "entered under Records; indocyanine green is not available here."
)
ENOUGH: Final = (
    "Thank you, that is enough for the calculation. I will name the fat fraction in the opinion."
)
VENOUS: Final = (
    "The portal venous phase ends above the jejunal branches. Please send a CT with both phases from "
    "the diaphragm to the pelvis, slices of 1 mm or thinner. Without it the length of venous contact "
    "cannot be measured."
)
TOMORROW: Final = "The patient is scanned again tomorrow morning; the images follow by noon."
OPERATING: Final = (
    "The hospital asks whether an answer by Thursday is possible, because their board meets on Friday. "
    "The limit stays as it is; tell me if Thursday cannot be kept."
)


def fill_conversation(session: Session, liver: Case, pancreas: Case, now: datetime) -> bool:
    """Let the demo's people ask and answer each other; False when they did already."""
    if session.scalar(select(Question.id).where(Question.case_id == liver.id)) is not None:
        return False
    _addresses(session, liver, pancreas, now)
    for case in (liver, pancreas):
        _told(session, case, NoticeKind.CASE_OPENED, to(Part.COORDINATOR, Part.HOSPITAL), now)
        _told(session, case, NoticeKind.ASSIGNED, to(Part.HOLDER), now)
    _about_the_liver(session, liver, now)
    _about_the_pancreas(session, pancreas, now)
    return True


def _addresses(session: Session, liver: Case, pancreas: Case, now: datetime) -> None:
    for case, name, email, language in (
        (liver, "Tumour board office", "board@riverside.example", "en"),
        (pancreas, "Surgical oncology desk", "oncology@hillcrest.example", "hi"),
    ):
        preferences.add_contact(
            session,
            case.hospital,
            case=None,
            name=name,
            email=email,
            language=language,
            by="demo",
            now=now,
        )


def _about_the_liver(session: Session, case: Case, now: datetime) -> None:
    surgeon, hospital, coordinator = _voices(session, case)
    question = actions.ask(
        session,
        case,
        surgeon,
        _said(case, STEATOSIS),
        audience=Audience.HOSPITAL,
        subject="Damage of the liver by chemotherapy",
        now=now,
    )
    _told(session, case, NoticeKind.QUESTION_ASKED, to(Part.HOSPITAL, Part.COORDINATOR), now)
    actions.answer(session, case, question, hospital, _said(case, NO_BIOPSY), now + LATER)
    _told(session, case, NoticeKind.QUESTION_ANSWERED, to(Part.HOLDER, Part.COORDINATOR), now)
    actions.answer(session, case, question, surgeon, _said(case, ENOUGH), now + 2 * LATER)
    actions.close(session, question, surgeon, now + 2 * LATER)
    actions.ask(
        session,
        case,
        coordinator,
        _said(case, OPERATING),
        audience=Audience.INTERNAL,
        subject="Could the answer come by Thursday?",
        shown=True,
        now=now,
    )


def _about_the_pancreas(session: Session, case: Case, now: datetime) -> None:
    surgeon, hospital, _ = _voices(session, case)
    question = actions.ask(
        session,
        case,
        surgeon,
        _said(case, VENOUS),
        audience=Audience.HOSPITAL,
        subject="CT with both phases down to the pelvis",
        wants_imaging=True,
        now=now,
    )
    _told(session, case, NoticeKind.IMAGING_REQUESTED, to(Part.HOSPITAL, Part.COORDINATOR), now)
    actions.answer(session, case, question, hospital, _said(case, TOMORROW), now + LATER)
    if question.paused:
        # The coordinator lets the clock run on, so that the rest of the demo can be tried here too.
        cases.resume(session, case, seen_version=case.version, now=now, by="demo")


def _voices(session: Session, case: Case) -> tuple[Voice, Voice, Voice]:
    held = holder(case)
    assert held is not None
    clara = coordinators_of(session, case.hospital_id)[0]
    return (
        Voice(Side.SURGEON, held.person_id, held.person.name),
        Voice(Side.HOSPITAL, case.hospital_id, case.hospital.name),
        Voice(Side.COORDINATOR, clara.id, clara.name),
    )


def _said(case: Case, text: str) -> Said:
    return Said(text, sha256(f"{case.id} {text}".encode()).hexdigest()[:32])


def _told(session: Session, case: Case, kind: NoticeKind, whom: Recipients, now: datetime) -> None:
    key = f"demo:{kind}:{case.id}"
    post(session, kind=kind, case=case, to=whom, facts={}, now=now, key=key)
