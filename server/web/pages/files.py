"""Sending files to a case by a plain form, and reading its documents."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, jsonify, request, send_file
from werkzeug.datastructures import FileStorage

from server.access.action import Action
from server.access.door import Route
from server.cases.queries import document
from server.foundation.db import new_id
from server.foundation.errors import BadRequest
from server.intake.uploads import actions as uploads
from server.intake.uploads.kinds import (
    HEAD_BYTES,
    HEIC,
    JPEG,
    PDF,
    PNG,
    STL,
    TAIL_BYTES,
    TIFF,
    Document,
    kind_of,
)
from server.web.languages import say, say_count
from server.web.pages.layout import go
from server.web.problems import wants_json
from server.web.tus import PIECE_BYTES, folder_of, sender_of
from server.web.visit import Visit

# A document is somebody else's file: it may not run, fetch, or reach what lies on this origin.
DOCUMENT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
ENDINGS = {PDF: ".pdf", JPEG: ".jpg", PNG: ".png", TIFF: ".tif", HEIC: ".heic", STL: ".stl"}
# What every browser shows by itself; the rest is saved.
SHOWN = (PDF, JPEG, PNG)


class NothingSent(BadRequest):
    """The form came without a file."""


def send_files(visit: Visit) -> Response:
    """Keep what a form brought and have it looked through; the page of uploads says what became of it."""
    sent = [file for file in request.files.getlist("files") if file.filename]
    if not sent:
        raise NothingSent("No file was sent.", remedy="Choose DICOM files or PDF documents first.")
    names = [_keep(visit, file) for file in sent]
    visit.note(files=len(names))
    if wants_json():
        return jsonify({"files": [{"name": name, "outcome": "received"} for name in names]})
    if len(names) == 1:
        said = say("The file is here and will be looked through within a minute.")
    else:
        files = say_count(len(names), "file")
        said = say("{files} are here and will be looked through within a minute.", files=files)
    return go(f"{request.path.removesuffix('/files')}/uploads", said)


def _keep(visit: Visit, file: FileStorage) -> str:
    """Lay one file where uploads lie, and note it as whole."""
    folder, upload_id, now = folder_of(visit), new_id(), visit.services.clock()
    size = _size(file)
    folder.check_room(size)
    try:
        folder.put(upload_id, _pieces(file), size)
        with visit.services.db.writing() as session:
            begun = uploads.begin(
                session,
                visit.case,
                upload_id=upload_id,
                name=file.filename or "",
                size_bytes=size,
                sender=sender_of(visit),
                limits=uploads.Limits.of(visit.services.settings),
                now=now,
            )
            uploads.complete(session, upload_id, now)
    except Exception:
        folder.remove(upload_id)
        raise
    return begun.name


def _size(file: FileStorage) -> int:
    size = file.stream.seek(0, 2)
    file.stream.seek(0)
    return size


def _pieces(file: FileStorage) -> Iterator[bytes]:
    while piece := file.stream.read(PIECE_BYTES):
        yield piece


def read_document(visit: Visit, document_id: str) -> Response:
    """One document of the case; shown when it really is what browsers show, otherwise only saved."""
    kept = document(visit.case, document_id)
    path = visit.services.files.path(kept.sha256)
    with path.open("rb") as content:
        head = content.read(HEAD_BYTES)
        content.seek(max(0, path.stat().st_size - TAIL_BYTES))
        kind = kind_of(head, content.read(TAIL_BYTES), "")
    # A binary STL cannot be told by its bytes: what was said when it was taken counts.
    model = STL if kept.media_type == STL.media_type else None
    known = kind if isinstance(kind, Document) else model
    place = visit.case.documents.index(kept) + 1
    ending = ENDINGS[known] if known else ".bin"
    response = send_file(
        path,
        mimetype=known.media_type if known else "application/octet-stream",
        as_attachment=known not in SHOWN or "download" in request.args,
        download_name=f"{visit.case.number}-document-{place}{ending}",
    )
    response.headers["Content-Security-Policy"] = DOCUMENT_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    visit.note(document=kept.id)
    return response


ROUTES = [
    Route("/r/<launch>/files", send_files, Action.IMAGES_SEND, ("POST",), streams=True),
    Route("/cases/<number>/files", send_files, Action.IMAGES_SEND, ("POST",), streams=True),
    Route("/r/<launch>/documents/<document_id>", read_document, Action.DOCUMENT_READ),
    Route("/cases/<number>/documents/<document_id>", read_document, Action.DOCUMENT_READ),
]
