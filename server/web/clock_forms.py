"""What the page of a case's clock lets people send."""

from __future__ import annotations

from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import Length

from server.cases.clocks.timekeeping import LONGEST_REASON
from server.web.forms import Form, WholeNumber, required, text_only


class TierForm(Form):
    """The service tier of a case, by whose days it is counted, and why it changes."""

    tier = SelectField("Service tier", required("Choose a service tier."))
    calendar = SelectField("Business days of")
    reason = StringField(
        "Reason",
        [*required("Say why the promise changes."), Length(max=LONGEST_REASON)],
        filters=[text_only],
    )
    version = WholeNumber(widget=HiddenField.widget)
