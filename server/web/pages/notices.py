"""Notices: what somebody was told, and the outbox of what leaves the house."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import NotFound
from server.notices import actions, queries
from server.notices.delivering import happened
from server.notices.kinds import KINDS, NoticeKind
from server.notices.letters import facts_of, subject_of
from server.notices.recipients import to
from server.notices.records import Delivery, Notice
from server.web.pages.layout import go, page
from server.web.visit import Visit

STATES = {
    "waiting": ("Waiting", "info"),
    "sending": ("Being sent", "info"),
    "sent": ("Sent", "good"),
    "held": ("Held for its webhook", "warn"),
    "given_up": ("Given up", "bad"),
}
CHANNELS = {"email": "E-mail", "webhook": "Webhook"}
MAILS_SHOWN = 200
_MAIL_NAME = re.compile(r"[0-9a-f]{1,64}", re.ASCII)


class MailNotFound(NotFound):
    """No mail of this name was written into a file."""


@dataclass(frozen=True)
class TabOfNotices:
    """One of the pages about notices."""

    label: str
    address: str
    here: bool


@dataclass(frozen=True)
class Told:
    """A notice as somebody reads it."""

    subject: str
    facts: tuple[tuple[str, str], ...]
    at: datetime
    address: str
    unread: bool


@dataclass(frozen=True)
class Sending:
    """A message of the outbox as a page shows it."""

    id: str
    what: str
    case_number: str
    to: str
    sub: str
    channel: str
    state: str
    tone: str
    at: datetime
    attempts: int
    next_at: datetime | None
    sent_at: datetime | None
    why: str
    can_retry: bool


@dataclass(frozen=True)
class Mail:
    """A mail that was written into a file."""

    name: str
    to: str
    subject: str
    date: str
    text: str = ""


TABS = (
    ("For you", "/notices", Action.NOTICES_READ),
    ("What you are sent", "/notices/preferences", Action.NOTICES_CHOOSE),
    ("Outbox", "/notices/outbox", Action.OUTBOX_READ),
    ("Hospitals' addresses", "/notices/contacts", Action.CONTACTS_CHANGE),
    ("Webhooks", "/notices/webhooks", Action.WEBHOOKS_CHANGE),
)


def tabs(visit: Visit) -> list[TabOfNotices]:
    """The pages about notices that this account may open."""
    found = [
        TabOfNotices(label, address, request.path == address)
        for label, address, action in TABS
        if visit.may(action)
    ]
    if _shows_mails(visit):
        here = request.path.startswith("/notices/mails")
        found.append(TabOfNotices("Mails in files", "/notices/mails", here))
    return found


def _shows_mails(visit: Visit) -> bool:
    """Where mails go into files an administrator can read them here, as in the demo."""
    everywhere = visit.account.hospital_ids is None and visit.may(Action.OUTBOX_READ)
    return everywhere and visit.services.settings.mail == "file"


def notices_page(visit: Visit) -> Response:
    """What this account was told, newest first."""
    told = [_told(one) for one in queries.told(visit.session, visit.account.person_id)]
    return page(
        visit,
        "notices.html",
        tabs=tabs(visit),
        told=told,
        unread=sum(one.unread for one in told),
        until=visit.now.isoformat(),
    )


def _told(delivery: Delivery) -> Told:
    what = happened(delivery.notice, "")
    return Told(
        subject_of(what),
        facts_of(what),
        delivery.notice.created_at,
        f"/cases/{what.case_number}" if what.case_number else "",
        delivery.read_at is None,
    )


def mark_read(visit: Visit) -> Response:
    """Everything that stood on the page is read."""
    try:
        until = datetime.fromisoformat(request.form.get("until", ""))
    except ValueError:
        until = visit.now
    if until.tzinfo is None or until > visit.now:
        until = visit.now
    actions.mark_read(visit.session, visit.account.person_id, until, visit.now)
    return go("/notices")


def outbox_page(visit: Visit) -> Response:
    """What leaves the house: what waits, what was sent, what was given up and why."""
    state = request.args.get("state", "")
    number = request.args.get("case", "").strip()[:20]
    theirs = visit.account.hospital_ids
    shown = queries.outbox(
        visit.session, theirs, state=state if state in STATES else "", case_number=number
    )
    return page(
        visit,
        "outbox.html",
        tabs=tabs(visit),
        sendings=[_sending(one, visit.now) for one in shown],
        standing=queries.standing(visit.session, theirs, visit.now - timedelta(days=1)),
        states=STATES,
        state=state,
        number=number,
        may_retry=visit.may(Action.OUTBOX_RETRY),
        into_files=visit.services.settings.mail == "file",
    )


def _sending(delivery: Delivery, now: datetime) -> Sending:
    notice, (label, tone) = delivery.notice, STATES[delivery.state]
    late = delivery.state == "waiting" and delivery.attempts > 0
    name, sub = _to(delivery)
    return Sending(
        id=delivery.id,
        what=label_of(notice),
        case_number=notice.case.number if notice.case else "",
        to=name,
        sub=sub,
        channel=CHANNELS.get(delivery.channel, delivery.channel)
        + (", daily" if delivery.digest else ""),
        state="Tried again later" if late else label,
        tone="warn" if late else tone,
        at=notice.created_at,
        attempts=delivery.attempts,
        next_at=delivery.due_at if delivery.state == "waiting" and delivery.due_at > now else None,
        sent_at=delivery.sent_at,
        why=delivery.last_error,
        can_retry=delivery.state == "given_up" or late,
    )


def label_of(notice: Notice) -> str:
    """What a notice is about, in words."""
    known = notice.kind in {kind.value for kind in NoticeKind}
    return KINDS[NoticeKind(notice.kind)].label if known else notice.kind


def _to(delivery: Delivery) -> tuple[str, str]:
    if delivery.person is not None:
        return delivery.person.name, delivery.person.email
    if delivery.contact is not None:
        return delivery.contact.name, f"{delivery.contact.hospital.name}, {delivery.contact.email}"
    if delivery.webhook is not None:
        owner = delivery.webhook.hospital
        return owner.name if owner else "This service", delivery.webhook.url
    return "nobody", ""


def send_again(visit: Visit, delivery_id: str) -> Response:
    """Have a message tried now."""
    found = queries.delivery(visit.session, delivery_id, visit.account.hospital_ids)
    actions.send_again(visit.session, found, visit.now)
    visit.note(delivery=found.id, channel=found.channel)
    return go("/notices/outbox", "It is tried again now.")


def send_test(visit: Visit) -> Response:
    """Send this account a mail that says nothing but that it arrived."""
    actions.post(
        visit.session,
        kind=NoticeKind.MAIL_TEST,
        case=None,
        to=to(people=(visit.account.person_id,)),
        facts={},
        now=visit.now,
        key=f"{NoticeKind.MAIL_TEST}:{visit.account.person_id}:{visit.now.isoformat()}",
    )
    return go("/notices/outbox", "A test is on its way to your own address.")


def mails_page(visit: Visit) -> Response:
    """The mails that were written into files, newest first."""
    return page(visit, "mails.html", tabs=tabs(visit), mails=_mails(visit), mail=None)


def mail_page(visit: Visit, name: str) -> Response:
    """One of these mails, as its recipient would read it."""
    path = visit.services.settings.mail_dir / f"{name}.eml"
    if not _shows_mails(visit) or not _MAIL_NAME.fullmatch(name) or not path.is_file():
        raise MailNotFound("There is no such mail.", remedy="Choose one from the list.")
    return page(visit, "mails.html", tabs=tabs(visit), mails=_mails(visit), mail=_mail(path))


def _mails(visit: Visit) -> list[Mail]:
    if not _shows_mails(visit):
        return []
    folder = visit.services.settings.mail_dir
    newest = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [_mail(path) for path in newest[:MAILS_SHOWN]]


def _mail(path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=default)
    plain = message.get_body(preferencelist=("plain",))
    return Mail(
        path.stem,
        str(message["To"]),
        str(message["Subject"]),
        str(message["Date"]),
        str(plain.get_content()) if plain is not None else "",
    )


ROUTES = [
    Route("/notices", notices_page, Action.NOTICES_READ),
    Route("/notices/read", mark_read, Action.NOTICES_READ, ("POST",)),
    Route("/notices/outbox", outbox_page, Action.OUTBOX_READ),
    Route("/notices/outbox/test", send_test, Action.OUTBOX_RETRY, ("POST",)),
    Route("/notices/outbox/<delivery_id>/again", send_again, Action.OUTBOX_RETRY, ("POST",)),
    Route("/notices/mails", mails_page, Action.OUTBOX_READ),
    Route("/notices/mails/<name>", mail_page, Action.OUTBOX_READ),
]
