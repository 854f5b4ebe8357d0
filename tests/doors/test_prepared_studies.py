"""What was prepared is given out by the real application, here while its archive does not answer."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.access import actions as access
from server.access import door
from server.access.queries import GrantRevoked
from server.access.records import Grant
from server.access.tokens import sha256
from server.app import create_app
from server.dicomweb.delivery import metadata
from server.dicomweb.media import answers
from server.dicomweb.views.currency import Held, is_current
from server.foundation import audit
from server.foundation.clock import utc_now
from server.foundation.settings import Settings
from server.prepared.manifest import Manifest, PreparedInstance
from server.prepared.shelf import Shelf, frame_body
from tests.world import INSIDE_STUDY, OUTSIDE_STUDY, World

Visit = Callable[[str], tuple[FlaskClient, str]]
SERIES = "1.2.826.0.1.3680043.8.498.77"
HTJ2K = "1.2.840.10008.1.2.4.201"
ANY_FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
FRAME = b"\xff\x4f a codestream " + bytes(range(256)) * 40


def dataset(study: str, number: int) -> dict[str, object]:
    return {
        "00080018": {"vr": "UI", "Value": [f"{SERIES}.{number}"]},
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
        "0020000D": {"vr": "UI", "Value": [study]},
        "0020000E": {"vr": "UI", "Value": [SERIES]},
        "00200013": {"vr": "IS", "Value": [number]},
    }


def prepare(shelf: Shelf, study: str, count: int = 3) -> None:
    """A series of `count` instances of one frame each, as preparation leaves it."""
    datasets = [dataset(study, number) for number in range(1, count + 1)]
    for number in range(1, count + 1):
        path = shelf.frame(study, SERIES, f"{SERIES}.{number}", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(frame_body(HTJ2K, FRAME + bytes([number])))
    text = json.dumps(datasets, separators=(",", ":")).encode()
    shelf.metadata(study, SERIES).write_bytes(gzip.compress(text, mtime=0))
    manifest = Manifest(
        StudyInstanceUID=study,
        SeriesInstanceUID=SERIES,
        orthanc_id="a-series",
        instance_count=count,
        last_update="",
        attributes=datasets[0],
        instances=tuple(
            PreparedInstance(
                SOPInstanceUID=f"{SERIES}.{number}",
                SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
                orthanc_id=f"an-instance-{number}",
                TransferSyntaxUID="1.2.840.10008.1.2.1",
                NumberOfFrames=1,
                frame_syntax=HTJ2K,
                frame_bytes=(len(FRAME) + 1,),
            )
            for number in range(1, count + 1)
        ),
    )
    (shelf.folder(study, SERIES) / "manifest.json").write_text(json.dumps(manifest.written()))


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    shelf = Shelf(settings.cache_dir)
    prepare(shelf, INSIDE_STUDY)
    prepare(shelf, OUTSIDE_STUDY)
    return shelf


@pytest.fixture
def opened(visit: Visit, shelf: Shelf) -> tuple[FlaskClient, str]:
    """A surgeon who has opened the series: the client, and the address of its instances."""
    client, base = visit("surgeon")
    series = f"{base}/dicom-web/studies/{INSIDE_STUDY}/series/{SERIES}"
    assert client.get(f"{series}/metadata", buffered=True).status_code == 200
    return client, f"{series}/instances"


def revoke(app: Flask, world: World) -> None:
    with app.extensions["margin"].db.writing() as session:
        grant = session.query(Grant).filter_by(token_sha256=sha256(world.tokens["surgeon"])).one()
        access.revoke_grant(session, grant, by="test", why="test", now=utc_now())


def frame(number: int = 1) -> str:
    return f"/{SERIES}.{number}/frames/1"


def test_a_prepared_frame_leaves_as_it_lies_on_disk(
    opened: tuple[FlaskClient, str], shelf: Shelf
) -> None:
    client, instances = opened
    for number in (1, 2, 3):
        answer = client.get(instances + frame(number), headers={"Accept": ANY_FRAME})
        path = shelf.frame(INSIDE_STUDY, SERIES, f"{SERIES}.{number}", 1)
        assert answer.status_code == 200
        assert answer.data == path.read_bytes()
        assert answer.content_length == path.stat().st_size
        assert "boundary=" in answer.content_type
        assert "immutable" in answer.headers["Cache-Control"]


def test_a_browser_asks_again_and_is_told_that_nothing_changed(
    opened: tuple[FlaskClient, str],
) -> None:
    client, instances = opened
    first = client.get(instances + frame(), headers={"Accept": ANY_FRAME})
    again = client.get(
        instances + frame(),
        headers={"Accept": ANY_FRAME, "If-None-Match": first.headers["ETag"]},
    )
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "status", "begin", "end"),
    [
        ("bytes=0-99", 206, 0, 100),
        ("bytes=100-", 206, 100, None),
        ("bytes=-50", 206, -50, None),
        ("bytes=10-10000000", 206, 10, None),
        ("bytes=0-1,5-9", 200, 0, None),
        ("bytes=9-5", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_a_part_of_a_frame_is_given(
    opened: tuple[FlaskClient, str],
    shelf: Shelf,
    asked: str,
    status: int,
    begin: int,
    end: int | None,
) -> None:
    client, instances = opened
    whole = shelf.frame(INSIDE_STUDY, SERIES, f"{SERIES}.1", 1).read_bytes()
    answer = client.get(instances + frame(), headers={"Accept": ANY_FRAME, "Range": asked})
    assert answer.status_code == status
    assert answer.data == whole[begin:end]
    if status == 206:
        first = whole.index(answer.data) if begin >= 0 else len(whole) + begin
        last = first + len(answer.data) - 1
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"


def test_a_part_beyond_the_end_is_refused_with_the_length(
    opened: tuple[FlaskClient, str], shelf: Shelf
) -> None:
    client, instances = opened
    size = shelf.frame(INSIDE_STUDY, SERIES, f"{SERIES}.1", 1).stat().st_size
    answer = client.get(
        instances + frame(), headers={"Accept": ANY_FRAME, "Range": f"bytes={size}-"}, buffered=True
    )
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["error"]["code"] == "range_beyond_end"


def test_a_part_of_what_has_changed_is_given_whole(opened: tuple[FlaskClient, str]) -> None:
    client, instances = opened
    headers = {"Accept": ANY_FRAME, "Range": "bytes=0-9", "If-Range": '"another"'}
    assert client.get(instances + frame(), headers=headers, buffered=True).status_code == 200


def test_the_head_of_a_frame_says_how_long_it_is(
    opened: tuple[FlaskClient, str], shelf: Shelf
) -> None:
    client, instances = opened
    answer = client.head(instances + frame(), headers={"Accept": ANY_FRAME})
    path = shelf.frame(INSIDE_STUDY, SERIES, f"{SERIES}.1", 1)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(path.stat().st_size)


def test_only_a_get_asks_for_a_part(opened: tuple[FlaskClient, str]) -> None:
    client, instances = opened
    whole = client.head(instances + frame(), headers={"Accept": ANY_FRAME})
    headers = {"Accept": ANY_FRAME, "Range": "bytes=0-9"}
    answer = client.head(instances + frame(), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == whole.headers["Content-Length"]
    assert "Content-Range" not in answer.headers


def test_the_short_and_the_long_way_give_a_frame_the_same_tag(
    opened: tuple[FlaskClient, str],
) -> None:
    client, instances = opened
    short = client.get(instances + frame(), headers={"Accept": ANY_FRAME})
    # A query, which says nothing here, leads the long way.
    long = client.get(f"{instances}{frame()}?x=1", headers={"Accept": ANY_FRAME}, buffered=True)
    assert short.data == long.data
    assert short.headers["ETag"] == long.headers["ETag"]
    assert short.headers["Content-Type"] == long.headers["Content-Type"]


def test_the_proxy_is_told_which_file_to_send(
    settings: Settings, small_world: World, shelf: Shelf
) -> None:
    app = create_app(replace(settings, proxy_count=1))
    series = f"/dicom-web/studies/{INSIDE_STUDY}/series/{SERIES}"
    headers = {
        "Authorization": f"Bearer {small_world.tokens['surgeon']}",
        "Accept": ANY_FRAME,
        "X-Margin-Accel": "1",
    }
    client = app.test_client()
    opened = client.get(f"{series}/metadata", headers={**headers, "Accept": "*/*"}, buffered=True)
    assert opened.status_code == 200
    answer = client.get(f"{series}/instances{frame()}", headers=headers)
    assert answer.data == b""
    assert answer.headers["X-Accel-Redirect"].startswith("/prepared/")
    assert SERIES not in answer.headers["X-Accel-Redirect"]


def test_nobody_but_the_proxy_has_files_sent_by_it(opened: tuple[FlaskClient, str]) -> None:
    client, instances = opened
    headers = {"Accept": ANY_FRAME, "X-Margin-Accel": "1"}
    answer = client.get(instances + frame(), headers=headers, buffered=True)
    assert FRAME in answer.data
    assert "X-Accel-Redirect" not in answer.headers


def test_a_frame_of_another_case_is_not_there(visit: Visit, shelf: Shelf) -> None:
    client, base = visit("surgeon")
    series = f"{base}/dicom-web/studies/{OUTSIDE_STUDY}/series/{SERIES}"
    for address in ("/metadata", f"/instances{frame()}"):
        answer = client.get(
            series + address, headers={"Accept": f"{ANY_FRAME}, buffered=True, */*"}
        )
        assert answer.status_code == 404
        assert FRAME not in answer.data


def test_a_revoked_grant_gets_no_further_frame_within_five_seconds(
    opened: tuple[FlaskClient, str], app: Flask, small_world: World
) -> None:
    client, instances = opened
    assert client.get(instances + frame(), headers={"Accept": ANY_FRAME}).status_code == 200
    revoke(app, small_world)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        answer = client.get(instances + frame(), headers={"Accept": ANY_FRAME})
        if answer.status_code != 200:
            break
        time.sleep(0.1)
    assert answer.status_code in (401, 403)
    assert FRAME not in answer.data


def test_an_answer_under_way_ends_when_the_grant_is_revoked(
    visit: Visit,
    shelf: Shelf,
    app: Flask,
    small_world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metadata, "CHUNK_BYTES", 10)
    monkeypatch.setattr(answers, "ASKED_AGAIN_EVERY_S", 0)
    monkeypatch.setattr(door, "REMEMBERED_FOR_S", -1)
    client, base = visit("surgeon")
    address = f"{base}/dicom-web/studies/{INSIDE_STUDY}/series/{SERIES}/metadata"
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
    pieces = answer.iter_encoded()
    assert len(next(pieces)) == 10
    revoke(app, small_world)
    with pytest.raises(GrantRevoked):
        next(pieces)
    answer.close()


def test_the_opening_of_a_study_stands_in_the_trail_once(
    opened: tuple[FlaskClient, str], app: Flask
) -> None:
    client, instances = opened
    for number in (1, 2, 3):
        client.get(instances + frame(number), headers={"Accept": ANY_FRAME})
    with app.extensions["margin"].db.reading() as session:
        lines = [line for line in audit.newest(session) if line.action == "images.read"]
        assert [line.outcome for line in lines] == ["allowed"]


@pytest.fixture
def levels(opened: tuple[FlaskClient, str]) -> Iterator[str]:
    _, instances = opened
    series = instances.removesuffix("/instances")
    return iter(
        [
            f"{series}/metadata",
            f"{series.partition('/series/')[0]}/metadata",
            f"{instances}/{SERIES}.2/metadata",
        ]
    )


def test_prepared_metadata_is_the_same_packed_and_unpacked(
    opened: tuple[FlaskClient, str], levels: Iterator[str]
) -> None:
    client, _ = opened
    for address, numbers in zip(levels, ([1, 2, 3], [1, 2, 3], [2]), strict=True):
        packed = client.get(address, headers={"Accept-Encoding": "gzip"}, buffered=True)
        plain = client.get(address, headers={"Accept-Encoding": "identity"}, buffered=True)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert json.loads(gzip.decompress(packed.data)) == json.loads(plain.data)
        assert json.loads(plain.data) == [dataset(INSIDE_STUDY, number) for number in numbers]
        assert packed.headers["ETag"] != plain.headers["ETag"]
        again = client.get(
            address,
            headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]},
            buffered=True,
        )
        assert again.status_code == 304


def test_a_cache_that_was_deleted_is_an_archive_that_is_away(
    opened: tuple[FlaskClient, str], shelf: Shelf, tmp_path: Path
) -> None:
    client, instances = opened
    shelf.root.rename(tmp_path / "elsewhere")
    answer = client.get(instances + frame(), headers={"Accept": ANY_FRAME})
    assert answer.status_code == 503
    assert "remedy" in answer.get_json()["error"]


@pytest.mark.parametrize(
    ("held", "current"),
    [
        (Held("a-series", 3, "2026-11-21T08:00:00+00:00"), True),
        (Held("a-series", 4, "2026-11-21T08:00:00+00:00"), False),
        (Held("a-series", 3, "2026-11-21T08:00:07+00:00"), False),
        (Held("another", 3, "2026-11-21T08:00:00+00:00"), False),
    ],
)
def test_what_was_prepared_is_current_while_nothing_has_changed(held: Held, current: bool) -> None:
    manifest = Manifest(
        StudyInstanceUID=INSIDE_STUDY,
        SeriesInstanceUID=SERIES,
        orthanc_id="a-series",
        instance_count=3,
        last_update="2026-11-21T08:00:00+00:00",
        attributes={},
    )
    assert is_current(manifest, held) is current
