"""A disk that is really full: a small file system of its own, with a whole Margin on it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from server.dicom.association import AssociationRejected, Peer
from server.dicom.sending import Summary, send
from server.foundation.settings import Settings
from server.processes.supervision import Supervisor
from tests.e2e.conftest import running_margin
from tests.e2e.losing import Sender, hospitals_with_cases, verdict
from tests.e2e.uploading import (
    PIECE,
    TUS,
    Uploader,
    await_looked_through,
    faults_of_uploads,
    slices,
    world_of,
    zip_of,
)

pytestmark = pytest.mark.e2e
DISK_MB = 64
LIMIT_S = 60.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of DISK_MB for as long as the test runs."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "margin", place],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def filled(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        for size in (1_000_000, 4096):
            try:
                while out.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return filler


def pushed(settings: Settings, sender: Sender) -> Summary:
    """One push, as soon as Orthanc knows who sends."""
    title, port = settings.dicom_aet, settings.dicom_port
    peer = Peer("127.0.0.1", port, sender.ae_title, title, answer_timeout_s=20)
    until = time.monotonic() + LIMIT_S
    while True:
        try:
            return send(sender.folder, peer, progress=sender.settled)
        except AssociationRejected:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def kill_all(settings: Settings) -> set[int]:
    pids = {state.pid for state in Supervisor(settings).states() if state.pid}
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return pids


def test_what_was_answered_for_survives_a_full_disk_and_senders_go_on_when_there_is_room(
    tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is kept free: what holds without the reserve holds with it.
    monkeypatch.setenv("MARGIN_UPLOAD_RESERVE_MB", "0")
    images, early = slices(1, 20), slices(2, 1)
    content = zip_of(images)
    half = len(content) // 2
    with ExitStack() as stack:
        settings, _process = stack.enter_context(running_margin(disk / "home"))
        (sender,) = hospitals_with_cases(settings, tmp_path / "studies", 1, 20, random.Random(1))
        world = world_of(settings)
        uploader = stack.enter_context(Uploader(settings, world.tokens["hospital"]))
        uploader.send("early", early[0], len(early[0]))
        url = uploader.begin(len(content))
        assert uploader.patch(url, 0, content[:half]) == half
        few = tmp_path / "few"
        few.mkdir()
        some = sorted(sender.folder.rglob("*.dcm"))[:5]
        for path in some:
            (few / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
        whole, sender.folder = sender.folder, few
        assert pushed(settings, sender).accepted == len(some)
        sender.folder = whole

        filler = filled(disk)
        said = {**PIECE, "Upload-Offset": str(half)}
        refused = uploader.ask("PATCH", url, headers=said, content=content[half:])
        begun = uploader.ask(
            "POST", f"{uploader.base}/uploads", headers={**TUS, "Upload-Length": "1000"}
        )
        for answer in (refused, begun):
            assert answer.status_code == 507, answer.text
            assert "disk" in answer.json()["error"]["message"]
            assert "later" in answer.json()["error"]["remedy"]
        full = pushed(settings, sender)
        assert len(full.refused) == 40, "what is there already cannot be compared either"
        assert "Out of Resources" in full.refused[0].reason
        killed = kill_all(settings)
        time.sleep(3)  # programs end and are started on the full disk meanwhile

        filler.unlink()
        assert uploader.reached(url) == half, "what was answered for is there, and nothing else"
        uploader.go_on(url, "disc", content, half, len(content))
        sender.until_accepted(settings)
        assert sender.complete
        assert not killed & {state.pid for state in Supervisor(settings).states()}
        found = verdict(settings, [sender])
        assert found.is_lossless, found
        assert found.instances == 40
        await_looked_through(settings, world)
        assert faults_of_uploads(settings, world, [*early, *images]) == []
