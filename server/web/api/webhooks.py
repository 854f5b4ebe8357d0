"""Webhooks: where a hospital's system wants to be told what happens to its cases."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from server.access.action import Action
from server.foundation.errors import FieldProblem
from server.notices import queries, webhooks
from server.notices.kinds import HOSPITALS_KINDS, NoticeKind
from server.notices.records import Delivery, Webhook
from server.people.queries import HospitalNotFound, hospital
from server.people.records import Hospital
from server.web.api.endpoint import BASE, Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, Href, Id, Moment
from server.web.api.fitting import RequestRefused
from server.web.api.scope import hospitals_of
from server.web.visit import Visit

TAG = "Webhooks"


class CallRead(Given):
    """One event on its way to a webhook."""

    event: str
    case: str | None
    state: str
    attempts: int
    due_at: Moment
    sent_at: Moment | None


class WebhookRead(Given):
    """A webhook, whether it works, and its newest calls."""

    href: Href
    id: Id
    hospital_id: Annotated[str | None, Meta(description="Null: the events of every hospital.")]
    url: str
    events: Annotated[list[str], Meta(description="Empty means all.")]
    added_at: Moment
    disabled_at: Moment | None
    disabled_why: str
    calls: list[CallRead]


class Webhooks(Given):
    """The webhooks of the caller, and which events there are."""

    webhooks: list[WebhookRead]
    events: list[str]


class WebhookMade(Given):
    """A new webhook. `secret` is shown this once; it signs every call (docs/notices.md)."""

    href: Href
    webhook: WebhookRead
    secret: str


class WebhookWanted(Sent):
    """Where events are to be posted to."""

    url: Annotated[str, Meta(min_length=1, max_length=2000, description="An https address.")]
    events: Annotated[
        list[NoticeKind], Meta(max_length=60, description="Empty means all that you may know.")
    ] = []  # noqa: RUF012 - copied by msgspec
    hospital_id: Annotated[
        Id | UnsetType, Meta(description="Whose events; a hospital's key leaves it out.")
    ] = UNSET


class Switched(Given):
    """A webhook is on again; so many events were kept for it and go out now."""

    id: Id
    kept: int


class Asked(Given):
    """Done; what came of it stands in the webhook's calls."""

    id: Id


def list_webhooks(visit: Visit) -> Webhooks:
    """The caller's webhooks."""
    return Webhooks(
        webhooks=[
            _read(visit, one) for one in queries.webhooks(visit.session, hospitals_of(visit))
        ],
        events=[kind.value for kind in HOSPITALS_KINDS],
    )


def add_webhook(visit: Visit, body: WebhookWanted) -> WebhookMade:
    """Post events to an address from now on."""
    made, secret = webhooks.add_webhook(
        visit.session,
        hospital=_whose(visit, body.hospital_id),
        url=body.url,
        kinds=[kind.value for kind in body.events],
        server_secret=visit.services.settings.secret_key,
        private=visit.services.settings.webhook_private,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(webhook=made.id)
    read = _read(visit, made)
    return WebhookMade(href=read.href, webhook=read, secret=secret)


def _whose(visit: Visit, named: str | UnsetType) -> Hospital | None:
    theirs = hospitals_of(visit)
    if isinstance(named, UnsetType):
        if theirs is None:
            return None
        named = next(iter(theirs)) if len(theirs) == 1 else ""
    wanted = FieldProblem("/hospital_id", "Name a hospital of yours.")
    if theirs is not None and named not in theirs:
        raise RequestRefused("The webhook was not kept.", [wanted])
    try:
        return hospital(visit.session, named)
    except HospitalNotFound as error:
        raise RequestRefused("The webhook was not kept.", [wanted]) from error


def try_webhook(visit: Visit, webhook_id: str) -> Asked:
    """Post a test event."""
    found = _one(visit, webhook_id)
    webhooks.try_webhook(visit.session, found, visit.now)
    visit.note(webhook=found.id)
    return Asked(id=found.id)


def switch_on(visit: Visit, webhook_id: str) -> Switched:
    """Post again, beginning with what was kept meanwhile."""
    found = _one(visit, webhook_id)
    kept = webhooks.switch_on(visit.session, found, visit.now)
    visit.note(webhook=found.id, kept=kept)
    return Switched(id=found.id, kept=kept)


def remove_webhook(visit: Visit, webhook_id: str) -> None:
    """Post nothing more to it."""
    found = _one(visit, webhook_id)
    webhooks.remove_webhook(visit.session, found, visit.now)
    visit.note(webhook=found.id)


def _one(visit: Visit, webhook_id: str) -> Webhook:
    return queries.webhook(visit.session, webhook_id, hospitals_of(visit))


def _read(visit: Visit, one: Webhook) -> WebhookRead:
    return WebhookRead(
        href=f"{BASE}/webhooks/{one.id}",
        id=one.id,
        hospital_id=one.hospital_id,
        url=one.url,
        events=list(one.kinds),
        added_at=one.added_at,
        disabled_at=one.disabled_at,
        disabled_why=one.disabled_why,
        calls=[_call(call) for call in queries.calls_of(visit.session, one.id)],
    )


def _call(one: Delivery) -> CallRead:
    return CallRead(
        event=one.notice.kind,
        case=one.notice.case.number if one.notice.case else None,
        state=one.state,
        attempts=one.attempts,
        due_at=one.due_at,
        sent_at=one.sent_at,
    )


_HOOK = WebhookRead(
    href=f"{BASE}/webhooks/{AN_ID}",
    id=AN_ID,
    hospital_id=AN_ID,
    url="https://his.riverside.example/margin",
    events=["opinion.issued"],
    added_at=AT,
    disabled_at=None,
    disabled_why="",
    calls=[],
)

ENDPOINTS = (
    Endpoint(
        "GET", "/webhooks", list_webhooks, Action.WEBHOOKS_CHANGE, TAG, "List webhooks",
        Webhooks, Webhooks(webhooks=[_HOOK], events=["opinion.issued"]),
    ),
    Endpoint(
        "POST", "/webhooks", add_webhook, Action.WEBHOOKS_CHANGE, TAG, "Be told what happens",
        WebhookMade, WebhookMade(href=_HOOK.href, webhook=_HOOK, secret="…"),  # noqa: S106 - no secret
        body=WebhookWanted,
        sent=WebhookWanted(url=_HOOK.url, events=[NoticeKind.OPINION_ISSUED]),
        status=201, creates=True, secret=True,
    ),
    Endpoint(
        "POST", "/webhooks/<webhook_id>/test", try_webhook, Action.WEBHOOKS_CHANGE, TAG,
        "Post a test event", Asked, Asked(id=AN_ID),
    ),
    Endpoint(
        "POST", "/webhooks/<webhook_id>/on", switch_on, Action.WEBHOOKS_CHANGE, TAG,
        "Switch a webhook on again", Switched, Switched(id=AN_ID, kept=3),
    ),
    Endpoint(
        "DELETE", "/webhooks/<webhook_id>", remove_webhook, Action.WEBHOOKS_CHANGE, TAG,
        "Remove a webhook", None, status=204,
    ),
)  # fmt: skip
