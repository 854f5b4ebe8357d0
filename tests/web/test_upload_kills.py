"""Every process is killed while files are uploaded: what was answered for is in the archive once."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from server.archive import Archive
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings
from server.intake.uploads.queries import outcomes, progress
from server.processes.supervision import Supervisor
from tests.archive.files import ct_slice, written
from tests.e2e.conftest import running_margin
from tests.world import World, build_world

pytestmark = pytest.mark.e2e
KILLS = 6
STUDY = "1.2.826.0.1.3680043.8.498.13"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
PIECE_BYTES = 16_000
LIMIT_S = 150.0


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with running_margin(tmp_path / "home") as (settings, _process):
        yield settings


class Sender:
    """Sends files as a page does: asks how much came whenever something broke, and goes on there."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._client = httpx.Client(base_url=settings.public_url, timeout=20)
        self._until = time.monotonic() + LIMIT_S
        opened = self._ask("POST", "/open", json={"token": token})
        self._base = opened.json()["location"].rstrip("/")
        self.answered: list[str] = []
        self.broken = 0

    def _ask(self, method: str, url: str, **said: object) -> httpx.Response:
        """The answer, as soon as there is one from Margin itself."""
        while time.monotonic() < self._until:
            try:
                answer = self._client.request(method, url, **said)  # type: ignore[arg-type]
            except httpx.HTTPError:
                time.sleep(0.3)
                continue
            if answer.status_code < 500:
                return answer
            time.sleep(0.3)
        raise AssertionError(f"no answer to {method} in time")

    def close(self) -> None:
        self._client.close()

    def _patch(self, url: str, offset: int, piece: bytes) -> int | None:
        """How much is there after this piece; None when it broke off."""
        said = {**PIECE, "Upload-Offset": str(offset)}
        try:
            answer = self._client.patch(url, headers=said, content=piece)
        except httpx.HTTPError:
            return None
        return int(answer.headers["Upload-Offset"]) if answer.status_code == 204 else None

    def send(self, name: str, content: bytes) -> None:
        said = {**TUS, "Upload-Length": str(len(content))}
        url = self._ask("POST", f"{self._base}/uploads", headers=said).headers["Location"]
        offset = 0
        while offset < len(content):
            piece = content[offset : offset + PIECE_BYTES]
            reached = self._patch(url, offset, piece)
            if reached is None:
                self.broken += 1
                time.sleep(0.2)
                reached = int(self._ask("HEAD", url, headers=TUS).headers["Upload-Offset"])
            offset = reached
        self.answered.append(name)


def slices(series: int, count: int) -> list[bytes]:
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


def zip_of(images: list[bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, image in enumerate(images):
            archive.writestr(f"IM{number:04d}", image)
    return out.getvalue()


def kill_something(settings: Settings, chance: random.Random) -> str:
    states = [one for one in Supervisor(settings).states() if one.pid]
    victim = chance.choice([one for one in states if one.name in ("web", "worker", "orthanc")])
    os.kill(victim.pid, signal.SIGKILL)
    return victim.name


def await_looked_through(settings: Settings, world: World) -> None:
    db = Database(settings.database_url)
    until = time.monotonic() + LIMIT_S
    try:
        while time.monotonic() < until:
            with db.reading() as session:
                found = progress(session, world.inside.id)
                refused = outcomes(session, world.inside.id)
            assert refused == []
            if not found.waiting:
                return
            time.sleep(0.5)
    finally:
        db.dispose()
    raise AssertionError(f"not everything was looked through: {found}")


def test_nothing_answered_for_is_lost_or_doubled_when_processes_are_killed(
    settings: Settings,
) -> None:
    db = Database(settings.database_url)
    world = build_world(db, utc_now())
    db.dispose()
    images = {series: slices(series, 60) for series in range(1, 4)}
    loose = slices(4, 25)
    senders = [Sender(settings, world.tokens["hospital"]) for _ in range(4)]

    def send_zip(place: int) -> None:
        senders[place].send(f"disc {place}", zip_of(images[place + 1]))

    def send_loose() -> None:
        for number, image in enumerate(loose):
            senders[3].send(f"loose {number}", image)

    work = [threading.Thread(target=send_zip, args=(place,)) for place in range(3)]
    work.append(threading.Thread(target=send_loose))
    for one in work:
        one.start()
    chance = random.Random(20261121)
    killed = []
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.4, 2.0))
        killed.append(kill_something(settings, chance))
    for one in work:
        one.join(LIMIT_S)
    assert sum(len(sender.answered) for sender in senders) == 28
    for sender in senders:
        sender.close()
    await_looked_through(settings, world)

    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    stored = [
        (instance.SOPInstanceUID, archive.instance_md5(instance.orthanc_id))
        for study in archive.studies()
        for instance in archive.study_instances(study.orthanc_id)
    ]
    archive.close()
    sent = [image for series in images.values() for image in series] + loose
    assert Counter(stored) == Counter(
        (
            str(dcmread(io.BytesIO(image), stop_before_pixels=True).SOPInstanceUID),
            hashlib.md5(image, usedforsecurity=False).hexdigest(),
        )
        for image in sent
    )
    print(
        f"{len(killed)} kills ({', '.join(killed)}), {len(stored)} instances, "
        f"{sum(sender.broken for sender in senders)} broken requests"
    )
