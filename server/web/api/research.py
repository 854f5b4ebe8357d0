"""De-identified exports for research: asked for, made in the background, fetched as a file."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.figures.anonymity import LEAST_K, MOST_K, USUAL_K
from server.figures.exporting import export_named, query_of, read_query, request_export
from server.figures.queries import exports
from server.figures.records import ResearchExport
from server.foundation.clock import iso
from server.web.api.endpoint import BASE, Endpoint, Given, Media, Sent
from server.web.api.fields import AN_ID, AT, Day, Href, Id, Moment, Word
from server.web.pages.research import download
from server.web.visit import Visit

TAG = "Research"


class ExportRead(Given):
    """An export: the query that makes it, and what it gave. The same query gives the same content."""

    href: Href
    id: Id
    state: Annotated[str, Meta(description="making or ready")]
    as_of: Annotated[Moment, Meta(description="The records as they were known then.")]
    cancer: Word
    since: Day | None
    until: Day | None
    k: Annotated[int, Meta(description="What is shared by fewer cases than this is withheld.")]
    fhir: bool
    case_count: int
    withheld_count: int
    content_sha256: Annotated[str, Meta(description="Of the content; empty while it is made.")]
    size_bytes: int
    requested_at: Moment
    ready_at: Moment | None
    file: Annotated[Href, Meta(description="A zip: CSV, JSON and the data dictionary.")]


class Exports(Given):
    """Every export, the newest first."""

    exports: list[ExportRead]


class ExportWanted(Sent):
    """Which cases are exported. What is left out is not asked."""

    cancer: Annotated[Word, Meta(description="One of `cancers` of the vocabulary; empty: all.")] = (
        ""
    )
    since: Annotated[
        Day | None, Meta(description="First opinions signed on this day or later.")
    ] = None
    until: Day | None = None
    as_of: Annotated[Moment | None, Meta(description="Null: as the records are known now.")] = None
    k: Annotated[int, Meta(ge=LEAST_K, le=MOST_K)] = USUAL_K
    fhir: Annotated[bool, Meta(description="Observations as FHIR as well.")] = False


def list_exports(visit: Visit) -> Exports:
    """What was exported."""
    return Exports(exports=[_read(one) for one in exports(visit.session)])


def read_export(visit: Visit, export: str) -> ExportRead:
    """One export."""
    return _read(export_named(visit.session, export))


def ask_export(visit: Visit, body: ExportWanted) -> ExportRead:
    """Ask for an export."""
    asked = {
        "cancer": body.cancer,
        "since": body.since.isoformat() if body.since else "",
        "until": body.until.isoformat() if body.until else "",
        "as_of": iso(body.as_of) if body.as_of else "",
        "k": str(body.k),
        "fhir": "yes" if body.fhir else "",
    }
    query = read_query(asked, visit.now)
    made = request_export(visit.session, query, by=visit.actor.text, now=visit.now)
    visit.note(export=made.id, query=query.to_json())
    return _read(made)


def _read(one: ResearchExport) -> ExportRead:
    query = query_of(one)
    href = f"{BASE}/research/exports/{one.id}"
    return ExportRead(
        href=href,
        id=one.id,
        state=one.state,
        as_of=query.as_of,
        cancer=query.cancer,
        since=query.since,
        until=query.until,
        k=query.k,
        fhir=query.fhir,
        case_count=one.case_count,
        withheld_count=one.withheld_count,
        content_sha256=one.content_sha256,
        size_bytes=one.size_bytes,
        requested_at=one.requested_at,
        ready_at=one.ready_at,
        file=f"{href}.zip",
    )


_EXPORT = ExportRead(
    href=f"{BASE}/research/exports/{AN_ID}", id=AN_ID, state="ready", as_of=AT,
    cancer="pancreas", since=None, until=None, k=USUAL_K, fhir=False, case_count=412,
    withheld_count=7,
    content_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    size_bytes=81_220, requested_at=AT, ready_at=AT, file=f"{BASE}/research/exports/{AN_ID}.zip",
)  # fmt: skip
_AT = "/research/exports"
A = Action.RESEARCH_EXPORT

ENDPOINTS = (
    Endpoint(
        "GET", _AT, list_exports, A, TAG, "List exports", Exports, Exports(exports=[_EXPORT]),
    ),
    Endpoint(
        "POST", _AT, ask_export, A, TAG, "Ask for an export", ExportRead, _EXPORT,
        body=ExportWanted, sent=ExportWanted(cancer="pancreas"), status=201, creates=True,
        description="docs/figures.md says what is in it, and what is not.",
    ),
    Endpoint(
        "GET", f"{_AT}/<export>", read_export, A, TAG, "Read an export", ExportRead, _EXPORT,
    ),
    Endpoint(
        "GET", f"{_AT}/<export>.zip", download, A, TAG, "The file of an export",
        Media("application/zip", "CSV, JSON and the data dictionary."),
        refusals=("export_not_found",),
    ),
)  # fmt: skip
