"""Telling that something happened: the notice, and for each recipient the deliveries that bring it.

Everything is written in the transaction of what happened; what leaves the house leaves later, by jobs
(`server.notices.delivering`), and is lost by no crash in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.cases.records import Case
from server.foundation import jobs
from server.foundation.errors import Conflict
from server.notices.kinds import (
    KINDS,
    Choice,
    FactValue,
    Group,
    NoticeKind,
    checked_facts,
    choice_of,
)
from server.notices.recipients import Part, Recipients, contacts_told, group_of, people_told, to
from server.notices.records import Contact, Delivery, Notice, Preference, Webhook
from server.notices.schedule import FORGOTTEN_AFTER, next_digest
from server.people.records import Person

DELIVER_NOTICE = "deliver_notice"
SEND_DIGEST = "send_digest"
PAGE, EMAIL, WEBHOOK = "page", "email", "webhook"
NOBODY = "Whoever it was for is no longer written to."
PICKED_UP_AT_ONCE = 500


class AlreadySent(Conflict):
    """The delivery is not one that waits for anybody."""


def post(
    session: Session,
    *,
    kind: NoticeKind,
    case: Case | None,
    to: Recipients,
    facts: Mapping[str, FactValue],
    now: datetime,
    key: str,
) -> Notice:
    """Tell `to` that something of `kind` happened. A notice of the same `key` is told once.

    `key` names the event for good, such as `opinion.issued:<opinion id>`; `facts` are days, whole
    numbers and words of fixed lists (`kinds.checked_facts`), never what a person typed: FactNotPlain.
    The page shows it at once; mails and webhooks leave after the commit.
    """
    kept, key = checked_facts(facts), key[:200]
    known = session.scalar(select(Notice).where(Notice.key == key))
    if known is not None:
        return known
    notice = Notice(
        kind=kind.value,
        case_id=case.id if case else None,
        facts=kept,
        key=key,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(notice)
            session.flush()
    except IntegrityError:
        # Somebody told of the same event at this moment: theirs counts.
        return session.scalars(select(Notice).where(Notice.key == key)).one()
    for person in people_told(session, case, to):
        _tell_person(session, notice, person, now)
    for contact in contacts_told(session, case, to):
        _tell_contact(session, notice, contact, now)
    for webhook in _subscribed(session, kind, case):
        called = _delivery(session, notice, WEBHOOK, now, webhook=webhook)
        if webhook.disabled_at is None:
            send_later(session, called, now)
        else:
            called.state = "held"
    return notice


def _tell_person(session: Session, notice: Notice, person: Person, now: datetime) -> None:
    group, kind = group_of(person), NoticeKind(notice.kind)
    if person.password_hash is not None:
        shown = _delivery(session, notice, PAGE, now, person=person)
        shown.state, shown.sent_at = "sent", now
    choice = choice_of(kind, group, _chosen(session, person.id, kind))
    _mail(session, notice, choice, now, person=person)


def _tell_contact(session: Session, notice: Notice, contact: Contact, now: datetime) -> None:
    kind = NoticeKind(notice.kind)
    choice = choice_of(kind, Group.HOSPITAL, _chosen(session, contact.id, kind))
    _mail(session, notice, choice, now, contact=contact)


def _chosen(session: Session, owner_id: str, kind: NoticeKind) -> Choice | None:
    found = session.get(Preference, (owner_id, kind.value))
    return Choice(found.choice) if found else None


def _mail(
    session: Session,
    notice: Notice,
    choice: Choice,
    now: datetime,
    *,
    person: Person | None = None,
    contact: Contact | None = None,
) -> None:
    if choice is Choice.NEVER:
        return
    delivery = _delivery(session, notice, EMAIL, now, person=person, contact=contact)
    if choice is Choice.NOW:
        send_later(session, delivery, now)
        return
    owner_id, due_at = (person.id if person else contact.id if contact else ""), next_digest(now)
    delivery.digest = True
    delivery.batch_id = sha256(f"{owner_id} {due_at.isoformat()}".encode()).hexdigest()[:32]
    send_later(session, delivery, now, due_at)


def _delivery(
    session: Session,
    notice: Notice,
    channel: str,
    now: datetime,
    *,
    person: Person | None = None,
    contact: Contact | None = None,
    webhook: Webhook | None = None,
) -> Delivery:
    made = Delivery(
        notice_id=notice.id,
        channel=channel,
        person_id=person.id if person else None,
        contact_id=contact.id if contact else None,
        webhook_id=webhook.id if webhook else None,
        due_at=now,
    )
    session.add(made)
    session.flush()
    return made


def _subscribed(session: Session, kind: NoticeKind, case: Case | None) -> list[Webhook]:
    """The webhooks that are told: the service's own, and the hospital's where it may know."""
    standing = select(Webhook).where(Webhook.removed_at.is_(None)).order_by(Webhook.added_at)
    return [
        one
        for one in session.scalars(standing)
        if (not one.kinds or kind.value in one.kinds) and _may_know(one, kind, case)
    ]


def _may_know(webhook: Webhook, kind: NoticeKind, case: Case | None) -> bool:
    if webhook.hospital_id is None:
        return bool(KINDS[kind].usual)
    return (
        case is not None
        and case.hospital_id == webhook.hospital_id
        and KINDS[kind].hospitals_may_know
    )


def send_later(
    session: Session, delivery: Delivery, now: datetime, due_at: datetime | None = None
) -> None:
    """Have a delivery sent at `due_at`, else at once; those of one digest go together."""
    at = due_at or now
    delivery.state, delivery.due_at, delivery.claimed_until = "waiting", at, None
    if delivery.batch_id is None:
        jobs.enqueue(session, DELIVER_NOTICE, {"delivery_id": delivery.id}, now=now, run_at=at)
        return
    jobs.enqueue(
        session,
        SEND_DIGEST,
        {"batch_id": delivery.batch_id},
        now=now,
        run_at=at,
        key=f"{SEND_DIGEST}:{delivery.batch_id}:{at.isoformat()}",
    )


def give_up(session: Session, delivery: Delivery, why: str, now: datetime) -> None:
    """Try no more, and tell those who can do something about it."""
    delivery.state, delivery.given_up_at, delivery.claimed_until = "given_up", now, None
    delivery.last_error = why[:2000]
    notice = session.get_one(Notice, delivery.notice_id)
    if why == NOBODY or notice.kind == NoticeKind.DELIVERY_GIVEN_UP:
        return
    post(
        session,
        kind=NoticeKind.DELIVERY_GIVEN_UP,
        case=notice.case,
        to=to(Part.COORDINATOR) if notice.case else to(Part.ADMIN),
        facts={},
        now=now,
        key=f"{NoticeKind.DELIVERY_GIVEN_UP}:{delivery.id}",
    )


def send_again(session: Session, delivery: Delivery, now: datetime) -> None:
    """Have it tried now, with all its attempts before it. Raises AlreadySent."""
    if delivery.state not in ("waiting", "given_up"):
        raise AlreadySent(
            "This message was sent meanwhile, or is being sent.",
            remedy="Reload the outbox to see how it stands.",
        )
    delivery.attempts, delivery.given_up_at = 0, None
    send_later(session, delivery, now)


def mark_read(session: Session, person_id: str, until: datetime, now: datetime) -> None:
    """Everything that was told to this person up to `until` is read."""
    told = select(Notice.id).where(Notice.created_at <= until)
    session.execute(
        update(Delivery)
        .where(
            Delivery.person_id == person_id,
            Delivery.channel == PAGE,
            Delivery.read_at.is_(None),
            Delivery.notice_id.in_(told),
        )
        .values(read_at=now)
        .execution_options(synchronize_session=False)
    )


def pick_up_forgotten(session: Session, now: datetime) -> int:
    """Ask again for what should have been tried long ago: its job was lost, or came too early."""
    since = now - FORGOTTEN_AFTER
    forgotten = or_(
        (Delivery.state == "waiting") & (Delivery.due_at < since),
        (Delivery.state == "sending") & (Delivery.claimed_until < since),
    )
    found = list(session.scalars(select(Delivery).where(forgotten).limit(PICKED_UP_AT_ONCE)))
    for delivery in found:
        send_later(session, delivery, now)
    return len(found)
