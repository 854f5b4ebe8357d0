"""Answers that stream: the upstream is open and good before the first byte leaves (law 4)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator

from flask import Response

from server.archive import Stream

# The bytes of an instance never change: Orthanc does not overwrite (OverwriteInstances false).
UNCHANGING = "private, max-age=31536000, immutable"
CHANGING = "private, no-cache"
# What is not an image or JSON may be a document that somebody wrote: it is never run or framed.
UNTRUSTED = "sandbox; default-src 'none'"

_BULK_DATA_URI = re.compile(rb'("BulkDataURI"\s*:\s*")[^"]*?(/studies/)')


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


def boundary_of(*parts: str) -> str:
    """A boundary that is the same for the same content, so that bodies are byte for byte
    repeatable.
    """
    return "margin-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def with_own_addresses(stream: Stream, base: str) -> Iterator[bytes]:
    """DICOM JSON whose BulkDataURIs begin with `base` instead of Orthanc's own address.

    Works on pieces: it cuts behind a closing brace, and nothing that must be replaced contains one.
    The key cannot occur inside a value, where its quotation marks would be escaped.
    """
    replacement = rb"\g<1>" + base.encode().replace(b"\\", b"\\\\").replace(b'"', b"") + rb"\g<2>"
    held = b""
    for piece in stream.chunks():
        held += piece
        cut = held.rfind(b"}") + 1
        if cut:
            yield _BULK_DATA_URI.sub(replacement, held[:cut])
            held = held[cut:]
    yield held
