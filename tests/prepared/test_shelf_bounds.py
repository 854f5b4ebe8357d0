"""The shelf stays within its bounds, survives a full disk, and is tidied after a crash."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from server.archive import Archive
from server.prepared import eviction, writing
from server.prepared.eviction import Room, least_free
from server.prepared.journal import Journal, is_doubtful
from server.prepared.preparing import Preparer
from server.prepared.shelf import MANIFEST, UNFINISHED, Shelf
from server.prepared.writing import (
    DRAFT,
    InOtherHands,
    ShelfNotWritable,
    held,
    remove_folder,
    write_whole,
)
from tests.archive.files import pixels
from tests.prepared.pictures import slice_of, store

GB = 1024**3


def series(root: Path, name: str, size: int, used_at: float) -> Path:
    folder = root / name[:2] / name / "series"
    folder.mkdir(parents=True)
    (folder / "frame").write_bytes(os.urandom(size))
    (folder / MANIFEST).write_text("{}")
    os.utime(folder, (used_at, used_at))
    return folder


def test_what_was_not_used_for_longest_goes_first_until_a_tenth_is_free(tmp_path: Path) -> None:
    folders = [series(tmp_path, f"{n}{n}study", 96 * 1024, 1000.0 + n) for n in range(5)]
    room = Room(tmp_path, 400 * 1024)
    assert room.make(0) == 2
    assert [folder.exists() for folder in folders] == [False, False, True, True, True]
    assert room.make(0) == 0


def test_the_series_that_is_being_filled_is_spared(tmp_path: Path) -> None:
    oldest, newer = (series(tmp_path, f"{n}{n}study", 96 * 1024, 1000.0 + n) for n in range(2))
    Room(tmp_path, 100 * 1024).make(0, spare=oldest)
    assert oldest.exists()
    assert not newer.exists()


def test_room_is_made_when_others_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = series(tmp_path, "aastudy", 96 * 1024, 1000.0)
    room = Room(tmp_path, 10 * GB)
    assert room.make(0) == 0
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    monkeypatch.setattr(eviction, "LEAST_FREE_BYTES", free + 10 * GB)
    assert room.make(0) == 1
    assert not folder.exists()


def test_how_much_is_left_free_follows_the_disk_within_bounds() -> None:
    assert least_free(10 * GB) == GB
    assert least_free(100 * GB) == 5 * GB
    assert least_free(10_000 * GB) == 20 * GB


def test_a_file_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    def fill(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(ShelfNotWritable) as refusal:
        write_whole(tmp_path / "frame", fill)
    assert refusal.value.is_full
    assert "No space" in refusal.value.detail
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_taken_away_is_a_value_of_our_own(tmp_path: Path) -> None:
    with pytest.raises(ShelfNotWritable):
        write_whole(tmp_path / "gone" / "frame", b"whole")


def test_two_never_prepare_one_series_at_once(tmp_path: Path) -> None:
    with held(tmp_path / "series"), pytest.raises(InOtherHands), held(tmp_path / "series"):
        pass
    with held(tmp_path / "series"):
        pass


@pytest.mark.orthanc
def test_a_full_disk_leaves_the_series_unprepared_and_nothing_half_written(
    archive: Archive, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = "1.2.826.80"
    series_id = store(archive, *(slice_of(study, number, pixels(number)) for number in range(1, 9)))
    preparer = Preparer(archive, shelf, Room(shelf.root, GB))
    replace, calls = Path.replace, []

    def until_full(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "full")
        return replace(self, target)

    with monkeypatch.context() as full:
        full.setattr(Path, "replace", until_full)
        with pytest.raises(ShelfNotWritable):
            preparer.prepare(study, series_id)
    assert shelf.series(study, f"{study}.1") is None
    assert not [path for path in shelf.root.rglob("*") if path.is_file()]
    assert preparer.prepare(study, series_id) is not None


@pytest.mark.orthanc
def test_the_shelf_may_be_deleted_at_any_time(
    preparer: Preparer, archive: Archive, shelf: Shelf
) -> None:
    study = "1.2.826.81"
    series_id = store(archive, *(slice_of(study, number, pixels(number)) for number in range(1, 9)))
    folder = shelf.folder(study, f"{study}.1")

    def delete(done: int, _total: int) -> None:
        if done == 4:
            remove_folder(folder, shelf.root)

    with pytest.raises(ShelfNotWritable):
        preparer.prepare(study, series_id, delete)
    assert preparer.prepare(study, series_id) is not None
    remove_folder(folder, shelf.root)
    assert shelf.series(study, f"{study}.1") is None
    assert preparer.prepare(study, series_id) is not None


def test_after_a_restart_of_the_machine_what_was_unfinished_is_thrown_away(tmp_path: Path) -> None:
    alive, doubtful, whole = (series(tmp_path, f"{n}{n}study", 1024, 1000.0 + n) for n in range(3))
    Journal(alive).close()
    (alive / f"{DRAFT}1-1").write_bytes(b"half")
    (doubtful / UNFINISHED).write_text('{"boot":"before"}\n')
    (tmp_path / f"{writing.LEAVING}1-1").mkdir()
    assert is_doubtful(doubtful)
    assert not is_doubtful(alive)
    assert Room(tmp_path, GB).tidy() == 1
    assert (alive.exists(), doubtful.exists(), whole.exists()) == (True, False, True)
    assert sorted(path.name for path in alive.iterdir()) == ["frame", MANIFEST, UNFINISHED]
    assert not list(tmp_path.glob(f"{writing.LEAVING}*"))
