"""Blood values, measurements, biomarkers, treatments, medication and questions: typed on one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.dossier import actions
from server.dossier.checklist import chosen, markers
from server.dossier.entries import EntryKind
from server.dossier.quantities import QUANTITIES, Quantity, shown_number
from server.dossier.queries import entries_of, request_of, values_of
from server.dossier.records import RecordedValue
from server.dossier.value_sets import RESPONSES, TREATMENT_KINDS
from server.foundation.errors import Invalid, NotFound
from server.intake.body_size import size_noted
from server.web.languages import said_each, say, say_count
from server.web.pages.case_places import base_of
from server.web.pages.layout import go
from server.web.pages.records import both
from server.web.pages.records_frame import frame, said_of
from server.web.pages.typed_forms import typed_fields
from server.web.visit import Visit
from server.web.wording import unit as unit_words

DAYS_SHOWN = 8


class NoSuchLine(NotFound):
    """There are no lines of that kind."""


@dataclass(frozen=True)
class Cell:
    """One value in the table: as it was reported, and in the row's unit where that is another."""

    value: RecordedValue
    reported: str
    converted: str


@dataclass(frozen=True)
class ValueRow:
    """A quantity over the days on which something was measured, the newest first."""

    quantity: Quantity
    cells: tuple[tuple[Cell, ...], ...]
    points: str


def values_page(visit: Visit, refused: Invalid | None = None, at: str = "") -> Response:
    """Everything that is typed rather than sent."""
    case, session = visit.case, visit.session
    kept = values_of(session, case.id)
    days = sorted({one.taken_on for one in kept}, reverse=True)
    checklist = chosen(case.organ, request_of(session, case).cancer)
    asked_for = {name for item in checklist.items for name in item.quantities}
    return frame(
        visit,
        "records_values.html",
        "values",
        refused=refused,
        at=at,
        days=days[:DAYS_SHOWN],
        older_days=len(days[DAYS_SHOWN:]),
        rows=_rows(kept, days[:DAYS_SHOWN]),
        quantities=[
            one
            for one in QUANTITIES.values()
            if one.id in asked_for or not one.welcome or one.group == "body"
        ],
        further=[
            one
            for one in QUANTITIES.values()
            if one.welcome and one.id not in asked_for and one.group != "body"
        ],
        asked_for=asked_for,
        lines=entries_of(session, case.id),
        markers=markers(),
        own_markers=[
            *checklist.markers,
            *(one for one in markers() if one not in checklist.markers),
        ],
        treatment_kinds=said_each(TREATMENT_KINDS),
        responses=said_each(RESPONSES),
        said=said_of(visit),
    )


def _rows(kept: list[RecordedValue], days: list[date]) -> list[ValueRow]:
    rows = []
    for quantity in QUANTITIES.values():
        own = [one for one in kept if one.quantity == quantity.id]
        if own:
            cells = tuple(
                tuple(_cell(quantity, one) for one in own if one.taken_on == day) for day in days
            )
            rows.append(ValueRow(quantity, cells, _trend(quantity, own)))
    return rows


def _cell(quantity: Quantity, kept: RecordedValue) -> Cell:
    unit = "" if kept.unit in ("ratio", "grade") else f" {unit_words(kept.unit)}"
    reported = f"{kept.comparator}{shown_number(kept.value)}{unit}"
    if kept.unit == quantity.unit:
        return Cell(kept, reported, "")
    converted = quantity.convert(kept.value, kept.unit, quantity.unit)
    return Cell(
        kept, reported, f"{kept.comparator}{shown_number(converted)} {unit_words(quantity.unit)}"
    )


def _trend(quantity: Quantity, own: list[RecordedValue]) -> str:
    """The values over time as points of a line in a box of 100 by 24; nothing for a single one."""
    points = sorted(
        (one.taken_on, quantity.convert(one.value, one.unit, quantity.unit)) for one in own
    )
    first, last = points[0][0], points[-1][0]
    if first == last:
        return ""
    values = [value for _, value in points]
    low, spread = min(values), max(values) - min(values)
    return " ".join(
        f"{2 + 96 * (day - first).days / (last - first).days:.1f},"
        f"{22 - 20 * ((value - low) / spread if spread else 0.5):.1f}"
        for day, value in points
    )


def record_values(visit: Visit) -> Response:
    """Keep the values of one day."""
    typed = typed_fields()
    sent = {
        name: (typed.get(name, ""), typed.get(f"{name}_unit", QUANTITIES[name].unit))
        for name in QUANTITIES
    }
    try:
        kept = actions.record_values(
            visit.session,
            visit.case,
            sent,
            taken_on=typed.get("taken_on", ""),
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return values_page(visit, error, "values")
    size_noted(visit.session, visit.case, visit.now, [one.quantity for one in kept])
    visit.note(quantities=[one.quantity for one in kept], taken_on=typed["taken_on"])
    return go(
        f"{base_of(visit)}/records/values",
        say("{values} kept.", values=say_count(len(kept), "value")),
    )


def withdraw_value(visit: Visit, value_id: str) -> Response:
    """Take a wrong value out of use."""
    quantity = actions.withdraw_value(
        visit.session, visit.case, value_id, by=visit.actor.text, now=visit.now
    )
    size_noted(visit.session, visit.case, visit.now, [quantity])
    visit.note(value=value_id, quantity=quantity)
    title = say(QUANTITIES[quantity].title)
    done = say("{value} is withdrawn. Enter the right one.", value=title)
    return go(f"{base_of(visit)}/records/values", done)


def add_line(visit: Visit, kind: str) -> Response:
    """Keep a typed line of one kind."""
    if kind not in list(EntryKind):
        raise NoSuchLine("There are no lines of that kind.", remedy="Reload the page.")
    typed = typed_fields()
    # A biomarker and its result are chosen in one list: each has results of its own.
    marker, _, result = typed.get("marker_result", "").partition("|")
    sent = {"marker": marker, "result": result, **typed}
    try:
        actions.add_entry(
            visit.session, visit.case, EntryKind(kind), sent, visit.actor.text, visit.now
        )
    except Invalid as error:
        return values_page(visit, error, kind)
    visit.note(kind=kind)
    return go(f"{base_of(visit)}/records/values#{kind}", say("The line is kept."))


def withdraw_line(visit: Visit, entry_id: str) -> Response:
    """Take a wrong line out of use."""
    kind = actions.withdraw_entry(
        visit.session, visit.case, entry_id, by=visit.actor.text, now=visit.now
    )
    visit.note(line=entry_id, kind=kind.value)
    return go(f"{base_of(visit)}/records/values#{kind.value}", say("The line is withdrawn."))


ROUTES = [
    *(Route(url, values_page, Action.RECORDS_READ) for url in both("/values")),
    *(Route(url, record_values, Action.RECORDS_FILL, ("POST",)) for url in both("/values")),
    *(
        Route(url, withdraw_value, Action.RECORDS_FILL, ("POST",))
        for url in both("/values/<value_id>/withdraw")
    ),
    *(Route(url, add_line, Action.RECORDS_FILL, ("POST",)) for url in both("/lines/<kind>")),
    *(
        Route(url, withdraw_line, Action.RECORDS_FILL, ("POST",))
        for url in both("/lines/<entry_id>/withdraw")
    ),
]
