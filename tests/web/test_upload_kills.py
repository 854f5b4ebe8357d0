"""Every process is killed while files are uploaded: what was answered for is in the archive once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from server.foundation.settings import Settings
from server.processes.supervision import Supervisor
from tests.e2e.conftest import running_margin
from tests.e2e.uploading import (
    LIMIT_S,
    HalfUploads,
    Uploader,
    await_looked_through,
    faults_of_uploads,
    slices,
    world_of,
    zip_of,
)

pytestmark = pytest.mark.e2e
KILLS = 6
HALVES = 3


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with running_margin(tmp_path / "home") as (settings, _process):
        yield settings


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def kill_something(settings: Settings, chance: random.Random) -> str:
    states = [one for one in Supervisor(settings).states() if one.pid]
    victim = chance.choice([one for one in states if one.name in ("web", "worker", "orthanc")])
    os.kill(victim.pid, signal.SIGKILL)
    return victim.name


def test_nothing_answered_for_is_lost_or_doubled_when_processes_are_killed(
    settings: Settings, stack: ExitStack
) -> None:
    world = world_of(settings)
    images = {series: slices(series, 60) for series in range(1, 4)}
    loose = slices(4, 25)
    senders = [stack.enter_context(Uploader(settings, world.tokens["hospital"])) for _ in range(4)]
    halves = stack.enter_context(HalfUploads(settings, world.tokens["hospital"]))

    def send_zip(place: int) -> None:
        senders[place].send(f"disc {place}", zip_of(images[place + 1]))

    def send_loose() -> None:
        for number, image in enumerate(loose):
            senders[3].send(f"loose {number}", image)

    def send_halves() -> None:
        own_chance = random.Random(13)
        for _ in range(HALVES):
            assert halves.cut(own_chance)

    work = [threading.Thread(target=send_zip, args=(place,)) for place in range(3)]
    work += [threading.Thread(target=one) for one in (send_loose, send_halves)]
    for one in work:
        one.start()
    chance = random.Random(20261121)
    killed = []
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.4, 2.0))
        killed.append(kill_something(settings, chance))
    for one in work:
        one.join(LIMIT_S)
    assert len(halves.images) == HALVES * 10
    halves.finish()
    assert sum(len(sender.answered) for sender in senders) == 28
    await_looked_through(settings, world)
    sent = [image for series in images.values() for image in series] + loose + halves.images
    assert faults_of_uploads(settings, world, sent) == []
    print(
        f"{len(killed)} kills ({', '.join(killed)}), {len(sent)} instances, {HALVES} half uploads, "
        f"{sum(sender.broken for sender in senders)} broken requests"
    )
