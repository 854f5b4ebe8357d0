"""Frames that were prepared: as they lie there, in other forms, and without Orthanc."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from server.archive import Archive
from server.dicom.frame_shape import FrameShape
from server.dicom.transfer_syntaxes import HTJ2K_RPCL
from server.dicomweb.pixels.transcoding import decoded, encoded
from server.prepared.manifest import Manifest, PreparedInstance
from server.prepared.metadata import write_array
from server.prepared.shelf import FRAME_CONTENT_TYPE, FRAMES, MANIFEST, Shelf, frame_body
from tests.archive.files import pixels
from tests.archive.orthanc_process import free_port
from tests.dicomweb.conftest import Caller
from tests.dicomweb.media import pictures
from tests.dicomweb.samples import parts_of

pytestmark = pytest.mark.orthanc

OCTETS = 'multipart/related; type="application/octet-stream"'
ANY = f"{OCTETS}; transfer-syntax=*"
JSON = "application/dicom+json"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG = b"\xff\xd8 a picture drawn before \xff\xd9"

Prepared = Callable[[Archive | None], Caller]


@pytest.fixture
def away() -> Iterator[Archive]:
    """An Orthanc that does not answer."""
    archive = Archive(f"http://127.0.0.1:{free_port(21200)}", "", "", timeout_s=1)
    yield archive
    archive.close()


def natives(name: str) -> list[bytes]:
    if name == "plain":
        return [pixels(1).tobytes()]
    count = range(1, pictures.ULTRASOUND_FRAMES + 1)
    return [pictures.ultrasound_native(number, planar=name == "us-planar") for number in count]


def prepare(archive: Archive, shelf: Shelf, name: str, broken: int = 0) -> PreparedInstance:
    """What preparation leaves of one of our pictures; frame `broken` is listed as unreadable."""
    dataset = {one.SOPInstanceUID: one for one in pictures.everything()}[pictures.uid_of(name)[1]]
    series, instance = pictures.uid_of(name)
    (orthanc_id,) = archive.candidates(pictures.STUDY, series)
    (instance_id,) = archive.candidates(pictures.STUDY, series, instance)
    shape = FrameShape.read(dataset)
    frames = [encoded(native, HTJ2K_RPCL, shape) for native in natives(name)]
    folder = shelf.folder(pictures.STUDY, series)
    (folder / FRAMES).mkdir(parents=True)
    for number, frame in enumerate(frames, 1):
        if number != broken:
            path = shelf.frame(pictures.STUDY, series, instance, number)
            path.write_bytes(frame_body(HTJ2K_RPCL, frame))
    prepared = PreparedInstance(
        SOPInstanceUID=instance,
        SOPClassUID=dataset.SOPClassUID,
        orthanc_id=instance_id,
        TransferSyntaxUID=dataset.file_meta.TransferSyntaxUID,
        NumberOfFrames=len(frames),
        frame_syntax=HTJ2K_RPCL,
        frame_bytes=tuple(
            0 if number == broken else len(frame) for number, frame in enumerate(frames, 1)
        ),
        problem="cut off" if broken else "",
        **{name: value for name, value in vars(shape).items() if name != "is_float"},
    )
    said = dataset.to_json_dict(bulk_data_threshold=0, bulk_data_element_handler=lambda _: "")
    del said["7FE00010"]
    updated = archive.series(orthanc_id).last_update
    assert updated is not None
    manifest = Manifest(
        pictures.STUDY, series, orthanc_id, 1, updated.isoformat(), said, instances=(prepared,)
    )
    with shelf.metadata(pictures.STUDY, series).open("wb") as file:
        write_array(file, [json.dumps(said).encode()])
    shelf.thumbnail(pictures.STUDY, series).write_bytes(JPEG)
    (folder / MANIFEST).write_text(json.dumps(manifest.written()))
    return prepared


def frames_of(name: str, numbers: str = "1") -> str:
    return f"{pictures.path_of(name)}/frames/{numbers}"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_studys_metadata_are_one_list_of_all_prepared_series(
    media_archive: Archive, shelf: Shelf, prepared: Prepared, away: Archive, encoding: str
) -> None:
    names = ("us", "us-planar", "plain")
    for name in names:
        prepare(media_archive, shelf, name)
    answer = prepared(away).get(
        f"/studies/{pictures.STUDY}/metadata", JSON, **{"Accept-Encoding": encoding}
    )
    packed = answer.headers.get("Content-Encoding") == "gzip"
    found = json.loads(gzip.decompress(answer.data) if packed else answer.data)
    uids = {one["00080018"]["Value"][0] for one in found}
    assert uids == {pictures.uid_of(name)[1] for name in names}
    assert len(found) == len(names)


def test_a_prepared_frame_is_sent_as_it_lies_there(
    media_archive: Archive, shelf: Shelf, prepared: Prepared
) -> None:
    prepare(media_archive, shelf, "us")
    caller = prepared(None)
    path = shelf.frame(pictures.STUDY, *pictures.uid_of("us"), 2)
    response = caller.get(frames_of("us", "2"), ANY)
    assert response.data == path.read_bytes()
    assert response.content_type == FRAME_CONTENT_TYPE
    state = path.stat()
    assert response.headers["ETag"] == f'"{int(state.st_mtime):x}-{state.st_size:x}"'
    part = caller.get(frames_of("us", "2"), ANY, Range="bytes=100-199")
    assert (part.status_code, part.data) == (206, response.data[100:200])
    tag = {"If-None-Match": response.headers["ETag"]}
    assert caller.get(frames_of("us", "2"), ANY, **tag).status_code == 304


@pytest.mark.parametrize("name", ["plain", "us", "us-planar"])
def test_prepared_frames_are_given_in_other_forms_without_orthanc(
    media_archive: Archive, shelf: Shelf, prepared: Prepared, away: Archive, name: str
) -> None:
    instance = prepare(media_archive, shelf, name)
    shape = FrameShape.read(instance)
    caller = prepared(away)
    numbers = list(range(1, instance.NumberOfFrames + 1))
    listed = ",".join(map(str, numbers))
    assert [body for _, body in parts_of(caller.get(frames_of(name, listed), OCTETS))] == natives(
        name
    )
    bare = caller.get(frames_of(name), "application/octet-stream")
    assert bare.data == natives(name)[0]
    for accept, syntax in (
        (ANY, HTJ2K_RPCL),
        ('multipart/related; type="image/jphc"', HTJ2K_RPCL),
        ('multipart/related; type="image/jls"', JPEG_LS),
    ):
        parts = parts_of(caller.get(frames_of(name, listed), accept))
        assert {head["content-type"].rpartition("=")[2] for head, _ in parts} == {syntax}
        assert [decoded(body, syntax, shape) for _, body in parts] == natives(name)
    bulk = caller.get(f"{pictures.path_of(name)}/bulk/7fe00010", "application/octet-stream")
    assert bulk.data == b"".join(natives(name))


def test_pictures_of_a_prepared_series_are_drawn_without_orthanc(
    media_archive: Archive, shelf: Shelf, prepared: Prepared, away: Archive
) -> None:
    path = f"{pictures.path_of('plain')}/rendered"
    with_orthanc = prepared(None).get(path, "image/png")
    prepare(media_archive, shelf, "plain")
    without = prepared(away).get(path, "image/png")
    assert (without.status_code, without.data) == (200, with_orthanc.data)


def test_a_prepared_thumbnail_is_sent_as_it_lies_there(
    media_archive: Archive, shelf: Shelf, prepared: Prepared, away: Archive
) -> None:
    prepare(media_archive, shelf, "plain")
    series = pictures.path_of("plain").partition("/instances/")[0]
    for caller in (prepared(None), prepared(away)):
        response = caller.get(f"{series}/thumbnail", "image/jpeg")
        assert (response.status_code, response.data) == (200, JPEG)
    of_study = prepared(away).get(f"/studies/{pictures.STUDY}/thumbnail", "image/jpeg")
    assert of_study.data == JPEG
    drawn = prepared(None).get(f"{series}/thumbnail?viewport=16,16", "image/png")
    assert int.from_bytes(drawn.data[16:20]) == 16


def test_an_unreadable_frame_is_told_and_the_others_are_given(
    media_archive: Archive, shelf: Shelf, prepared: Prepared
) -> None:
    prepare(media_archive, shelf, "us", broken=3)
    caller = prepared(None)
    for accept in (ANY, OCTETS):
        assert caller.get(frames_of("us", "2"), accept).status_code == 200
        for numbers in ("3", "1,3"):
            response = caller.get(frames_of("us", numbers), accept)
            assert response.status_code == 404
            assert response.json["error"]["code"] == "frame_broken"


def test_what_was_given_up_on_the_shelf_comes_from_orthanc(
    media_archive: Archive, shelf: Shelf, prepared: Prepared
) -> None:
    prepare(media_archive, shelf, "us")
    shelf.frame(pictures.STUDY, *pictures.uid_of("us"), 2).unlink()
    caller = prepared(None)
    for accept in (ANY, OCTETS):
        (_, second) = parts_of(caller.get(frames_of("us", "1,2"), accept))
        shape = FrameShape.read(pictures.ultrasound(planar=False))
        syntax = second[0]["content-type"].rpartition("=")[2]
        assert decoded(second[1], syntax, shape) == natives("us")[1]


def test_a_series_that_grew_is_not_taken_from_the_shelf(
    media_archive: Archive, shelf: Shelf, prepared: Prepared
) -> None:
    prepare(media_archive, shelf, "plain")
    series, _ = pictures.uid_of("plain")
    manifest = shelf.series(pictures.STUDY, series)
    assert manifest is not None
    grown = replace(manifest, instance_count=2)
    folder = shelf.folder(pictures.STUDY, series)
    (folder / MANIFEST).write_text(json.dumps(grown.written()))
    ((head, body),) = parts_of(prepared(None).get(frames_of("plain"), ANY))
    assert head["content-type"].endswith("1.2.840.10008.1.2.1")
    assert body == natives("plain")[0]
