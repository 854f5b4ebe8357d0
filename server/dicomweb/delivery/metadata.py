"""WADO-RS metadata (PS3.18 10.4.1.1.2): prepared when the study came in, sent as it lies there.

A series' prepared metadata is a compressed file, which leaves as it is to whoever takes gzip. What it
says of bulk data is relative to the series' address. A browser completes that by itself; programs seldom
do, so for them a copy with whole addresses is kept beside it. Only single instances, whole studies and
what was not prepared yet are worked on while they stream.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import hashlib
import json
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from flask import Response, request

from server.archive import NotInArchive, Stream
from server.dicomweb.media.accept import JSON, choose
from server.dicomweb.media.answers import CHANGING, streamed
from server.dicomweb.views.scope import Pass, inside, outside, wishes
from server.dicomweb.views.view import View
from server.prepared.describing import described
from server.prepared.manifest import Manifest
from server.prepared.metadata import text_of, written
from server.prepared.way import MOST_S, Way

CHUNK_BYTES = 64 * 1024
VARY = "Accept, Accept-Encoding, Authorization, Cookie"
LARGEST_DATASET_BYTES = 64 * 1024 * 1024
_RELATIVE = re.compile(rb'("BulkDataURI"\s*:\s*")(instances/)')
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_DECODER = json.JSONDecoder()


def metadata(
    pass_: Pass, study: str, series: str | None = None, instance: str | None = None
) -> Response:
    """`GET .../metadata` at three levels, in the DICOM JSON Model."""
    inside(pass_, study, series, instance)
    media_type = choose(wishes(), (JSON, "application/json"))
    prepared = _prepared(pass_, study, series)
    if prepared is not None:
        # What was prepared may be given up at any moment, and the disk may be full.
        with contextlib.suppress(OSError):
            return _from_the_shelf(pass_, media_type, prepared, series, instance)
    return _passed_through(pass_, media_type, study, series, instance)


def _from_the_shelf(
    pass_: Pass,
    media_type: str,
    prepared: list[Manifest],
    series: str | None,
    instance: str | None,
) -> Response:
    if series is not None and instance is None:
        return _whole_series(pass_, media_type, prepared[0])
    if instance is not None and instance not in prepared[0].by_uid:
        raise outside()
    files = [_file_of(pass_, one) for one in prepared]
    tag = _tag_of(pass_, files, instance or "")
    if request.if_none_match.contains_weak(tag):
        return _unchanged(tag)
    bases = [_address_of(pass_, one.StudyInstanceUID, one.SeriesInstanceUID) for one in prepared]
    shown = instance and pass_.view.shown(instance)
    with contextlib.ExitStack() as opened:
        texts = [_datasets(_unpacked(path, opened), shown) for path in files]
        body = _joined(map(_addressed, texts, bases))
        return _answer(body, media_type, tag, opened.pop_all().close)


def _prepared(pass_: Pass, study: str, series: str | None) -> list[Manifest] | None:
    """The manifests of everything asked for, or None when some of it is not prepared."""
    if series is not None:
        manifest = pass_.current(study, series)
        return None if manifest is None else [manifest]
    holdings = pass_.holdings.study(study)
    if holdings is None:
        return list(pass_.shelf.study(study)) or None
    found = [pass_.current(study, uid) for uid in holdings.series]
    whole = [manifest for manifest in found if manifest is not None]
    return whole if whole and len(whole) == len(found) else None


def _file_of(pass_: Pass, manifest: Manifest) -> Path:
    """The prepared metadata as this caller may see it; made when this view sees it first."""
    uids = manifest.StudyInstanceUID, manifest.SeriesInstanceUID
    path = pass_.shelf.metadata(*uids, pass_.view.id)
    if pass_.view.pseudonymised:
        plain = pass_.shelf.metadata(*uids)
        with contextlib.suppress(OSError):
            if path.stat().st_mtime_ns >= plain.stat().st_mtime_ns:
                return path
        write_view(plain, path, pass_.view)
    return path


def write_view(plain: Path, path: Path, view: View) -> None:
    """Writes the metadata of a series as `view` shows it beside the plain one, at once and whole."""
    with gzip.open(plain) as file:
        datasets = json.load(file)
    shown = [one for dataset in datasets if (one := view.json(dataset)) is not None]
    body = json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
    _write(path, [body])


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    new = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident():x}.part")
    try:
        with (
            os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
            gzip.GzipFile("", "wb", 6, file, 0) as packed,
        ):
            for piece in pieces:
                packed.write(piece)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _address_of(pass_: Pass, study: str, series: str) -> bytes:
    """The address of a series for this caller, with a slash at its end."""
    study, series = map(pass_.view.shown, (study, series))
    return f"{pass_.prefix}/studies/{study}/series/{series}/".encode()


def _with_whole_addresses(pass_: Pass, manifest: Manifest, relative: Path) -> Path:
    """The copy whose addresses are whole; made when a program asks first. Raises OSError.

    There is one for each public address of the server, so that changing it leaves at most one behind,
    which goes when the series is prepared anew or given up.
    """
    address = _address_of(pass_, manifest.StudyInstanceUID, manifest.SeriesInstanceUID)
    name = hashlib.sha256(address).hexdigest()[:16]
    path = relative.with_name(relative.name.replace(".json.gz", f".{name}.json.gz"))
    with contextlib.suppress(OSError):
        if path.stat().st_mtime_ns >= relative.stat().st_mtime_ns:
            return path
    with contextlib.ExitStack() as opened:
        _write(path, _addressed(_unpacked(relative, opened), address))
    return path


def _whole_series(pass_: Pass, media_type: str, manifest: Manifest) -> Response:
    path = _file_of(pass_, manifest)
    if manifest.has_bulk and not pass_.prefix.startswith("/"):
        path = _with_whole_addresses(pass_, manifest, path)
    tag = _tag_of(pass_, [path])
    if request.if_none_match.contains_weak(tag):
        return _unchanged(tag)
    if not _takes_gzip():
        with contextlib.ExitStack() as opened:
            return _answer(_unpacked(path, opened), media_type, tag, opened.pop_all().close)
    file = path.open("rb")
    response = streamed(
        iter(lambda: file.read(CHUNK_BYTES), b""),
        content_type=media_type,
        length=os.fstat(file.fileno()).st_size,
        cache=CHANGING,
        close=file.close,
    )
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = VARY
    response.set_etag(tag)
    return response


def _takes_gzip() -> bool:
    return request.accept_encodings["gzip"] > 0


def _answer(
    body: Iterable[bytes], media_type: str, tag: str, close: Callable[[], None]
) -> Response:
    """Metadata that is not sent as it lies there; compressed as it streams where that is taken."""
    packed = _takes_gzip()
    response = streamed(
        _packed(body) if packed else body,
        content_type=media_type,
        length=None,
        cache=CHANGING,
        close=close,
    )
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = VARY
    response.set_etag(tag)
    return response


def _unchanged(tag: str) -> Response:
    response = Response(status=304, headers={"Cache-Control": CHANGING})
    response.headers["Vary"] = VARY
    response.set_etag(tag)
    return response


def _tag_of(pass_: Pass, files: list[Path], *more: str) -> str:
    """A strong entity tag: of the content, of the addresses in it and of its packing."""
    packing = "gzip" if _takes_gzip() else ""
    digest = hashlib.sha256("\0".join((pass_.prefix, packing, *more)).encode())
    for path in files:
        state = path.stat()
        digest.update(f"{path} {state.st_mtime_ns} {state.st_size}".encode())
    return digest.hexdigest()[:32]


def _unpacked(path: Path, opened: contextlib.ExitStack) -> Iterator[bytes]:
    """The text of a prepared file. It is opened now: it may be given up while it is being read."""
    file = opened.enter_context(gzip.GzipFile(path))
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def _packed(body: Iterable[bytes]) -> Iterator[bytes]:
    # Level 1: this is the way of what was not prepared, and the line is slower than level 1.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for piece in body:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _datasets(text: Iterator[bytes], instance: str | None) -> Iterator[bytes]:
    """The datasets of a prepared series, one after the other without what stands around them; of
    one instance only, when it is named."""
    return _without_brackets(text) if instance is None else _only(text, instance)


def _only(text: Iterator[bytes], SOPInstanceUID: str) -> Iterator[bytes]:
    for dataset in datasets_of(text):
        if dataset.get(_INSTANCE, {}).get("Value") == [SOPInstanceUID]:
            yield json.dumps(dataset, separators=(",", ":"), ensure_ascii=False).encode()
            return


def _without_brackets(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What stands between the brackets of an array of objects, without space at either end."""
    held, begun = b"", False
    for piece in pieces:
        held += piece
        if not begun:
            held = held.lstrip()
            begun = bool(held)
            held = held.removeprefix(b"[").lstrip() if begun else held
        cut = len(held.rstrip(b" \t\r\n]"))  # behind the last object only these follow
        yield held[:cut]
        held = held[cut:]
    yield held.rstrip().removesuffix(b"]").rstrip()


