"""An Orthanc that is away, refuses us, talks nonsense or breaks off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from server.archive import Archive, ArchiveUnavailable, NotInArchive
from server.archive.wire import KEEP_ALIVE_S, Wire
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import OrthancProcess, free_port


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server that gives one connection after the other the next of these answers, and closes."""
    with socket.create_server(("127.0.0.1", free_port(18360))) as server:

        def serve() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def test_an_orthanc_that_is_away_is_unavailable_with_a_remedy() -> None:
    archive = Archive(f"http://127.0.0.1:{free_port(18370)}", "", "", timeout_s=1)
    with pytest.raises(ArchiveUnavailable) as refusal:
        archive.system()
    assert refusal.value.remedy
    with pytest.raises(ArchiveUnavailable):
        archive.instance_file("x")
    with pytest.raises(ArchiveUnavailable):
        archive.store_instance(b"x")
    archive.close()


@pytest.mark.orthanc
def test_wrong_credentials_count_as_unavailable(orthanc: OrthancProcess) -> None:
    archive = Archive(orthanc.url, "margin", "wrong", timeout_s=2)
    with pytest.raises(ArchiveUnavailable):
        archive.system()
    with pytest.raises(ArchiveUnavailable):
        archive.open_file("x")
    archive.close()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"Version": null}', b'"text"'])
def test_nonsense_counts_as_unavailable(body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    with answering(head + body) as url:
        archive = Archive(url, "", "", timeout_s=2)
        with pytest.raises(ArchiveUnavailable):
            archive.statistics()
        archive.close()


def test_a_question_is_asked_again_when_the_line_breaks() -> None:
    body = b'{"Version": "1.10.1"}'
    good = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    with answering(b"", good) as url:
        archive = Archive(url, "", "", timeout_s=2)
        assert archive.system().version == "1.10.1"
        archive.close()


def test_a_body_that_ends_early_is_an_error_and_not_a_short_file() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this") as url:
        archive = Archive(url, "", "", timeout_s=2)
        with pytest.raises(ArchiveUnavailable):
            archive.instance_file("x")
        archive.close()


@pytest.mark.orthanc
def test_a_connection_is_used_again_only_after_its_body_was_read(
    archive: Archive, orthanc: OrthancProcess
) -> None:
    wire = Wire(orthanc.url, "margin", "a password only for tests", timeout_s=5)
    with wire.get("/system") as first:
        first.read()
    assert len(wire._idle) == 1
    with wire.get("/system") as second:
        assert len(wire._idle) == 0
        assert second.status == 200
    assert len(wire._idle) == 0
    wire.close()


@pytest.mark.orthanc
def test_a_kept_connection_that_died_is_replaced(
    archive: Archive, orthanc: OrthancProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire(orthanc.url, "margin", "a password only for tests", timeout_s=5)
    with wire.get("/system") as first:
        first.read()
    (_, connection) = wire._idle[0]
    assert KEEP_ALIVE_S < 1
    connection.sock.shutdown(socket.SHUT_RDWR)
    with wire.get("/system") as second:
        assert second.status == 200
        second.read()
    wire.close()


@pytest.mark.orthanc
def test_the_archive_serves_again_after_a_restart(orthanc: OrthancProcess) -> None:
    archive = orthanc.archive(timeout_s=2)
    stored = archive.store_instance(written(ct_slice("P-30", "1.2.826.30", "1.2.826.30.1", 1)))
    orthanc.stop()
    with pytest.raises(ArchiveUnavailable):
        archive.instance(stored.orthanc_id)
    with pytest.raises(ArchiveUnavailable):
        archive.open_file(stored.orthanc_id)
    orthanc.start()
    assert archive.instance(stored.orthanc_id).SOPInstanceUID == "1.2.826.30.1.1"
    with pytest.raises(NotInArchive):
        archive.open_file("nothing")
    archive.close()
