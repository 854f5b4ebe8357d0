"""Joins the rooms into one Flask application: settings, services, and the route tables."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from wsgiref.types import WSGIEnvironment

from flask import Flask, request
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from server.access.door import Credentials, ImageDoor, Route
from server.access.openings import Openings
from server.archive import Archive
from server.dicomweb.doorway import Doorway as ImageDoorway
from server.dicomweb.doorway import Reading
from server.dicomweb.express import Express
from server.dicomweb.routes import ROUTES as DICOMWEB_ROUTES
from server.dicomweb.views.case_views import CaseViews
from server.dicomweb.views.currency import Currency
from server.foundation.clock import Clock, utc_now
from server.foundation.db import Database
from server.foundation.errors import MarginError
from server.foundation.files import FileStore
from server.foundation.places import Places, places_in_bulk
from server.foundation.settings import Settings, with_home_secrets
from server.intake import queries as arrivals
from server.notices.letters import check_words
from server.prepared import actions as prepared_actions
from server.prepared.shelf import Shelf
from server.web import cookies, headers, languages, problems, wording
from server.web.doorway import Doorway
from server.web.routes import ROUTES as WEB_ROUTES
from server.web.visit import Services


def create_app(settings: Settings | None = None, clock: Clock = utc_now) -> Flask:
    """The application; `clock` is what time it is to all of it. Without settings, the environment's."""
    check_words()
    if settings is None:
        settings = with_home_secrets(Settings.from_environ(os.environ))
    db, shelf = Database(settings.database_url), Shelf(settings.cache_dir)
    archive = _archive(settings, db)
    views = CaseViews(settings.secret_key, archive, shelf)
    services = _services(settings, db, archive, views, clock)
    app = Flask("server.web", static_folder=None)
    app.config.update(_configuration(settings))
    app.extensions["margin"] = services
    wording.teach(app.jinja_env)
    languages.teach(app.jinja_env)
    in_bulk = places_in_bulk(settings.web_threads)
    _add_pages(app, services, in_bulk)
    reading = _reading(services, shelf, views, in_bulk)
    _add_dicomweb(app, services, reading)
    app.register_error_handler(MarginError, problems.response_to)
    app.register_error_handler(HTTPException, problems.from_http)
    app.after_request(headers.protect)
    app.wsgi_app = Express(  # type: ignore[method-assign]
        app.wsgi_app, reading, _secret_reader(settings), behind_proxy=settings.proxy_count > 0
    ).answer
    if settings.proxy_count:
        count = settings.proxy_count
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
    return app


def _archive(settings: Settings, db: Database) -> Archive:
    def not_served(StudyInstanceUID: str) -> frozenset[str]:
        with db.reading() as session:
            return arrivals.not_served(session, StudyInstanceUID)

    return Archive.of(settings, not_served)


def _services(
    settings: Settings, db: Database, archive: Archive, views: CaseViews, clock: Clock
) -> Services:
    return Services(
        settings=settings,
        db=db,
        archive=archive,
        files=FileStore(settings.files_dir),
        view_of=views.of_visit,
        clock=clock,
    )


def _configuration(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key,
        "MAX_CONTENT_LENGTH": settings.maximum_upload_mb * 1024 * 1024,
        "SESSION_COOKIE_NAME": cookies.forms_name(settings),
        "SESSION_COOKIE_SECURE": settings.is_public_https,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        # The doorway checks the forms' token itself: visits and programs prove themselves by a
        # header that another site cannot send.
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_SSL_STRICT": False,
    }


def _add_pages(app: Flask, services: Services, in_bulk: Places) -> None:
    doorway = Doorway(services, CSRFProtect(app), _credentials_reader(services.settings), in_bulk)
    for route in WEB_ROUTES:
        app.add_url_rule(
            route.url,
            endpoint=_endpoint_name(route),
            view_func=doorway.endpoint(route),
            methods=list(route.methods),
        )


def _reading(services: Services, shelf: Shelf, views: CaseViews, in_bulk: Places) -> Reading:
    """What the doorway to the pixels and the short way beside it share."""

    def ask_first(StudyInstanceUID: str, SeriesInstanceUID: str) -> None:
        with services.db.writing() as session:
            prepared_actions.ask_first(
                session, StudyInstanceUID, SeriesInstanceUID, services.clock()
            )

    return Reading(
        services.db,
        services.archive,
        ImageDoor(services.db, services.clock),
        Openings(),
        Currency(services.archive, shelf, ask_first),
        views.of,
        services.clock,
        in_bulk,
    )


def _add_dicomweb(app: Flask, services: Services, reading: Reading) -> None:
    doorway = ImageDoorway(
        reading,
        _credentials_reader(services.settings),
        problems.response_to,
        services.settings.public_url,
    )
    for route in DICOMWEB_ROUTES:
        for prefix in ("/dicom-web", "/r/<launch>/dicom-web"):
            app.add_url_rule(
                prefix + route.url,
                endpoint=f"{_endpoint_name(route)}@{prefix}",
                view_func=doorway.endpoint(route),
                methods=list(route.methods),
            )


def _endpoint_name(route: Route) -> str:
    module = route.view.__module__.removeprefix("server.")
    return f"{module}.{route.view.__name__}:{route.url}"


def _credentials_reader(settings: Settings) -> Callable[[str | None], Credentials]:
    def read(launch_id: str | None) -> Credentials:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return Credentials(
            bearer=token.strip() if scheme.lower() == "bearer" else None,
            sign_in_secret=cookies.read(request, cookies.sign_in_name(settings)),
            launch_secret=cookies.read(request, cookies.launch_name(settings, launch_id))
            if launch_id
            else None,
        )

    return read


def _secret_reader(settings: Settings) -> Callable[[WSGIEnvironment, str | None], str | None]:
    """As `_credentials_reader`, of a request that has not reached Flask."""

    def read(environ: WSGIEnvironment, launch_id: str | None) -> str | None:
        if launch_id is None:
            scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
            return token.strip() or None if scheme.lower() == "bearer" else None
        wanted = cookies.launch_name(settings, launch_id)
        for piece in environ.get("HTTP_COOKIE", "").split(";"):
            name, _, value = piece.strip().partition("=")
            if name == wanted:
                return str(value) or None
        return None

    return read
