"""A frame has two representations, as stored and as prepared. They are never taken for each other: not
while a series is prepared again, not when something else came under the same UIDs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from server.archive import Archive
from server.dicom.frame_shape import FrameShape
from server.dicomweb.pixels.transcoding import decoded
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import FRAMES, MANIFEST, Shelf
from tests.archive.files import ct_slice, pixels, written
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess, running_orthanc
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app
from tests.dicomweb.media import pictures
from tests.dicomweb.pseudonymised import Reader, reading_of

pytestmark = pytest.mark.orthanc

STUDY, SERIES = "1.2.826.91", "1.2.826.91.1"
FIRST = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1"
OCTETS = 'multipart/related; type="application/octet-stream"'
ANY = f"{OCTETS}; transfer-syntax=*"
HTJ2K = "1.2.840.10008.1.2.4.202"
KINDS = ("us", "us-planar", "plain", "big-endian", "SC_rgb_jpeg_dcmtk.dcm")
WISHES = (
    ("/frames/1", ANY),
    ("/frames/1", OCTETS),
    ("/frames/1", "*/*"),
    ("/frames/1", f"image/jphc; transfer-syntax={HTJ2K}"),
    ("/frames/1,1", ANY),
    ("/frames/1,1", f"{OCTETS}; transfer-syntax={HTJ2K}"),
    ("/bulk/7fe00010", "application/octet-stream"),
    ("/rendered", "image/png"),
    ("/thumbnail", "image/jpeg"),
    ("", "application/dicom; transfer-syntax=*"),
    ("/metadata", "application/dicom+json"),
)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("two-orthanc")) as process:
        yield process


@pytest.fixture
def archive(orthanc: OrthancProcess) -> Iterator[Archive]:
    archive = orthanc.archive()
    for number in (1, 2):
        archive.store_instance(slice_of(number))
    yield archive
    archive.delete_study(archive.find_study(STUDY).orthanc_id)
    archive.close()


def slice_of(number: int, shown: int = 0) -> bytes:
    """Slice `number`, with the pixels of another one where `shown` names it."""
    dataset = ct_slice("TWICE", STUDY, SERIES, number)
    dataset.PixelData = pixels(shown or number).tobytes()
    return written(dataset)


def prepare(archive: Archive, shelf: Shelf, study: str, series: str) -> None:
    (series_id,) = archive.candidates(study, series)
    Preparer(archive, shelf, Room(shelf.root, 10**9)).prepare(study, series_id)


def caller_of(archive: Archive, shelf: Shelf, study: str) -> Callable[..., Any]:
    """Asks a gateway that remembers nothing of before."""
    app = gateway_app(archive, {"reader": HandMadeScope(frozenset({study}))}, shelf=shelf)
    return Caller(app.test_client(), "reader").get


def is_one_answer(before: Any, after: Any) -> bool:
    return (before.data, before.content_type) == (after.data, after.content_type)


def check_told_apart(ask: Callable[..., Any], path: str, accept: str, before: Any) -> None:
    """What a client kept of `before` is confirmed or gone on with only where it is what there is now."""
    tag, after = before.headers["ETag"], ask(path, accept)
    assert after.status_code == 200
    is_same = tag == after.headers["ETag"]
    assert not is_same or is_one_answer(before, after)
    again = ask(path, accept, **{"If-None-Match": tag})
    assert again.status_code == (304 if is_same else 200)
    rest = ask(path, accept, **{"Range": "bytes=40-", "If-Range": tag})
    if rest.status_code == 206:
        assert is_same
        assert before.data[:40] + rest.data == after.data
    else:
        assert (rest.status_code, rest.data) == (200, after.data)


@pytest.mark.parametrize("name", KINDS)
def test_what_was_begun_before_is_not_gone_on_with_in_another_form(
    media_archive: Archive, tmp_path: Path, name: str
) -> None:
    shelf = Shelf(tmp_path)
    series, _ = pictures.uid_of(name)
    ask = caller_of(media_archive, shelf, pictures.STUDY)
    wishes = [(pictures.path_of(name) + path, accept) for path, accept in WISHES]
    answers = [(one, ask(*one)) for one in wishes]
    answers = [(one, before) for one, before in answers if before.status_code == 200]
    assert len(answers) > len(WISHES) / 2
    prepare(media_archive, shelf, pictures.STUDY, series)
    ask = caller_of(media_archive, shelf, pictures.STUDY)
    prepared = [(one, ask(*one)) for one, _ in answers]
    for (path, accept), before in answers:
        check_told_apart(ask, path, accept, before)
    for file in (shelf.folder(pictures.STUDY, series) / FRAMES).iterdir():
        file.unlink()
    for (path, accept), before in [*answers, *prepared]:
        check_told_apart(ask, path, accept, before)


def test_an_overview_is_completed_only_from_the_frames_that_it_was_made_of(
    archive: Archive, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path)
    prepare(archive, shelf, STUDY, SERIES)
    ask = caller_of(archive, shelf, STUDY)
    answer = ask(f"/studies/{STUDY}/series/{SERIES}/overview?resolution=16", "*/*")
    line, _, begun = answer.data.partition(b"\n")
    head = json.loads(line)
    path = f"/studies/{STUDY}/series/{SERIES}/instances/{head['SOPInstanceUID']}/frames/1"
    first, last = head["start"] + head["bytes"], head["start"] + head["total"] - 1
    more = {"Range": f"bytes={first}-{last}", "If-Range": f'"{head["etag"]}"'}
    rest = ask(path, ANY, **more)
    assert rest.status_code == 206
    manifest = shelf.series(STUDY, SERIES)
    assert manifest is not None
    shape = FrameShape.read(manifest.instances[0])
    frame = begun[: head["bytes"]] + rest.data
    number = int(head["SOPInstanceUID"].rpartition(".")[2])
    assert decoded(frame, HTJ2K, shape) == pixels(number).tobytes()
    shutil.rmtree(shelf.folder(STUDY, SERIES))
    ask = caller_of(archive, shelf, STUDY)
    assert ask(path, ANY, **more).status_code == 200


def replace_first(orthanc: OrthancProcess, archive: Archive) -> None:
    """The first slice is deleted and sent again with other pixels, and a third one comes."""
    (first,) = archive.candidates(STUDY, SERIES, f"{SERIES}.1")
    httpx.delete(f"{orthanc.url}/instances/{first}", auth=(USER, PASSWORD)).raise_for_status()
    archive.store_instance(slice_of(1, shown=50))
    archive.store_instance(slice_of(3))


def test_what_was_sent_again_with_other_pixels_is_something_else(
    orthanc: OrthancProcess, archive: Archive, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path)
    ask = caller_of(archive, shelf, STUDY)
    answers = [(path, accept, ask(FIRST + path, accept)) for path, accept in WISHES]
    prepare(archive, shelf, STUDY, SERIES)
    ask = caller_of(archive, shelf, STUDY)
    answers += [(path, accept, ask(FIRST + path, accept)) for path, accept in WISHES]
    updated = archive.series(*archive.candidates(STUDY, SERIES)).last_update
    while archive.series(*archive.candidates(STUDY, SERIES)).last_update == updated:
        # Orthanc's clock has whole seconds; nothing is deleted and sent again within one.
        replace_first(orthanc, archive)
    ask = caller_of(archive, shelf, STUDY)
    for path, accept, before in answers:
        check_told_apart(ask, FIRST + path, accept, before)
    prepare(archive, shelf, STUDY, SERIES)
    ask = caller_of(archive, shelf, STUDY)
    for path, accept, before in answers:
        check_told_apart(ask, FIRST + path, accept, before)
    whole = ask(f"{FIRST}/bulk/7fe00010", "application/octet-stream").data
    assert np.array_equal(np.frombuffer(whole, "<i2"), pixels(50).ravel())
    assert pixels(50).tobytes() in ask(f"{FIRST}/frames/1", OCTETS).data


@pytest.fixture
def reader(archive: Archive, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Reader]:
    with reading_of(archive, migrated_sqlite, tmp_path, STUDY, pseudonymised=False) as reader:
        prepare(archive, reader.shelf, STUDY, SERIES)
        yield reader


def test_files_of_another_version_are_not_sent_as_they_lie_there(reader: Reader) -> None:
    listed = reader.shelf.folder(STUDY, SERIES) / MANIFEST
    listed.write_text(json.dumps({**json.loads(listed.read_text()), "version": 1}))
    reader.shelf.frame(STUDY, SERIES, f"{SERIES}.1", 1).write_bytes(b"another form")
    for _ in range(2):  # the second time it is known who asks
        answer = reader.ask(f"{FIRST}/frames/1", ANY)
        assert pixels(1).tobytes() in answer.data
