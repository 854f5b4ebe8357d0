"""Slides and blocks with their chain of custody, and what was asked of somebody for the case."""

from __future__ import annotations

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.dossier import specimens
from server.dossier.custody import LABELS
from server.dossier.custody_form import SHEETS, custody_form
from server.dossier.queries import specimens_of, tasks_of
from server.dossier.value_sets import SPECIMEN_KINDS, TASK_KINDS
from server.foundation.errors import Invalid, NotFound
from server.opinions.printing import printed
from server.web.languages import said_each, say, spoken
from server.web.pages.case_places import base_of
from server.web.pages.layout import go
from server.web.pages.records import both
from server.web.pages.records_frame import documents_seen, frame
from server.web.pages.typed_forms import typed_fields
from server.web.visit import Visit


class NothingListed(NotFound):
    """There is no specimen for which a form could be printed."""


def specimens_page(
    visit: Visit, refused: Invalid | None = None, at: str = "", which: str = ""
) -> Response:
    """Where every specimen is, and what is still asked of whom."""
    return frame(
        visit,
        "specimens.html",
        "specimens",
        refused=refused,
        at=at,
        which=which,
        seen=specimens_of(visit.session, visit.case, visit.now.date()),
        tasks=tasks_of(visit.session, visit.case),
        steps=said_each(LABELS),
        specimen_kinds=said_each(SPECIMEN_KINDS),
        task_kinds=said_each(TASK_KINDS),
        documents=documents_seen(visit),
        may_move=visit.may(Action.SPECIMENS_CHANGE),
        moment_now=visit.now.strftime("%Y-%m-%d %H:%M"),
    )


def list_specimen(visit: Visit) -> Response:
    """List slides or blocks that are to travel."""
    typed = typed_fields()
    names = ("pathology_number", "label", "kind", "count", "site", "due_back_on")
    try:
        specimen = specimens.list_specimen(
            visit.session,
            visit.case,
            **{name: typed.get(name, "") for name in names},
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return specimens_page(visit, error, "specimen")
    visit.note(specimen=specimen.id, kind=specimen.kind, count=specimen.count)
    return go(f"{base_of(visit)}/records/specimens", say("The specimen is listed."))


def note_custody(visit: Visit, specimen_id: str) -> Response:
    """Append what happened to a specimen."""
    typed = typed_fields()
    names = ("step", "at", "from_whom", "to_whom", "courier", "tracking", "note")
    moved = specimens.Moved(**{name: typed.get(name, "") for name in names})
    try:
        event = specimens.note_custody(
            visit.session, visit.case, specimen_id, moved, by=visit.actor.text, now=visit.now
        )
    except Invalid as error:
        return specimens_page(visit, error, "event", specimen_id)
    visit.note(specimen=specimen_id, step=event.step)
    noted = say("Noted in the chain of custody.")
    return go(f"{base_of(visit)}/records/specimens#s-{specimen_id}", noted)


def print_form(visit: Visit, sheet: str) -> Response:
    """The chain-of-custody form of every specimen of the case, as PDF."""
    seen = specimens_of(visit.session, visit.case, visit.now.date())
    if not seen or sheet not in SHEETS:
        raise NothingListed("There is nothing to print.", remedy="List the slides or blocks first.")
    html = custody_form(
        case_number=visit.case.number,
        sender=visit.case.hospital.name,
        seen=seen,
        sheet=sheet,
        printed_at=visit.now,
        language=spoken(),
        say=say,
    )
    response = Response(printed(html), mimetype="application/pdf")
    name = f"{visit.case.number}-custody-{sheet}.pdf"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    visit.note(file=name)
    return response


def ask_for(visit: Visit) -> Response:
    """Ask somebody for something, such as a 3-D reconstruction."""
    typed = typed_fields()
    try:
        task = specimens.ask_for(
            visit.session,
            visit.case,
            **{name: typed.get(name, "") for name in ("kind", "asked_of", "detail", "due_on")},
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return specimens_page(visit, error, "task")
    visit.note(task=task.id, kind=task.kind)
    return go(f"{base_of(visit)}/records/specimens#tasks", "The task is open.")


def end_task(visit: Visit, task_id: str) -> Response:
    """A task is done or declined."""
    typed = typed_fields()
    try:
        task = specimens.end_task(
            visit.session,
            visit.case,
            task_id,
            **{name: typed.get(name, "") for name in ("state", "outcome", "document_id")},
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return specimens_page(visit, error, "end", task_id)
    visit.note(task=task.id, state=task.state)
    return go(f"{base_of(visit)}/records/specimens#tasks", f"The task is {task.state}.")


ROUTES = [
    *(Route(url, specimens_page, Action.SPECIMENS_READ) for url in both("/specimens")),
    *(Route(url, list_specimen, Action.SPECIMENS_CHANGE, ("POST",)) for url in both("/specimens")),
    *(
        Route(url, note_custody, Action.SPECIMENS_CHANGE, ("POST",))
        for url in both("/specimens/<specimen_id>/events")
    ),
    *(
        Route(url, print_form, Action.SPECIMENS_READ)
        for url in both("/specimens/custody-<sheet>.pdf")
    ),
    Route("/cases/<number>/records/tasks", ask_for, Action.RECORDS_JUDGE, ("POST",)),
    Route("/cases/<number>/records/tasks/<task_id>", end_task, Action.RECORDS_JUDGE, ("POST",)),
]
