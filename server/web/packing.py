"""Pages and data leave compressed: on a poor line a page is its bytes.

What is prepared beforehand (the viewer's files, frames, metadata) is compressed where it lies; this is
for what a request writes. A page that repeats what somebody asked for beside a secret can be guessed at
by its compressed size (BREACH, CVE-2013-3587), so every answer is made longer by a random piece, in the
field that gzip has for a file's name (RFC 1952, 2.3.1): "Heal the BREACH", Palacios 2022.
"""

from __future__ import annotations

import gzip
import secrets
from io import BytesIO

from flask import Response, request

PACKED = {"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"}
SMALLEST_BYTES = 1400  # less fits one packet of a line anyway
LEVEL = 5
MOST_PADDING_BYTES = 100


def pack(response: Response) -> Response:
    """The answer as gzip when the browser takes that and it is worth while; else as it was."""
    if response.is_streamed or response.direct_passthrough or request.method == "HEAD":
        return response
    if response.mimetype not in PACKED or response.status_code in (204, 206, 304):
        return response
    response.vary.add("Accept-Encoding")
    taken = request.accept_encodings["gzip"] > 0
    if not taken or "Content-Encoding" in response.headers or "ETag" in response.headers:
        return response
    plain = response.get_data()
    if len(plain) >= SMALLEST_BYTES:
        response.set_data(gzipped(plain))
        response.headers["Content-Encoding"] = "gzip"
    return response


def gzipped(plain: bytes) -> bytes:
    """`plain` as one gzip member whose length says nothing certain about it."""
    into = BytesIO()
    padding = "m" * secrets.randbelow(MOST_PADDING_BYTES + 1)
    with gzip.GzipFile(padding, mode="wb", compresslevel=LEVEL, fileobj=into, mtime=0) as packed:
        packed.write(plain)
    return into.getvalue()
