"""The answer to a request of which gunicorn reads no more: an address or headers beyond its limits.

No part of the application ever sees such a request, so its answer is written here, in the one shape of
errors and not as gunicorn's page of HTML.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from http import HTTPStatus
from typing import Final

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine

from server.foundation.errors import MarginError, TooLarge, body_of

# A sender that is still sending when its line is closed does not get to read the answer. It is listened to
# for so long, and no longer.
LISTENED_TO_S: Final = 2.0
LISTENED_TO_BYTES: Final = 2 * 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024


class AddressTooLong(TooLarge):
    """The address of a request, query and all, is longer than is read."""


class HeadersTooLong(TooLarge):
    """The headers of a request are more or longer than is read."""


_SAID: Final[dict[type[Exception], tuple[HTTPStatus, MarginError]]] = {
    LimitRequestLine: (
        HTTPStatus.REQUEST_URI_TOO_LONG,
        AddressTooLong("This address is too long.", remedy="Ask for less at once."),
    ),
    LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        HeadersTooLong("The headers of this request are too long.", remedy="Send fewer of them."),
    ),
}


def answer_to(problem: Exception) -> bytes | None:
    """The whole answer, head and body; None where something else is wrong."""
    said = _SAID.get(type(problem))
    if said is None:
        return None
    status, error = said
    body = json.dumps(body_of(error)).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def send_and_close(line: socket.socket, answer: bytes) -> None:
    """Sends the answer and lets the other side read it, in bounded time, whatever it does."""
    with contextlib.suppress(OSError):
        until = time.monotonic() + LISTENED_TO_S
        line.settimeout(LISTENED_TO_S)
        line.sendall(answer)
        line.shutdown(socket.SHUT_WR)
        heard = 0
        while heard < LISTENED_TO_BYTES and (left := until - time.monotonic()) > 0:
            line.settimeout(left)
            piece = line.recv(_PIECE_BYTES)
            if not piece:
                break
            heard += len(piece)
