"""The way to the pixels: the same door as for pages, made for hundreds of requests a second.

Admission, database reads and the audit line come before the first byte. A study's opening is written
into the trail once per visitor and a quarter of an hour, not once per frame; refusals and stored
objects are written every time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from flask import Response, request
from sqlalchemy.orm import Session

from server.access.action import Action
from server.access.door import Credentials, ImageAdmission, ImageDoor, Route, describe_refusal
from server.access.openings import Openings
from server.archive import Archive
from server.cases.queries import case_by_id
from server.dicomweb.media.answers import while_let_in
from server.dicomweb.media.preconditions import held
from server.dicomweb.views.blinding import shortened_archive, shortened_holdings
from server.dicomweb.views.currency import Currency
from server.dicomweb.views.scope import outside
from server.dicomweb.views.view import View
from server.foundation import audit, strangers
from server.foundation.clock import Clock
from server.foundation.db import Database
from server.foundation.errors import MarginError
from server.foundation.places import Places
from server.panel.sight import NOTHING_HIDDEN, Hidden, hidden_objects
from server.panel.writing import is_begun_by, note_written
from server.prepared.manifest import Manifest
from server.prepared.shelf import Shelf

_UIDS = ("study", "series", "instance")


@dataclass(frozen=True)
class AdmissionScope:
    """An admission, as the DICOMweb views ask it."""

    admission: ImageAdmission

    def allows_study(self, StudyInstanceUID: str) -> bool:
        uids = self.admission.study_uids
        return uids is None or StudyInstanceUID in uids

    def study_uids(self) -> frozenset[str] | None:
        return self.admission.study_uids

    def may(self, action: Action) -> bool:
        return self.admission.permits(action)


@dataclass(frozen=True)
class ImagePass:
    """What a DICOMweb view is handed."""

    actor: str
    scope: AdmissionScope
    prefix: str
    archive: Archive
    view: View
    holdings: Currency
    hidden: Hidden
    admission: ImageAdmission
    db: Database
    clock: Clock

    def note_written(self, SOPInstanceUID: str, SeriesInstanceUID: str) -> None:
        if self.admission.case_id is None:
            return
        with self.db.writing() as session:
            note_written(
                session,
                case_by_id(session, self.admission.case_id),
                SOPInstanceUID=SOPInstanceUID,
                SeriesInstanceUID=SeriesInstanceUID,
                author_id=self.admission.author_id,
                now=self.clock(),
            )

    def may_go_on_with(self, SeriesInstanceUID: str) -> bool:
        if self.admission.case_id is None:
            return True
        with self.db.reading() as session:
            return is_begun_by(session, SeriesInstanceUID, self.admission.author_id)

    @property
    def shelf(self) -> Shelf:
        return self.holdings.shelf

    def current(self, study: str, series: str) -> Manifest | None:
        return self.holdings.current(study, series)


@dataclass(frozen=True)
class Reading:
    """What the ways to the pixels share: who is let in, what was opened, what is prepared."""

    db: Database
    archive: Archive
    door: ImageDoor
    openings: Openings
    currency: Currency
    view_of: Callable[[ImageAdmission], View]
    clock: Clock
    in_bulk: Places


class Doorway:
    """Makes Flask endpoints of DICOMweb routes."""

    def __init__(
        self,
        reading: Reading,
        read_credentials: Callable[[str | None], Credentials],
        answer_to: Callable[[MarginError], Response],
        public_url: str = "",
    ) -> None:
        self._reading = reading
        self._read_credentials = read_credentials
        self._answer_to = answer_to
        self._public_url = public_url.rstrip("/")

    def endpoint(self, route: Route) -> Callable[..., Any]:
        """The endpoint of one route, under a visit's address or for a bearer token."""

        def endpoint(**args: Any) -> Any:
            launch_id = args.pop("launch", None)
            admission: ImageAdmission | None = None
            try:
                ask = partial(
                    self._reading.door.admit,
                    route.action,
                    self._read_credentials(launch_id),
                    launch_id,
                )
                admission = ask()
                pass_ = self._pass_of(admission, launch_id)
                with self._place_for(route, admission):
                    response = held(route.view(pass_, **_in_the_archive(pass_.view, args)))
            except MarginError as error:
                self._record_refusal(route, admission, error, args)
                return self._answer_to(error)
            if route.action is not Action.IMAGES_READ:
                self._record(route, admission, "done", args)
            elif "study" in args and self._reading.openings.is_first(
                admission.actor.text, str(args["study"])
            ):
                self._record(route, admission, "allowed", args)
            if response.is_streamed:
                response.response = while_let_in(cast("Iterable[bytes]", response.response), ask)
            return response

        return endpoint

    def _place_for(
        self, route: Route, admission: ImageAdmission
    ) -> contextlib.AbstractContextManager[None]:
        if route.action is Action.IMAGES_READ:
            return contextlib.nullcontext()
        return self._reading.in_bulk.taken(admission.case_id or admission.actor.text)

    def _pass_of(self, admission: ImageAdmission, launch_id: str | None) -> ImagePass:
        # A program has no origin to complete a path with, so it gets whole addresses.
        whole = f"{self._public_url}/dicom-web"
        hidden = self._hidden_from(admission)
        return ImagePass(
            admission.actor.text,
            AdmissionScope(admission),
            f"/r/{launch_id}/dicom-web" if launch_id else whole,
            shortened_archive(self._reading.archive, hidden),
            self._reading.view_of(admission),
            shortened_holdings(self._reading.currency, hidden),
            hidden,
            admission,
            self._reading.db,
            self._reading.clock,
        )

    def _hidden_from(self, admission: ImageAdmission) -> Hidden:
        """Asked anew each time while a panel votes: what was written a moment ago is hidden, too."""
        if not admission.sealed or admission.case_id is None:
            return NOTHING_HIDDEN
        with self._reading.db.reading() as session:
            return hidden_objects(session, admission.case_id, admission.author_id)

    def _record_refusal(
        self,
        route: Route,
        admission: ImageAdmission | None,
        error: MarginError,
        args: dict[str, Any],
    ) -> None:
        line = self._line(route, "refused", args) | {"reason": describe_refusal(error)}
        with self._reading.db.writing() as session:
            if admission is not None:
                _append(session, admission, line)
            elif "actor" in error.facts:
                line |= {name: error.facts[name] for name in ("actor", "case_number")}
                audit.append(session, **line)
            else:
                # Nobody is known at this door, or their link has lapsed.
                about = str(error.facts.get("grant", ""))
                strangers.note(session, kind=error.code, about=about, **line)

    def _record(
        self, route: Route, admission: ImageAdmission, outcome: audit.Outcome, args: dict[str, Any]
    ) -> None:
        with self._reading.db.writing() as session:
            _append(session, admission, self._line(route, outcome, args))

    def _line(self, route: Route, outcome: audit.Outcome, args: dict[str, Any]) -> dict[str, Any]:
        return {
            "action": route.action.value,
            "object_": f"{request.method} {route.url}",
            "outcome": outcome,
            "now": self._reading.clock(),
            "details": {name: str(uid)[:64] for name, uid in args.items()},
        }


def _append(session: Session, admission: ImageAdmission, line: dict[str, Any]) -> None:
    actor, case_number = admission.actor.text, admission.case_number
    audit.append(session, actor=actor, case_number=case_number, **line)


def _in_the_archive(view: View, args: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an address with the archive's UIDs. Raises StudyOutsideGrant."""
    if not view.pseudonymised:
        return args
    found = {name: view.real(value) if name in _UIDS else value for name, value in args.items()}
    if any(value is None for value in found.values()):
        raise outside()
    return found
