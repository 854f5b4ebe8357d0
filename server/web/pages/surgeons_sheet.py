"""Surgeons by the sheet: a template, looking it through, bringing it in, and the same sheet out again."""

from __future__ import annotations

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import Invalid
from server.routing import importing, sheet_files
from server.routing.sheet import COLUMNS
from server.web.forms import text_only
from server.web.pages.layout import go, page
from server.web.pages.registry_forms import errors_of
from server.web.visit import Visit

SHEET_NAME = "margin-surgeons"


def sheet_page(visit: Visit) -> Response:
    """Where a sheet is sent, with its columns."""
    return _page(visit)


def _page(visit: Visit, refused: Invalid | None = None) -> Response:
    return page(
        visit,
        "surgeons_sheet.html",
        refused=refused,
        errors=errors_of(refused),
        columns=COLUMNS,
        outcome=None,
        waiting=None,
    )


def look_through(visit: Visit) -> Response:
    """Say of every row what would become of it, and lay the sheet aside. Nothing is changed yet."""
    sent = request.files.get("file")
    content = sent.stream.read(sheet_files.LARGEST_BYTES + 1) if sent else b""
    try:
        rows = sheet_files.read_sheet(content)
    except Invalid as error:
        return _page(visit, error)
    outcome = importing.try_out(visit.session, rows, by=visit.actor.text, now=visit.now)
    waiting = importing.lay_aside(
        visit.session,
        rows,
        file_name=text_only(sent.filename or "") or "" if sent else "",
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(rows=len(rows), trial=True)
    return page(
        visit,
        "surgeons_sheet.html",
        errors={},
        columns=COLUMNS,
        outcome=outcome,
        waiting=waiting,
        done=False,
    )


def bring_in(visit: Visit, sheet_id: str) -> Response:
    """Bring in what was looked through. What changed meanwhile is looked at again, row by row."""
    outcome = importing.take_up(visit.session, sheet_id, by=visit.actor.text, now=visit.now)
    visit.note(**outcome.facts())
    if not outcome.count(importing.REFUSED):
        added, changed = outcome.count(importing.NEW), outcome.count(importing.CHANGED)
        return go("/surgeons", f"The sheet is in: {added} added, {changed} changed.")
    return page(
        visit,
        "surgeons_sheet.html",
        errors={},
        columns=COLUMNS,
        outcome=outcome,
        waiting=None,
        done=True,
    )


def template(visit: Visit, kind: str) -> Response:
    """An empty sheet with one example row, as XLSX or CSV."""
    return _file(
        [{column.id: column.example for column in COLUMNS}], kind, f"{SHEET_NAME}-template"
    )


def export(visit: Visit, kind: str) -> Response:
    """Every surgeon as the sheet that can be brought in again."""
    return _file(importing.every_row(visit.session), kind, SHEET_NAME)


def _file(rows: list[dict[str, str]], kind: str, name: str) -> Response:
    is_csv = kind == "csv"
    content = sheet_files.as_csv(rows) if is_csv else sheet_files.as_xlsx(rows)
    response = Response(content, mimetype="text/csv" if is_csv else sheet_files.XLSX_TYPE)
    response.headers.set(
        "Content-Disposition", "attachment", filename=f"{name}.{'csv' if is_csv else 'xlsx'}"
    )
    return response


ROUTES = [
    Route("/surgeons/sheet", sheet_page, Action.SURGEONS_CHANGE),
    Route("/surgeons/sheet", look_through, Action.SURGEONS_CHANGE, ("POST",)),
    Route("/surgeons/sheet/<sheet_id>", bring_in, Action.SURGEONS_CHANGE, ("POST",)),
    Route("/surgeons/sheet/template.<any(csv, xlsx):kind>", template, Action.SURGEONS_CHANGE),
    Route("/surgeons/sheet/surgeons.<any(csv, xlsx):kind>", export, Action.SURGEONS_CHANGE),
]
