"""Style sheets, scripts and drawings of our own, addressed by content to cache for ever."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import NotFound
from server.web.visit import Visit

FOLDER = Path(__file__).resolve().parents[1] / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_MOMENT = "public, max-age=60"


class AssetNotFound(NotFound):
    """There is no style sheet, script or drawing of this name."""


@lru_cache(maxsize=64)
def _hash(name: str, _changed_ns: int) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]


def address(name: str) -> str:
    """The address of an asset, with its content's hash in it: `/static/margin.0f3a….css`."""
    path = FOLDER / name
    return f"/static/{path.stem}.{_hash(name, path.stat().st_mtime_ns)}{path.suffix}"


def asset(visit: Visit, name: str) -> Response:
    """One file of `static/`, with or without its hash in the name."""
    wanted = {path.name: path for path in FOLDER.iterdir() if path.suffix in TYPES}
    stem, _, rest = name.partition(".")
    given, _, suffix = rest.rpartition(".")
    path = wanted.get(f"{stem}.{suffix}")
    if path is None:
        raise AssetNotFound("There is no such file.", remedy="Reload the page.")
    fresh = given == _hash(path.name, path.stat().st_mtime_ns)
    response = Response(path.read_bytes(), content_type=TYPES[path.suffix])
    response.headers["Cache-Control"] = FOR_EVER if fresh else FOR_A_MOMENT
    return response


ROUTES = [Route("/static/<path:name>", asset, Action.PUBLIC)]
