"""The line to Orthanc: how it is asked, how often, and what its answers mean.

Values go through pyorthanc, bytes in bulk through `server.archive.wire`. Every call has a time
limit; only calls that may be repeated without effect are repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx
import pyorthanc
import tenacity

from server.archive.errors import RefusedByArchive, judge, unavailable
from server.archive.wire import KEEP_ALIVE_S, Stream, Wire

READ_TIMEOUT_S = 120.0  # a study's metadata is computed before its first byte: seconds to a minute

T = TypeVar("T")

_BROKEN_LINE = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_repeatedly = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(_BROKEN_LINE),
    stop=tenacity.stop_after_attempt(3),
    wait=tenacity.wait_exponential(multiplier=0.05, max=0.4),
    reraise=True,
)


class Line:
    """One Orthanc, spoken to over HTTP. Safe to share between threads; `close()` at the end.

    `timeout_s` bounds each question about values; reading bytes in bulk allows `READ_TIMEOUT_S`
    between two pieces.
    """

    def __init__(self, url: str, user: str, password: str, timeout_s: float) -> None:
        url = url.rstrip("/")
        self._orthanc = pyorthanc.Orthanc(
            url,
            user or None,
            password or None,
            return_raw_response=True,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 3.0)),
            limits=httpx.Limits(max_keepalive_connections=32, keepalive_expiry=KEEP_ALIVE_S),
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
        )
        self._wire = Wire(url, user, password, timeout_s=max(timeout_s, READ_TIMEOUT_S))

    def close(self) -> None:
        """Ends all connections."""
        self._orthanc.close()
        self._wire.close()

    def _open(self, path: str, what: str, headers: Mapping[str, str] | None = None) -> Stream:
        """Bytes to be read in pieces. Raises what `judge` raises of Orthanc's status."""
        return good(self._wire.get(path, headers), what)

    def _read(self, call: Callable[[], Any], what: str, read: Callable[[Any], T]) -> T:
        """Asks for JSON and makes a value of it."""
        answer = self._ask(call, what)
        return value_of(lambda: read(answer.json()))

    def _ask(
        self, call: Callable[[], Any], what: str, *, refusable: bool = False
    ) -> httpx.Response:
        """Asks once or, when the line broke, up to three times: every call made here may repeat."""
        try:
            answer: httpx.Response = _repeatedly(call)
        except httpx.HTTPError as error:
            raise unavailable(repr(error)) from error
        if refusable and answer.status_code == httpx.codes.BAD_REQUEST:
            raise RefusedByArchive(
                f"The archive does not take this {what}: something is missing in it."
            )
        judge(answer.status_code, what, _error_in(answer))
        return answer


def _error_in(answer: httpx.Response) -> int:
    """Orthanc's own error code in an answer that is no success; 0 where it bears none."""
    if answer.is_success:
        return 0
    try:
        return int(answer.json()["OrthancStatus"])
    except (KeyError, TypeError, ValueError):
        return 0


def good(stream: Stream, what: str) -> Stream:
    """The stream if it bears what was asked for; else its error, and the line is free again."""
    if stream.status != httpx.codes.OK:
        stream.read()
        stream.close()
        judge(stream.status, what)
    return stream


def value_of(read: Callable[[], T]) -> T:
    """Reads an answer; one that is not what Orthanc says counts as no answer."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unavailable(f"nonsense from Orthanc: {error!r}") from error


def all_of(read: Callable[[Any], T], said: Any) -> tuple[T, ...]:
    """Each of a list as a value."""
    return tuple(read(one) for one in said)
