"""The short way of a prepared frame: from its address to its file, before Flask begins.

A viewer asks for hundreds of frames a second, each of them a whole file on disk. Whoever was let in
a moment ago (`ImageDoor` remembers for three seconds, so that a revocation stops them within five),
whose opening of the study stands in the audit trail, and who takes frames as they were prepared, is
given the file: by the kernel's sendfile, or by the proxy in front when it says that it can. Every
other request, and every refusal, goes the long way through the doorway.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from server.access.door import ImageAdmission
from server.access.permissions import Action
from server.dicomweb.accept import OCTETS, read_accept
from server.dicomweb.answers import UNCHANGING
from server.dicomweb.doorway import Reading
from server.prepared.shelf import FRAME_CONTENT_TYPE

ACCEL_PREFIX = "/prepared/"  # the proxy's name for the cache's folder
CAN_ACCEL = "HTTP_X_MARGIN_ACCEL"
PIECE_BYTES = 256 * 1024

_FRAME = re.compile(
    r"(?:/r/([0-9a-zA-Z_-]{1,64}))?/dicom-web/studies/([0-9.]{1,64})/series/([0-9.]{1,64})"
    r"/instances/([0-9.]{1,64})/frames/([1-9][0-9]{0,8})"
)
_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")

_HEADERS = (
    ("Content-Type", FRAME_CONTENT_TYPE),
    ("Cache-Control", UNCHANGING),
    ("Vary", "Accept, Authorization, Cookie"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

SecretOf = Callable[[WSGIEnvironment, str | None], str | None]


class Express:
    """WSGI middleware around the application.

    `secret_of(environ, launch_id)` reads the cookie of a visit, or the bearer token, from a request.
    `behind_proxy`: a request may say that whoever handed it on sends files itself.
    """

    def __init__(
        self,
        app: WSGIApplication,
        reading: Reading,
        secret_of: SecretOf,
        *,
        behind_proxy: bool = False,
    ) -> None:
        self._app = app
        self._reading = reading
        self._secret_of = secret_of
        self._behind_proxy = behind_proxy

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application."""
        path = environ.get("PATH_INFO", "")
        if "/frames/" in path:
            found = self._file_for(environ, path)
            if found is not None:
                # It may be given up at any moment, or not be prepared yet.
                with contextlib.suppress(OSError):
                    return self._send(found, environ, start_response)
        return self._app(environ, start_response)

    def _file_for(self, environ: WSGIEnvironment, path: str) -> Path | None:
        """The file that answers this request whole, when nothing else is to be asked or noted."""
        asked = _FRAME.fullmatch(path)
        if asked is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return None
        if environ.get("QUERY_STRING") or not takes_prepared(environ.get("HTTP_ACCEPT", "")):
            return None
        launch_id, *uids, number = asked.groups()
        secret = self._secret_of(environ, launch_id)
        admission = self._reading.door.remembered(secret, launch_id) if secret else None
        if admission is None or not admission.permits(Action.IMAGES_READ):
            return None
        if not self._reading.openings.is_known(admission.actor.text, uids[0]):
            return None
        found = self._in_the_archive(admission, uids)
        return None if found is None else self._reading.currency.shelf.frame(*found, int(number))

    def _in_the_archive(
        self, admission: ImageAdmission, uids: list[str]
    ) -> tuple[str, str, str] | None:
        view = self._reading.view_of(admission)
        study, series, instance = (view.real(uid) for uid in uids)
        if study is None or series is None or instance is None:
            return None
        if admission.study_uids is not None and study not in admission.study_uids:
            return None
        cleared = self._reading.currency.clearance
        if view.pseudonymised and not cleared.is_given(view, study, series, instance):
            return None
        return study, series, instance

    def _send(self, path: Path, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Sends the file, or has it sent. Raises OSError before anything was said."""
        if self._behind_proxy and environ.get(CAN_ACCEL):
            path.stat()
            place = path.relative_to(self._reading.currency.shelf.root).as_posix()
            start("200 OK", [*_HEADERS, ("X-Accel-Redirect", ACCEL_PREFIX + place)])
            return []
        return _sent(path, environ, start)


@lru_cache(maxsize=256)
def takes_prepared(accept: str) -> bool:
    """Whether this Accept header's first wish is a multipart answer in whatever transfer syntax."""
    wishes = read_accept(accept)
    if not wishes:
        return False
    first = wishes[0]
    return first.multipart and first.kind == OCTETS and first.transfer_syntax == "*"


def _sent(path: Path, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """The file, or a part of it, or that it is unchanged. Raises OSError before that."""
    file = path.open("rb", buffering=0)
    state = os.fstat(file.fileno())
    # The form that nginx gives its own files, so that both ways agree.
    tag = f'"{int(state.st_mtime):x}-{state.st_size:x}"'
    headers = list(_HEADERS)
    headers += [("ETag", tag), ("Accept-Ranges", "bytes")]
    if _names(environ.get("HTTP_IF_NONE_MATCH", ""), tag):
        file.close()
        start("304 Not Modified", headers)
        return []
    first, last, status = _part(environ, tag, state.st_size)
    if status.startswith("416"):
        file.close()
        headers = [*headers[1:], ("Content-Range", f"bytes */{state.st_size}")]
        start(status, [*headers, ("Content-Length", "0")])
        return []
    if status.startswith("206"):
        headers.append(("Content-Range", f"bytes {first}-{last}/{state.st_size}"))
        file.seek(first)
    headers.append(("Content-Length", str(last - first + 1)))
    start(status, headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        file.close()
        return []
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is not None and environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        # gunicorn sends as much as Content-Length says, from where the file stands.
        sent: Iterable[bytes] = wrapper(file, PIECE_BYTES)
        return sent
    with file:
        return [file.read(last - first + 1)]


def _names(header: str, tag: str) -> bool:
    return bool(header) and (
        header.strip() == "*"
        or tag in {one.strip().removeprefix("W/") for one in header.split(",")}
    )


def _part(environ: WSGIEnvironment, tag: str, size: int) -> tuple[int, int, str]:
    """First and last byte to send, and the status. What is no single range is passed over."""
    whole = 0, size - 1, "200 OK"
    asked = _RANGE.fullmatch(environ.get("HTTP_RANGE", "").strip())
    if asked is None or environ.get("HTTP_IF_RANGE", tag) != tag:
        return whole
    begin, end, tail = asked.groups()
    if tail is not None:
        first, last = max(0, size - int(tail)), size - 1
    else:
        first, last = int(begin), min(int(end or size), size - 1)
        if end and int(end) < first:
            return whole
    if first >= size or (tail is not None and int(tail) == 0):
        return 0, 0, "416 Range Not Satisfiable"
    return first, last, "206 Partial Content"
