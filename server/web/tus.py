"""Uploads that can be taken up again: the tus protocol 1.0 with creation, creation-with-upload,
expiration, termination and checksum.

A piece goes to the disk as it comes, in no transaction and never whole in memory; the database hears of
the first byte and of the last. How much has come is the size of the file. Concatenation is not offered:
one file is sent in one row of pieces, several files beside each other.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import ClientDisconnected

from server.access.action import Action
from server.access.door import REMEMBERED_FOR_S, Route
from server.access.permissions import Account, Holder, Program
from server.foundation import audit
from server.foundation.db import new_id
from server.foundation.errors import BadRequest, MarginError, NotUnderstood, UnsupportedMedia
from server.intake.uploads import actions as uploads
from server.intake.uploads.queries import upload_of_case
from server.intake.uploads.records import Upload
from server.intake.uploads.resumable import (
    CHECKSUMS,
    Checksum,
    UploadFolder,
    UploadNotFound,
    checksum_of,
)
from server.web.visit import Visit

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination,checksum"
PIECE_TYPE = "application/offset+octet-stream"
PIECE_BYTES = 256 * 1024
LEAST_PIECE_BYTES = 4 * 1024
SLOW_S = 1.0
LONGEST_METADATA = 4096
AT_ONCE_BYTES = 4_000_000
# A line that is silent for so long is given up; what came over it is kept.
SILENCE_S = 60.0
# A withdrawn link stops within 5 s (docs/operations.md).
READMITTED_EVERY_S = REMEMBERED_FOR_S
NOTHING = 204
CREATED = 201


class VersionNotSpoken(NotUnderstood):
    """The asker speaks another version of tus."""


class HeaderUnusable(BadRequest):
    """A header that the protocol needs is missing or makes no sense."""


class NotAPiece(UnsupportedMedia):
    """The body is not a piece of a file."""


class AlreadyWhole(uploads.UploadIncomplete):
    """A whole upload takes no more pieces and cannot be given up."""


def folder_of(visit: Visit) -> UploadFolder:
    settings = visit.services.settings
    return UploadFolder(settings.uploads_dir, settings.upload_reserve_mb * uploads.MB)


def sender_of(visit: Visit) -> str:
    """Who sends, as the case's page shows it."""
    actor = visit.actor
    return actor.name if isinstance(actor, Account | Holder | Program) else actor.text


def offer(visit: Visit) -> Response:
    """What is spoken here."""
    response = Response(status=NOTHING)
    response.headers["Tus-Version"] = VERSION
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Checksum-Algorithm"] = ",".join(CHECKSUMS)
    response.headers["Tus-Max-Size"] = str(uploads.Limits.of(visit.services.settings).file_bytes)
    return _tus(response)


def create(visit: Visit) -> Response:
    """Begin an upload; a first piece may come with it."""
    _check_version()
    size = _number("Upload-Length")
    told = _metadata()
    checksum = _checksum()
    if request.headers.get("Upload-Defer-Length") or request.headers.get("Upload-Concat"):
        raise HeaderUnusable("This is not offered here.", remedy="Say how long the file is.")
    folder, upload_id = folder_of(visit), new_id()
    folder.check_room(size)
    offset, begun = 0, None
    if request.mimetype != PIECE_TYPE:
        begun = _begin(visit, upload_id, size, told)
    elif request.content_length == size <= AT_ONCE_BYTES:
        # The whole of a small file in one request needs one transaction, when it is on disk.
        offset = folder.put(upload_id, _pieces(visit), size, checksum)
        begun = _begin(visit, upload_id, size, told, offset)
    else:
        # The row stands before the first byte: when the line breaks, the page finds the upload again.
        begun = _begin(visit, upload_id, size, told)
        pieces = _pieces(visit)
        offset = folder.append(upload_id, pieces, offset=0, total=size, checksum=checksum)
        if offset == size:
            _complete(visit, begun)
    response = _standing(Response(status=CREATED), begun, offset)
    response.headers["Location"] = f"{request.path}/{upload_id}"
    return response


def _begin(
    visit: Visit, upload_id: str, size: int, told: dict[str, str], offset: int | None = None
) -> Upload:
    """Note an upload; `offset` is how much of it is on disk already, None while it has no file."""
    services, folder = visit.services, folder_of(visit)
    now = services.clock()
    try:
        with services.db.writing() as session:
            begun = uploads.begin(
                session,
                visit.case,
                upload_id=upload_id,
                name=told.get("filename", ""),
                size_bytes=size,
                sender=sender_of(visit),
                limits=uploads.Limits.of(services.settings),
                now=now,
                fingerprint=told.get("fingerprint", ""),
            )
            if offset is None:
                folder.begin(upload_id)
            if (offset or 0) == size:
                uploads.complete(session, upload_id, now)
            _record(session, visit, begun)
    except MarginError:
        folder.remove(upload_id)
        raise
    return begun


def _record(session: Session, visit: Visit, upload: Upload) -> None:
    """The line in the trail, in the transaction of the upload: of thousands of files each has one."""
    audit.append(
        session,
        actor=visit.actor.text,
        action=Action.IMAGES_SEND.value,
        object_=f"{request.method} {request.url_rule} {visit.case.number}",
        outcome="done",
        now=visit.now,
        case_number=visit.case.number,
        details={"upload": upload.id[:8], "bytes": upload.size_bytes},
    )


