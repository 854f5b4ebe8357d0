"""Sending files to a case by hand, and reading its documents."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from flask import Response, jsonify, request, send_file

from server.access.door import Route
from server.access.permissions import Account, Action, Holder
from server.archive import ArchiveUnavailable
from server.cases.queries import document
from server.dicom.files import RefusedFile
from server.foundation.errors import BadRequest
from server.intake.uploads import PDF_MAGIC, plain_name, receive
from server.web.pages.layout import page
from server.web.problems import wants_json
from server.web.visit import Visit

# A document is somebody else's file: it may not run, fetch, or reach what lies on this origin.
DOCUMENT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class NothingSent(BadRequest):
    """The form came without a file."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file. `outcome` is accepted, refused or later."""

    name: str
    outcome: str
    detail: str


def send_files(visit: Visit) -> Response:
    """Take files one by one: what is refused is named with its reason, and the rest goes on."""
    sent = [file for file in request.files.getlist("files") if file.filename]
    if not sent:
        raise NothingSent("No file was sent.", remedy="Choose DICOM files or PDF documents first.")
    outcomes = [_take(visit, file.filename or "", file.read()) for file in sent]
    visit.note(
        accepted=sum(one.outcome == "accepted" for one in outcomes),
        refused=sum(one.outcome != "accepted" for one in outcomes),
    )
    if wants_json():
        return jsonify({"files": [asdict(one) for one in outcomes]})
    back = request.path.removesuffix("files")
    return page(
        visit, "files_sent.html", case=visit.case, outcomes=outcomes, back=back.rstrip("/") or "/"
    )


def _take(visit: Visit, name: str, content: bytes) -> Outcome:
    # A file that is not taken must leave nothing behind, and the others must stay.
    step = visit.session.begin_nested()
    try:
        taken = receive(
            visit.session,
            visit.services.archive,
            visit.services.files,
            visit.case,
            name=name,
            content=content,
            sender=_sender(visit),
            now=visit.now,
        )
    except ArchiveUnavailable:
        step.rollback()
        said = "The image archive does not answer. Send this file again later."
        return Outcome(plain_name(name), "later", said)
    if isinstance(taken, RefusedFile):
        step.rollback()
        return Outcome(taken.name, "refused", taken.reason)
    step.commit()
    return Outcome(taken.name, "accepted", taken.detail)


def _sender(visit: Visit) -> str:
    actor = visit.actor
    return actor.name if isinstance(actor, Account | Holder) else actor.text


def read_document(visit: Visit, document_id: str) -> Response:
    """One document of the case; shown when it is a real PDF, otherwise only saved."""
    kept = document(visit.case, document_id)
    path = visit.services.files.path(kept.sha256)
    with path.open("rb") as content:
        is_pdf = content.read(len(PDF_MAGIC)) == PDF_MAGIC
    place = visit.case.documents.index(kept) + 1
    name = f"{visit.case.number}-document-{place}" + (".pdf" if is_pdf else ".bin")
    response = send_file(
        path,
        mimetype="application/pdf" if is_pdf else "application/octet-stream",
        as_attachment=not is_pdf or "download" in request.args,
        download_name=name,
    )
    response.headers["Content-Security-Policy"] = DOCUMENT_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    visit.note(document=kept.id)
    return response


ROUTES = [
    Route("/r/<launch>/files", send_files, Action.IMAGES_SEND, ("POST",)),
    Route("/cases/<number>/files", send_files, Action.IMAGES_SEND, ("POST",)),
    Route("/r/<launch>/documents/<document_id>", read_document, Action.DOCUMENT_READ),
    Route("/cases/<number>/documents/<document_id>", read_document, Action.DOCUMENT_READ),
]
