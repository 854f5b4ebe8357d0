"""What is typed rather than sent as a file: values with unit and date, and lines of four kinds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from server.access.action import Action
from server.dossier import actions
from server.dossier.entries import EntryKind
from server.dossier.quantities import QUANTITIES
from server.dossier.queries import entries_of, values_of
from server.dossier.records import RecordedValue, RecordEntry
from server.foundation.errors import FieldProblem, Invalid
from server.intake.body_size import size_noted
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, DAY, Day, Id, Moment, OfRound, Word
from server.web.api.fitting import RequestRefused
from server.web.visit import Visit

TAG = "Records"


class ValueSent(Sent):
    """One value, as the laboratory reported it."""

    quantity: Annotated[Word, Meta(description="One of `quantities` of the vocabulary.")]
    value: Annotated[float, Meta(ge=0, le=1e9)]
    unit: Annotated[str, Meta(max_length=20, description="One of the quantity's units.")]
    comparator: Annotated[
        Literal["", "<", ">"], Meta(description="Where only a bound was reported.")
    ] = ""


class ValuesSent(Sent):
    """The values of one day: all of them are kept, or none."""

    taken_on: Day
    values: Annotated[list[ValueSent], Meta(min_length=1, max_length=100)]


class ValueRead(Given):
    """A value that stands."""

    id: Id
    quantity: Word
    value: float
    unit: str
    comparator: str
    taken_on: Day
    entered_by: str
    entered_at: Moment
    round: OfRound


class Values(Given):
    """Values, the newest first."""

    values: list[ValueRead]


class LineSent(Sent):
    """A treatment, a drug, a biomarker's result or a question of the patient.

    Which fields a kind has: treatment `kind, regimen, cycles, from_on, until_on, response`; medication
    `name, dose, frequency`; marker `marker, result, detail, tested_on`; question `text`.
    """

    kind: EntryKind
    content: Annotated[
        dict[
            Annotated[str, Meta(max_length=40)],
            Annotated[str, Meta(max_length=2000)],
        ],
        Meta(max_length=10),
    ]


class LineRead(Given):
    """A line that stands."""

    id: Id
    kind: Word
    content: dict[str, str]
    entered_by: str
    entered_at: Moment
    round: OfRound


class Lines(Given):
    """Every line that stands."""

    lines: list[LineRead]


class Withdrawn(Given):
    """What was wrong is out of use; it stays in the record, with who withdrew it."""

    id: Id


# Which fields the rules read of each kind; anything else would be dropped unseen.
_FIELDS = {
    EntryKind.TREATMENT: ("kind", "regimen", "cycles", "from_on", "until_on", "response"),
    EntryKind.MEDICATION: ("name", "dose", "frequency"),
    EntryKind.MARKER: ("marker", "result", "detail", "tested_on"),
    EntryKind.QUESTION: ("text",),
}


def list_values(visit: Visit) -> Values:
    """The values that stand."""
    return Values(values=[_value(one) for one in values_of(visit.session, visit.case.id)])


def add_values(visit: Visit, body: ValuesSent) -> Values:
    """Keep the values of one day."""
    problems = []
    typed: dict[str, tuple[str, str]] = {}
    places = {}
    for place, one in enumerate(body.values):
        at = f"/values/{place}/quantity"
        if one.quantity not in QUANTITIES:
            problems.append(FieldProblem(at, f"There is no quantity “{one.quantity}”."))
        elif one.quantity in typed:
            problems.append(FieldProblem(at, f"“{one.quantity}” is sent twice for one day."))
        typed[one.quantity] = (one.comparator + _written(one.value), one.unit)
        places[one.quantity] = place
    if problems:
        raise RequestRefused("No value was kept.", problems)
    try:
        kept = actions.record_values(
            visit.session,
            visit.case,
            typed,
            taken_on=body.taken_on.isoformat(),
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        for problem in error.problems:
            found = places.get(problem.pointer.strip("/"))
            pointer = problem.pointer if found is None else f"/values/{found}"
            problems.append(FieldProblem(pointer, problem.message))
        raise RequestRefused("No value was kept.", problems) from error
    size_noted(visit.session, visit.case, visit.now, [one.quantity for one in kept])
    visit.note(quantities=[one.quantity for one in kept], taken_on=body.taken_on.isoformat())
    return Values(values=[_value(one) for one in kept])


def _written(value: float) -> str:
    """A number as a person would type it. Three decimals could be read as thousands, four cannot."""
    text = format(Decimal(repr(value)), "f")
    return text + "0" if len(text.partition(".")[2]) == 3 else text


def withdraw_value(visit: Visit, value_id: str) -> Withdrawn:
    """Take a wrong value out of use."""
    quantity = actions.withdraw_value(
        visit.session, visit.case, value_id, by=visit.actor.text, now=visit.now
    )
    size_noted(visit.session, visit.case, visit.now, [quantity])
    visit.note(value=value_id, quantity=quantity)
    return Withdrawn(id=value_id)


def list_lines(visit: Visit) -> Lines:
    """The lines that stand."""
    kept = entries_of(visit.session, visit.case.id)
    return Lines(lines=[_line(one) for lines in kept.values() for one in lines])


def add_line(visit: Visit, body: LineSent) -> LineRead:
    """Keep a line."""
    known = _FIELDS[body.kind]
    unknown = [
        FieldProblem(f"/content/{name}", f"A {body.kind.value} has only: {', '.join(known)}.")
        for name in body.content
        if name not in known
    ]
    if unknown:
        raise RequestRefused("The line was not kept.", unknown)
    try:
        kept = actions.add_entry(
            visit.session, visit.case, body.kind, body.content, visit.actor.text, visit.now
        )
    except Invalid as error:
        problems = [FieldProblem(f"/content{p.pointer}", p.message) for p in error.problems]
        raise RequestRefused("The line was not kept.", problems) from error
    visit.note(kind=kept.kind)
    return _line(kept)


def withdraw_line(visit: Visit, line_id: str) -> Withdrawn:
    """Take a wrong line out of use."""
    kind = actions.withdraw_entry(
        visit.session, visit.case, line_id, by=visit.actor.text, now=visit.now
    )
    visit.note(line=line_id, kind=kind.value)
    return Withdrawn(id=line_id)


def _value(kept: RecordedValue) -> ValueRead:
    return ValueRead(
        id=kept.id,
        quantity=kept.quantity,
        value=kept.value,
        unit=kept.unit,
        comparator=kept.comparator,
        taken_on=kept.taken_on,
        entered_by=kept.entered_by,
        entered_at=kept.entered_at,
        round=kept.round,
    )


def _line(kept: RecordEntry) -> LineRead:
    return LineRead(
        id=kept.id,
        kind=kept.kind,
        content=dict(kept.content),
        entered_by=kept.entered_by,
        entered_at=kept.entered_at,
        round=kept.round,
    )


_BY = "program 3f2b8c1d PACS bridge"
_VALUES = Values(
    values=[
        ValueRead(
            id=AN_ID, quantity="ca19_9", value=412.0, unit="U/mL", comparator="", taken_on=DAY,
            entered_by=_BY, entered_at=AT, round=1,
        )
    ]
)  # fmt: skip
_MEDICATION = {"name": "Apixaban", "dose": "5 mg", "frequency": "twice a day"}
_LINE = LineRead(
    id=AN_ID, kind="medication", content=_MEDICATION, entered_by=_BY, entered_at=AT, round=1
)
_RECORDS = "/cases/<number>/records"

ENDPOINTS = (
    Endpoint(
        "GET", f"{_RECORDS}/values", list_values, Action.RECORDS_READ, TAG,
        "Values and measurements", Values, _VALUES,
    ),
    Endpoint(
        "POST", f"{_RECORDS}/values", add_values, Action.RECORDS_FILL, TAG,
        "Send the values of one day", Values, _VALUES,
        body=ValuesSent,
        sent=ValuesSent(
            taken_on=DAY, values=[ValueSent(quantity="ca19_9", value=412, unit="U/mL")]
        ),
        status=201, creates=True,
    ),
    Endpoint(
        "DELETE", f"{_RECORDS}/values/<value_id>", withdraw_value, Action.RECORDS_FILL, TAG,
        "Withdraw a wrong value", Withdrawn, Withdrawn(id=AN_ID),
    ),
    Endpoint(
        "GET", f"{_RECORDS}/lines", list_lines, Action.RECORDS_READ, TAG,
        "Treatments, drugs, biomarkers and questions", Lines, Lines(lines=[_LINE]),
    ),
    Endpoint(
        "POST", f"{_RECORDS}/lines", add_line, Action.RECORDS_FILL, TAG,
        "Send a treatment, drug, biomarker or question", LineRead, _LINE,
        body=LineSent, sent=LineSent(kind=EntryKind.MEDICATION, content=_MEDICATION),
        status=201, creates=True,
    ),
    Endpoint(
        "DELETE", f"{_RECORDS}/lines/<line_id>", withdraw_line, Action.RECORDS_FILL, TAG,
        "Withdraw a wrong line", Withdrawn, Withdrawn(id=AN_ID),
    ),
)  # fmt: skip