def standing(visit: Visit, upload_id: str) -> Response:
    """How much of an upload has come."""
    _check_version()
    upload = upload_of_case(visit.session, upload_id, visit.case.id)
    if upload.state == "ended":
        raise UploadNotFound("This upload was given up.", remedy="Send the file anew.")
    response = _standing(Response(status=200), upload, _offset(visit, upload))
    response.headers["Upload-Length"] = str(upload.size_bytes)
    response.headers["Cache-Control"] = "no-store"
    return response


def take(visit: Visit, upload_id: str) -> Response:
    """Write the next piece."""
    _check_version()
    if request.mimetype != PIECE_TYPE:
        raise NotAPiece(f"A piece of an upload is sent as {PIECE_TYPE}.")
    offset, checksum = _number("Upload-Offset"), _checksum()
    with visit.services.db.reading() as session:
        upload = upload_of_case(session, upload_id, visit.case.id)
    folder = folder_of(visit)
    if upload.state != "receiving":
        if offset != upload.size_bytes or upload.state == "ended":
            raise AlreadyWhole("This upload takes nothing more.", remedy="Reload the page.")
        return _standing(Response(status=NOTHING), upload, offset)
    folder.check_room(min(request.content_length or 0, upload.size_bytes - offset))
    reached = folder.append(
        upload_id, _pieces(visit), offset=offset, total=upload.size_bytes, checksum=checksum
    )
    if reached == upload.size_bytes:
        _complete(visit, upload)
        visit.note(upload=upload_id[:8], bytes=upload.size_bytes)
    return _standing(Response(status=NOTHING), upload, reached)


def give_up(visit: Visit, upload_id: str) -> Response:
    """End an upload that is not whole."""
    _check_version()
    with visit.services.db.writing() as session:
        upload = upload_of_case(session, upload_id, visit.case.id)
        ended = uploads.end(session, upload, visit.now)
    if not ended:
        raise AlreadyWhole(
            "This file is here whole; it cannot be taken back.", remedy="Ask the coordinator."
        )
    folder_of(visit).remove(upload_id)
    visit.note(upload=upload_id[:8], given_up=True)
    return _tus(Response(status=NOTHING))


def _complete(visit: Visit, upload: Upload) -> None:
    with visit.services.db.writing() as session:
        uploads.complete(session, upload.id, visit.services.clock())


def _offset(visit: Visit, upload: Upload) -> int:
    if upload.state == "receiving":
        return folder_of(visit).offset(upload.id)
    return upload.size_bytes


def _pieces(visit: Visit) -> Iterator[bytes]:
    """The body as it comes. Ends where the line ends: what came before is kept. Whoever may not send any
    more is stopped within seconds, at the latest at the end; raises what the door raises."""
    asked_at, wanted = time.monotonic(), LEAST_PIECE_BYTES
    # gunicorn's; other servers wait as long as they like.
    line: Any = request.environ.get("gunicorn.socket")
    if line is not None:
        line.settimeout(SILENCE_S)
    try:
        while True:
            begun_at = time.monotonic()
            try:
                piece = request.stream.read(wanted)
            except (ClientDisconnected, OSError):
                return
            # Of a slow line little at a time, so that little is lost when it breaks.
            is_slow = time.monotonic() - begun_at > SLOW_S
            wanted = LEAST_PIECE_BYTES if is_slow else min(2 * wanted, PIECE_BYTES)
            if time.monotonic() - asked_at >= READMITTED_EVERY_S:
                visit.readmit()
                asked_at = time.monotonic()
            if not piece:
                return
            yield piece
    finally:
        if line is not None:
            line.settimeout(None)


def _tus(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    return response


def _standing(response: Response, upload: Upload, offset: int) -> Response:
    response.headers["Upload-Offset"] = str(offset)
    if offset < upload.size_bytes:
        response.headers["Upload-Expires"] = format_datetime(
            upload.expires_at.astimezone(UTC), usegmt=True
        )
    return _tus(response)


def _check_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise VersionNotSpoken(
            "This address speaks tus 1.0.0.", remedy="Send “Tus-Resumable: 1.0.0”."
        )


def _number(header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise HeaderUnusable(f"{header} has to be a whole number of bytes.")
    return int(text)


def _checksum() -> Checksum | None:
    text = request.headers.get("Upload-Checksum", "")
    return checksum_of(text) if text else None


def _metadata() -> dict[str, str]:
    """Upload-Metadata: names, and values in base64. Raises HeaderUnusable."""
    text = request.headers.get("Upload-Metadata", "")
    if len(text) > LONGEST_METADATA:
        raise HeaderUnusable("Upload-Metadata is longer than 4096 characters.")
    told = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        name, _, encoded = pair.partition(" ")
        try:
            told[name] = base64.b64decode(encoded, validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as reason:
            raise HeaderUnusable("Upload-Metadata is not in base64.") from reason
    return told


def _both(url: str, view: Any, methods: tuple[str, ...], *, streams: bool = False) -> list[Route]:
    return [
        Route(f"{base}/uploads{url}", view, Action.IMAGES_SEND, methods, streams)
        for base in ("/r/<launch>", "/cases/<number>")
    ]


ROUTES = [
    *_both("", offer, ("OPTIONS",)),
    *_both("", create, ("POST",), streams=True),
    *_both("/<upload_id>", standing, ("HEAD",)),
    *_both("/<upload_id>", take, ("PATCH",), streams=True),
    *_both("/<upload_id>", give_up, ("DELETE",), streams=True),
]