def _joined(series: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    yield b"["
    first = True
    for pieces in series:
        begun = False
        for piece in pieces:
            if piece and not begun:
                begun = True
                yield b"" if first else b","
                first = False
            yield piece
    yield b"]"


def _addressed(pieces: Iterable[bytes], prefix: bytes) -> Iterator[bytes]:
    """Bulk data that is named from its series, named from the origin or in full instead: `prefix` is
    the series' address."""
    replacement = rb"\g<1>" + prefix.replace(b"\\", b"\\\\") + rb"\g<2>"
    held = b""
    for piece in pieces:
        held += piece
        cut = held.rfind(b"}") + 1
        if cut:
            yield _RELATIVE.sub(replacement, held[:cut])
            held = held[cut:]
    yield held


def _passed_through(
    pass_: Pass, media_type: str, study: str, series: str | None, instance: str | None
) -> Response:
    path = inside(pass_, study, series, instance)
    tag = _state(pass_, study, series, instance)
    if request.if_none_match.contains_weak(tag):
        return _unchanged(tag)
    Way(pass_.shelf.root).ask(MOST_S)
    if series is None and (pass_.hidden.series or len(pass_.archive.patient_ids(study)) > 1):
        return _series_by_series(pass_, media_type, study, tag)
    stream = pass_.archive.open_dicomweb(f"{path}/metadata", accept=JSON)
    return _answer(_told(pass_, stream), media_type, tag, stream.close)


def _series_by_series(pass_: Pass, media_type: str, study: str, tag: str) -> Response:
    """A study whose UID somebody else used too: Orthanc's plugin answers for neither as a whole."""
    with contextlib.ExitStack() as opened:
        bodies = []
        for candidate in pass_.archive.candidates(study):
            for one in pass_.archive.study_series(candidate):
                path = inside(pass_, study, one.SeriesInstanceUID)
                stream = pass_.archive.open_dicomweb(f"{path}/metadata", accept=JSON)
                opened.callback(stream.close)
                bodies.append(_without_brackets(_told(pass_, stream)))
        return _answer(_joined(bodies), media_type, tag, opened.pop_all().close)


def _told(pass_: Pass, stream: Stream) -> Iterator[bytes]:
    """What is not prepared, each dataset as it will lie there once it is."""
    first, way = True, Way(pass_.shelf.root)
    yield b"["
    for dataset in described(pass_.archive, stream):
        way.ask()
        shown = pass_.view.json(dataset)
        if shown is not None:
            yield b"" if first else b","
            address = _address_of(pass_, text_of(dataset, _STUDY), text_of(dataset, _SERIES))
            yield from _addressed([written(shown)], address)
            first = False
    yield b"]"


def datasets_of(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The datasets of a JSON array, each as soon as it is there. Raises ValueError for another text.

    At most one dataset and one piece are held in memory.
    """
    held, begun = "", False
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        held += decoder.decode(piece)
        while True:
            held = held.lstrip(" \r\n\t," if begun else " \r\n\t[")
            begun = begun or bool(held)
            if not held or held[0] == "]":
                break
            try:
                dataset, end = _DECODER.raw_decode(held)
            except ValueError:
                if len(held) > LARGEST_DATASET_BYTES:
                    raise
                break
            yield dataset
            held = held[end:]
    if held.strip(" \r\n\t]"):
        raise ValueError("The metadata ends in the middle of a dataset.")


def _state(pass_: Pass, study: str, series: str | None, instance: str | None) -> str:
    """An entity tag: it changes whenever an instance is added to what is described."""
    archive, found = pass_.archive, []
    for candidate in archive.candidates(study, series, instance):
        try:
            if instance is not None:
                found.append(archive.instance(candidate).file_uuid)
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
    packing = "gzip" if _takes_gzip() else ""
    seen = "\n".join([pass_.prefix, packing, pass_.view.id, *found])
    return hashlib.sha256(seen.encode()).hexdigest()[:32]
