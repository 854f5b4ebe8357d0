"""Hospitals and the lines from which their studies are taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import Conflict, Invalid
from server.intake import queries
from server.intake.lines.refusals import IN_WORDS
from server.intake.lines.testing import ask_for_test
from server.intake.queries import Traffic
from server.intake.records import LineState
from server.people import actions
from server.people.actions import NameTaken
from server.people.queries import coordinators_of, hospital, line
from server.people.records import Hospital, HospitalLine
from server.web.forms import HospitalForm, LineForm, show_problems
from server.web.pages.layout import FORM_REFUSED, go, page
from server.web.pages.worklist import coordinated, hospital_in_care
from server.web.visit import Visit

STRANGERS_SHOWN = 20
TEST_TAKES = timedelta(seconds=60)


@dataclass(frozen=True)
class LineShown:
    """A line with what is known of it. `testing`: somebody asked, and the answer is not there yet."""

    line: HospitalLine
    state: LineState | None
    traffic: Traffic
    testing: bool

    @property
    def verdict(self) -> tuple[str, str]:
        """The line's state in a word, with its tone."""
        state = self.state
        if state is not None and state.tested_at is not None and not state.test_passed:
            return "does not answer us", "warn"
        if self.traffic.last_study_at is not None:
            return "in use", "good"
        if state is not None and (state.associated_at or state.tested_at):
            return "answers", "good"
        return "never heard of", "idle"


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
        hospitals=[
            (one, _lines(visit, one), coordinators_of(visit.session, one.id))
            for one in coordinated(visit)
        ],
        strangers=queries.strangers(visit.session, STRANGERS_SHOWN),
        reasons=IN_WORDS,
        may_change=visit.may(Action.HOSPITALS_CHANGE),
        dicom_aet=settings.dicom_aet,
        dicom_port=settings.dicom_port,
        **{**shown, **forms},
    )


def _lines(visit: Visit, shown: Hospital) -> list[LineShown]:
    titles = [one.ae_title for one in shown.lines]
    states = queries.line_states(visit.session, titles)
    traffic = queries.traffic(visit.session, titles)
    return [
        LineShown(
            one,
            states.get(one.ae_title),
            traffic.get(one.ae_title, Traffic()),
            _is_being_tested(states.get(one.ae_title), visit),
        )
        for one in shown.lines
    ]


def _is_being_tested(state: LineState | None, visit: Visit) -> bool:
    if state is None or state.test_asked_at is None:
        return False
    waits = state.tested_at is None or state.tested_at < state.test_asked_at
    return waits and visit.now - state.test_asked_at < TEST_TAKES


def show_hospital(visit: Visit, hospital_id: str) -> Response:
    """One hospital: the state of its lines, and what came to nothing."""
    return _one(visit, hospital_in_care(visit, hospital_id))


def _one(
    visit: Visit,
    shown: Hospital,
    refused: Invalid | None = None,
    form: LineForm | None = None,
    form_at: str = "",
) -> Response:
    settings = visit.services.settings
    lines = _lines(visit, shown)
    return page(
        visit,
        "hospital_lines.html",
        refused=refused,
        hospital=shown,
        lines=lines,
        testing=any(one.testing for one in lines),
        associations=queries.refused_associations(visit.session, shown.lines) if lines else [],
        reasons=IN_WORDS,
        refused_studies=queries.arrivals(
            visit.session, frozenset({shown.id}), ("refused",), by_decision=True
        ),
        may_change=visit.may(Action.HOSPITALS_CHANGE),
        dicom_aet=settings.dicom_aet,
        dicom_port=settings.dicom_port,
        dicom_tls=bool(settings.dicom_tls_certificate),
        form=form or LineForm(formdata=None),
        form_at=form_at,
    )


def test_line(visit: Visit, line_id: str) -> Response:
    """Have the archive call the hospital."""
    tested = line(visit.session, line_id)
    shown = hospital_in_care(visit, tested.hospital_id)
    ask_for_test(visit.session, tested, now=visit.now)
    visit.note(hospital=shown.id, ae_title=tested.ae_title)
    return go(f"/hospitals/{shown.id}", f"{tested.ae_title} is being called.")


def change_line(visit: Visit, line_id: str) -> Response:
    """Change where a line is called, and whether by TLS."""
    changed = line(visit.session, line_id)
    form = LineForm()
    del form.ae_title  # what came under it is known by it
    if not form.validate():
        return _one(visit, changed.hospital, FORM_REFUSED, form, changed.id)
    try:
        with visit.attempt():
            actions.change_line(
                visit.session,
                changed,
                host=form.host.data or "",
                port=form.port.data or 0,
                use_tls=bool(form.use_tls.data),
            )
    except Invalid as error:
        show_problems(form, error)
        return _one(visit, changed.hospital, error, form, changed.id)
    visit.note(hospital=changed.hospital_id, ae_title=changed.ae_title)
    return go(f"/hospitals/{changed.hospital_id}", f"The line {changed.ae_title} was changed.")


def register(visit: Visit) -> Response:
    form = HospitalForm()
    if not form.validate():
        return _list(visit, FORM_REFUSED, form=form)
    try:
        with visit.attempt():
            made = actions.register_hospital(
                visit.session,
                name=form.name.data or "",
                country=form.country.data or "",
                now=visit.now,
            )
            made.language = form.language.data
    except (Invalid, NameTaken) as error:
        show_problems(form, error)
        return _list(visit, error, form=form)
    visit.note(hospital=made.id)
    return go(
        "/hospitals",
        f"{made.name} is registered. Now add the AE title it sends from, and choose who looks after it.",
    )


def add_line(visit: Visit, hospital_id: str) -> Response:
    registered = hospital(visit.session, hospital_id)
    form = LineForm()
    if not form.validate():
        return _list(visit, FORM_REFUSED, line_form=form, line_at=registered.id)
    try:
        with visit.attempt():
            made = actions.register_line(
                visit.session,
                registered,
                ae_title=form.ae_title.data or "",
                host=form.host.data or "",
                port=form.port.data or 0,
                use_tls=bool(form.use_tls.data),
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
    Route("/hospitals/<hospital_id>", show_hospital, Action.HOSPITALS_READ),
    Route("/hospitals/lines/<line_id>/test", test_line, Action.LINE_TEST, ("POST",)),
    Route("/hospitals/lines/<line_id>", change_line, Action.HOSPITALS_CHANGE, ("POST",)),
    Route("/hospitals", register, Action.HOSPITALS_CHANGE, ("POST",)),
    Route("/hospitals/<hospital_id>/lines", add_line, Action.HOSPITALS_CHANGE, ("POST",)),
    Route("/hospitals/lines/<line_id>/remove", remove_line, Action.HOSPITALS_CHANGE, ("POST",)),
]
