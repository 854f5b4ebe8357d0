"""WADO-RS: metadata, instances and bulk data (PS3.18 10.4)."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator

from flask import Response, request

from server.archive import Archive, ArchiveFailed, Instance, NotInArchive, Stream
from server.dicomweb.accept import (
    ANYTHING,
    DICOM,
    EXPLICIT_LITTLE,
    JSON,
    MULTIPART,
    OCTETS,
    choose,
    choose_dicom,
    nothing_acceptable,
)
from server.dicomweb.answers import (
    CHANGING,
    UNCHANGING,
    UNTRUSTED,
    boundary_of,
    streamed,
    with_own_addresses,
)
from server.dicomweb.multipart import Unwrapped, closing, part_head, unwrap
from server.dicomweb.pixels import HEAD_BYTES, stored_syntax
from server.dicomweb.scope import Pass, inside, outside, wishes
from server.foundation.errors import NotAcceptable, Refused

PDF = "application/pdf"
ENCAPSULATED_DOCUMENT = "00420011"
_BULK_PATH = re.compile(r"[0-9A-Fa-f]{8}(/[0-9]{1,6}/[0-9A-Fa-f]{8}){0,8}")


class DocumentIsNotPdf(Refused):
    """An encapsulated document that is no PDF never leaves as a document: browsers might run it."""


def metadata(
    pass_: Pass, study: str, series: str | None = None, instance: str | None = None
) -> Response:
    """`GET .../metadata` at three levels: the DICOM JSON Model, passed through as it comes."""
    path = inside(pass_, study, series, instance)
    media_type = choose(wishes(), (JSON, "application/json"))
    base = pass_.prefix
    tag = _state(pass_.archive, base, study, series, instance)
    if tag in request.if_none_match:
        unchanged = Response(status=304, headers={"Cache-Control": CHANGING})
        unchanged.set_etag(tag)
        return unchanged
    stream = pass_.archive.open_dicomweb(f"{path}/metadata", accept=JSON)
    response = streamed(
        with_own_addresses(stream, base),
        content_type=media_type,
        length=None,
        cache=CHANGING,
        close=stream.close,
    )
    response.set_etag(tag)
    return response


def _state(
    archive: Archive, base: str, study: str, series: str | None, instance: str | None
) -> str:
    """An entity tag: it changes whenever an instance is added to what is described."""
    found = []
    for candidate in archive.candidates(study, series, instance):
        try:
            if instance is not None:
                found.append(f"{archive.instance(candidate).orthanc_id}")
            elif series is not None:
                one = archive.series(candidate)
                found.append(f"{one.orthanc_id} {len(one.instance_ids)} {one.last_update}")
            else:
                count = archive.study_instance_count(candidate)
                found.append(f"{candidate} {count} {archive.study(candidate).last_update}")
        except NotInArchive:
            continue
    if not found:
        raise outside()
    return hashlib.sha256("\n".join([base, *found]).encode()).hexdigest()[:32]


def retrieve(
    pass_: Pass, study: str, series: str | None = None, instance: str | None = None
) -> Response:
    """`GET` of a study, a series or an instance: DICOM files, one part each, in any number."""
    inside(pass_, study, series, instance)
    multipart, syntax = choose_dicom(wishes(), single=instance is not None)
    instances = _instances(pass_.archive, study, series, instance)
    first = _File(pass_.archive, instances[0], syntax)
    if not multipart:
        return streamed(
            first.chunks(),
            content_type=DICOM,
            length=first.length,
            cache=UNCHANGING,
            close=first.close,
        )
    boundary = boundary_of(*(one.orthanc_id for one in instances), str(syntax))
    length = None
    if syntax == "*":
        sizes = [one.file_size_bytes for one in instances]
        heads = [_head(boundary, size, position) for position, size in enumerate(sizes)]
        length = sum(sizes) + sum(map(len, heads)) + len(closing(boundary))
    return streamed(
        _parts(pass_.archive, boundary, syntax, first, instances),
        content_type=f'{MULTIPART}; type="{DICOM}"; boundary={boundary}',
        length=length,
        cache=UNCHANGING if instance is not None else CHANGING,
        close=first.close,
    )


def _head(boundary: str, size: int, position: int) -> bytes:
    return part_head(boundary, DICOM, size, first=position == 0)


def _instances(
    archive: Archive, study: str, series: str | None, instance: str | None
) -> list[Instance]:
    found: list[Instance] = []
    for candidate in archive.candidates(study, series, instance):
        try:
            if instance is not None:
                found.append(archive.instance(candidate))
            elif series is not None:
                found.extend(archive.series_instances(candidate))
            else:
                found.extend(archive.study_instances(candidate))
        except NotInArchive:
            continue
    if not found:
        raise outside()
    return found


class _File:
    """One instance, open, in the transfer syntax asked for as far as that is possible.

    `syntax` is a UID, `*` (as stored), or None: Explicit VR Little Endian where Orthanc can make
    it, else as stored, for the file itself says what it is. Raises NotAcceptable when a UID cannot
    be had.
    """

    def __init__(self, archive: Archive, instance: Instance, syntax: str | None) -> None:
        self._stream: Stream = archive.open_file(instance.orthanc_id)
        self._begun = b""
        self.length = self._stream.content_length or instance.file_size_bytes
        if syntax == "*":
            return
        self._begun = self._stream.read(HEAD_BYTES)
        if stored_syntax(self._begun) == (syntax or EXPLICIT_LITTLE):
            return
        try:
            other = archive.open_transcoded(instance.orthanc_id, syntax or EXPLICIT_LITTLE)
        except ArchiveFailed as error:
            if syntax is None:
                return
            self.close()
            raise NotAcceptable(
                "This instance cannot be given in the transfer syntax asked for.",
                remedy="Ask for it as it is stored, with transfer-syntax=*.",
            ) from error
        self.close()
        self._stream, self._begun, self.length = other, b"", other.content_length or 0

    def chunks(self) -> Iterator[bytes]:
        yield self._begun
        yield from self._stream.chunks()

    def close(self) -> None:
        self._stream.close()


def _parts(
    archive: Archive, boundary: str, syntax: str | None, first: _File, instances: list[Instance]
) -> Iterator[bytes]:
    for position, instance in enumerate(instances):
        file = first if position == 0 else _File(archive, instance, syntax)
        try:
            yield _head(boundary, file.length, position)
            yield from file.chunks()
        finally:
            file.close()
    yield closing(boundary)


def bulkdata(pass_: Pass, study: str, series: str, instance: str, attribute: str) -> Response:
    """`GET .../bulk/<path>`: one attribute's value, where the metadata's BulkDataURI points."""
    path = inside(pass_, study, series, instance)
    if not _BULK_PATH.fullmatch(attribute):
        raise outside()
    return _bulk(pass_.archive, path, attribute.lower())


def _bulk(archive: Archive, path: str, attribute: str) -> Response:
    is_document = attribute.endswith(ENCAPSULATED_DOCUMENT)
    media_type, multipart = _bulk_form((PDF, OCTETS) if is_document else (OCTETS,))
    part = unwrap(archive.open_dicomweb(f"{path}/bulk/{attribute}", accept=ANYTHING))
    chunks = _only_pdf(part) if is_document else part.chunks()
    content_type, length = media_type, part.length
    if multipart:
        boundary = boundary_of(path, attribute)
        head = part_head(boundary, media_type, part.length, first=True)
        chunks = itertools.chain([head], chunks, [closing(boundary)])
        content_type = f'{MULTIPART}; type="{media_type}"; boundary={boundary}'
        length += len(head) + len(closing(boundary))
    response = streamed(
        chunks, content_type=content_type, length=length, cache=UNCHANGING, close=part.stream.close
    )
    response.headers["Content-Security-Policy"] = UNTRUSTED
    if is_document:
        response.headers["Content-Disposition"] = 'attachment; filename="document.pdf"'
    return response


def _only_pdf(part: Unwrapped) -> Iterator[bytes]:
    chunks = part.chunks()
    begun = next(chunks, b"") or next(chunks, b"")
    if not begun.startswith(b"%PDF"):
        part.stream.close()
        raise DocumentIsNotPdf("This document is not a PDF and is not given out.")
    return itertools.chain([begun], chunks)


def _bulk_form(offered: tuple[str, ...]) -> tuple[str, bool]:
    for wish in wishes():
        for media_type in offered:
            if wish.covers(media_type):
                return media_type, wish.multipart
    raise nothing_acceptable(offered)


def document(pass_: Pass, path: str) -> Response:
    """The encapsulated PDF of the instance at `path`. Raises NotInArchive when it holds none."""
    return _bulk(pass_.archive, path, ENCAPSULATED_DOCUMENT)
