"""The way to a page: the door, one transaction for each request, and its line in the trail."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from flask import make_response, request
from flask_wtf import CSRFProtect
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from server.access.action import Action
from server.access.door import Admission, Credentials, Route, admit, describe_refusal
from server.access.openings import Openings
from server.access.permissions import OPEN_TO_ALL, READING_IS_RECORDED, Nobody, Program
from server.access.programs import note_use
from server.foundation import audit, strangers
from server.foundation.errors import MarginError, NotFound, Refused
from server.foundation.places import Places, places_for_forms
from server.foundation.strangers import NOBODY
from server.web import languages, problems, shown
from server.web.bodies import await_body, bound_strangers, has_body, is_form
from server.web.pace import Pace
from server.web.visit import Services, Visit

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
REFUSED_FROM = 400


class CrossSiteRequest(Refused):
    """Another site made the browser send this."""


class Doorway:
    """Makes Flask endpoints of page routes."""

    def __init__(
        self,
        services: Services,
        protection: CSRFProtect,
        read_credentials: Callable[[str | None], Credentials],
        in_bulk: Places,
    ) -> None:
        self._services = services
        self._protection = protection
        self._read_credentials = read_credentials
        self._openings = Openings()
        self._pace = Pace(services.settings.api_requests_per_minute)
        self._in_bulk = in_bulk
        self._forms = places_for_forms(services.settings.web_threads)

    def endpoint(self, route: Route) -> Callable[..., Any]:
        """The endpoint of one route."""

        def endpoint(**args: Any) -> Any:
            if any("\x00" in str(value) for value in args.values()):
                raise NotFound("There is no such page.", remedy="Check the address.")
            launch_id, number = args.pop("launch", None), args.pop("number", None)
            if route.streams and request.method in CHANGING:
                return self._take(route, launch_id, number, args)
            if request.method in CHANGING:
                return self._change(route, launch_id, number, args)
            return self._read(route, launch_id, number, args)

        return endpoint

    def _read(self, route: Route, launch_id: str | None, number: str | None, args: Any) -> Any:
        try:
            with self._services.db.reading() as session:
                visit = self._visit(session, route, launch_id, number)
                response = route.view(visit, **args)
        except MarginError as error:
            # Whoever asks for a file that is not there did nothing that the trail should keep.
            if not (route.action is Action.PUBLIC and isinstance(error, NotFound)):
                self._record_refusal(route, number or launch_id, error)
            return problems.response_to(error)
        self._note_use(visit)
        if route.action in READING_IS_RECORDED and self._openings.is_first(
            visit.actor.text, request.path
        ):
            with self._services.db.writing() as session:
                _record(session, route, visit, "allowed")
        return response

    def _change(self, route: Route, launch_id: str | None, number: str | None, args: Any) -> Any:
        try:
            sender = self._before_bytes(route, launch_id, number)
            with self._forms.taken(sender) if has_body() else nullcontext():
                self._refuse_cross_site(route)
                await_body()
            # Let in once more, in the transaction that writes: a body may take minutes, and what was
            # withdrawn meanwhile, also a moment ago, stops the change. The case is read anew as well.
            with self._services.db.writing() as session:
                visit = self._visit(session, route, launch_id, number)
                with shown.refusals(visit):
                    response = make_response(route.view(visit, **args))
                refused = response.status_code >= REFUSED_FROM
                # Signing in writes its own line: only it knows who tried.
                if route.action is not Action.SIGN_IN and not refused:
                    _record(session, route, visit, "done")
        except MarginError as error:
            self._record_refusal(route, number or launch_id, error)
            return problems.response_to(error)
        self._note_use(visit)
        if route.action is not Action.SIGN_IN and refused:
            # A form that came back: its view undid what it had begun.
            with self._services.db.writing() as session:
                _record(session, route, visit, "refused")
        return response

    def _take(self, route: Route, launch_id: str | None, number: str | None, args: Any) -> Any:
        """A change that brings bytes in bulk, let in before the first of them. What the view noted is
        written into the trail; of the pieces of one file it notes the first and the last."""
        try:
            with self._services.db.reading() as session:
                visit = self._visit(session, route, launch_id, number)
            with self._in_bulk.taken(visit.case.id) if has_body() else nullcontext():
                self._refuse_cross_site(route)
                if is_form():
                    # Nothing is done with a form before all of it is here, and that may take minutes.
                    await_body()
                    with self._services.db.reading() as session:
                        visit = self._renewed(session, route, launch_id, number)
                visit.readmit = partial(self._readmit, route, launch_id, number)
                response = make_response(route.view(visit, **args))
        except MarginError as error:
            self._record_refusal(route, number or launch_id, error)
            return problems.response_to(error)
        self._note_use(visit)
        if visit.notes:
            with self._services.db.writing() as session:
                _record(session, route, visit, "done")
        return response

    def _visit(
        self, session: Session, route: Route, launch_id: str | None, number: str | None
    ) -> Visit:
        visit = self._renewed(session, route, launch_id, number)
        if isinstance(visit.actor, Program):
            self._pace.take(visit.actor.program_id)
        return visit

    def _readmit(self, route: Route, launch_id: str | None, number: str | None) -> None:
        with self._services.db.reading() as session:
            self._admit(session, route, launch_id, number, self._services.clock())

    def _renewed(
        self, session: Session, route: Route, launch_id: str | None, number: str | None
    ) -> Visit:
        now = self._services.clock()
        admission = self._admit(session, route, launch_id, number, now)
        visit = Visit(session, now, admission, self._services)
        languages.speak(visit)
        return visit

    def _before_bytes(self, route: Route, launch_id: str | None, number: str | None) -> str:
        """Of whoever may not do this nothing is read: the forms' token stands in the body, and a body may
        be as large as an upload. Gives who sends. Raises what `admit` raises."""
        if route.action in OPEN_TO_ALL:
            bound_strangers(takes_a_file=route.action is Action.PUBLIC)
            return request.remote_addr or ""
        with self._services.db.reading() as session:
            admission = self._admit(session, route, launch_id, number, self._services.clock())
        return admission.actor.text

    def _admit(
        self,
        session: Session,
        route: Route,
        launch_id: str | None,
        number: str | None,
        now: datetime,
    ) -> Admission:
        credentials = self._read_credentials(launch_id)
        if not route.by_key:
            credentials = replace(credentials, bearer=None)
        admission = admit(
            session, route.action, credentials, now=now, number=number, launch_id=launch_id
        )
        request.environ["margin.admission"] = admission
        # Read now: what a refusal undid can be asked of its session no more.
        request.environ["margin.case_number"] = admission.case.number if admission.case else None
        return admission

    def _note_use(self, visit: Visit) -> None:
        """When a key was last used, to the minute: shown to whoever wonders whether it still is."""
        actor = visit.actor
        if isinstance(actor, Program) and self._pace.is_first_of_minute(actor.program_id):
            with self._services.db.writing() as session:
                note_use(session, actor.program_id, visit.now)

    def _refuse_cross_site(self, route: Route) -> None:
        """Refuse a change that another site made the browser send."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise CrossSiteRequest(
                "This change was asked for by another site and was not made.",
                remedy="Do it on Margin's own page.",
            )
        # Headers that no page of another site can send without asking us first (CORS).
        if request.headers.get("X-Margin-Panel") == "1" or "Tus-Resumable" in request.headers:
            return
        if request.is_json:
            return
        # A key is sent by a program; no other site can make a browser send one. Whoever brings nothing at
        # all is told what is wanted when it comes to that.
        if route.by_key and (
            self._read_credentials(None).bearer is not None or not request.cookies
        ):
            return
        try:
            self._protection.protect()
        except RequestEntityTooLarge:
            raise
        except HTTPException as error:
            raise CrossSiteRequest(
                "This form is too old or was not sent from Margin's page.",
                remedy="Reload the page and send the form again.",
                why=str(error.description),
            ) from error

    def _record_refusal(self, route: Route, named: str | None, error: MarginError) -> None:
        """A denial is audited in a transaction of its own: the request's was undone."""
        admission: Admission | None = request.environ.get("margin.admission")
        number = request.environ.get("margin.case_number")
        actor = admission.actor.text if admission else str(error.facts.get("actor", NOBODY))
        # The link or key that is good no more.
        lapsed = str(error.facts.get("grant", ""))
        if not lapsed or (admission is not None and route.action not in OPEN_TO_ALL):
            lapsed = ""
        line: dict[str, Any] = {
            "actor": f"grant {lapsed}" if lapsed else actor,
            "action": route.action.value,
            "object_": _object(number or named),
            "outcome": "refused",
            "now": self._services.clock(),
            "reason": describe_refusal(error),
        }
        with self._services.db.writing() as session:
            if lapsed or actor == NOBODY:
                strangers.note(session, kind=error.code, **line)
            else:
                audit.append(session, case_number=number, **line)


def _record(session: Session, route: Route, visit: Visit, outcome: audit.Outcome) -> None:
    notes = dict(visit.notes)
    actor = notes.pop("actor", visit.actor.text)
    number = request.environ["margin.case_number"] or notes.pop("case_number", None)
    line: dict[str, Any] = {
        "actor": actor,
        "action": route.action.value,
        "object_": _object(number),
        "outcome": outcome,
        "now": visit.now,
        "details": notes,
    }
    said = notes.get("said", notes.get("outcome", route.action.value))
    if actor == NOBODY or (isinstance(visit.actor, Nobody) and "said" in notes):
        # Nobody came in: at the page for verifying, or at a link that wants a PIN.
        about = str(notes.get("opinion", ""))
        strangers.note(session, kind=str(said), about=about, case_number=number, **line)
    else:
        audit.append(session, case_number=number, **line)


def _object(name: str | None) -> str:
    """What a line is about: the page asked for, without its query, and the case or visit."""
    return f"{request.method} {request.url_rule} {name or ''}".strip()
