"""WADO-RS: whole DICOM files of a study, a series or an instance (PS3.18 10.4.1.1.1)."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from flask import Response

from server.archive import Archive, Instance, NotInArchive
from server.dicomweb.delivery.files import OpenFile, SyntaxNotAvailable, open_file
from server.dicomweb.media.accept import DICOM, MULTIPART, choose_dicom
from server.dicomweb.media.answers import CHANGING, UNCHANGING, boundary_of
from server.dicomweb.media.multipart import closing, part_head
from server.dicomweb.media.ranges import (
    Segment,
    delivered,
    flowing,
    of_bytes,
    strong_tag,
    unchanged,
)
from server.dicomweb.pixels.framing import Place
from server.dicomweb.views.scope import Pass, inside, outside, wishes

MOST_TRIED = 200  # instances, to find one that can be had in the transfer syntax asked for


def retrieve(
    pass_: Pass, study: str, series: str | None = None, instance: str | None = None
) -> Response:
    """`GET` of a study, a series or an instance: DICOM files, one part each, in any number."""
    path = inside(pass_, study, series, instance)
    forms = choose_dicom(wishes(), single=instance is not None)
    instances = _instances(pass_.archive, study, series, instance)
    place = Place(study, series or "", instance or "", path)
    for multipart, syntax in forms[:-1]:
        with contextlib.suppress(SyntaxNotAvailable):
            return _answer(pass_, place, instances, multipart, syntax)
    return _answer(pass_, place, instances, *forms[-1])


def _answer(
    pass_: Pass, place: Place, instances: list[Instance], multipart: bool, syntax: str | None
) -> Response:
    """The files in one form. Raises SyntaxNotAvailable, StudyOutsideGrant."""
    cache = UNCHANGING if place.instance else CHANGING
    tag = strong_tag(
        "files", pass_.view.id, multipart, syntax, *(one.file_uuid for one in instances)
    )
    known = unchanged(tag, cache)
    if known is not None:
        return known
    if len(instances) > 1 and syntax not in (None, "*"):
        _check_some_can(pass_, place, syntax, instances)
    files = _files(pass_, place, syntax, instances)
    first = next(files, None)
    if first is None:
        raise outside()
    if not multipart:
        return _alone(first, tag)
    boundary = boundary_of(tag)
    content_type = f'{MULTIPART}; type="{DICOM}"; boundary={boundary}'
    segments = _segments(pass_, place, syntax, instances, first, boundary)
    if segments is not None:
        return delivered(
            segments, content_type=content_type, tag=tag, cache=cache, close=first.close
        )
    return flowing(
        _parts(boundary, itertools.chain([first], files)),
        content_type=content_type,
        tag=tag,
        cache=cache,
        close=first.close,
    )


def _check_some_can(
    pass_: Pass, place: Place, syntax: str | None, instances: list[Instance]
) -> None:
    """Raises SyntaxNotAvailable when not one of several instances can be had in this syntax."""
    problem: SyntaxNotAvailable | None = None
    for one in instances[:MOST_TRIED]:
        try:
            file = open_file(pass_, place, one.orthanc_id, syntax)
        except SyntaxNotAvailable as error:
            problem = error
            continue
        if file is not None:
            file.close()
            return
    if problem is not None:
        raise problem


def _alone(file: OpenFile, tag: str) -> Response:
    if file.length is None:
        return flowing(
            file.chunks(), content_type=DICOM, tag=tag, cache=UNCHANGING, close=file.close
        )
    return delivered(
        [_segment(file, file.length)],
        content_type=DICOM,
        tag=tag,
        cache=UNCHANGING,
        close=file.close,
    )


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


def _files(
    pass_: Pass, place: Place, syntax: str | None, instances: list[Instance]
) -> Iterator[OpenFile]:
    """The files one after the other, without those that this caller may not see.

    Each part has a transfer syntax of its own (PS3.18 8.7.8.2): a report among pictures cannot be
    compressed, and leaves as it would for whoever names none.
    """
    for one in instances:
        try:
            file = open_file(pass_, place, one.orthanc_id, syntax)
        except SyntaxNotAvailable:
            if len(instances) == 1:
                raise
            file = open_file(pass_, place, one.orthanc_id, None)
        if file is not None:
            yield file


def _segment(file: OpenFile, length: int) -> Segment:
    """An open file as a part of a body, to be read once."""

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        try:
            yield from _cut(file.chunks(), start, stop)
        finally:
            file.close()

    return Segment(length, chunks)


def _cut(chunks: Iterator[bytes], start: int, stop: int) -> Iterator[bytes]:
    position = 0
    for piece in chunks:
        begin, end = max(0, start - position), max(0, stop - position)
        position += len(piece)
        if piece[begin:end]:
            yield piece[begin:end]
        # A file that is read to its end leaves its connection usable: no return at `stop` then.
        if position > stop:
            return


def _segments(
    pass_: Pass,
    place: Place,
    syntax: str | None,
    instances: list[Instance],
    first: OpenFile,
    boundary: str,
) -> list[Segment] | None:
    """The whole body with all its lengths, where they are known before the files are opened."""
    if len(instances) > 1 and (syntax != "*" or pass_.view.pseudonymised):
        return None
    if first.length is None:
        return None
    segments: list[Segment] = []
    for position, one in enumerate(instances):
        length = one.file_size_bytes if position else first.length
        segments.append(of_bytes(part_head(boundary, DICOM, length, first=position == 0)))
        segments.append(_later(pass_, place, one, length) if position else _segment(first, length))
    return [*segments, of_bytes(closing(boundary))]


def _later(pass_: Pass, place: Place, instance: Instance, length: int) -> Segment:
    def chunks(start: int, stop: int) -> Iterator[bytes]:
        file = open_file(pass_, place, instance.orthanc_id, "*")
        if file is None or file.length != length:
            raise EOFError("A file has another length than Orthanc said.")
        yield from _segment(file, length).chunks(start, stop)

    return Segment(length, chunks)


def _parts(boundary: str, files: Iterator[OpenFile]) -> Iterator[bytes]:
    for position, file in enumerate(files):
        try:
            yield part_head(boundary, DICOM, file.length, first=position == 0)
            yield from file.chunks()
        finally:
            file.close()
    yield closing(boundary)
