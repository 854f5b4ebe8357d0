"""Hospitals and the lines from which their studies are taken."""

from __future__ import annotations

from typing import Any

from flask import Response

from server.access.door import Route
from server.access.permissions import Action
from server.foundation.errors import Conflict, Invalid
from server.intake.queries import last_study_at
from server.people import actions
from server.people.actions import NameTaken
from server.people.queries import hospital, line
from server.web.forms import HospitalForm, LineForm, show_problems
from server.web.pages.layout import FORM_REFUSED, go, page
from server.web.pages.worklist import coordinated
from server.web.visit import Visit


def show_hospitals(visit: Visit) -> Response:
    return _list(visit)


def _list(visit: Visit, refused: Invalid | Conflict | None = None, **forms: Any) -> Response:
    settings = visit.services.settings
    shown = {
        "form": HospitalForm(formdata=None),
        "line_form": LineForm(formdata=None),
        "line_at": "",
    }
    return page(
        visit,
        "hospitals.html",
        refused=refused,
        hospitals=coordinated(visit),
        last_study=last_study_at(visit.session),
        may_change=visit.may(Action.HOSPITALS_CHANGE),
        dicom_aet=settings.dicom_aet,
        dicom_port=settings.dicom_port,
        **{**shown, **forms},
    )


def register(visit: Visit) -> Response:
    form = HospitalForm()
    if not form.validate():
        return _list(visit, FORM_REFUSED, form=form)
    try:
        with visit.session.begin_nested():
            made = actions.register_hospital(
                visit.session,
                name=form.name.data or "",
                country=form.country.data or "",
                now=visit.now,
            )
    except (Invalid, NameTaken) as error:
        show_problems(form, error)
        return _list(visit, error, form=form)
    visit.note(hospital=made.id)
    return go("/hospitals", f"{made.name} is registered. Now add the AE title it sends from.")


def add_line(visit: Visit, hospital_id: str) -> Response:
    registered = hospital(visit.session, hospital_id)
    form = LineForm()
    if not form.validate():
        return _list(visit, FORM_REFUSED, line_form=form, line_at=registered.id)
    try:
        with visit.session.begin_nested():
            made = actions.register_line(
                visit.session,
                registered,
                ae_title=form.ae_title.data or "",
                host=form.host.data or "",
                port=form.port.data or 0,
                now=visit.now,
            )
    except (Invalid, NameTaken) as error:
        show_problems(form, error)
        return _list(visit, error, line_form=form, line_at=registered.id)
    visit.note(hospital=registered.id, ae_title=made.ae_title)
    return go(
        "/hospitals", f"Studies from {made.ae_title} are taken within a few seconds from now."
    )


def remove_line(visit: Visit, line_id: str) -> Response:
    gone = line(visit.session, line_id)
    ae_title = gone.ae_title
    actions.remove_line(visit.session, gone)
    visit.note(ae_title=ae_title)
    return go("/hospitals", f"Studies from {ae_title} are no longer taken.")


ROUTES = [
    Route("/hospitals", show_hospitals, Action.HOSPITALS_READ),
    Route("/hospitals", register, Action.HOSPITALS_CHANGE, ("POST",)),
    Route("/hospitals/<hospital_id>/lines", add_line, Action.HOSPITALS_CHANGE, ("POST",)),
    Route("/hospitals/lines/<line_id>/remove", remove_line, Action.HOSPITALS_CHANGE, ("POST",)),
]
