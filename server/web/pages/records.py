"""The checklist of a case: what is there, what is missing, what nobody can send; and what each document
is."""

from __future__ import annotations

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.dossier import actions
from server.dossier.checklist import of_organ
from server.dossier.completeness import Standing
from server.dossier.documents import kind_words
from server.dossier.queries import overrides_of
from server.foundation.errors import Invalid
from server.web.languages import say
from server.web.pages.case_places import base_of
from server.web.pages.layout import go
from server.web.pages.records_frame import documents_seen, frame
from server.web.pages.typed_forms import typed_fields
from server.web.visit import Visit


def records_page(
    visit: Visit, refused: Invalid | None = None, at: str = "", document_id: str = ""
) -> Response:
    """The checklist, with the documents nobody has classified on top."""
    documents = documents_seen(visit)
    return frame(
        visit,
        "records.html",
        "records",
        refused=refused,
        at=at,
        failed_document=document_id,
        documents=documents,
        by_id={one.document.id: one for one in documents},
        fresh=[one for one in documents if one.facts is None] if not visit.pseudonymised else [],
        several_cancers=len(of_organ(visit.case.organ)) > 1,
        overrides=overrides_of(visit.session, visit.case),
    )


def classify(visit: Visit, document_id: str) -> Response:
    """Say what a document is; comes from the checklist or from the document's own page."""
    typed = typed_fields()
    try:
        actions.classify(
            visit.session,
            visit.case,
            document_id,
            kind=typed.get("kind", ""),
            language=typed.get("language", ""),
            dated_on=typed.get("dated_on", ""),
            translation_of=typed.get("translation_of", ""),
            also=request.form.getlist("also"),
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return records_page(visit, error, "document", document_id)
    visit.note(document=document_id, kind=typed["kind"])
    back = f"{base_of(visit)}/records"
    if typed.get("back") == "document":
        back += f"/documents/{document_id}"
    return go(back, say("Kept as: {kind}.", kind=say(kind_words(typed["kind"]))))


def not_available(visit: Visit, item_id: str) -> Response:
    """The sender says that an item cannot be had, and why."""
    return _decide(visit, item_id, Standing.NOT_AVAILABLE)


def waive(visit: Visit, item_id: str) -> Response:
    """The coordinator lets the case go on without an item, and says why."""
    return _decide(visit, item_id, Standing.WAIVED)


def want_again(visit: Visit, item_id: str) -> Response:
    """The item is wanted after all."""
    actions.undecide(visit.session, visit.case, item_id)
    visit.note(item=item_id)
    return go(f"{base_of(visit)}/records#item-{item_id}", say("The item is wanted again."))


def _decide(visit: Visit, item_id: str, standing: Standing) -> Response:
    try:
        actions.decide(
            visit.session,
            visit.case,
            item_id,
            standing=standing,
            reason=typed_fields().get("reason", ""),
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return records_page(visit, error, item_id)
    visit.note(item=item_id, standing=standing.value)
    return go(
        f"{base_of(visit)}/records#item-{item_id}",
        say("Noted. The coordinator decides whether the case can go on without it.")
        if standing is Standing.NOT_AVAILABLE
        else "The item is waived.",
    )


def both(path: str) -> tuple[str, str]:
    """An address of the records for accounts and for visits by link."""
    return f"/cases/<number>/records{path}", f"/r/<launch>/records{path}"


ROUTES = [
    *(Route(url, records_page, Action.RECORDS_READ) for url in both("")),
    *(
        Route(url, classify, Action.RECORDS_FILL, ("POST",))
        for url in both("/documents/<document_id>")
    ),
    *(
        Route(url, not_available, Action.RECORDS_FILL, ("POST",))
        for url in both("/items/<item_id>/not-available")
    ),
    *(
        Route(url, want_again, Action.RECORDS_FILL, ("POST",))
        for url in both("/items/<item_id>/wanted")
    ),
    Route("/cases/<number>/records/items/<item_id>/waive", waive, Action.RECORDS_JUDGE, ("POST",)),
]
