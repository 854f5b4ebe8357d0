"""If-Match (RFC 9110 13.1.1): an answer only for whoever still knows what we have.

It is looked at when the answer is made, before a byte of it leaves: what an answer is called (its
entity tag) depends on what the client takes and may see, so only the answer itself knows.
"""

from __future__ import annotations

from flask import Response, json, request

from server.foundation.errors import MarginError, body_of

_CONDITIONAL = (200, 206, 304, 416)  # of every other answer RFC 9110 13.2.1 says: as without


class NotWhatWasMet(MarginError):
    """None of the entity tags in If-Match is that of what would be answered."""


def held(response: Response) -> Response:
    """The answer, or 412 in its place when If-Match names something else."""
    asked = request.if_match
    is_reading = request.method in ("GET", "HEAD") and response.status_code in _CONDITIONAL
    if not is_reading or not request.headers.get("If-Match"):
        return response
    tag, is_weak = response.get_etag()
    if asked.star_tag or (tag is not None and not is_weak and asked.contains(tag)):
        return response
    response.close()
    error = NotWhatWasMet(
        "This is not, or no longer, what If-Match names.",
        remedy="Ask for it anew without If-Match.",
    )
    refused = Response(json.dumps(body_of(error)), status=412, content_type="application/json")
    refused.headers["Cache-Control"] = "no-store"
    return refused
