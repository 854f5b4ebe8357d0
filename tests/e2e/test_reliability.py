"""Every process is killed while hospitals push: what was accepted is there exactly once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server.archive import Archive
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.dicom.association import Peer
from server.dicom.sending import find, send
from server.foundation.settings import Settings
from tests.archive.orthanc_process import ORTHANC, PASSWORD, USER, OrthancProcess
from tests.e2e.conftest import running_margin
from tests.e2e.losing import hospitals_with_cases, kill_a_process, push_while_killing, verdict

pytestmark = pytest.mark.e2e
SENDERS = 3
SLICES = 30
KILLS = 6


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with running_margin(tmp_path / "home") as (settings, _process):
        yield settings


def test_nothing_accepted_is_lost_or_doubled_when_processes_are_killed(
    settings: Settings, tmp_path: Path
) -> None:
    chance = random.Random(20261121)
    senders = hospitals_with_cases(settings, tmp_path / "studies", SENDERS, SLICES, chance)
    killed = push_while_killing(settings, senders, KILLS, chance, [kill_a_process(settings)])
    assert all(sender.complete for sender in senders)
    found = verdict(settings, senders)
    print(f"{found.instances} instances acknowledged, {killed.total()} kills: {dict(killed)}")
    assert found.is_lossless, found
    assert found.instances == SENDERS * SLICES * 2


def set_limit(pid: int, size_bytes: int | None) -> None:
    value = "unlimited" if size_bytes is None else str(size_bytes)
    subprocess.run(["prlimit", f"--fsize={value}:", "--pid", str(pid)], check=True)


def test_a_disk_that_is_full_refuses_what_it_cannot_keep_and_keeps_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A write beyond the limit ends a process unless it ignores the signal; then the write fails, as on
    # a disk that is full.
    program = tmp_path / "orthanc-on-a-full-disk"
    program.write_text(f'#!/bin/sh\ntrap "" XFSZ\nexec {ORTHANC} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr("tests.archive.orthanc_process.ORTHANC", str(program))
    orthanc = OrthancProcess(tmp_path / "orthanc")
    orthanc.start()
    try:
        httpx.put(
            f"{orthanc.url}/modalities/one", json=["ONE", "127.0.0.1", 104], auth=(USER, PASSWORD)
        ).raise_for_status()
        phantom = Phantom("full", slices=20, rows=64, phases=PHASES[:1])
        phantom.write(tmp_path / "study")
        peer = Peer("127.0.0.1", orthanc.dicom_port, "ONE", "MARGIN", answer_timeout_s=20)
        assert orthanc.process is not None
        accepted: set[str] = set()

        def settled(head: object, refusal: object) -> None:
            if refusal is None:
                accepted.add(head.SOPInstanceUID)  # type: ignore[attr-defined]
            if len(accepted) == 5:
                set_limit(orthanc.process.pid, 1000)  # type: ignore[union-attr]

        full = send(tmp_path / "study", peer, progress=settled)
        assert full.refused
        assert orthanc.process.poll() is None
        assert len(accepted) < 20
        os.kill(orthanc.process.pid, signal.SIGKILL)
        orthanc.process.wait()
        orthanc.start()
        archive = orthanc.archive()
        assert held_by(archive) >= accepted
        assert send(tmp_path / "study", peer).is_complete
        assert held_by(archive) == {one.SOPInstanceUID for one in find(tmp_path / "study").to_send}
        archive.close()
    finally:
        orthanc.stop()


def held_by(archive: Archive) -> set[str]:
    """What can be read back, whole."""
    found = set()
    for study in archive.studies():
        for one in archive.study_instances(study.orthanc_id):
            assert len(archive.instance_file(one.orthanc_id)) == one.file_size_bytes
            found.add(one.SOPInstanceUID)
    return found
