"""The gateway's routes in a Flask application of their own, with a hand-made pass for each caller.

Here a token is the name of a scope; the real door is tested where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from server.access.action import Action
from server.access.door import Route
from server.archive import Archive
from server.dicomweb.routes import ROUTES
from server.dicomweb.views.blinding import shortened_archive, shortened_holdings
from server.dicomweb.views.currency import Currency
from server.dicomweb.views.view import PLAIN_VIEW, View
from server.foundation.errors import MarginError
from server.panel.sight import NOTHING_HIDDEN, Hidden
from server.prepared.manifest import Manifest
from server.prepared.shelf import Shelf
from server.web import problems

NOWHERE = Path("/nonexistent")


@dataclass(frozen=True)
class HandMadeScope:
    """The studies somebody may see (None: all), whether they may write, and whether every series that
    is there already is theirs."""

    uids: frozenset[str] | None
    may_write: bool = True
    owns_all: bool = True

    def allows_study(self, StudyInstanceUID: str) -> bool:
        return self.uids is None or StudyInstanceUID in self.uids

    def study_uids(self) -> frozenset[str] | None:
        return self.uids

    def may(self, action: Action) -> bool:
        return self.may_write or action is not Action.IMAGES_WRITE


@dataclass(frozen=True)
class HandMadePass:
    actor: str
    scope: HandMadeScope
    prefix: str
    archive: Archive
    holdings: Currency
    view: View = PLAIN_VIEW
    hidden: Hidden = NOTHING_HIDDEN

    def note_written(self, SOPInstanceUID: str, SeriesInstanceUID: str) -> None:
        """Nobody asks here who wrote what."""

    def may_go_on_with(self, SeriesInstanceUID: str) -> bool:
        return self.scope.owns_all

    @property
    def shelf(self) -> Shelf:
        return self.holdings.shelf

    def current(self, study: str, series: str) -> Manifest | None:
        return self.holdings.current(study, series)


def gateway_app(
    archive: Archive,
    scopes: Mapping[str, HandMadeScope],
    public_url: str = "http://localhost",
    *,
    shelf: Shelf | None = None,
    view: View = PLAIN_VIEW,
    hidden: Hidden = NOTHING_HIDDEN,
) -> Flask:
    """Every route under `/dicom-web` (bearer: the scope's name) and `/r/<name>/dicom-web`.

    Without a `shelf` nothing is prepared.
    """
    app = Flask("tests.dicomweb", static_folder=None)
    currency = Currency(archive, shelf or Shelf(NOWHERE), lambda study, series: None)

    def pass_of(name: str, prefix: str) -> HandMadePass:
        seen = shortened_archive(archive, hidden), shortened_holdings(currency, hidden)
        return HandMadePass(name, scopes[name], prefix, *seen, view, hidden)

    for position, route in enumerate(ROUTES):
        for prefix in ("/dicom-web", "/r/<launch>/dicom-web"):
            app.add_url_rule(
                prefix + route.url,
                endpoint=f"{position}{prefix}",
                view_func=_endpoint(route, pass_of, public_url),
                methods=list(route.methods),
            )
    app.register_error_handler(MarginError, problems.response_to)
    return app


def _endpoint(
    route: Route, pass_of: Callable[[str, str], HandMadePass], public_url: str
) -> Callable[..., Any]:
    def endpoint(launch: str | None = None, **args: Any) -> Response:
        name = launch or request.headers["Authorization"].removeprefix("Bearer ")
        prefix = f"/r/{launch}/dicom-web" if launch else f"{public_url}/dicom-web"
        response: Response = route.view(pass_of(name, prefix), **args)
        return response

    return endpoint
