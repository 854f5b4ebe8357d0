"""People: who takes part, with which role, and how they come in."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from server.access.action import Action
from server.access.actions import change_password as give_password
from server.access.actions import set_password
from server.access.door import Route
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.people import actions, queries
from server.people.actions import ROLES, NameTaken
from server.people.records import Person
from server.web.forms import (
    ActiveForm,
    CareForm,
    Form,
    PasswordForm,
    PersonForm,
    choices,
    show_problems,
)
from server.web.pages.layout import FORM_REFUSED, go, page
from server.web.visit import Visit
from server.web.wording import ROLE_LABELS


class NotYourself(Conflict):
    """An administrator cannot shut themselves out."""


def show_people(visit: Visit) -> Response:
    return _list(visit, _person_form(formdata=None))


def _list(visit: Visit, form: PersonForm, refused: Invalid | Conflict | None = None) -> Response:
    role = request.args.get("role", "")
    everybody = queries.people(visit.session, role if role in ROLES else None)
    names = {one.id: one.name for one in queries.hospitals(visit.session)}
    care = {
        person.id: sorted(
            names[hospital_id]
            for hospital_id in queries.coordinated_hospital_ids(visit.session, person.id)
        )
        for person in everybody
        if person.role == "coordinator"
    }
    return page(
        visit,
        "people.html",
        refused=refused,
        form=form,
        people=everybody,
        care=care,
        role=role,
        roles=[(one, ROLE_LABELS[one]) for one in ROLES],
        may_change=visit.may(Action.PEOPLE_CHANGE),
    )


def _person_form(**given: Any) -> PersonForm:
    form = PersonForm(**given)
    form.role.choices = choices([(one, ROLE_LABELS[one]) for one in ROLES], "Choose a role")
    return form


def add(visit: Visit) -> Response:
    form = _person_form()
    if not form.validate():
        return _list(visit, form, FORM_REFUSED)
    try:
        with visit.attempt():
            made = actions.add_person(
                visit.session,
                name=form.name.data or "",
                email=form.email.data or "",
                role=form.role.data,
                centre=form.centre.data or "",
                subspecialty=form.subspecialty.data or "",
                now=visit.now,
            )
            if form.password.data:
                set_password(made, form.password.data)
    except NameTaken as error:
        form.email.errors = [error.detail]
        return _list(visit, form, error)
    except Invalid as error:
        show_problems(form, error)
        return _list(visit, form, error)
    visit.note(person=made.id, role=made.role)
    if made.role == "coordinator":
        return go(
            f"/people/{made.id}", f"{made.name} was added. Choose the hospitals to look after."
        )
    return go("/people", f"{made.name} was added.")


def show_person(visit: Visit, person_id: str) -> Response:
    return _one(visit, queries.person(visit.session, person_id))


def _one(
    visit: Visit, person: Person, refused: Invalid | Conflict | None = None, **forms: Form
) -> Response:
    shown: dict[str, Form] = {
        "password_form": PasswordForm(formdata=None),
        "active_form": ActiveForm(formdata=None, active=person.active),
        "care_form": _care_form(visit, person, formdata=None),
    }
    return page(visit, "person.html", refused=refused, person=person, **{**shown, **forms})


def _care_form(visit: Visit, person: Person, **given: Any) -> CareForm:
    in_care = queries.coordinated_hospital_ids(visit.session, person.id)
    form = CareForm(**given, hospital_ids=sorted(in_care))
    everywhere = [(one.id, one.name) for one in queries.hospitals(visit.session)]
    form.hospital_ids.choices = choices(everywhere)
    return form


def change_password(visit: Visit, person_id: str) -> Response:
    person = queries.person(visit.session, person_id)
    form = PasswordForm()
    if not form.validate():
        return _one(visit, person, FORM_REFUSED, password_form=form)
    try:
        give_password(visit.session, person, form.password.data or "", visit.now)
    except Invalid as error:
        show_problems(form, error)
        return _one(visit, person, error, password_form=form)
    visit.note(person=person.id)
    return go(f"/people/{person.id}", f"The password of {person.name} is set.")


def change_care(visit: Visit, person_id: str) -> Response:
    """Which hospitals' cases a coordinator looks after."""
    person = queries.person(visit.session, person_id)
    form = _care_form(visit, person)
    if person.role != "coordinator" or not form.validate():
        wanted = FieldProblem("/hospital_ids", "Choose hospitals from the list, for a coordinator.")
        error = Invalid("Nothing was changed.", [wanted])
        show_problems(form, error)
        return _one(visit, person, error, care_form=form)
    wanted_ids = frozenset(form.hospital_ids.data or [])
    chosen = [one for one in queries.hospitals(visit.session) if one.id in wanted_ids]
    actions.take_over_care(visit.session, person, chosen)
    visit.note(person=person.id, hospitals=len(wanted_ids))
    return go(f"/people/{person.id}", f"{person.name} looks after the hospitals chosen.")


def change_active(visit: Visit, person_id: str) -> Response:
    person = queries.person(visit.session, person_id)
    active = bool(ActiveForm().active.data)
    if person.id == visit.account.person_id and not active:
        raise NotYourself(
            "You cannot take away your own access.", remedy="Ask another administrator."
        )
    person.active = active
    visit.note(person=person.id, active=active)
    said = "may sign in again" if active else "can no longer sign in; withdraw links on their cases"
    return go(f"/people/{person.id}", f"{person.name} {said}.")


ROUTES = [
    Route("/people", show_people, Action.PEOPLE_READ),
    Route("/people", add, Action.PEOPLE_CHANGE, ("POST",)),
    Route("/people/<person_id>", show_person, Action.PEOPLE_CHANGE),
    Route("/people/<person_id>/password", change_password, Action.PEOPLE_CHANGE, ("POST",)),
    Route("/people/<person_id>/hospitals", change_care, Action.PEOPLE_CHANGE, ("POST",)),
    Route("/people/<person_id>/active", change_active, Action.PEOPLE_CHANGE, ("POST",)),
]
