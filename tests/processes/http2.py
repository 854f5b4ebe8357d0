"""The smallest HTTP/2 client (RFC 9113) that can ask nginx for many things at once on one connection.

It sends its headers as literals and reads of an answer's headers only the status (RFC 7541 6): nginx
writes that first, as one of the static table's or as three digits.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
_INITIAL_WINDOW = 4
_LARGEST_WINDOW = 2**31 - 1
_STATIC_STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # RFC 7541 annex A
_STATUS_NAME = 8


@dataclass
class Answer:
    status: int = 0
    body: bytes = b""


class Connection:
    """One connection over TLS to a port of this machine; whatever certificate it shows."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._line = context.wrap_socket(plain)
        assert self._line.selected_alpn_protocol() == "h2"
        self._file = self._line.makefile("rb")
        self._next_stream = 1
        window = struct.pack(">HI", _INITIAL_WINDOW, _LARGEST_WINDOW)
        self._line.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._send(_SETTINGS, 0, 0, window)
        self._send(_WINDOW, 0, 0, struct.pack(">I", _LARGEST_WINDOW - 65535))

    def ask(self, paths: Sequence[str], headers: Mapping[str, str]) -> list[Answer]:
        """GETs of these paths, all at once; the answers in the same order."""
        streams: dict[int, Answer] = {}
        for path in paths:
            streams[self._next_stream] = Answer()
            fields = {
                ":method": "GET",
                ":scheme": "https",
                ":path": path,
                ":authority": "127.0.0.1",
                **headers,
            }
            self._send(_HEADERS, _END_STREAM | _END_HEADERS, self._next_stream, _block(fields))
            self._next_stream += 2
        open_ones = set(streams)
        while open_ones:
            open_ones -= self._read_one(streams)
        return list(streams.values())

    def _read_one(self, streams: dict[int, Answer]) -> set[int]:
        """One frame; gives the stream that it ended, if it did."""
        kind, flags, stream, payload = self._receive()
        if kind == _SETTINGS and not flags & _ACK:
            self._send(_SETTINGS, _ACK, 0, b"")
        elif kind == _PING and not flags & _ACK:
            self._send(_PING, _ACK, 0, payload)
        elif kind in (_RST, _GOAWAY):
            raise ConnectionError("the proxy ended it")
        elif kind == _HEADERS:
            streams[stream].status = _status(payload)
        elif kind == _DATA:
            streams[stream].body += payload
        return {stream} if kind in (_DATA, _HEADERS) and flags & _END_STREAM else set()

    def _send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        head = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream)
        self._line.sendall(head + payload)

    def _receive(self) -> tuple[int, int, int, bytes]:
        head = self._file.read(9)
        if len(head) < 9:
            raise ConnectionError("the proxy closed the connection")
        length = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        return kind, flags, stream & _LARGEST_WINDOW, self._file.read(length)

    def close(self) -> None:
        self._file.close()
        self._line.close()


def _block(fields: Mapping[str, str]) -> bytes:
    """Literal fields without indexing (RFC 7541 6.2.2)."""
    return b"".join(b"\0" + _literal(name) + _literal(value) for name, value in fields.items())


def _literal(text: str) -> bytes:
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, digits = len(data) - 127, b"\x7f"
    while rest >= 128:
        digits += bytes([rest % 128 + 128])
        rest //= 128
    return digits + bytes([rest]) + data


def _status(block: bytes) -> int:
    while block and block[0] & 0xE0 == 0x20:  # a new size of the table (6.3): one byte here
        block = block[1:] if block[0] & 0x1F < 0x1F else block[_end_of_number(block) :]
    if block[0] & 0x80:
        return _STATIC_STATUS[block[0] & 0x7F]
    assert block[0] & 0x3F == _STATUS_NAME or block[0] & 0x0F == _STATUS_NAME
    assert block[1] == 3, "the status is not written as it stands"
    return int(block[2:5])


def _end_of_number(block: bytes) -> int:
    at = 1
    while block[at] & 0x80:
        at += 1
    return at + 1
