"""What pages let people send: fields, their limits, and where a refusal is shown.

A form checks what can be checked without knowing the world; the rooms' actions check the rest, and
their findings are put onto the same fields by `show_problems`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from flask import request
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from server.access.action import Permit
from server.access.actions import LONGEST_GRANT_DAYS, SHORTEST_PASSWORD
from server.access.permissions import SHARED_PERMITS
from server.cases.actions import LONGEST_TEXT
from server.cases.clocks.pauses import WHO
from server.cases.clocks.tiers import default_tier, tiers
from server.cases.countries import countries_by_name
from server.cases.local_category import LOCAL_CATEGORIES, NOT_STATED
from server.foundation.errors import Conflict, Invalid
from server.imaging.wording import language_names
from server.web.wording import PERMIT_LABELS

LONGEST_ACCESSION_NUMBERS = 64  # the record's column; one DICOM SH has 16 characters (PS3.5 6.2)


def text_only(value: str | None) -> str | None:
    """The text without the characters that no field may hold: NUL and other controls."""
    if value is None:
        return None
    return "".join(c for c in value if c in "\n\r\t" or c.isprintable())


def trimmed(value: str | None) -> str | None:
    """The text without the spaces at its ends that come with pasting."""
    return value.strip() if value is not None else None


class _OurWords:
    """What WTForms says where a field brings no sentence of its own, in our words."""

    _SAID: Final = {
        "Not a valid choice.": "Choose one from the list.",
        "'%(value)s' is not a valid choice for this field.": "Choose only what the list offers.",
    }

    def gettext(self, said: str) -> str:
        """A sentence without a number in it."""
        return self._SAID.get(said, said)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """A sentence with a number in it: how long a text may be."""
        if plural.startswith("Field cannot be longer"):
            return "At most %(max)d characters. Shorten it."
        return singular if number == 1 else plural


class Form(FlaskForm):  # type: ignore[misc]
    """A form of ours. `general` holds what cannot be said at one field."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """Where a form's values and words come from."""

        def get_translations(self, form: FlaskForm) -> _OurWords:
            """Our words for what WTForms would say in its own."""
            return _OurWords()

        def wrap_formdata(self, form: FlaskForm, formdata: Any) -> Any:
            """Text fields of the request only: a file or a JSON body never stands in for text."""
            if formdata is None or hasattr(formdata, "getlist"):
                return formdata
            return request.form if form.is_submitted() else None

    @property
    def general(self) -> list[str]:
        return [str(message) for message in self.form_errors]


def show_problems(form: Form, error: Invalid | Conflict) -> None:
    """Put what an action refused onto the fields it speaks of, the rest above the form."""
    said_somewhere = False
    for problem in error.problems:
        field = form._fields.get(problem.pointer.strip("/").split("/")[0])
        if field is None:
            form.form_errors.append(problem.message)
        else:
            field.errors = [*field.errors, problem.message]
        said_somewhere = True
    if not said_somewhere:
        form.form_errors.append(f"{error.detail} {error.remedy}".strip())


def required(message: str) -> list[InputRequired]:
    """The validators of a field that must be filled in."""
    return [InputRequired(message)]


def choices(pairs: Iterable[tuple[str, str]], nothing: str = "") -> list[SelectChoice]:
    """What a select offers: values with their labels, and first the words for no choice yet."""
    offered = [SelectChoice(value, label) for value, label in pairs]
    return [SelectChoice("", nothing), *offered] if nothing else offered


class WholeNumber(IntegerField):  # type: ignore[misc]
    """A whole number; anything else is refused in our words."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the first value; raises ValueError with the sentence that stands at the field."""
        text = valuelist[0].strip() if valuelist else ""
        if not text:
            return
        if not re.fullmatch(r"-?[0-9]{1,9}", text):
            self.data = None
            raise ValueError("Enter a whole number, in digits.")
        self.data = int(text)


class SignInForm(Form):
    email = StringField("E-mail address", required("Enter your e-mail address."))
    password = PasswordField("Password", required("Enter your password."))
    code = StringField("Code", [Optional(), Length(max=10)])
    next = HiddenField()


