"""A withdrawn grant stops within five seconds also where nginx sends the frames, on a connection that
stays open: every frame is decided on by the application, none by the proxy."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.access import actions as access
from server.access.records import Grant
from server.access.tokens import sha256
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings, with_home_secrets
from server.prepared.shelf import Shelf
from tests.doors.test_prepared_studies import ANY_FRAME, SERIES, prepare
from tests.processes.conftest import settings_for
from tests.processes.http2 import Connection
from tests.processes.proxied import running_proxy, trusting
from tests.world import INSIDE_STUDY, World, build_world

STOPS_WITHIN_S = 5.0
AT_ONCE = 30
FRAMES = [
    f"/dicom-web/studies/{INSIDE_STUDY}/series/{SERIES}/instances/{SERIES}.{number}/frames/1"
    for number in (1, 2, 3)
]


@dataclass
class Site:
    """Everything but Orthanc, which is away; the study is prepared."""

    settings: Settings
    world: World
    shelf: Shelf

    def connect(self) -> contextlib.closing[Connection]:
        return contextlib.closing(Connection(self.settings.port, trusting()))

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.world.tokens['surgeon']}", "accept": ANY_FRAME}

    def revoke(self) -> None:
        with self.world.db.writing() as session:
            token = sha256(self.world.tokens["surgeon"])
            grant = session.query(Grant).filter_by(token_sha256=token).one()
            access.revoke_grant(session, grant, by="test", why="test", now=utc_now())


@pytest.fixture
def site(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Site]:
    database = tmp_path / "margin.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    settings = with_home_secrets(
        settings_for(
            tmp_path / "home",
            MARGIN_PROXY="true",
            MARGIN_WEB_WORKERS="2",
            MARGIN_DATABASE_URL=f"sqlite:///{database}",
        )
    )
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    world = build_world(Database(settings.database_url), utc_now())
    shelf = Shelf(settings.cache_dir)
    prepare(shelf, INSIDE_STUDY)
    with (tmp_path / "web.log").open("wb") as log:
        web = subprocess.Popen(
            [sys.executable, "-m", "server.processes.web"],
            cwd=settings.home,
            env={**os.environ, **settings.to_environ()},
            stdout=log,
            stderr=log,
        )
    try:
        with running_proxy(settings):
            yield Site(settings, world, shelf)
    finally:
        web.terminate()
        web.wait(timeout=30)
        world.db.dispose()


def test_a_revoked_grant_gets_no_further_frame_over_an_open_connection(site: Site) -> None:
    opening = f"{FRAMES[0].partition('/instances/')[0]}/metadata"
    paths = (FRAMES * AT_ONCE)[:AT_ONCE]
    with site.connect() as line:
        (answer,) = line.ask([opening], {**site.headers(), "accept": "*/*"})
        assert answer.status == 200
        for _ in range(10):  # both processes have let the visitor in and believe it for a while
            for path, answer in zip(paths, line.ask(paths, site.headers()), strict=True):
                number = int(path.split("/")[7].rpartition(".")[2])
                file = site.shelf.frame(INSIDE_STUDY, SERIES, f"{SERIES}.{number}", 1)
                assert (answer.status, answer.body) == (200, file.read_bytes())
        site.revoke()
        since = time.monotonic()
        while True:
            statuses = {answer.status for answer in line.ask(paths, site.headers())}
            if statuses == {401}:
                break
            assert statuses <= {200, 401}
            assert time.monotonic() - since < STOPS_WITHIN_S
        for _ in range(5):
            answers = line.ask(paths, site.headers())
            assert {answer.status for answer in answers} == {401}
            assert not any(b"margin-frame" in answer.body for answer in answers)
    with site.connect() as fresh:
        assert {answer.status for answer in fresh.ask(paths, site.headers())} == {401}
