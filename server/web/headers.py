"""Headers that every answer bears."""

from __future__ import annotations

from flask import Response, request

from server.web.packing import pack

# Our own pages: everything from this origin, no inline script, nothing framed by strangers.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# The same for what one of our pages shows in a frame of its own.
FRAMED_POLICY = PAGE_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
# The viewer's, with room for the hashes of its page's inline scripts. Its codecs are WebAssembly in
# workers, its styles are inline, and showing a segmentation compiles code from text.
VIEWER_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval' {hashes}; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; font-src 'self' data:; "
    "connect-src 'self' blob: data:; worker-src 'self' blob:; frame-src 'self' blob:; "
    "media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'"
)


def protect(response: Response) -> Response:
    """Add what is missing; a view that set a header itself keeps it. Then the answer is packed."""
    added = response.headers
    added.setdefault("X-Content-Type-Options", "nosniff")
    added.setdefault("Referrer-Policy", "no-referrer")
    added.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    added.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    added.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    added.setdefault("Content-Security-Policy", PAGE_POLICY)
    if request.is_secure:
        added.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if "Cache-Control" not in added:
        added["Cache-Control"] = "no-store"
    elif not any(word in added["Cache-Control"] for word in ("public", "private", "no-store")):
        # A file that is sent says “no-cache”, with which others on the way may keep it.
        response.cache_control.private = True
    added.remove("Server")
    return pack(response)
