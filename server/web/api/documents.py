"""Letters and reports of a case: sent as files, classified, and read again."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any

from flask import Response, request
from msgspec import Meta
from werkzeug.datastructures import FileStorage

from server.access.action import Action
from server.cases.actions import keep_document
from server.cases.queries import case_by_id, document
from server.cases.records import Case, CaseDocument
from server.dossier import actions
from server.dossier.queries import facts_of_document
from server.dossier.records import DocumentFacts
from server.foundation.errors import Conflict, FieldProblem, TooLarge, UnsupportedMedia
from server.intake.uploads.judging import LARGEST_DOCUMENT_BYTES
from server.intake.uploads.kinds import (
    HEAD_BYTES,
    PDF,
    TAIL_BYTES,
    Document,
    NotTaken,
    NotWanted,
    kind_of,
)
from server.web.api.endpoint import BASE, Endpoint, Given, Media, Part, Sent
from server.web.api.fields import (
    AN_ID,
    AT,
    NUMBER,
    Href,
    Id,
    Line,
    Moment,
    OfRound,
    PartialDay,
    Word,
)
from server.web.api.fitting import RequestRefused, fitted
from server.web.forms import text_only
from server.web.pages.files import read_document
from server.web.pages.uploads import takes_files
from server.web.tus import sender_of
from server.web.visit import Visit

TAG = "Records"
MB = 1024 * 1024


class DocumentTooLarge(TooLarge):
    """A document is larger than any letter or report needs to be."""


class NotADocument(UnsupportedMedia):
    """The file is not of a kind that is kept as a document."""


class CaseTakesNothing(Conflict):
    """The case is not in a state in which documents are added."""


class DocumentSaid(Sent):
    """What a document is."""

    kind: Annotated[Word, Meta(description="One of `document_kinds` of the vocabulary.")]
    language: Annotated[Word, Meta(description="One of `languages`, or empty.")] = ""
    dated_on: PartialDay = ""
    translation_of: Annotated[
        str, Meta(max_length=32, description="Id of the original, where it is a translation.")
    ] = ""
    also: Annotated[
        list[str], Meta(max_length=40, description="Further items of the checklist that it covers.")
    ] = []  # noqa: RUF012 - copied by msgspec


class DocumentRead(Given):
    """A document of the case."""

    href: Href
    id: Id
    title: Line
    media_type: str
    size_bytes: int
    sha256: str
    received_at: Moment
    received_from: str
    round: OfRound
    kind: Annotated[str, Meta(description="Empty while nobody has classified it.")]
    language: str
    dated_on: str
    translation_of: str | None
    also: list[str]


class Documents(Given):
    """The documents of the case, in the order in which they came."""

    documents: list[DocumentRead]


def list_documents(visit: Visit) -> Documents:
    """The case's documents."""
    facts = facts_of_document(visit.session, visit.case.id)
    return Documents(
        documents=[_read(visit.case, one, facts.get(one.id)) for one in visit.case.documents]
    )


