"""Taking the head of a request as it comes, so that nobody has to wait for the rest of it.

gunicorn's parser waits in its thread until a head is whole, however slowly that comes: as many slow senders
as there are threads, and no page is answered any more. So a head is gathered first, where the parser looks
for it, and the parser begins when it need not wait.
"""

from __future__ import annotations

import os
import re
import socket
from typing import Final

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import TConn

# Addresses of 8190 bytes are taken, and a browser's headers are some kB; other servers stop at 32 kB.
LONGEST_BYTES: Final = 64 * 1024
_PIECE_BYTES: Final = 64 * 1024
# The empty line after the headers, or a line feed alone, which the parser refuses without reading on.
_END: Final = re.compile(rb"\r\n\r\n|(?<!\r)\n")
_BEFORE_END_BYTES: Final = 3


def is_whole(conn: TConn) -> bool:
    """Take what has come of the next head; whether the parser can judge it without waiting for more.

    Raises LimitRequestLine or LimitRequestHeaders for one that goes on for too long, and OSError.
    """
    return _ends(conn, 0) or goes_on_whole(conn)


def goes_on_whole(conn: TConn) -> bool:
    """The same for a head whose beginning was found not to be whole before."""
    kept = conn.parser.unreader.buf
    while True:
        known_bytes = kept.seek(0, os.SEEK_END)
        if known_bytes > LONGEST_BYTES:
            raise _too_long(kept.getvalue())
        try:
            piece = conn.sock.recv(_PIECE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        kept.write(piece)
        # At the end of all that comes the parser, too, waits for nothing.
        if not piece or _ends(conn, known_bytes):
            return True


def _ends(conn: TConn, known_bytes: int) -> bool:
    begin = max(0, known_bytes - _BEFORE_END_BYTES)
    return _END.search(conn.parser.unreader.buf.getvalue(), begin) is not None


def _too_long(head: bytes) -> LimitRequestLine | LimitRequestHeaders:
    if b"\r\n" not in head:
        return LimitRequestLine(len(head), LONGEST_BYTES)
    return LimitRequestHeaders("the headers are too long")
