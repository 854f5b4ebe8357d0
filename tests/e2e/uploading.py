"""Uploading as the page does while processes are killed and lines cut, and proving that nothing is lost.

Used by the tests of uploads and of full disks, by the short run of kills, and by bench/lossless.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Self

import httpx
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from server.archive import Archive
from server.foundation.clock import utc_now
from server.foundation.db import Database, DatabaseFull
from server.foundation.errors import Unavailable
from server.foundation.settings import Settings
from server.intake.queries import arrivals_of_case
from server.intake.uploads.queries import outcomes, progress
from tests.archive.files import ct_slice, written
from tests.world import World, build_world

STUDY = "1.2.826.0.1.3680043.8.498.13"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
PIECE_BYTES = 16_000
LIMIT_S = 150.0
HALF_AN_UPLOAD = "half an upload"


def slices(series: int, count: int) -> list[bytes]:
    """Images of one study as files."""
    return [
        written(
            ct_slice(
                "SAME",
                STUDY,
                f"{STUDY}.{series}",
                number,
                ExplicitVRLittleEndian,
                rows=128,
                columns=128,
            )
        )
        for number in range(1, count + 1)
    ]


def zip_of(images: Sequence[bytes]) -> bytes:
    """The images as one zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, image in enumerate(images):
            archive.writestr(f"IM{number:04d}", image)
    return out.getvalue()


class Uploader:
    """Sends files as a page does: asks how much came whenever something broke, and goes on there."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._client = httpx.Client(base_url=settings.public_url, timeout=20)
        opened = self.ask("POST", "/open", json={"token": token})
        self.base = opened.json()["location"].rstrip("/")
        self.answered: list[str] = []
        self.broken = 0

    def ask(self, method: str, url: str, **said: object) -> httpx.Response:
        """The answer, as soon as there is one from Margin itself."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            try:
                answer = self._client.request(method, url, **said)  # type: ignore[arg-type]
            except httpx.HTTPError:
                time.sleep(0.3)
                continue
            if answer.status_code < 500 or answer.status_code == 507:
                return answer
            time.sleep(0.3)
        raise AssertionError(f"no answer to {method} in time")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def begin(self, size: int) -> str:
        """The address of a new upload of so many bytes."""
        said = {**TUS, "Upload-Length": str(size)}
        address: str = self.ask("POST", f"{self.base}/uploads", headers=said).headers["Location"]
        return address

    def reached(self, url: str) -> int:
        """How much of an upload the server says it has."""
        return int(self.ask("HEAD", url, headers=TUS).headers["Upload-Offset"])

    def patch(self, url: str, offset: int, piece: bytes | Iterator[bytes]) -> int | None:
        """How much is there after this piece; None when it broke off."""
        said = {**PIECE, "Upload-Offset": str(offset)}
        try:
            answer = self._client.patch(url, headers=said, content=piece)
        except httpx.HTTPError:
            return None
        return int(answer.headers["Upload-Offset"]) if answer.status_code == 204 else None

    def send(self, name: str, content: bytes, piece_bytes: int = PIECE_BYTES) -> None:
        """A whole file, however often its line breaks."""
        self.go_on(self.begin(len(content)), name, content, 0, piece_bytes)

    def go_on(
        self, url: str, name: str, content: bytes, offset: int, piece_bytes: int = PIECE_BYTES
    ) -> None:
        """The rest of an upload from that offset to its end."""
        while offset < len(content):
            reached = self.patch(url, offset, content[offset : offset + piece_bytes])
            if reached is None:
                self.broken += 1
                time.sleep(0.2)
                reached = self.reached(url)
            offset = reached
        self.answered.append(name)


class HalfUploads:
    """Zip files of which half is sent before the connection is cut; each is taken up again later."""

    def __init__(self, settings: Settings, token: str, first_series: int = 100) -> None:
        self._uploader = Uploader(settings, token)
        self._series = first_series
        self._halves: list[tuple[str, bytes]] = []
        self.images: list[bytes] = []

    def cut(self, chance: random.Random) -> str:
        """Begin one and cut its line in the middle of a piece."""
        images = slices(self._series, 10)
        content = zip_of(images)
        try:
            url = self._uploader.begin(len(content))
        except AssertionError:
            return ""
        self._series += 1
        self.images += images
        self._halves.append((url, content))
        self._uploader.patch(url, 0, _broken_off(content, chance.randrange(1, len(content))))
        return HALF_AN_UPLOAD

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._uploader.__exit__(*raised)

    def finish(self) -> None:
        """Go on with every half where the server says that it ended."""
        for url, content in self._halves:
            self._uploader.go_on(
                url, HALF_AN_UPLOAD, content, self._uploader.reached(url), len(content)
            )


def _broken_off(content: bytes, after: int) -> Iterator[bytes]:
    for start in range(0, after, PIECE_BYTES):
        yield content[start : min(start + PIECE_BYTES, after)]
    raise httpx.WriteError("the line was cut")


def world_of(settings: Settings) -> World:
    """The fixed cast in a Margin that runs."""
    db = Database(settings.database_url)
    try:
        return build_world(db, utc_now())
    finally:
        db.dispose()


def await_looked_through(settings: Settings, world: World) -> None:
    """Wait until everything that was uploaded to the first case was looked through and taken."""
    db = Database(settings.database_url)
    until = time.monotonic() + LIMIT_S
    found = None
    try:
        while time.monotonic() < until:
            with contextlib.suppress(Unavailable, DatabaseFull), db.reading() as session:
                found = progress(session, world.inside.id)
                refused = outcomes(session, world.inside.id)
                assert refused == []
                if not found.waiting:
                    return
            time.sleep(0.5)
    finally:
        db.dispose()
    raise AssertionError(f"not everything was looked through: {found}")


def faults_of_uploads(settings: Settings, world: World, sent: Sequence[bytes]) -> list[str]:
    """What is wrong with uploaded images: each has to be in the case once, byte for byte.

    Waits until the arrival of what is in the archive was noted.
    """
    until = time.monotonic() + LIMIT_S
    while (faults := _faults_now(settings, world, sent)) and time.monotonic() < until:
        time.sleep(1)
    return faults


def _faults_now(settings: Settings, world: World, sent: Sequence[bytes]) -> list[str]:
    wanted = Counter(
        (str(dcmread(io.BytesIO(one), stop_before_pixels=True).SOPInstanceUID), _md5(one))
        for one in sent
    )
    db = Database(settings.database_url)
    with db.reading() as session:
        ids = [one.orthanc_id for one in arrivals_of_case(session, world.inside.id)]
    db.dispose()
    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    stored = Counter(
        (one.SOPInstanceUID, archive.instance_md5(one.orthanc_id))
        for study in ids
        for one in archive.study_instances(study)
    )
    archive.close()
    return [f"lost: {uid}" for uid, _ in wanted - stored] + [
        f"doubled or altered: {uid}" for uid, _ in stored - wanted
    ]


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