def send_document(visit: Visit) -> Response | DocumentRead:
    """Keep one PDF; with `kind` it is classified at once. The same content is kept once."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise RequestRefused(
            "No document came.", [FieldProblem("/file", "Send the PDF as the part “file”.")]
        )
    if not takes_files(visit):
        raise CaseTakesNothing(
            "This case takes nothing more.", remedy="Ask the coordinator what to do."
        )
    said = _said()
    content = _content(sent)
    title = text_only(PurePosixPath(sent.filename.replace("\\", "/")).name) or "document.pdf"
    sha256 = visit.services.files.put(content)
    with visit.services.db.writing() as session:
        case = case_by_id(session, visit.case.id)
        kept = keep_document(
            session,
            case,
            title=title,
            media_type=PDF.media_type,
            size_bytes=len(content),
            sha256=sha256,
            received_from=sender_of(visit),
            now=visit.services.clock(),
        )
        session.expire(case, ["documents"])
        facts = None
        if said is not None:
            facts = _classify(visit, session, case, kept.id, said)
        read = _read(case, kept, facts)
    visit.note(document=kept.id, bytes=len(content))
    return read


def _said() -> DocumentSaid | None:
    """The parts beside the file, held against the model of a classification."""
    parts: dict[str, Any] = {
        name: values if name == "also" else values[0] for name, values in request.form.lists()
    }
    return fitted(DocumentSaid, parts) if parts else None


def _content(sent: FileStorage) -> bytes:
    content = sent.stream.read(LARGEST_DOCUMENT_BYTES + 1)
    if len(content) > LARGEST_DOCUMENT_BYTES:
        raise DocumentTooLarge(
            f"The document is larger than {LARGEST_DOCUMENT_BYTES // MB} MB.",
            remedy="Send it in parts.",
        )
    kind = kind_of(content[:HEAD_BYTES], content[-TAIL_BYTES:], sent.filename or "")
    if kind != PDF:
        why = kind.reason if isinstance(kind, NotTaken | NotWanted) else ""
        what = f"This is a {kind.word}." if isinstance(kind, Document) else why
        raise NotADocument(
            f"Only PDF is taken here. {what}".strip(),
            remedy="Send images, scans and archives by the address for uploads.",
        )
    return content


def classify(visit: Visit, document_id: str, body: DocumentSaid) -> DocumentRead:
    """Say what a document is."""
    facts = _classify(visit, visit.session, visit.case, document_id, body)
    visit.note(document=document_id, kind=body.kind)
    return _read(visit.case, document(visit.case, document_id), facts)


def _classify(
    visit: Visit, session: Any, case: Case, document_id: str, said: DocumentSaid
) -> DocumentFacts:
    return actions.classify(
        session,
        case,
        document_id,
        kind=said.kind,
        language=said.language,
        dated_on=said.dated_on,
        translation_of=said.translation_of,
        also=said.also,
        by=visit.actor.text,
        now=visit.now,
    )


def _read(case: Case, kept: CaseDocument, facts: DocumentFacts | None) -> DocumentRead:
    return DocumentRead(
        href=f"{BASE}/cases/{case.number}/documents/{kept.id}",
        id=kept.id,
        title=kept.title,
        media_type=kept.media_type,
        size_bytes=kept.size_bytes,
        sha256=kept.sha256,
        received_at=kept.received_at,
        received_from=kept.received_from,
        round=kept.round,
        kind=facts.kind if facts else "",
        language=facts.language if facts else "",
        dated_on=facts.dated_on if facts else "",
        translation_of=facts.translation_of if facts else None,
        also=list(facts.also) if facts else [],
    )


_DOCUMENT = DocumentRead(
    href=f"{BASE}/cases/{NUMBER}/documents/{AN_ID}",
    id=AN_ID,
    title="report.pdf",
    media_type="application/pdf",
    size_bytes=88_214,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    received_at=AT,
    received_from="program 3f2b8c1d PACS bridge",
    round=1,
    kind="radiology_report",
    language="en",
    dated_on="2026-11-14",
    translation_of=None,
    also=[],
)
_DOCUMENTS = "/cases/<number>/documents"

ENDPOINTS = (
    Endpoint(
        "GET", _DOCUMENTS, list_documents, Action.DOCUMENT_READ, TAG,
        "Letters and reports", Documents, Documents(documents=[_DOCUMENT]),
    ),
    Endpoint(
        "POST", _DOCUMENTS, send_document, Action.DOCUMENT_SEND, TAG,
        "Send a letter or report", DocumentRead, _DOCUMENT,
        description="A PDF of at most 64 MB as multipart/form-data. The same content is kept once, "
        "so that sending it again does no harm.",
        parts=(
            Part("file", "The PDF.", required=True, is_file=True),
            Part("kind", "One of `document_kinds`; without it somebody classifies it later."),
            Part("language", "One of `languages`."),
            Part("dated_on", "YYYY, YYYY-MM or YYYY-MM-DD."),
            Part("translation_of", "Id of the original, where it is a translation."),
        ),
        status=201, streams=True, refusals=("not_a_document", "case_takes_nothing"),
    ),
    Endpoint(
        "GET", f"{_DOCUMENTS}/<document_id>", read_document, Action.DOCUMENT_READ, TAG,
        "Read a document", Media("*/*", "The file as it was sent."),
    ),
    Endpoint(
        "PUT", f"{_DOCUMENTS}/<document_id>", classify, Action.RECORDS_FILL, TAG,
        "Say what a document is", DocumentRead, _DOCUMENT,
        body=DocumentSaid,
        sent=DocumentSaid(kind="radiology_report", language="en", dated_on="2026-11-14"),
    ),
)  # fmt: skip
