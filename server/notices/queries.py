"""Reading notices: somebody's own, and what stands in the outbox."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from server.cases.records import Case
from server.foundation.errors import NotFound
from server.notices.records import Contact, Delivery, Notice, Webhook

Columns = TypeVarTuple("Columns")
OPEN_STATES = ("waiting", "sending", "held", "given_up")


class DeliveryNotFound(NotFound):
    """There is no such message in the outbox, or not for this reader."""


class WebhookNotFound(NotFound):
    """There is no such webhook, or not for this reader."""


class ContactNotFound(NotFound):
    """There is no such contact, or not for this reader."""


@dataclass(frozen=True)
class Standing:
    """How many deliveries stand where. `late`: tried at least once, and tried again."""

    waiting: int = 0
    late: int = 0
    held: int = 0
    given_up: int = 0
    sent: int = 0


def told(session: Session, person_id: str, limit: int = 100) -> list[Delivery]:
    """What this person was told, newest first."""
    wanted = (
        select(Delivery)
        .join(Notice)
        .where(Delivery.person_id == person_id, Delivery.channel == "page")
        .options(selectinload(Delivery.notice).selectinload(Notice.case))
        .order_by(Notice.created_at.desc(), Delivery.id)
        .limit(limit)
    )
    return list(session.scalars(wanted))


def unread_count(session: Session, person_id: str) -> int:
    """How much of that they have not read."""
    unread = select(func.count(Delivery.id)).where(
        Delivery.person_id == person_id, Delivery.channel == "page", Delivery.read_at.is_(None)
    )
    return session.scalar(unread) or 0


def outbox(
    session: Session,
    hospital_ids: Collection[str] | None,
    *,
    state: str = "",
    case_number: str = "",
    limit: int = 200,
) -> list[Delivery]:
    """What leaves the house, newest first: of these hospitals' cases, or None for everything."""
    wanted = _out(select(Delivery), hospital_ids).options(
        selectinload(Delivery.notice).selectinload(Notice.case),
        selectinload(Delivery.person),
        selectinload(Delivery.contact).selectinload(Contact.hospital),
        selectinload(Delivery.webhook).selectinload(Webhook.hospital),
    )
    if state:
        wanted = wanted.where(Delivery.state == state)
    if case_number:
        wanted = wanted.where(Case.number == case_number)
    return list(
        session.scalars(wanted.order_by(Notice.created_at.desc(), Delivery.id).limit(limit))
    )


def standing(session: Session, hospital_ids: Collection[str] | None, since: datetime) -> Standing:
    """How the outbox stands; `sent` counts from `since`."""
    late = and_(Delivery.state == "waiting", Delivery.attempts > 0)
    # When it was due is when it was sent, and is what the index knows.
    sent = and_(Delivery.state == "sent", Delivery.due_at >= since)
    counts = _out(
        select(
            func.count(Delivery.id).filter(Delivery.state.in_(("waiting", "sending"))),
            func.count(Delivery.id).filter(late),
            func.count(Delivery.id).filter(Delivery.state == "held"),
            func.count(Delivery.id).filter(Delivery.state == "given_up"),
            func.count(Delivery.id).filter(sent),
        ),
        hospital_ids,
    ).where(or_(Delivery.state.in_(OPEN_STATES), sent))
    return Standing(*session.execute(counts).one())


def delivery(session: Session, delivery_id: str, hospital_ids: Collection[str] | None) -> Delivery:
    """One message of the outbox; raises DeliveryNotFound."""
    wanted = _out(select(Delivery), hospital_ids).where(Delivery.id == delivery_id)
    found = session.scalar(wanted)
    if found is None:
        raise DeliveryNotFound(
            "There is no such message in the outbox.", remedy="Choose one from the list."
        )
    return found


def webhooks(session: Session, hospital_ids: Collection[str] | None) -> list[Webhook]:
    """Every webhook that stands, the service's own first."""
    wanted = (
        select(Webhook)
        .where(Webhook.removed_at.is_(None))
        .options(selectinload(Webhook.hospital))
        .order_by(Webhook.hospital_id.is_not(None), Webhook.added_at)
    )
    if hospital_ids is not None:
        wanted = wanted.where(Webhook.hospital_id.in_(hospital_ids))
    return list(session.scalars(wanted))


def webhook(session: Session, webhook_id: str, hospital_ids: Collection[str] | None) -> Webhook:
    """One webhook; raises WebhookNotFound."""
    found = session.get(Webhook, webhook_id)
    hidden = (
        hospital_ids is not None and found is not None and found.hospital_id not in hospital_ids
    )
    if found is None or found.removed_at is not None or hidden:
        raise WebhookNotFound("There is no such webhook.", remedy="Choose one from the list.")
    return found


def calls_of(session: Session, webhook_id: str, limit: int = 5) -> list[Delivery]:
    """The newest calls of a webhook, newest first."""
    wanted = (
        select(Delivery)
        .join(Notice)
        .where(Delivery.webhook_id == webhook_id)
        .options(selectinload(Delivery.notice).selectinload(Notice.case))
        .order_by(Notice.created_at.desc(), Delivery.id)
        .limit(limit)
    )
    return list(session.scalars(wanted))


def contact(session: Session, contact_id: str, *, hospital_id: str) -> Contact:
    """One contact of a hospital; raises ContactNotFound."""
    found = session.get(Contact, contact_id)
    if found is None or found.removed_at is not None or found.hospital_id != hospital_id:
        raise ContactNotFound("There is no such contact.", remedy="Choose one from the list.")
    return found


def _out(wanted: Select[*Columns], hospital_ids: Collection[str] | None) -> Select[*Columns]:
    wanted = (
        wanted.join(Notice, Delivery.notice_id == Notice.id)
        .outerjoin(Case, Notice.case_id == Case.id)
        .outerjoin(Webhook, Delivery.webhook_id == Webhook.id)
        .where(Delivery.channel != "page")
    )
    if hospital_ids is None:
        return wanted
    theirs: ColumnElement[bool] = or_(
        Case.hospital_id.in_(hospital_ids), Webhook.hospital_id.in_(hospital_ids)
    )
    return wanted.where(theirs)
