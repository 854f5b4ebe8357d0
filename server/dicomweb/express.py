"""The short way of a prepared frame: from its address to its file, before Flask begins.

A viewer asks for hundreds of frames a second, each of them a whole file on disk. Whoever was let in
a moment ago (`ImageDoor` remembers for three seconds, so that a revocation stops them within five),
whose opening of the study stands in the audit trail, and who takes frames as they were prepared, of
what the archive held a second ago, is given the file: by the kernel's sendfile, or by the proxy in
front when it says that it can. Every other request, and every refusal, goes the long way through the
doorway.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.http import parse_etags

from server.access.action import Action
from server.access.door import ImageAdmission
from server.dicomweb.doorway import Reading
from server.dicomweb.media.accept import OCTETS, read_accept
from server.dicomweb.media.answers import UNCHANGING
from server.dicomweb.media.ranges import RangeBeyondEnd, Span, counting_range, file_tag, read_span
from server.dicomweb.pixels.sources import shown_path
from server.dicomweb.views.view import View
from server.prepared.shelf import FRAME_CONTENT_TYPE

ACCEL_PREFIX = "/prepared/"  # the proxy's name for the cache's folder
CAN_ACCEL = "HTTP_X_MARGIN_ACCEL"
PIECE_BYTES = 256 * 1024

_FRAME = re.compile(
    r"(?:/r/([0-9a-zA-Z_-]{1,64}))?/dicom-web/studies/([0-9.]{1,64})/series/([0-9.]{1,64})"
    r"/instances/([0-9.]{1,64})/frames/([1-9][0-9]{0,8})"
)

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
                # It may be given up at any moment, or not be prepared yet; a range beyond its end
                # is refused in the standard's shape.
                with contextlib.suppress(OSError, RangeBeyondEnd):
                    return self._send(found, environ, start_response)
        return self._app(environ, start_response)

    def _file_for(self, environ: WSGIEnvironment, path: str) -> Path | None:
        """The file that answers this request whole, when nothing else is to be asked or noted."""
        asked = _FRAME.fullmatch(path)
        if asked is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return None
        if environ.get("HTTP_IF_MATCH"):
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
        return self._in_the_archive(admission, uids, int(number))

    def _in_the_archive(
        self, admission: ImageAdmission, uids: list[str], number: int
    ) -> Path | None:
        view = self._reading.view_of(admission)
        study, series, instance = (view.real(uid) for uid in uids)
        if study is None or series is None or instance is None:
            return None
        if series in admission.hidden.series:
            return None
        if admission.study_uids is not None and study not in admission.study_uids:
            return None
        if not self._reading.currency.is_there(study, series):
            return None
        path = self._reading.currency.shelf.frame(study, series, instance, number)
        return (
            self._shown(view, path, (study, series, instance), number)
            if view.pseudonymised
            else path
        )

    def _shown(
        self, view: View, path: Path, uids: tuple[str, str, str], number: int
    ) -> Path | None:
        """The file that a pseudonymised reader may see."""
        study, series, instance = uids
        currency = self._reading.currency
        manifest = currency.shelf.series(study, series)
        if manifest is None or not currency.clearance.is_given(view, study, series, instance):
            return None
        known = manifest.by_uid.get(instance)
        return shown_path(path, known, number) if known is not None else None

    def _send(self, path: Path, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Sends the file, or has it sent. Raises OSError and RangeBeyondEnd before anything was
        said."""
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
    """The file, or a part of it, or that it is unchanged. Raises OSError and RangeBeyondEnd."""
    method = environ["REQUEST_METHOD"]
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(path.open("rb", buffering=0))
        state = os.fstat(file.fileno())
        tag = file_tag(state)
        headers = [*_HEADERS, ("ETag", f'"{tag}"'), ("Accept-Ranges", "bytes")]
        if parse_etags(environ.get("HTTP_IF_NONE_MATCH")).contains_weak(tag):
            start("304 Not Modified", headers)
            return []
        asked, condition = environ.get("HTTP_RANGE", ""), environ.get("HTTP_IF_RANGE", "")
        span = read_span(counting_range(method, asked, condition, tag), state.st_size)
        part = span or Span(0, state.st_size)
        if span is not None:
            headers.append(("Content-Range", f"bytes {span.start}-{span.stop - 1}/{state.st_size}"))
        headers.append(("Content-Length", str(part.stop - part.start)))
        status = "200 OK" if span is None else "206 Partial Content"
        wrapper = environ.get("wsgi.file_wrapper")
        body: Iterable[bytes] = []
        if method != "HEAD":
            file.seek(part.start)
            if wrapper is not None and environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
                # gunicorn sends as much as Content-Length says, from where the file stands.
                opened.pop_all()
                body = wrapper(file, PIECE_BYTES)
            else:
                body = [file.read(part.stop - part.start)]
        start(status, headers)
        return body
