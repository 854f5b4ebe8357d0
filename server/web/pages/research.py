"""De-identified exports for research: asked for by an administrator, made in the background."""

from __future__ import annotations

from flask import Response, request, send_file

from server.access.action import Action
from server.access.door import Route
from server.dossier.checklist import checklists
from server.figures.anonymity import LEAST_K, MOST_K, USUAL_K
from server.figures.exporting import ExportNotFound, export_named, read_query, request_export
from server.figures.queries import exports
from server.foundation.clock import iso
from server.foundation.errors import Invalid
from server.web.pages.layout import go, page
from server.web.pages.typed_forms import problems_by_field, typed_fields
from server.web.visit import Visit

_ASKED = ("cancer", "since", "until", "as_of", "k", "fhir")


def research_page(visit: Visit, refused: Invalid | None = None) -> Response:
    """What was exported, and the form for another export."""
    errors = problems_by_field(refused)
    again = {name: request.args.get(name, "") for name in _ASKED}
    cancers = sorted(((one.id, one.title) for one in checklists().values()), key=lambda one: one[1])
    made = exports(visit.session)
    return page(
        visit,
        "research.html",
        refused=refused,
        errors=errors,
        typed=typed_fields() if refused else again,
        at="research",
        cancers=dict(cancers),
        exports=made,
        making=any(one.state == "making" for one in made),
        least=LEAST_K,
        most=MOST_K,
        usual=USUAL_K,
        now_words=iso(visit.now)[:19].replace("T", " "),
    )


def ask(visit: Visit) -> Response:
    """Ask for an export."""
    try:
        query = read_query(typed_fields(), visit.now)
    except Invalid as error:
        return research_page(visit, error)
    export = request_export(visit.session, query, by=visit.actor.text, now=visit.now)
    visit.note(export=export.id, query=query.to_json())
    return go("/figures/research", "The export is being made; it appears below.")


def download(visit: Visit, export: str) -> Response:
    """The file of an export. Every reading of it stands in the trail."""
    found = export_named(visit.session, export)
    if found.state != "ready":
        raise ExportNotFound("This export is still being made.", remedy="Look again in a moment.")
    return send_file(
        visit.services.files.path(found.sha256),
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"margin-research-{found.content_sha256[:12]}.zip",
    )


ROUTES = [
    Route("/figures/research", research_page, Action.RESEARCH_EXPORT),
    Route("/figures/research", ask, Action.RESEARCH_EXPORT, ("POST",)),
    Route("/figures/research/<export>.zip", download, Action.RESEARCH_EXPORT),
]
