"""Reading a document in the page: its pages as pictures, beside its translation where there is one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.cases.queries import document
from server.cases.records import CaseDocument
from server.dossier.checklist import chosen
from server.dossier.page_pictures import (
    TURNS_DEG,
    VERSION,
    WIDTHS_PX,
    draw_page,
)
from server.dossier.queries import facts_of_document, request_of
from server.foundation.errors import MarginError
from server.web.pages.records import both
from server.web.pages.records_frame import DocumentSeen, documents_seen, frame
from server.web.visit import Visit

USUAL_ZOOM = 1
_PAGE_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True)
class Pane:
    """One document as it is shown. `why` says what stops that, where something does."""

    seen: DocumentSeen
    pages: int
    why: str = ""


def document_page(visit: Visit, document_id: str) -> Response:
    """A document, alone or beside its original or translation."""
    kept = document(visit.case, document_id)
    seen = {one.document.id: one for one in documents_seen(visit)}
    beside = _beside(visit, kept)
    shown = [kept, *(one for one in beside if request.args.get("beside") == one.id)]
    checklist = chosen(visit.case.organ, request_of(visit.session, visit.case).cancer)
    visit.note(document=kept.id)
    return frame(
        visit,
        "document.html",
        "",
        own=seen[kept.id],
        panes=[_pane(visit, seen[one.id]) for one in shown],
        beside=[seen[one.id] for one in beside],
        others=[one for one in seen.values() if one.document.id != kept.id],
        items=checklist.items,
        zoom=_asked("zoom", range(len(WIDTHS_PX)), USUAL_ZOOM),
        zooms=len(WIDTHS_PX),
        widths=",".join(str(width) for width in WIDTHS_PX),
        turn=_asked("turn", TURNS_DEG, 0),
    )


def _beside(visit: Visit, kept: CaseDocument) -> list[CaseDocument]:
    """The original of a translation, or the translations of an original."""
    facts = facts_of_document(visit.session, visit.case.id)
    own = facts.get(kept.id)
    original = own.translation_of if own else None
    return [
        one
        for one in visit.case.documents
        if one.id == original or (one.id in facts and facts[one.id].translation_of == kept.id)
    ]


def _pane(visit: Visit, seen: DocumentSeen) -> Pane:
    try:
        path = visit.services.files.path(seen.document.sha256)
        return Pane(seen, draw_page(path, 1, WIDTHS_PX[0]).pages)
    except MarginError as error:
        return Pane(seen, 0, f"{error.detail} {error.remedy}".strip())


def document_picture(visit: Visit, document_id: str) -> Response:
    """One page as a picture: `?page=1&zoom=0..4&turn=0|90|180|270`. The pages of a document have one
    address, so that reading on is one line of the trail."""
    kept = document(visit.case, document_id)
    asked = request.args.get("page", "")
    number = int(asked) if _PAGE_NUMBER.fullmatch(asked) else 0
    zoom = _asked("zoom", range(len(WIDTHS_PX)), USUAL_ZOOM)
    turn = _asked("turn", TURNS_DEG, 0)
    etag = f"{kept.sha256[:32]}-{number}-{zoom}-{turn}-{VERSION}"
    response = Response()
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    if etag in request.if_none_match:
        response.status_code = 304
        return response
    path = visit.services.files.path(kept.sha256)
    drawn = draw_page(path, number, WIDTHS_PX[zoom], turn)
    response.data, response.mimetype = drawn.content, drawn.media_type
    visit.note(document=kept.id)
    return response


def _asked(name: str, offered: range | tuple[int, ...], usual: int) -> int:
    """A number of the address that is one of those offered."""
    text = request.args.get(name, "")
    return int(text) if text in {str(one) for one in offered} else usual


ROUTES = [
    *(Route(url, document_page, Action.DOCUMENT_READ) for url in both("/documents/<document_id>")),
    *(
        Route(url, document_picture, Action.DOCUMENT_READ)
        for url in both("/documents/<document_id>/picture")
    ),
]
