"""What the hospital reads of files that were not taken, where there are more than a page shows."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from server.archive import Archive
from server.cases.queries import case_by_id
from server.foundation.clock import utc_now
from server.foundation.files import FileStore
from server.intake.uploads import actions as uploads
from server.intake.uploads import taking
from server.intake.uploads.actions import Limits
from server.intake.uploads.judging import Judge
from server.intake.uploads.queries import Outcome, outcomes, progress
from server.intake.uploads.records import Upload, UploadEntry
from server.intake.uploads.resumable import UploadFolder
from server.intake.uploads.taking import Means, take_uploads
from tests.world import World

NOW = utc_now()
NOISE, RARE = "It is neither a DICOM file nor a document.", "Its pixels are cut off."


def note(world: World, name: str, entries: list[tuple[str, str]], minutes: int) -> None:
    with world.db.writing() as session:
        upload = Upload(
            case_id=world.inside.id,
            state="done",
            name=name,
            size_bytes=1,
            sender="Riverside",
            begun_at=NOW,
            expires_at=NOW,
        )
        session.add(upload)
        session.flush()
        for place, (entry, reason) in enumerate(entries):
            session.add(
                UploadEntry(
                    upload_id=upload.id,
                    place=place,
                    name=entry,
                    outcome="refused",
                    reason=reason,
                    at=NOW + timedelta(minutes=minutes),
                )
            )


def read(world: World, limit: int) -> list[Outcome]:
    with world.db.reading() as session:
        return outcomes(session, world.inside.id, ("refused",), limit)


def test_many_notes_in_an_archive_do_not_hide_what_was_refused_before(
    sqlite_world: World,
) -> None:
    note(sqlite_world, "IM0001", [("IM0001", RARE)], 0)
    note(sqlite_world, "notes.zip", [(f"{n:03d}", NOISE) for n in range(60)], 5)
    found = read(sqlite_world, 10)
    assert [one.reason for one in found] == [NOISE] * 9 + [RARE]
    assert [one.more for one in found] == [0] * 8 + [51, 0]
    assert found[0].upload == "notes.zip"


def test_loose_files_of_one_reason_take_turns_too_and_nothing_is_hidden_without_need(
    sqlite_world: World,
) -> None:
    for number in range(12):
        note(sqlite_world, f"n{number:02d}", [(f"n{number:02d}", NOISE)], number)
    note(sqlite_world, "IM0001", [("IM0001", RARE)], 0)
    assert {one.reason for one in read(sqlite_world, 5)} == {NOISE, RARE}
    everything = read(sqlite_world, 50)
    assert (len(everything), sum(one.more for one in everything)) == (13, 0)


def test_a_rare_reason_is_listed_behind_thousands_of_others(
    sqlite_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "MOST_ROWS_NOT_TAKEN", 30)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(60):
            archive.writestr(f"{number:03d}", b"abc")
        archive.writestr("IM0001", bytes(128) + b"DICM")
    content, folder = out.getvalue(), UploadFolder(tmp_path / "uploads")
    nobody = Archive("http://127.0.0.1:9", "nobody", "none")
    limits = Limits(10**9, 10**10, timedelta(days=7))
    means = Means(
        db=sqlite_world.db,
        folder=folder,
        judge=Judge(sqlite_world.db, nobody, FileStore(tmp_path / "files"), utc_now),
        limits=limits,
        clock=utc_now,
        alive=lambda: None,
        others_wait=lambda _: False,
    )
    with sqlite_world.db.writing() as session:
        case = case_by_id(session, sqlite_world.inside.id)
        begun = uploads.begin(
            session,
            case,
            name="all.zip",
            size_bytes=len(content),
            sender="Riverside",
            limits=limits,
            now=NOW,
        )
        folder.begin(begun.id)
        folder.append(begun.id, iter([content]), offset=0, total=len(content))
        uploads.complete(session, begun.id, NOW)
    take_uploads(means, sqlite_world.inside.id)
    nobody.close()
    with sqlite_world.db.reading() as session:
        assert progress(session, sqlite_world.inside.id).refused == 61
    listed = [one.name for one in read(sqlite_world, 500)]
    assert len(listed) == 31
    assert "IM0001" in listed
