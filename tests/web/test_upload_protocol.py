"""Uploads by tus 1.0: what is answered for is on disk, and goes on where it broke off."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from server.access.action import Permit
from server.access.records import Grant
from server.cases import actions as cases
from server.cases.lifecycle import Event
from server.cases.queries import case_by_number
from server.foundation import audit, jobs
from server.foundation.clock import utc_now
from server.foundation.settings import Settings
from server.intake.uploads.actions import TAKE_UPLOADS
from server.intake.uploads.records import Upload
from server.intake.uploads.resumable import UploadFolder
from server.intake.uploads.sweeping import tidy
from tests.world import World

Visit = Callable[[str], tuple[FlaskClient, str]]
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
CONTENT = bytes(range(256)) * 40


def named(name: str, fingerprint: str = "") -> str:
    pairs = {"filename": name, "fingerprint": fingerprint}
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items()
    )


def create(
    client: FlaskClient, base: str, size: int, body: bytes = b"", **headers: str
) -> TestResponse:
    said = {**(PIECE if body else TUS), "Upload-Length": str(size), **headers}
    return client.post(f"{base}/uploads", headers=said, data=body or None)


def patch(client: FlaskClient, url: str, offset: int, body: bytes, **headers: str) -> TestResponse:
    return client.patch(url, headers={**PIECE, "Upload-Offset": str(offset), **headers}, data=body)


@pytest.fixture
def hospital(visit: Visit) -> tuple[FlaskClient, str]:
    return visit("hospital")


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings.uploads_dir


def uploads_of(app: Flask) -> list[Upload]:
    with app.extensions["margin"].db.reading() as session:
        return list(session.scalars(select(Upload).order_by(Upload.begun_at)))


def waiting_jobs(app: Flask) -> int:
    with app.extensions["margin"].db.reading() as session:
        wanted = select(func.count(jobs.Job.id)).where(jobs.Job.name == TAKE_UPLOADS)
        return session.scalar(wanted) or 0


def test_a_file_comes_in_pieces_and_is_whole_at_the_last(
    hospital: tuple[FlaskClient, str], app: Flask, folder: Path
) -> None:
    client, base = hospital
    begun = create(client, base, len(CONTENT), **{"Upload-Metadata": named("disc/IM0001", "mark")})
    assert begun.status_code == 201
    url = begun.headers["Location"]
    assert url.startswith(f"{base}/uploads/")
    assert "Upload-Expires" in begun.headers
    first = patch(client, url, 0, CONTENT[:3000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "3000")
    asked = client.head(url, headers=TUS)
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == (
        "3000",
        str(len(CONTENT)),
    )
    assert waiting_jobs(app) == 0
    last = patch(client, url, 3000, CONTENT[3000:])
    assert last.headers["Upload-Offset"] == str(len(CONTENT))
    (upload,) = uploads_of(app)
    assert (upload.state, upload.name, upload.fingerprint) == ("complete", "disc/IM0001", "mark")
    assert (folder / upload.id).read_bytes() == CONTENT
    assert waiting_jobs(app) == 1


def test_a_small_file_needs_one_request(
    hospital: tuple[FlaskClient, str], app: Flask, folder: Path
) -> None:
    client, base = hospital
    for number in range(3):
        answer = create(
            client, base, len(CONTENT), CONTENT, **{"Upload-Metadata": named(f"{number}")}
        )
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(len(CONTENT)))
        assert "Upload-Expires" not in answer.headers
    assert [one.state for one in uploads_of(app)] == ["complete"] * 3
    assert waiting_jobs(app) == 1, "one job looks through all that have come"


def test_an_empty_file_is_whole_at_once(hospital: tuple[FlaskClient, str], app: Flask) -> None:
    client, base = hospital
    assert create(client, base, 0).status_code == 201
    assert [one.state for one in uploads_of(app)] == ["complete"]


def test_a_piece_at_another_place_changes_nothing(
    hospital: tuple[FlaskClient, str], app: Flask, folder: Path
) -> None:
    client, base = hospital
    url = create(client, base, 100).headers["Location"]
    patch(client, url, 0, CONTENT[:40])
    for offset in (0, 39, 41, 100):
        answer = patch(client, url, offset, b"x" * 10)
        assert answer.status_code == 409
        assert answer.get_json()["error"]["code"] == "offset_mismatch"
    (upload,) = uploads_of(app)
    assert (folder / upload.id).read_bytes() == CONTENT[:40]


def test_more_than_was_announced_is_refused(hospital: tuple[FlaskClient, str]) -> None:
    client, base = hospital
    url = create(client, base, 10).headers["Location"]
    assert patch(client, url, 0, b"x" * 11).status_code == 413
    assert client.head(url, headers=TUS).headers["Upload-Offset"] == "0"


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_a_damaged_piece_is_thrown_away_and_can_be_sent_again(
    hospital: tuple[FlaskClient, str], algorithm: str
) -> None:
    client, base = hospital
    url = create(client, base, 100).headers["Location"]
    patch(client, url, 0, CONTENT[:40])
    digest = base64.b64encode(hashlib.new(algorithm, CONTENT[40:100]).digest()).decode()
    said = {"Upload-Checksum": f"{algorithm} {digest}"}
    damaged = patch(client, url, 40, CONTENT[:60], **said)
    assert damaged.status_code == 460
    assert client.head(url, headers=TUS).headers["Upload-Offset"] == "40"
    assert patch(client, url, 40, CONTENT[40:100], **said).status_code == 204


@pytest.mark.parametrize("text", ["crc32 AAAA", "sha1", "sha1 !!!", "sha1 ="])
def test_a_checksum_that_is_not_understood_is_said(
    hospital: tuple[FlaskClient, str], text: str
) -> None:
    client, base = hospital
    url = create(client, base, 10).headers["Location"]
    assert patch(client, url, 0, b"x", **{"Upload-Checksum": text}).status_code == 400


def test_what_is_spoken_can_be_asked(hospital: tuple[FlaskClient, str]) -> None:
    client, base = hospital
    said = client.options(f"{base}/uploads").headers
    assert said["Tus-Version"] == "1.0.0"
    assert "creation-with-upload" in said["Tus-Extension"]
    assert "sha1" in said["Tus-Checksum-Algorithm"]
    assert int(said["Tus-Max-Size"]) == 20480 * 1_000_000


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "1e3"}, 400),
        ({"Upload-Length": ""}, 400),
        ({"Upload-Length": "9" * 40}, 400),
        ({"Upload-Length": str(10**14)}, 507),
        ({"Upload-Metadata": "filename §"}, 400),
        ({"Upload-Metadata": "filename " + "A" * 5000}, 400),
        ({"Upload-Defer-Length": "1"}, 400),
        ({"Upload-Concat": "partial"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_shape(
    hospital: tuple[FlaskClient, str], headers: dict[str, str], status: int
) -> None:
    client, base = hospital
    answer = create(client, base, 10, **headers)
    assert answer.status_code == status
    assert set(answer.get_json()["error"]) == {"code", "message", "remedy", "problems"}


def test_a_piece_says_that_it_is_one(hospital: tuple[FlaskClient, str]) -> None:
    client, base = hospital
    url = create(client, base, 10).headers["Location"]
    answer = client.patch(url, headers={**TUS, "Upload-Offset": "0"}, data=b"x")
    assert answer.status_code == 415


def test_an_upload_can_be_given_up_until_it_is_whole(
    hospital: tuple[FlaskClient, str], app: Flask, folder: Path
) -> None:
    client, base = hospital
    half = create(client, base, 10).headers["Location"]
    assert client.delete(half, headers=TUS).status_code == 204
    assert client.head(half, headers=TUS).status_code == 404
    assert patch(client, half, 0, b"x").status_code == 400
    assert not list(folder.iterdir())
    whole = create(client, base, 3, b"abc").headers["Location"]
    assert client.delete(whole, headers=TUS).status_code == 400
    assert [one.state for one in uploads_of(app)] == ["ended", "complete"]


def test_who_may_only_look_cannot_send_and_a_stranger_finds_nothing(
    visit: Visit, hospital: tuple[FlaskClient, str]
) -> None:
    client, base = hospital
    url = create(client, base, 10).headers["Location"]
    viewer, viewers = visit("viewer")
    assert create(viewer, viewers, 10).status_code == 403
    stranger, theirs = visit("other_surgeon")
    assert stranger.head(url, headers=TUS).status_code == 401
    assert stranger.head(url.replace(base, theirs), headers=TUS).status_code == 403


def test_another_case_s_upload_is_not_found(
    visit: Visit, hospital: tuple[FlaskClient, str], app: Flask, small_world: World
) -> None:
    client, base = hospital
    url = create(client, base, 10).headers["Location"]
    with app.extensions["margin"].db.writing() as session:
        grants = session.scalars(select(Grant).where(Grant.case_id == small_world.outside.id))
        for grant in grants:
            grant.permits = [Permit.UPLOAD.value]
    other, theirs = visit("other_surgeon")
    for method in ("HEAD", "PATCH", "DELETE"):
        headers = {**PIECE, "Upload-Offset": "0"}
        answer = other.open(url.replace(base, theirs), method=method, headers=headers, data=b"x")
        assert answer.status_code == 404, method


def test_another_site_cannot_send(hospital: tuple[FlaskClient, str]) -> None:
    client, base = hospital
    assert create(client, base, 10, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    without = client.post(f"{base}/uploads", headers={"Upload-Length": "1"})
    assert without.status_code == 403


def test_when_the_case_is_over_nothing_is_taken(
    hospital: tuple[FlaskClient, str], app: Flask, small_world: World, folder: Path
) -> None:
    with app.extensions["margin"].db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        cases.happen(session, case, Event.WITHDRAW, now=case.opened_at)
    client, base = hospital
    for body in (b"", b"abc"):
        answer = create(client, base, 3, body)
        assert answer.status_code == 409
        assert answer.get_json()["error"]["code"] == "case_takes_no_files"
    assert not list(folder.iterdir())


def test_limits_on_a_file_and_on_a_case_are_said_before_bytes(
    app: Flask, hospital: tuple[FlaskClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, base = hospital
    large = create(client, base, 20_480 * 1_000_000 + 1)
    assert large.status_code in (413, 507)
    services = app.extensions["margin"]
    object.__setattr__(services.settings, "upload_case_mb", 1)
    assert create(client, base, 900_000).status_code == 201
    assert create(client, base, 200_000).status_code == 413
    object.__setattr__(services.settings, "upload_reserve_mb", 10**9)
    full = create(client, base, 10)
    assert full.status_code == 507
    assert "no room" in full.get_json()["error"]["message"]


def test_of_a_file_the_trail_has_the_first_and_the_last_piece_and_no_name(
    hospital: tuple[FlaskClient, str], app: Flask
) -> None:
    client, base = hospital
    begun = create(client, base, 30, **{"Upload-Metadata": named("Lefebvre.pdf")})
    url = begun.headers["Location"]
    for offset in (0, 10, 20):
        patch(client, url, offset, b"x" * 10)
    with app.extensions["margin"].db.reading() as session:
        lines = [one for one in audit.newest(session) if one.action == "images.send"]
        assert len(lines) == 2
        assert "Lefebvre" not in repr([vars(one) for one in lines])
        assert audit.verify(session).whole


def test_a_second_request_takes_an_upload_over_from_one_that_still_waits(tmp_path: Path) -> None:
    store = UploadFolder(tmp_path)
    store.begin("a" * 32)

    def slow() -> object:
        yield b"12345"
        assert store.append("a" * 32, iter([b"67890"]), offset=5, total=10) == 10
        yield b"late."

    with pytest.raises(Exception, match="Another request"):
        store.append("a" * 32, slow(), offset=0, total=10)  # type: ignore[arg-type]
    assert store.path("a" * 32).read_bytes() == b"1234567890"


def test_the_worker_forgets_what_nobody_finished(
    hospital: tuple[FlaskClient, str], app: Flask, settings: Settings, folder: Path
) -> None:
    client, base = hospital
    create(client, base, 10)
    create(client, base, 3, b"abc")
    stray = folder / ("f" * 32)
    stray.write_bytes(b"of a crash")
    db = app.extensions["margin"].db
    later = utc_now() + timedelta(days=8)
    tidy(db, UploadFolder(folder), later)
    assert {one.state for one in uploads_of(app)} == {"ended", "complete"}
    assert stray.exists(), "a file that young may be about to get its row"
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    tidy(db, UploadFolder(folder), later)
    (whole,) = (one for one in uploads_of(app) if one.state == "complete")
    assert [path.name[:32] for path in folder.iterdir() if "turn" not in path.name] == [whole.id]
