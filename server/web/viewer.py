"""The viewer's files, and the page on which it runs under a visit's address."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Response, current_app, redirect, request, send_file
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as WerkzeugResponse

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import NotFound, Unavailable
from server.web.headers import VIEWER_POLICY
from server.web.visit import Visit

# A hash of the content stands in these names, or in the name of the folder that holds our modules.
_HASHED = re.compile(
    r"(\.bundle\.[0-9a-f]{16}\.js|[0-9a-f]{16}\.(wasm|woff2))$|^[0-9a-f]{16}/[\w./-]+$", re.ASCII
)
_MARK = re.compile(r"[0-9a-f]{16}", re.ASCII)
_A_YEAR = "public, max-age=31536000, immutable"
# What a page loads before it is asked anything, as the installer writes it.
_LOADED = re.compile(
    r'<(?:script|link rel="(?:modulepreload|preload|stylesheet)")(?: [^>]*)? (?:src|href)="(/[^"]+)"'
)
_NOT_SERVED = (".html", ".gz", ".br", ".map")
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


class ViewerNotInstalled(Unavailable):
    """The viewer's files are not where the settings say."""


class FileNotServed(NotFound):
    """No such file belongs to the viewer."""


def viewer_start(visit: Visit) -> WerkzeugResponse:
    """The viewer without a study to show has nothing to show: back to the case."""
    return redirect(f"/r/{visit.launch.id}/")


def viewer_page(visit: Visit, rest: str) -> Response:
    """The viewer's page; its configuration finds out from the address which visit it is."""
    page = _page(visit.services.settings.viewer_dir)
    if not page.is_file():
        raise ViewerNotInstalled(
            "The image viewer is not installed on this server.",
            remedy="The operator runs “make install”; everything else works meanwhile.",
        )
    visit.note(studies=len(visit.case.studies))
    response = _packed_file(page, "text/html")
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = viewer_policy(page, page.stat().st_mtime_ns)
    return response


def _page(viewer_dir: Path) -> Path:
    return viewer_dir / "margin-viewer" / "page.html"


def viewer_files(viewer_dir: Path) -> tuple[str, ...]:
    """The addresses of all that the viewer's page loads at once, each kept by browsers for good, for a
    page from which somebody goes on to the viewer. Nothing where no viewer is installed."""
    page = _page(viewer_dir)
    return _loaded_by(page, page.stat().st_mtime_ns) if page.is_file() else ()


def viewer_file(visit: Visit, name: str) -> Response:
    """One file of the stock build, which expects to lie at the root of its origin.

    Every other address ends here, too: one that only takes changes says so (MethodNotAllowed).
    """
    try:
        return _file(visit.services.settings.viewer_dir / "ohif", name)
    except FileNotServed:
        adapter = current_app.create_url_adapter(request)
        methods = set(adapter.allowed_methods() if adapter else ()) - {"GET", "HEAD", "OPTIONS"}
        if methods:
            raise MethodNotAllowed(sorted(methods)) from None
        raise


def margin_file(visit: Visit, name: str) -> Response:
    """One of our own modules beside the stock build."""
    return _file(visit.services.settings.viewer_dir / "margin-viewer", name)


def _file(folder: Path, name: str) -> Response:
    joined = safe_join(str(folder), name)
    path = Path(joined) if joined else None
    hidden = path is None or path.name.startswith(".") or path.suffix in _NOT_SERVED
    if path is None or hidden or not path.is_file():
        raise FileNotServed("There is nothing at this address.", remedy="Check the address.")
    response = _packed_file(path, _TYPES.get(path.suffix))
    # The viewer's page asks for styles with a mark of their content behind their names.
    marked = path.suffix == ".css" and _MARK.fullmatch(request.args.get("v", ""))
    unchanging = marked or _HASHED.search(name)
    response.headers["Cache-Control"] = _A_YEAR if unchanging else "public, no-cache"
    if path.suffix == ".js":
        # A worker is held to the policy of its own script, and some of these are workers.
        response.headers["Content-Security-Policy"] = VIEWER_POLICY.format(hashes="")
    return response


def _packed_file(path: Path, mimetype: str | None) -> Response:
    """A file as small as this browser takes it, with an entity tag; 304 when it has it."""
    packed, encoding = _packed(path)
    response = send_file(packed, mimetype=mimetype, conditional=True)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _packed(path: Path) -> tuple[Path, str]:
    """The smallest form of a file that this browser takes, and its encoding."""
    accepted = request.accept_encodings
    for encoding, suffix in (("br", ".br"), ("gzip", ".gz")):
        packed = path.with_name(path.name + suffix)
        if accepted[encoding] > 0 and packed.is_file():
            return packed, encoding
    return path, ""


@lru_cache(maxsize=4)
def viewer_policy(page: Path, written_at_ns: int) -> str:
    """The viewer page's policy: of inline scripts, only the two that the stock page has. Found once
    for a page as it was written at `written_at_ns`.

    The codecs are WebAssembly in workers; showing a segmentation compiles code from text.
    """
    inline = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in inline
    )
    return VIEWER_POLICY.format(hashes=hashes)


@lru_cache(maxsize=4)
def _loaded_by(page: Path, _written_at_ns: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_LOADED.findall(page.read_text(encoding="utf-8"))))


ROUTES = [
    Route("/r/<launch>/view/", viewer_start, Action.IMAGES_READ),
    Route("/r/<launch>/view/<path:rest>", viewer_page, Action.IMAGES_READ),
    Route("/margin-viewer/<path:name>", margin_file, Action.PUBLIC),
    Route("/<path:name>", viewer_file, Action.PUBLIC),
]
