"""Somebody with a pseudonymised grant, asking the gateway by both of its ways; and a search for what
must not have been answered."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, request
from flask.testing import FlaskClient
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from server.access.action import Permit
from server.access.actions import issue_grant
from server.access.door import Credentials, ImageDoor
from server.access.openings import Openings
from server.archive import Archive
from server.cases import actions as cases
from server.dicomweb.doorway import Doorway, Reading
from server.dicomweb.express import Express
from server.dicomweb.routes import ROUTES
from server.dicomweb.views.case_views import CaseViews
from server.dicomweb.views.currency import PATIENCE_S, Currency
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.places import Places
from server.prepared.shelf import Shelf
from server.web import problems
from tests.dicom.planted import IDENTITY, identity_in
from tests.world import World, build_world

ANYTHING = "*/*"
JSON = "application/dicom+json"


@dataclass
class Reader:
    """Whoever holds the pseudonymised grant. Everything answered is kept."""

    client: FlaskClient
    token: str
    shelf: Shelf
    heard: dict[str, bytes] = field(default_factory=dict)

    def ask(self, path: str, accept: str = ANYTHING, **more: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept, **more}
        answer = self.client.get(f"/dicom-web{path}", headers=headers, buffered=True)
        body = answer.data
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers)
        self.heard[f"{path} {accept} {answer.status_code}"] = head.encode() + b"\n\n" + body
        return answer

    def found(self, path: str) -> list[dict[str, Any]]:
        answer = self.ask(path, JSON)
        return json.loads(answer.data) if answer.status_code == 200 and answer.data else []


@contextlib.contextmanager
def reading_of(
    archive: Archive,
    empty_database: Path,
    folder: Path,
    study: str,
    *,
    pseudonymised: bool = True,
    patience_s: float = PATIENCE_S,
) -> Iterator[Reader]:
    """A reader of one study of the archive, in a world of their own in this folder."""
    (folder / "margin.db").write_bytes(empty_database.read_bytes())
    database = Database(f"sqlite:///{folder / 'margin.db'}")
    world = build_world(database, datetime.now(UTC))
    shelf = Shelf(folder / "cache")
    views = CaseViews("a secret only for tests", archive, shelf)
    reading = Reading(
        database,
        archive,
        ImageDoor(database, utc_now),
        Openings(),
        Currency(archive, shelf, lambda study, series: None, patience_s=patience_s),
        views.of,
        utc_now,
        Places(8, 8),
    )
    yield Reader(_app(reading).test_client(), _token(world, study, pseudonymised), shelf)
    database.dispose()


def _token(world: World, study: str, pseudonymised: bool) -> str:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        now = utc_now()
        cases.attach_study(session, case, study, by="test", reason="test", now=now)
        return issue_grant(
            session,
            case=case,
            for_whom="a student",
            permits=frozenset({Permit.VIEW, Permit.ANNOTATE}),
            days=1,
            issued_by="test",
            now=now,
            pseudonymised=pseudonymised,
        ).token


def _bearer(authorization: str) -> str:
    return authorization.removeprefix("Bearer ")


def _app(reading: Reading) -> Flask:
    def credentials(_: str | None) -> Credentials:
        return Credentials(bearer=_bearer(request.headers["Authorization"]))

    app = Flask("tests.planted", static_folder=None)
    doorway = Doorway(reading, credentials, problems.response_to, "http://localhost")
    for position, route in enumerate(ROUTES):
        app.add_url_rule(
            f"/dicom-web{route.url}",
            endpoint=str(position),
            view_func=doorway.endpoint(route),
            methods=list(route.methods),
        )
    express = Express(
        app.wsgi_app, reading, lambda environ, _: _bearer(environ["HTTP_AUTHORIZATION"])
    )
    app.wsgi_app = express.answer  # type: ignore[method-assign]
    return app


def leaks(reader: Reader) -> dict[str, list[str]]:
    """Identities in everything that was answered, by what had been asked."""
    found = {name: _leaked(name, heard) for name, heard in reader.heard.items()}
    return {name: identities for name, identities in found.items() if identities}


def _leaked(name: str, heard: bytes) -> list[str]:
    """Identities in an answer, except those that the question itself held."""
    texts = [heard, *_unpacked(heard)]
    asked = [identity for identity in IDENTITY if identity in name]
    return [one for text in texts for one in identity_in(text) if not one.startswith(tuple(asked))]


def _unpacked(heard: bytes) -> Iterator[bytes]:
    """What is packed within an answer: inline values of JSON, attributes of deflated files."""
    body = heard.partition(b"\n\n")[2]
    for piece in body.split(b'"InlineBinary":"')[1:]:
        yield base64.b64decode(piece.partition(b'"')[0])
    for piece in body.split(b"\0" * 128 + b"DICM")[1:]:
        file = DicomBytesIO(b"\0" * 128 + b"DICM" + piece)
        yield str(dcmread(file, stop_before_pixels=True)).encode()
