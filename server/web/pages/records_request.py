"""Who asks for the opinion, why, with whose consent, and what is known that changes what is needed."""

from __future__ import annotations

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.access.sharing_actions import withdraw_all
from server.dossier import requests
from server.dossier.checklist import circumstances, of_organ
from server.dossier.queries import consents_of, request_of
from server.dossier.value_sets import ASKERS, CONSENT_WAYS, REASONS
from server.foundation.errors import Invalid
from server.web.languages import said_each, say
from server.web.pages.case_places import base_of
from server.web.pages.layout import go
from server.web.pages.records import both
from server.web.pages.records_frame import documents_seen, frame
from server.web.pages.typed_forms import typed_fields
from server.web.visit import Visit


def request_page(visit: Visit, refused: Invalid | None = None, at: str = "") -> Response:
    """The request as it stands, and the forms that change it."""
    return frame(
        visit,
        "records_request.html",
        "request",
        refused=refused,
        at=at,
        kept=request_of(visit.session, visit.case),
        chosen_reasons=request.form.getlist("reasons") if refused else None,
        cancers=of_organ(visit.case.organ),
        askers=said_each(ASKERS),
        reasons=said_each(REASONS),
        ways=said_each(CONSENT_WAYS),
        questions=circumstances(),
        consents=consents_of(visit.session, visit.case),
        documents=documents_seen(visit) if not visit.pseudonymised else [],
    )


def change_request(visit: Visit) -> Response:
    """Keep who asks and why."""
    typed = typed_fields()
    answers = {
        one.id: typed[f"circumstance_{one.id}"] == "yes"
        for one in circumstances()
        if typed.get(f"circumstance_{one.id}") in ("yes", "no")
    }
    asked = requests.Asked(
        reasons=request.form.getlist("reasons"),
        circumstances=answers,
        **{
            name: typed.get(name, "")
            for name in (
                "cancer",
                "asker",
                "asker_name",
                "asker_relation",
                "reason_note",
                "first_centre",
                "first_verdict_on",
            )
        },
    )
    try:
        requests.describe_request(
            visit.session, visit.case, asked, by=visit.actor.text, now=visit.now
        )
    except Invalid as error:
        return request_page(visit, error, "request")
    visit.note(asker=asked.asker, reasons=list(asked.reasons))
    return go(f"{base_of(visit)}/records/request", say("The request is kept."))


def record_consent(visit: Visit) -> Response:
    """Note the patient's consent."""
    typed = typed_fields()
    try:
        requests.record_consent(
            visit.session,
            visit.case,
            given_on=typed.get("given_on", ""),
            how=typed.get("how", ""),
            document_id=typed.get("document_id", ""),
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return request_page(visit, error, "consent")
    visit.note(how=typed["how"])
    return go(f"{base_of(visit)}/records/request#consent", say("The consent is noted."))


def revoke_consent(visit: Visit) -> Response:
    """Note that the patient takes the consent back."""
    try:
        requests.revoke_consent(
            visit.session,
            visit.case,
            why=typed_fields().get("why", ""),
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        return request_page(visit, error, "revoke")
    why = "The consent to ask for a second opinion was revoked."
    ended = withdraw_all(visit.session, visit.case, why=why, by=visit.actor.text, now=visit.now)
    visit.note(**({"shared_ended": ended} if ended else {}))
    return go(
        f"{base_of(visit)}/records/request#consent",
        say("The consent is revoked, and nothing of the case is shared any more.")
        + " "
        + say("Withdraw the case's links unless the patient wants it to go on."),
    )


ROUTES = [
    *(Route(url, request_page, Action.RECORDS_READ) for url in both("/request")),
    *(Route(url, change_request, Action.RECORDS_FILL, ("POST",)) for url in both("/request")),
    *(Route(url, record_consent, Action.RECORDS_FILL, ("POST",)) for url in both("/consent")),
    *(
        Route(url, revoke_consent, Action.RECORDS_FILL, ("POST",))
        for url in both("/consent/revoke")
    ),
]
