"""Questions and answers as a door does them: who is told, what was attached, which images are meant.

The pages and the API both come through here, so that nobody is told by the one and not by the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from werkzeug.datastructures import FileStorage

from server.access.action import Action
from server.cases.actions import keep_document
from server.cases.records import CaseDocument
from server.conversation import actions
from server.conversation.actions import ImagePointed, Said
from server.conversation.queries import Thread
from server.conversation.records import Message, Question
from server.conversation.visibility import Audience, Side
from server.foundation.errors import FieldProblem, Invalid
from server.intake.uploads.kinds import HEAD_BYTES, JPEG, PDF, PNG, TAIL_BYTES, Document, kind_of
from server.notices.actions import post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, to
from server.web.forms import text_only
from server.web.tus import sender_of
from server.web.visit import Visit
from server.web.voices import person_id_of, voice_of

LARGEST_ATTACHMENT_BYTES: Final = 32 * 1024 * 1024
MOST_ATTACHMENTS: Final = 5
_TAKEN: Final = (PDF, JPEG, PNG)
# PS3.5 section 9.1: at most 64 characters, digits and dots.
_UID: Final = re.compile(r"[0-9][0-9.]{0,63}", re.ASCII)
_NAMES: Final = ("study", "series", "instance")
_MOST_FRAMES: Final = 10**6


class AttachmentRefused(Invalid):
    """A file that came with a message is not kept."""


def ask(
    visit: Visit,
    said: Said,
    *,
    audience: Audience,
    subject: str,
    wants_imaging: bool,
    shown: bool,
) -> Question:
    """Begin a thread and tell those it is for."""
    voice = voice_of(visit)
    internal = audience is Audience.INTERNAL and not wants_imaging
    question = actions.ask(
        visit.session,
        visit.case,
        voice,
        said,
        audience=audience,
        now=visit.now,
        subject=subject,
        wants_imaging=wants_imaging,
        # What a coordinator writes to the reviewers is for all of them.
        shown=shown or (internal and voice.side is Side.COORDINATOR),
    )
    visit.note(question=question.number, imaging=question.wants_imaging)
    imaging = NoticeKind.IMAGING_REQUESTED
    kind = imaging if question.wants_imaging else NoticeKind.QUESTION_ASKED
    _tell(visit, question, question.messages[-1], kind)
    return question


def answer(visit: Visit, thread: Thread, said: Said) -> Message:
    """Add to a thread and tell those it is for."""
    question = thread.question
    message = actions.answer(visit.session, visit.case, question, voice_of(visit), said, visit.now)
    visit.note(question=question.number)
    further = message.side == question.side
    kind = NoticeKind.QUESTION_ASKED if further else NoticeKind.QUESTION_ANSWERED
    _tell(visit, question, message, kind)
    return message


def _tell(visit: Visit, question: Question, message: Message, kind: NoticeKind) -> None:
    parts = {Part.COORDINATOR}
    if question.audience == Audience.HOSPITAL and message.side != Side.HOSPITAL:
        parts.add(Part.HOSPITAL)
    if question.shown_at is not None and message.side != Side.SURGEON:
        parts.add(Part.PANEL)
    people = (question.owner_id,) if question.side == Side.SURGEON else ()
    post(
        visit.session,
        kind=kind,
        case=visit.case,
        to=to(*parts, people=people, but=(person_id_of(visit),)),
        facts={"number": question.number},
        now=visit.now,
        key=f"{kind}:{message.id}",
    )


def attached(visit: Visit, files: Sequence[FileStorage]) -> list[CaseDocument]:
    """Keep the files that came with a message as documents of the case. Raises AttachmentRefused."""
    sent = [file for file in files if file.filename]
    if sent and not visit.may(Action.DOCUMENT_SEND):
        raise _refused("Files can be sent by the hospital and the coordinator only.")
    if len(sent) > MOST_ATTACHMENTS:
        raise _refused(f"At most {MOST_ATTACHMENTS} files at a time.")
    return [_kept(visit, file) for file in sent]


def _kept(visit: Visit, file: FileStorage) -> CaseDocument:
    name = text_only(PurePosixPath((file.filename or "").replace("\\", "/")).name) or "document"
    content = file.stream.read(LARGEST_ATTACHMENT_BYTES + 1)
    if len(content) > LARGEST_ATTACHMENT_BYTES:
        raise _refused(f"“{name[:80]}” is larger than 32 MB. Use the page “Send files”.")
    kind = kind_of(content[:HEAD_BYTES], content[-TAIL_BYTES:], name)
    if not isinstance(kind, Document) or kind not in _TAKEN:
        raise _refused(
            f"“{name[:80]}” is neither PDF nor JPEG nor PNG. DICOM images are sent on the page "
            "“Send files”."
        )
    return keep_document(
        visit.session,
        visit.case,
        title=name,
        media_type=kind.media_type,
        size_bytes=len(content),
        sha256=visit.services.files.put(content),
        received_from=sender_of(visit),
        now=visit.now,
    )


def _refused(why: str) -> AttachmentRefused:
    return AttachmentRefused("The message was not sent.", [FieldProblem("/files", why)])


def pointed(visit: Visit, sent: Mapping[str, str]) -> ImagePointed | None:
    """The image that an address or a form names by the UIDs that this visitor knows; None when it names
    none, or none of this case."""
    uids = [sent.get(name, "") for name in _NAMES]
    if not all(_UID.fullmatch(uid) for uid in uids):
        return None
    study, series, instance = (visit.view.real(uid) for uid in uids)
    theirs = {one.StudyInstanceUID for one in visit.case.studies}
    if study not in theirs or series is None or instance is None:
        return None
    frame = sent.get("frame", "1")
    known = frame.isascii() and frame.isdigit() and 1 <= int(frame[:9]) <= _MOST_FRAMES
    return ImagePointed(
        study,
        series,
        instance,
        int(frame) if known else 1,
        (text_only(sent.get("label", "")) or "").strip()[:200],
    )
