"""Answers that stream: the upstream is open and good before the first byte leaves (law 4)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator

from flask import Response

# The bytes of an instance never change: Orthanc does not overwrite (OverwriteInstances false).
UNCHANGING = "private, max-age=31536000, immutable"
CHANGING = "private, no-cache"
# With the three seconds that the door remembers whom it let in, less than five.
ASKED_AGAIN_EVERY_S = 1.5
# What is not an image or JSON may be a document that somebody wrote: it is never run or framed.
UNTRUSTED = "sandbox; default-src 'none'"


def streamed(
    body: Iterable[bytes],
    *,
    content_type: str,
    length: int | None,
    cache: str,
    close: Callable[[], None],
) -> Response:
    """A response whose bytes come from `body`; `close` is called however it ends, also unread."""
    # Not `direct_passthrough`: with it, Flask never calls what was asked for by `call_on_close`.
    response = Response(body, content_type=content_type)
    if length is not None:
        response.content_length = length
    response.headers["Cache-Control"] = cache
    response.headers["Vary"] = "Accept, Authorization, Cookie"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.call_on_close(close)
    return response


def while_let_in(
    body: Iterable[bytes],
    ask_again: Callable[[], object],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """The body, as long as whoever reads it may: `ask_again` is called every ASKED_AGAIN_EVERY_S, and
    breaks the answer off by raising. A whole study takes minutes over a slow line; a grant that is
    withdrawn meanwhile ends it."""
    asked_at = clock()
    try:
        for piece in body:
            if clock() - asked_at >= ASKED_AGAIN_EVERY_S:
                ask_again()
                asked_at = clock()
            yield piece
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()


def boundary_of(*parts: str) -> str:
    """A boundary that is the same for the same content, so that bodies are byte for byte
    repeatable.
    """
    return "margin-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
