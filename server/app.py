"""Joins the rooms into one Flask application: loops over the route tables, one transaction per request."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, request
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from server.access.door import Admission, Credentials, Route, admit, describe_refusal
from server.access.openings import Openings
from server.access.permissions import READING_IS_RECORDED, Action
from server.archive import Archive
from server.dicomweb.doorway import Doorway
from server.dicomweb.routes import ROUTES as DICOMWEB_ROUTES
from server.foundation import audit
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.errors import MarginError, Refused
from server.foundation.files import FileStore
from server.foundation.settings import Settings, with_home_secrets
from server.web import cookies, headers, problems, wording
from server.web.routes import ROUTES as WEB_ROUTES
from server.web.visit import Services, Visit

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
log = logging.getLogger("margin.web")


class CrossSiteRequest(Refused):
    """Another site made the browser send this."""


def create_app(settings: Settings | None = None) -> Flask:
    """The application. Without settings, those of the environment."""
    if settings is None:
        settings = with_home_secrets(Settings.from_environ(os.environ))
    services = Services(
        settings=settings,
        db=Database(settings.database_url),
        archive=Archive(
            settings.orthanc_url,
            settings.orthanc_user,
            settings.orthanc_password,
            settings.orthanc_timeout_s,
        ),
        files=FileStore(settings.files_dir),
    )
    app = Flask("server.web", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=settings.maximum_upload_mb * 1024 * 1024,
        SESSION_COOKIE_NAME=cookies.forms_name(settings),
        SESSION_COOKIE_SECURE=settings.is_public_https,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        # The protection's token stands in every form; it is checked for accounts' pages only, because
        # visits and programs prove themselves by a header that another site cannot send.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    app.extensions["margin"] = services
    protection = CSRFProtect(app)
    openings = Openings()
    wording.teach(app.jinja_env)
    for route in WEB_ROUTES:
        app.add_url_rule(
            route.url,
            endpoint=_endpoint_name(route),
            view_func=_page(route, services, protection, openings),
            methods=list(route.methods),
        )
    doorway = Doorway(
        services.db,
        services.archive,
        _credentials_reader(settings),
        problems.response_to,
        settings.public_url,
    )
    for route in DICOMWEB_ROUTES:
        for prefix in ("/dicom-web", "/r/<launch>/dicom-web"):
            app.add_url_rule(
                prefix + route.url,
                endpoint=f"{_endpoint_name(route)}@{prefix}",
                view_func=doorway.endpoint(route),
                methods=list(route.methods),
            )
    app.register_error_handler(MarginError, problems.response_to)
    app.register_error_handler(HTTPException, problems.from_http)
    app.after_request(headers.protect)
    if settings.proxy_count:
        count = settings.proxy_count
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
    return app


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


def _page(
    route: Route, services: Services, protection: CSRFProtect, openings: Openings
) -> Callable[..., Any]:
    read_credentials = _credentials_reader(services.settings)

    def endpoint(**args: Any) -> Any:
        launch_id, number = args.pop("launch", None), args.pop("number", None)
        changes = request.method in CHANGING
        admission: Admission | None = None
        now = utc_now()
        try:
            if changes:
                _refuse_cross_site(protection)
            with services.db.writing() if changes else services.db.reading() as session:
                admission = admit(
                    session,
                    route.action,
                    read_credentials(launch_id),
                    now=now,
                    number=number,
                    launch_id=launch_id,
                )
                visit = Visit(session, now, admission, services)
                response = route.view(visit, **args)
                if changes and route.action is not Action.SIGN_IN:
                    _record(session, route, visit, "done")
        except MarginError as error:
            _record_refusal(services, route, admission, number or launch_id, error)
            return problems.response_to(error)
        if (
            not changes
            and route.action in READING_IS_RECORDED
            and openings.is_first(visit.actor.text, request.path)
        ):
            with services.db.writing() as session:
                _record(session, route, visit, "allowed")
        return response

    return endpoint


def _refuse_cross_site(protection: CSRFProtect) -> None:
    """Refuse a change that another site made the browser send."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise CrossSiteRequest(
            "This change was asked for by another site and was not made.",
            remedy="Do it on Margin's own page.",
        )
    if request.is_json or request.headers.get("X-Margin-Panel") == "1":
        return
    try:
        protection.protect()
    except HTTPException as error:
        raise CrossSiteRequest(
            "This form is too old or was not sent from Margin's page.",
            remedy="Reload the page and send the form again.",
            why=str(error.description),
        ) from error


def _record(session: Any, route: Route, visit: Visit, outcome: audit.Outcome) -> None:
    case = visit.admission.case
    audit.append(
        session,
        actor=visit.notes.pop("actor", visit.actor.text),
        action=route.action.value,
        object_=_object(case.number if case else None),
        outcome=outcome,
        now=visit.now,
        case_number=case.number if case else visit.notes.pop("case_number", None),
        details=visit.notes,
    )


def _record_refusal(
    services: Services,
    route: Route,
    admission: Admission | None,
    named: str | None,
    error: MarginError,
) -> None:
    """A denial is audited in a transaction of its own: the request's was undone."""
    case = admission.case if admission else None
    with services.db.writing() as session:
        audit.append(
            session,
            actor=admission.actor.text if admission else "nobody",
            action=route.action.value,
            object_=_object(case.number if case else named),
            outcome="refused",
            now=utc_now(),
            case_number=case.number if case else None,
            reason=describe_refusal(error),
        )


def _object(name: str | None) -> str:
    """What a line is about: the page asked for, without its query, and the case or visit."""
    return f"{request.method} {request.url_rule} {name or ''}".strip()
