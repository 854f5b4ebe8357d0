"""The two that are compared: Margin's gateway, and the Orthanc behind it asked directly."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import click

from bench.figures import MARGIN, ORTHANC
from bench.reader import Reading, Task, begin, outcome, trusting
from bench.studies import Study, new_study
from bench.worlds import Margin, running_margin

JSON = "application/dicom+json"
T = TypeVar("T")


@dataclass(frozen=True)
class Side:
    """Where a DICOMweb begins, and the headers it wants to see."""

    name: str
    url: str
    headers: dict[str, str]

    def ask(self, connection: http.client.HTTPConnection, path: str, accept: str) -> bytes:
        """The body of one answer; anything but 200 ends the bench."""
        whole = urlsplit(self.url).path + path
        connection.request("GET", whole, headers={**self.headers, "Accept": accept})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.name} answers {answer.status} to {path}: {body[:200]!r}")
        return body

    def connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        if not secure:
            return http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=120)
        return http.client.HTTPSConnection(
            parts.hostname or "", parts.port or 443, timeout=120, context=trusting()
        )

    def json(self, path: str) -> list[dict[str, dict[str, list[str]]]]:
        with contextlib.closing(self.connect()) as connection:
            found: list[dict[str, dict[str, list[str]]]] = json.loads(
                self.ask(connection, path, JSON)
            )
            return found


def read(side: Side, paths: list[str], accept: str, count: int, connections: int) -> Reading:
    """Let a process of its own read frames. Raises RuntimeError when an answer is not a good one."""
    headers = {**side.headers, "Accept": accept}
    process = begin(Task(side.url, headers, paths, count, connections))
    try:
        return outcome(process)
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Comparison:
    """The gateway, Orthanc, and a study that both hold."""

    margin: Side
    orthanc: Side
    study: str

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.margin, self.orthanc


def alternate(sides: tuple[T, ...], rounds: int, measure: Callable[[T], None]) -> None:
    """Measures the sides in turn; who begins changes every round."""
    for number in range(rounds):
        for side in sides[:: 1 if number % 2 else -1]:
            measure(side)


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def compare(url: str, token: str, orthanc_url: str, pair: str, study: str) -> Comparison:
    """Both sides by their addresses; an empty `study` means the first CT found."""
    user, _, password = pair.partition(":")
    margin = Side(MARGIN, f"{url.rstrip('/')}/dicom-web", {"Authorization": f"Bearer {token}"})
    orthanc = Side(
        ORTHANC, f"{orthanc_url.rstrip('/')}/dicom-web", {"Authorization": basic(user, password)}
    )
    if not study:
        study = margin.json("/studies?limit=1&ModalitiesInStudy=CT")[0]["0020000D"]["Value"][0]
    return Comparison(margin, orthanc, study)


def comparison_of(margin: Margin, study: Study) -> Comparison:
    """A server of our own, and the Orthanc behind it."""
    settings = margin.settings
    return compare(
        settings.public_url,
        study.token,
        settings.orthanc_url,
        f"{settings.orthanc_user}:{settings.orthanc_password}",
        study.StudyInstanceUID,
    )


@dataclass(frozen=True)
class Running:
    """A Margin that runs already; without an address there is none."""

    url: str
    token: str
    orthanc_url: str
    pair: str
    study: str

    @contextlib.contextmanager
    def comparison(self, series: int, slices: int, **more: str) -> Iterator[Comparison]:
        """This one, or if there is none a Margin of our own with a prepared study of the given size;
        `more` are further settings of ours."""
        if self.url:
            yield compare(self.url, self.token, self.orthanc_url, self.pair, self.study)
            return
        with running_margin(**more) as margin:
            yield comparison_of(margin, new_study(margin, series, slices))


def where(command: Callable[..., bool | None]) -> Callable[..., bool | None]:
    """The options of a bench that can use a Margin which runs already."""
    for option in (
        click.option("--study", default="", help="StudyInstanceUID; the first CT when not given."),
        click.option("--orthanc-auth", "pair", default="", help="USER:PASSWORD"),
        click.option("--orthanc-url", default="", help="Orthanc behind it."),
        click.option("--token", default="", help="An access token for the study."),
        click.option("--url", default="", help="A running Margin."),
    ):
        command = option(command)
    return command
