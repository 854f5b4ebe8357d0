"""Whoever prepares may be killed at any moment: nothing half-written, nothing lost, no endless loop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from server.archive import Archive
from server.dicom.transfer_syntaxes import JPEG_LS_LOSSLESS
from server.prepared.concluding import read_frame
from server.prepared.eviction import Room
from server.prepared.journal import GIVEN_UP_AFTER, Journal
from server.prepared.preparing import Preparer
from server.prepared.shelf import FRAMES, Shelf, digest
from server.prepared.writing import make_folder
from tests.archive.files import pixels
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess
from tests.prepared.pictures import jpeg_ls, noise, picture, slice_of, store, wrapped

pytestmark = pytest.mark.orthanc
SLICES = 40
PREPARE = """
import sys
from pathlib import Path
from server.archive import Archive
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import Shelf
url, user, password, root, study, series_id = sys.argv[1:]
root = Path(root)
Preparer(Archive(url, user, password), Shelf(root), Room(root, 10**9)).prepare(study, series_id)
"""


def preparing(
    orthanc: OrthancProcess, root: Path, study: str, series_id: str
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PREPARE, orthanc.url, USER, PASSWORD]
    return subprocess.Popen([*command, str(root), study, series_id])


def test_a_killed_preparation_leaves_whole_frames_and_is_gone_on_with(
    orthanc: OrthancProcess, archive: Archive, shelf: Shelf, preparer: Preparer
) -> None:
    study = "1.2.826.90"
    uids = {f"{study}.1.{number}": number for number in range(1, SLICES + 1)}
    series_id = store(
        archive,
        *(slice_of(study, number, pixels(number, 256, 256)) for number in uids.values()),
    )
    folder = shelf.folder(study, f"{study}.1") / FRAMES
    for wanted in (3, 12, 25):
        process = preparing(orthanc, shelf.root, study, series_id)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if folder.is_dir() and len(os.listdir(folder)) >= wanted:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.002)
        process.wait(10)
        names = {f"{digest(uid)}.1": number for uid, number in uids.items()}
        for path in folder.iterdir():
            if path.name in names:
                assert read_frame(path)
    outcome = preparer.prepare(study, series_id)
    manifest = outcome.manifest if outcome else shelf.series(study, f"{study}.1")
    assert manifest is not None
    for uid, number in uids.items():
        assert np.array_equal(picture(shelf, manifest, uid), pixels(number, 256, 256))
    assert sorted(os.listdir(folder)) == sorted(f"{digest(uid)}.1" for uid in uids)


def test_an_instance_whose_decoding_kills_the_process_is_given_up_and_no_other(
    archive: Archive, shelf: Shelf, preparer: Preparer
) -> None:
    study = "1.2.826.91"
    whole = noise((32, 32), np.uint16)
    series_id = store(
        archive,
        *(
            wrapped(slice_of(study, number, whole), JPEG_LS_LOSSLESS, [jpeg_ls(whole)])
            for number in (1, 2, 3)
        ),
    )
    deadly, beside = f"{study}.1.2", f"{study}.1.3"
    folder = shelf.folder(study, f"{study}.1")
    make_folder(folder)
    journal = Journal(folder)
    journal.begin(beside)
    for _ in range(GIVEN_UP_AFTER):
        journal.begin(deadly)
    journal.close()
    outcome = preparer.prepare(study, series_id)
    assert outcome is not None
    assert outcome.manifest.by_uid[deadly].unreadable_frames == (1,)
    assert "ended the program" in outcome.manifest.by_uid[deadly].problem
    for uid in (f"{study}.1.1", beside):
        assert np.array_equal(picture(shelf, outcome.manifest, uid), whole)


def test_being_stopped_in_good_order_counts_against_no_instance(
    archive: Archive, shelf: Shelf, preparer: Preparer
) -> None:
    study = "1.2.826.92"
    whole = noise((32, 32), np.uint16)
    series_id = store(
        archive,
        *(
            wrapped(slice_of(study, number, whole), JPEG_LS_LOSSLESS, [jpeg_ls(whole)])
            for number in range(1, 9)
        ),
    )

    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise SystemExit(143)

    for _ in range(GIVEN_UP_AFTER + 1):
        with pytest.raises(SystemExit):
            preparer.prepare(study, series_id, stop)
    journal = Journal(shelf.folder(study, f"{study}.1"))
    journal.close()
    assert not any(journal.was_interrupted(f"{study}.1.{n}") for n in range(1, 9))
    outcome = preparer.prepare(study, series_id)
    assert outcome is not None
    assert not any(one.problem for one in outcome.manifest.instances)


def test_a_line_cut_off_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin("1.2.3")
    journal.close()
    with (tmp_path / "unfinished").open("a") as file:
        file.write('{"done":{"SOPInst')
    again = Journal(tmp_path)
    again.begin("1.2.3")
    again.close()
    last = Journal(tmp_path)
    last.close()
    assert last.was_interrupted("1.2.3") == 2


def test_frames_without_a_manifest_are_not_made_again(
    archive: Archive, shelf: Shelf, preparer: Preparer
) -> None:
    study = "1.2.826.93"
    series_id = store(archive, *(slice_of(study, number, pixels(number)) for number in range(1, 9)))

    def stop(done: int, _total: int) -> None:
        if done == 5:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        preparer.prepare(study, series_id, stop)
    outcome = Preparer(archive, shelf, Room(shelf.root, 10**9)).prepare(study, series_id)
    assert outcome is not None
    assert outcome.encoded <= 8 - 4
    assert len(outcome.manifest.instances) == 8
