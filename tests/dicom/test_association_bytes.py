"""What an association puts on the line is the whole message, however little the line takes at a time."""

from __future__ import annotations

import os
import socket
import struct
import threading

import pytest

from server.dicom.association import Association
from server.dicom.peer import Peer

COMMAND = b"the command set"


def fragments(stream: bytes) -> list[tuple[int, bytes]]:
    """Control header and content of each P-DATA-TF, PS3.8 9.3.5."""
    found = []
    while stream:
        kind, length, item, context, control = struct.unpack_from(">BxLLBB", stream)
        assert (kind, item, context) == (4, length - 4, 7)
        found.append((control, stream[12 : 6 + length]))
        stream = stream[6 + length :]
    return found


@pytest.mark.parametrize("fragment_bytes", [3_000, 131_066])
def test_a_slow_reader_gets_every_byte_in_order(fragment_bytes: int) -> None:
    dataset = os.urandom(2_500_001)
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10_000)
    ours.settimeout(20)
    received = bytearray()

    def read() -> None:
        while piece := theirs.recv(7_001):
            received.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    with ours, theirs:
        association = Association(Peer("127.0.0.1", 104, "A", "B"), ours, {}, fragment_bytes)
        association._send(7, COMMAND, memoryview(dataset))
        ours.shutdown(socket.SHUT_WR)
        reader.join(20)
    (first, command), *rest = fragments(bytes(received))
    assert (first, command) == (3, COMMAND)
    assert [control for control, _ in rest] == [0] * (len(rest) - 1) + [2]
    assert b"".join(content for _, content in rest) == dataset
