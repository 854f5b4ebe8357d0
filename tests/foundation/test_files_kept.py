"""What somebody left who was killed is cleared away, half or whole; what is kept and what is new stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

import server.errand.table  # noqa: F401 - so that every record is known
from server.cases.actions import keep_document
from server.errand.stray_files import KEPT_ASIDE, NAMING, YOUNGEST_STRAY, clear_strays
from server.foundation.audit import AuditLine
from server.foundation.clock import utc_now
from server.foundation.db import Base
from server.foundation.files import FileMissing, FileStore
from tests.world import World

# A document is kept as every door keeps one: the content first, then its row, then the commit.
KEEP = """
import os, signal, sys
from pathlib import Path
from server.cases.actions import keep_document
from server.cases.queries import case_by_id
import server.errand.table
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.files import FileStore
url, folder, case_id = sys.argv[1:]
with Database(url).writing() as session:
    keep_document(session, case_by_id(session, case_id), title="Letter", media_type="application/pdf",
        size_bytes=9, sha256=FileStore(Path(folder)).put(b"%PDF-lost"), received_from="Here", now=utc_now())
    session.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_half_a_file_is_cleared_away_when_nobody_writes_on_it_any_more(
    tmp_path: Path, now: datetime
) -> None:
    store = FileStore(tmp_path)
    kept = store.path(store.put(b"a whole document"))
    left, being_written = kept.with_name("tmp0123abcd"), kept.with_name("tmp4567abcd")
    for path, changed_at in ((left, now), (being_written, now + timedelta(days=1)), (kept, now)):
        path.touch()
        os.utime(path, (changed_at.timestamp(),) * 2)
    assert store.clear_half_written(now + timedelta(hours=1)) == 1
    assert sorted(kept.parent.iterdir()) == sorted([kept, being_written])


def test_a_document_whose_keeper_was_killed_before_the_commit_goes_and_no_other(
    sqlite_world: World, tmp_path: Path
) -> None:
    store, db = FileStore(tmp_path / "files"), sqlite_world.db
    kept = keep(sqlite_world, store, b"%PDF-kept")
    command = [sys.executable, "-c", KEEP, db.url, str(store.folder), sqlite_world.inside.id]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (left,) = {one.name for one in store.folder.glob("??/*")} - {kept}
    written = utc_now()
    assert not any(clear_strays(db, store, written).values())
    night = written + YOUNGEST_STRAY + timedelta(hours=1)
    assert clear_strays(db, store, night)["set_aside"] == 1
    assert store.path(left).read_bytes() == b"%PDF-lost", "it can still be read for a month"
    assert not any(clear_strays(db, store, night + KEPT_ASIDE).values())
    assert clear_strays(db, store, night + KEPT_ASIDE + timedelta(days=1))["deleted"] == 1
    with pytest.raises(FileMissing):
        store.path(left)
    assert store.path(kept).read_bytes() == b"%PDF-kept"
    with db.reading() as session:
        told = session.scalars(select(AuditLine).where(AuditLine.action.startswith("files.")))
        said = [(line.action, line.details["sha256"]) for line in told]
    assert said == [("files.set_aside", [left]), ("files.delete", [left])]


def test_what_was_set_aside_while_its_row_was_being_committed_is_brought_back(
    sqlite_world: World, tmp_path: Path
) -> None:
    store, db = FileStore(tmp_path), sqlite_world.db
    night = utc_now() + YOUNGEST_STRAY + timedelta(hours=1)
    late = store.put(b"%PDF-late")
    clear_strays(db, store, night)
    assert not (tmp_path / late[:2] / late).exists()
    keep(sqlite_world, FileStore(tmp_path / "elsewhere"), b"%PDF-late")
    assert store.path(late).is_file()
    assert clear_strays(db, store, night + KEPT_ASIDE * 2)["brought_back"] == 1
    assert (tmp_path / late[:2] / late).read_bytes() == b"%PDF-late"


def test_every_column_that_names_a_kept_file_is_asked() -> None:
    """A column that names one is called `sha256`; the hash of a revision's answers is the exception."""
    asked = {(column.class_.__tablename__, column.key) for column in NAMING}
    columns = {
        (table.name, name)
        for table in Base.metadata.sorted_tables
        for name in table.c.keys()  # noqa: SIM118 - it gives columns, else
    }
    assert {one for one in columns if one[1] == "sha256"} - {("revision", "sha256")} == asked


def keep(world: World, store: FileStore, content: bytes) -> str:
    sha256 = store.put(content)
    with world.db.writing() as session:
        keep_document(
            session,
            session.merge(world.inside),
            title="Report",
            media_type="application/pdf",
            size_bytes=len(content),
            sha256=sha256,
            received_from="Here",
            now=utc_now(),
        )
    return sha256


def test_a_file_that_is_not_what_its_name_says_is_found(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    sound, altered, put_aside = (store.put(content) for content in (b"one", b"two", b"three"))
    store.set_aside(put_aside, utc_now())
    assert list(store.altered()) == []
    for one in (altered, put_aside):
        store.path(one).write_bytes(b"another")
    assert set(store.altered()) == {altered, put_aside}
    assert store.path(sound).read_bytes() == b"one"
