"""The keys with which programs come: of one hospital's systems, and of services for every hospital."""

from __future__ import annotations

from typing import Any

from flask import Response
from wtforms import SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from server.access.action import Action
from server.access.door import Route
from server.access.program_records import ProgramKey
from server.access.programs import (
    LONGEST_KEY_DAYS,
    LONGEST_NAME,
    USUAL_KEY_DAYS,
    KeyNotFound,
    issue_key,
    key_named,
    keys_of,
    revoke_key,
)
from server.access.scopes import LABELS, OF_HOSPITALS, Scope
from server.foundation.errors import Invalid
from server.people.records import Hospital
from server.web.forms import (
    Form,
    RevokeForm,
    WholeNumber,
    choices,
    required,
    show_problems,
    text_only,
)
from server.web.pages.layout import FORM_REFUSED, go, page
from server.web.pages.worklist import hospital_in_care
from server.web.visit import Visit


class KeyForm(Form):
    name = StringField(
        "Which system uses it",
        [InputRequired("Say which system uses the key."), Length(max=LONGEST_NAME)],
        filters=[text_only],
    )
    scopes = SelectMultipleField(
        "The key allows",
        required("Choose at least one thing that the key allows."),
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    days = WholeNumber(
        "Valid for (days)",
        [
            InputRequired(f"Enter a number of days from 1 to {LONGEST_KEY_DAYS}."),
            NumberRange(1, LONGEST_KEY_DAYS, "A key is valid for %(min)d to %(max)d days."),
        ],
    )


def show_hospitals_keys(visit: Visit, hospital_id: str) -> Response:
    """The keys of one hospital's systems."""
    return _show(visit, hospital_in_care(visit, hospital_id))


def show_services_keys(visit: Visit) -> Response:
    """The keys of services that work for every hospital."""
    return _show(visit, None)


def make_hospitals_key(visit: Visit, hospital_id: str) -> Response:
    """Make a key for one hospital's system, and show it this once."""
    return _make(visit, hospital_in_care(visit, hospital_id))


def make_services_key(visit: Visit) -> Response:
    """Make a key for a service, and show it this once."""
    return _make(visit, None)


def revoke(visit: Visit, key_id: str) -> Response:
    """End a key at once."""
    record = key_named(visit.session, key_id)
    owner = hospital_in_care(visit, record.hospital_id) if record.hospital_id is not None else None
    form = RevokeForm()
    if not form.validate():
        return _show(visit, owner, FORM_REFUSED, revoke_form=form, revoke_id=record.id)
    why = (form.why.data or "").strip()
    revoke_key(visit.session, record, by=visit.actor.text, why=why, now=visit.now)
    visit.note(key=record.id[:8], why=why)
    return go(_address(owner), f"The key of {record.name} no longer works.")


def _show(
    visit: Visit, owner: Hospital | None, refused: Invalid | None = None, **facts: Any
) -> Response:
    if owner is None and visit.account.hospital_ids is not None:
        raise KeyNotFound("There are no such keys.", remedy="Choose a hospital from the list.")
    shown: dict[str, Any] = {
        "form": _form(owner, formdata=None),
        "issued": None,
        "revoke_form": None,
        "revoke_id": "",
    }
    return page(
        visit,
        "keys.html",
        refused=refused,
        hospital=owner,
        address=_address(owner),
        keys=[(one, _standing(one, visit)) for one in keys_of(visit.session, _id(owner))],
        labels={scope.value: LABELS[scope] for scope in _offered(owner)},
        may_change=visit.may(Action.KEYS_CHANGE),
        public_url=visit.services.settings.public_url,
        **{**shown, **facts},
    )


def _make(visit: Visit, owner: Hospital | None) -> Response:
    form = _form(owner)
    if not form.validate():
        return _show(visit, owner, FORM_REFUSED, form=form)
    try:
        with visit.attempt():
            issued = issue_key(
                visit.session,
                hospital=owner,
                name=form.name.data or "",
                scopes=form.scopes.data or [],
                days=form.days.data or 0,
                issued_by=visit.actor.text,
                now=visit.now,
            )
    except Invalid as error:
        show_problems(form, error)
        return _show(visit, owner, error, form=form)
    visit.note(key=issued.record.id[:8], scopes=list(issued.record.scopes), hospital=_id(owner))
    return _show(visit, owner, issued=issued)


def _form(owner: Hospital | None, **given: Any) -> KeyForm:
    form = KeyForm(**given, scopes=[scope.value for scope in OF_HOSPITALS], days=USUAL_KEY_DAYS)
    form.scopes.choices = choices((scope.value, LABELS[scope]) for scope in _offered(owner))
    return form


def _offered(owner: Hospital | None) -> tuple[Scope, ...]:
    return OF_HOSPITALS if owner is not None else tuple(Scope)


def _standing(record: ProgramKey, visit: Visit) -> tuple[str, str]:
    """Whether a key works, in a word with its tone."""
    if record.revoked_at is not None:
        return "revoked", "idle"
    if record.expires_at <= visit.now:
        return "expired", "idle"
    return ("in use", "good") if record.last_used_at is not None else ("never used", "info")


def _address(owner: Hospital | None) -> str:
    return f"/hospitals/{owner.id}/keys" if owner is not None else "/keys"


def _id(owner: Hospital | None) -> str | None:
    return owner.id if owner is not None else None


ROUTES = [
    Route("/hospitals/<hospital_id>/keys", show_hospitals_keys, Action.KEYS_READ),
    Route("/hospitals/<hospital_id>/keys", make_hospitals_key, Action.KEYS_CHANGE, ("POST",)),
    Route("/keys", show_services_keys, Action.KEYS_READ),
    Route("/keys", make_services_key, Action.KEYS_CHANGE, ("POST",)),
    Route("/keys/<key_id>/revoke", revoke, Action.KEYS_CHANGE, ("POST",)),
]
