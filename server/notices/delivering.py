"""Bringing what waits in the outbox out of the house: one mail, one webhook, or a day's digest.

Each attempt has three steps. The deliveries are claimed in a transaction of its own; they are sent
without any; what came of it is noted in a third. Whoever dies in between leaves a claim that runs out,
and the same message goes out again under the same id: at least once, and never after it is noted as sent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.sql import ColumnElement

from server.foundation.clock import Clock
from server.foundation.db import Database
from server.foundation.errors import Unavailable
from server.foundation.settings import Settings
from server.notices import posting
from server.notices.actions import NOBODY, WEBHOOK, give_up, send_later
from server.notices.kinds import NoticeKind
from server.notices.letters import Happened, letter
from server.notices.mail import Mailer, mailer_of, message_of
from server.notices.outcome import Delivered, Outcome, Postponed, Undeliverable
from server.notices.records import Delivery, Notice, Webhook
from server.notices.schedule import CLAIM, SPARED, is_switched_off, retry_at
from server.notices.sealing import SecretUnreadable, opened
from server.notices.webhooks import switch_off

MAIL_SERVER: Final = "mail"
NOT_TRIED: Final = "Not tried: the other side did not answer a moment ago."


class BeingSent(Unavailable):
    """A claim on the delivery is not over yet: what becomes of it is seen later."""


@dataclass(frozen=True)
class Addressee:
    """Where a mail goes. `has_account`: its link is the case's page, behind the sign-in."""

    email: str
    language: str
    has_account: bool


