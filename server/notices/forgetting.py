"""Forgetting old notices with their deliveries, never one that is still on its way to anybody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from server.notices.actions import NOBODY
from server.notices.queries import OPEN_STATES
from server.notices.records import Delivery, Notice, Webhook


def forget_notices(session: Session, before: datetime, most: int) -> int:
    """Delete at most so many notices that were told before that moment, with their deliveries; how many.

    One that still waits for somebody, is kept for a webhook that is switched off, or was given up and
    not sent since, stays until a person has decided. What can reach nobody any more (a recipient or a
    webhook that was removed) holds nothing up.
    """
    for_nobody = or_(
        and_(Delivery.state == "given_up", Delivery.last_error == NOBODY),
        and_(
            Delivery.state == "held",
            Delivery.webhook_id.in_(select(Webhook.id).where(Webhook.removed_at.is_not(None))),
        ),
    )
    undelivered = select(Delivery.id).where(
        Delivery.notice_id == Notice.id, Delivery.state.in_(OPEN_STATES), ~for_nobody
    )
    ids = session.scalars(
        select(Notice.id)
        .where(Notice.created_at < before, ~undelivered.exists())
        .order_by(Notice.created_at)
        .limit(most)
    ).all()
    session.execute(delete(Delivery).where(Delivery.notice_id.in_(ids)))
    session.execute(delete(Notice).where(Notice.id.in_(ids)))
    return len(ids)