class CaseForm(Form):
    organ = SelectField("Organ", required("Choose the organ in question."))
    hospital_id = SelectField("Referring hospital", required("Choose the hospital that asks."))
    question = TextAreaField(
        "Question to the surgeon",
        [
            InputRequired("Write the question the surgeon is to answer."),
            Length(max=LONGEST_TEXT, message="The question is longer than %(max)d characters."),
        ],
        filters=[text_only],
    )
    local_verdict = StringField(
        "Local verdict",
        [Length(max=LONGEST_TEXT, message="The verdict is longer than %(max)d characters.")],
        filters=[text_only],
    )
    local_category = SelectField(
        "Local verdict in one word",
        choices=[SelectChoice(*one) for one in LOCAL_CATEGORIES.items()],
        default=NOT_STATED,
    )
    local_verdict_reason = TextAreaField(
        "Reason given", [Length(max=LONGEST_TEXT)], filters=[text_only]
    )
    accession_number = StringField(
        "Accession numbers expected",
        [Length(max=LONGEST_ACCESSION_NUMBERS, message="At most %(max)d characters in all.")],
        filters=[text_only],
    )
    tier = SelectField(
        "Service tier",
        choices=[SelectChoice(one.id, one.title) for one in tiers().values()],
        default=default_tier(),
    )


class AdvanceForm(Form):
    version = WholeNumber(validators=required("Reload the case."))
    event = HiddenField(validators=required("Say what happened."))
    reason = StringField("Reason", [Length(max=LONGEST_TEXT)], filters=[text_only])
    waits_for = SelectField(
        "Who must act",
        [Optional()],
        choices=[SelectChoice(*one) for one in WHO.items()],
        default="coordinator",
    )


class AssignForm(Form):
    version = WholeNumber(validators=required("Reload the case."))
    person_id = SelectField("Surgeon", required("Choose a surgeon."))


class GrantForm(Form):
    person_id = SelectField("Surgeon", [Optional()])
    for_whom = StringField(
        "Name", [Length(max=200, message="At most %(max)d characters.")], filters=[text_only]
    )
    permits = SelectMultipleField(
        "The link permits",
        required("Choose at least one thing that the link permits."),
        choices=[
            SelectChoice(permit.value, PERMIT_LABELS[permit.value])
            for permit in Permit
            if permit not in SHARED_PERMITS
        ],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    pseudonymised = BooleanField("Hide who the patient is")
    days = WholeNumber(
        "Valid for (days)",
        [
            InputRequired(f"Enter a number of days from 1 to {LONGEST_GRANT_DAYS}."),
            NumberRange(1, LONGEST_GRANT_DAYS, "A link is valid for %(min)d to %(max)d days."),
        ],
    )


class RevokeForm(Form):
    why = StringField(
        "Reason",
        [InputRequired("Say why the link is withdrawn."), Length(max=2000)],
        filters=[text_only],
    )


class AttachForm(Form):
    case_number = StringField("Case")
    other_number = StringField("Another case")


class HospitalForm(Form):
    name = StringField(
        "Name", [InputRequired("Enter the hospital's name."), Length(max=200)], filters=[text_only]
    )
    country = SelectField(
        "Country", choices=choices(countries_by_name(), "not said"), default="", coerce=str.upper
    )
    language = SelectField("Written to in", choices=choices(language_names().items()), default="en")


class LineForm(Form):
    ae_title = StringField(
        "AE title",
        required("Enter the AE title from which the hospital sends."),
        filters=[trimmed],
    )
    host = StringField(
        "Address",
        [InputRequired("Enter the address from which the hospital sends."), Length(max=255)],
        filters=[text_only],
    )
    port = WholeNumber(
        "Port",
        [
            InputRequired("A port is a number from 1 to 65535."),
            NumberRange(1, 65535, "A port is a number from %(min)d to %(max)d."),
        ],
    )
    use_tls = BooleanField("It is called by TLS")


class RefuseForm(Form):
    reason = TextAreaField(
        "Why, and what the hospital is to do",
        [InputRequired("Say why; the hospital reads this."), Length(max=2000)],
        filters=[text_only],
    )
    refuse_number = StringField("Case on whose page the hospital reads it")


class PersonForm(Form):
    name = StringField(
        "Name", [InputRequired("Enter the person's name."), Length(max=200)], filters=[text_only]
    )
    email = StringField(
        "E-mail address",
        [InputRequired("Enter an e-mail address such as name@hospital.example."), Length(max=254)],
        filters=[text_only],
    )
    role = SelectField("Role", required("Choose a role."))
    centre = StringField("Centre", [Length(max=200)], filters=[text_only])
    subspecialty = StringField("Subspecialty", [Length(max=200)], filters=[text_only])
    password = PasswordField("Password", [Optional()])


class PasswordForm(Form):
    password = PasswordField(
        "New password",
        [
            InputRequired("Enter a new password."),
            Length(min=SHORTEST_PASSWORD, message="A password has at least %(min)d characters."),
        ],
    )


class CareForm(Form):
    hospital_ids = SelectMultipleField(
        "Hospitals",
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )


class ActiveForm(Form):
    active = BooleanField("May sign in")
