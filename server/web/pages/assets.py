"""Style sheets, scripts and drawings of our own, addressed by content to cache for ever."""

from __future__ import annotations

import hashlib
import re
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
# What every page needs is one file: on a line of 300 ms eleven requests are slower than their bytes.
TOGETHER = {
    "pages.css": (
        "tokens.css",
        "margin.css",
        "tables.css",
        "forms.css",
        "parts.css",
        "records.css",
        "imaging.css",
        "figures.css",
        "clock.css",
        "afterwards.css",
        "print.css",
    )
}
# How one module of ours names another beside it.
_IMPORT = re.compile(rb'(?<=from "\./)(\w+\.js)(?=")')
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_MOMENT = "public, max-age=60"


class AssetNotFound(NotFound):
    """There is no style sheet, script or drawing of this name."""


def _pieces(name: str) -> list[Path]:
    return [FOLDER / piece for piece in TOGETHER.get(name, (name,))]


def _changed_ns(name: str) -> int:
    return max(piece.stat().st_mtime_ns for one in (name, *modules(name)) for piece in _pieces(one))


@lru_cache(maxsize=64)
def _imported(name: str, _own_change_ns: int) -> tuple[str, ...]:
    source = (FOLDER / name).read_bytes()
    return tuple(dict.fromkeys(found.decode() for found in _IMPORT.findall(source)))


def modules(name: str) -> tuple[str, ...]:
    """The modules that a script needs before it can run, each once: those it imports and theirs."""
    found: dict[str, None] = {}
    waiting = [name] if name.endswith(".js") else []
    while waiting:
        one = waiting.pop(0)
        imported = _imported(one, (FOLDER / one).stat().st_mtime_ns)
        waiting += [other for other in imported if other not in found]
        found |= dict.fromkeys(imported)
    return tuple(found)


@lru_cache(maxsize=64)
def _content(name: str, _changed_ns: int) -> bytes:
    whole = b"\n".join(piece.read_bytes() for piece in _pieces(name))
    if not name.endswith(".js"):
        return whole
    # A module asks for the others by their contents, so that they are kept for ever, too.
    return _IMPORT.sub(lambda found: _file_name(found[0].decode()).encode(), whole)


@lru_cache(maxsize=64)
def _hash(name: str, changed_ns: int) -> str:
    return hashlib.sha256(_content(name, changed_ns)).hexdigest()[:12]


def address(name: str) -> str:
    """The address of an asset, with its content's hash in it: `/static/margin.0f3a….css`."""
    return f"/static/{_file_name(name)}"


def _file_name(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{_hash(name, _changed_ns(name))}.{suffix}"


def asset(visit: Visit, name: str) -> Response:
    """One file of `static/` or several together, with or without the hash in the name."""
    wanted = {path.name for path in FOLDER.iterdir() if path.suffix in TYPES} | set(TOGETHER)
    stem, _, rest = name.partition(".")
    given, _, suffix = rest.rpartition(".")
    plain = f"{stem}.{suffix}"
    if plain not in wanted:
        raise AssetNotFound("There is no such file.", remedy="Reload the page.")
    changed_ns = _changed_ns(plain)
    response = Response(_content(plain, changed_ns), content_type=TYPES[f".{suffix}"])
    fresh = given == _hash(plain, changed_ns)
    response.headers["Cache-Control"] = FOR_EVER if fresh else FOR_A_MOMENT
    return response


ROUTES = [Route("/static/<path:name>", asset, Action.PUBLIC)]
