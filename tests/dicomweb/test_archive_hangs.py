"""An Orthanc that takes a question and does not answer: nobody waits for it whose study is prepared."""

from __future__ import annotations

import select
import socket
from contextlib import closing
from pathlib import Path

import pytest

from server.archive import Archive
from server.dicomweb.views.currency import Currency
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import Shelf
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import archive_with
from tests.dicomweb.pseudonymised import reading_of

STUDY, SERIES = "1.2.826.300", "1.2.826.300.1"
TIME_LIMIT_S = 30.0  # of one question to Orthanc


def test_nobody_waits_out_the_time_limit_of_a_hanging_archive(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, closing(_asking(silent)) as archive:
        currency = Currency(archive, Shelf(tmp_path), lambda *_: None, patience_s=0.05)
        assert currency.study(STUDY) is None
        question, _ = silent.accept()
        with question:
            assert b"HTTP/1.1" in question.recv(65536)
            assert not _has_something(question)  # the question has not been given up
            assert currency.is_there(STUDY, SERIES)
            assert currency.study(STUDY) is None
            assert not _has_something(silent)  # and no second one was asked beside it
            answer = b"[]"
            question.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer)
            )
            question.recv(1)  # it has been read when the other end is closed
        while (found := currency.study(STUDY)) is None:  # the late answer counts
            pass
        assert found.series == {}


@pytest.mark.orthanc
def test_what_is_prepared_is_drawn_without_asking_a_hanging_archive_for_its_file(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "cache")
    file = written(ct_slice("HANGING", STUDY, SERIES, 1))
    with archive_with(tmp_path / "orthanc", [file]) as archive:
        (series_id,) = archive.candidates(STUDY, SERIES)
        assert Preparer(archive, shelf, Room(shelf.root, 10**9)).prepare(STUDY, series_id)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        closing(_asking(silent)) as archive,
        reading_of(
            archive, migrated_sqlite, tmp_path, STUDY, pseudonymised=False, patience_s=0.05
        ) as reader,
    ):
        instance = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1"
        picture = reader.ask(f"{instance}/rendered", "image/png")
        assert (picture.status_code, picture.content_type) == (200, "image/png")
        question, _ = silent.accept()  # whether the study is there still
        question.close()
        assert not _has_something(silent)


def _asking(silent: socket.socket) -> Archive:
    return Archive(f"http://127.0.0.1:{silent.getsockname()[1]}", "", "", TIME_LIMIT_S)


def _has_something(line: socket.socket) -> bool:
    """Whether bytes, an end or a caller wait at this socket."""
    return bool(select.select([line], [], [], 0)[0])