class Outbox:
    """Delivers. One of it lives as long as a process that does one delivery after the other."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        mailer: Mailer | None = None,
        *,
        clock: Clock,
    ) -> None:
        self._db = db
        self._settings = settings
        self._mailer = mailer or mailer_of(settings)
        self._clock = clock
        self._away: dict[str, float] = {}

    def deliver(self, delivery_id: str) -> None:
        """Try one delivery. One that was sent is left alone.

        Raises BeingSent for one that somebody else is sending: it is to be looked at again.
        """
        self._deliver(Delivery.id == delivery_id)

    def deliver_digest(self, batch_id: str) -> None:
        """Try a day's digest: one mail for all deliveries of the batch that are not sent yet.

        Raises BeingSent as `deliver` does.
        """
        self._deliver(Delivery.batch_id == batch_id)

    def _deliver(self, which: ColumnElement[bool]) -> None:
        claimed = self._claim(which)
        if claimed:
            self._note(claimed, self._try(claimed))
            return
        sending = select(Delivery.id).where(which, Delivery.state == "sending")
        with self._db.reading() as session:
            if session.scalar(sending.limit(1)) is not None:
                raise BeingSent("Somebody is sending it, or was killed while sending it.")

    def _claim(self, which: ColumnElement[bool]) -> list[Delivery]:
        now = self._clock()
        free = or_(
            and_(Delivery.state == "waiting", Delivery.due_at <= now),
            and_(Delivery.state == "sending", Delivery.claimed_until <= now),
        )
        with self._db.writing() as session:
            ids = session.scalars(select(Delivery.id).where(which, free)).all()
            won = [one for one in ids if _take(session, one, free, now + CLAIM)]
            return _with_everything(session, won)

    def _try(self, claimed: list[Delivery]) -> Outcome:
        first = claimed[0]
        server = first.webhook_id or MAIL_SERVER
        if time.monotonic() < self._away.get(server, 0.0):
            return Postponed(NOT_TRIED)
        outcome = self._call(first) if first.channel == WEBHOOK else self._mail(claimed)
        if isinstance(outcome, Postponed) and outcome.away:
            self._away[server] = time.monotonic() + SPARED.total_seconds()
        return outcome

    def _mail(self, claimed: list[Delivery]) -> Outcome:
        addressee = addressee_of(claimed[0])
        if addressee is None:
            return Undeliverable(NOBODY)
        public = self._settings.public_url
        text = letter(
            [happened(one.notice, public if addressee.has_account else "") for one in claimed],
            addressee.language,
            has_account=addressee.has_account,
            choose_at=f"{public}/notices/preferences",
        )
        message = message_of(
            text,
            to=addressee.email,
            sender=self._settings.mail_from,
            language=addressee.language,
            ids=[one.id for one in claimed],
            now=self._clock(),
        )
        return self._mailer.send(message)

    def _call(self, delivery: Delivery) -> Outcome:
        webhook, notice = delivery.webhook, delivery.notice
        if webhook is None or webhook.removed_at is not None:
            return Undeliverable(NOBODY)
        try:
            secret = opened(webhook.sealed_secret, self._settings.secret_key)
        except SecretUnreadable as error:
            return Undeliverable(error.detail, gone=True)
        number = notice.case.number if notice.case else None
        event = posting.Event(
            id=f"notice_{notice.id}",
            kind=notice.kind,
            at=notice.created_at,
            case_number=number,
            case_address=f"{self._settings.public_url}/cases/{number}" if number else None,
            facts=notice.facts,
        )
        private = self._settings.webhook_private
        return posting.post(webhook.url, secret, event, self._clock(), private=private)

    def _note(self, claimed: list[Delivery], outcome: Outcome) -> None:
        now = self._clock()
        with self._db.writing() as session:
            for one in claimed:
                mine = session.get_one(Delivery, one.id, with_for_update=True)
                # Somebody whose claim began after mine ran out says what became of it.
                if mine.state == "sending" and mine.attempts == one.attempts:
                    _end(session, mine, outcome, now)
            if claimed[0].webhook_id:
                _note_webhook(session, claimed[0].webhook_id, outcome, now)


def _take(session: Session, delivery_id: str, free: ColumnElement[bool], until: datetime) -> bool:
    taken = session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, free)
        .values(state="sending", attempts=Delivery.attempts + 1, claimed_until=until)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def _with_everything(session: Session, ids: list[str]) -> list[Delivery]:
    wanted = (
        select(Delivery)
        .where(Delivery.id.in_(ids))
        .join(Notice)
        .options(
            selectinload(Delivery.notice).selectinload(Notice.case),
            selectinload(Delivery.person),
            selectinload(Delivery.contact),
            selectinload(Delivery.webhook),
        )
        .order_by(Notice.created_at, Delivery.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(wanted)) if ids else []


def addressee_of(delivery: Delivery) -> Addressee | None:
    """Where the mail goes now; None when its recipient is no longer written to."""
    person, contact = delivery.person, delivery.contact
    if person is not None and person.active:
        return Addressee(person.email, person.language, person.password_hash is not None)
    if contact is not None and contact.removed_at is None:
        return Addressee(contact.email, contact.language, has_account=False)
    return None


def happened(notice: Notice, public_url: str) -> Happened:
    """The notice for a letter; with the address of its case where there is a `public_url`."""
    number = notice.case.number if notice.case else ""
    address = f"{public_url}/cases/{number}" if public_url and number else ""
    return Happened(NoticeKind(notice.kind), number, notice.facts, address)


def _end(session: Session, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    delivery.claimed_until = None
    match outcome:
        case Delivered():
            delivery.state, delivery.sent_at, delivery.last_error = "sent", now, ""
        case Postponed(why=why):
            delivery.last_error = why[:2000]
            again = retry_at(delivery.attempts, now)
            if again is None:
                give_up(session, delivery, why, now)
            else:
                send_later(session, delivery, now, again)
        case Undeliverable(why=why, gone=gone):
            if gone:
                delivery.state, delivery.last_error = "held", why[:2000]
            else:
                give_up(session, delivery, why, now)


def _note_webhook(session: Session, webhook_id: str, outcome: Outcome, now: datetime) -> None:
    webhook = session.get_one(Webhook, webhook_id, with_for_update=True)
    if isinstance(outcome, Delivered):
        webhook.failures, webhook.failing_since = 0, None
        return
    if outcome.why == NOT_TRIED:
        return
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    gone = isinstance(outcome, Undeliverable) and outcome.gone
    if gone or is_switched_off(webhook.failures, webhook.failing_since, now):
        switch_off(session, webhook, outcome.why, now)
