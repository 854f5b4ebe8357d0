"""Webhooks: where events are posted to, and how that goes."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import FieldProblem, Invalid, MarginError
from server.notices import queries, webhooks
from server.notices.kinds import HOSPITALS_KINDS, KINDS
from server.notices.records import Webhook
from server.people.queries import hospital
from server.people.records import Hospital
from server.web.forms import text_only
from server.web.pages.layout import go, page
from server.web.pages.notices import STATES, label_of, tabs
from server.web.pages.worklist import coordinated
from server.web.visit import Visit

SERVICE = "service"


def webhooks_page(visit: Visit, refused: MarginError | None = None, **facts: Any) -> Response:
    """The webhooks of the hospitals in this account's care, with their newest calls."""
    theirs = visit.account.hospital_ids
    shown: dict[str, Any] = {
        "hooks": [
            (one, [(call, *STATES[call.state]) for call in queries.calls_of(visit.session, one.id)])
            for one in queries.webhooks(visit.session, theirs)
        ],
        "label_of": label_of,
        "hospitals": coordinated(visit),
        "may_service": theirs is None,
        "kinds": [(kind.value, KINDS[kind].label) for kind in HOSPITALS_KINDS],
        "secret": "",
        "problems": [one.message for one in refused.problems] if refused else [],
        "typed": request.form if refused else {},
        "chosen": request.form.getlist("kinds") if refused else [],
    }
    return page(visit, "webhooks.html", refused=refused, tabs=tabs(visit), **{**shown, **facts})


def add(visit: Visit) -> Response:
    """Post a hospital's events to an address from now on; the secret is shown this once."""
    try:
        with visit.attempt():
            made, secret = webhooks.add_webhook(
                visit.session,
                hospital=_whose(visit),
                url=text_only(request.form.get("url", "")) or "",
                kinds=request.form.getlist("kinds"),
                server_secret=visit.services.settings.secret_key,
                private=visit.services.settings.webhook_private,
                by=visit.actor.text,
                now=visit.now,
            )
    except Invalid as error:
        return webhooks_page(visit, error)
    visit.note(webhook=made.id)
    return webhooks_page(visit, secret=secret, fresh=made)


def _whose(visit: Visit) -> Hospital | None:
    """The hospital that the form names, or None for the service's own."""
    theirs, named = visit.account.hospital_ids, request.form.get("hospital_id", "")
    if named == SERVICE and theirs is None:
        return None
    if named not in {one.id for one in coordinated(visit)}:
        raise Invalid(
            "The webhook was not kept.",
            [FieldProblem("/hospital_id", "Choose whose events are posted.")],
        )
    return hospital(visit.session, named)


def test(visit: Visit, webhook_id: str) -> Response:
    """Post a test event."""
    found = _one(visit, webhook_id)
    webhooks.try_webhook(visit.session, found, visit.now)
    visit.note(webhook=found.id)
    return go("/notices/webhooks", "A test is on its way; reload to see what became of it.")


def switch_on(visit: Visit, webhook_id: str) -> Response:
    """Post again, beginning with what was kept meanwhile."""
    found = _one(visit, webhook_id)
    kept = webhooks.switch_on(visit.session, found, visit.now)
    visit.note(webhook=found.id, kept=kept)
    return go("/notices/webhooks", f"The webhook is on again. {kept} kept events go out now.")


def remove(visit: Visit, webhook_id: str) -> Response:
    """Post nothing more to it."""
    found = _one(visit, webhook_id)
    webhooks.remove_webhook(visit.session, found, visit.now)
    visit.note(webhook=found.id)
    return go("/notices/webhooks", "The webhook is removed.")


def _one(visit: Visit, webhook_id: str) -> Webhook:
    return queries.webhook(visit.session, webhook_id, visit.account.hospital_ids)


ACTION, POST = Action.WEBHOOKS_CHANGE, ("POST",)
ROUTES = [
    Route("/notices/webhooks", webhooks_page, ACTION),
    Route("/notices/webhooks", add, ACTION, POST),
    Route("/notices/webhooks/<webhook_id>/test", test, ACTION, POST),
    Route("/notices/webhooks/<webhook_id>/on", switch_on, ACTION, POST),
    Route("/notices/webhooks/<webhook_id>/remove", remove, ACTION, POST),
]
