"""Webhooks: adding, trying, switching off and on again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.foundation.errors import FieldProblem, Invalid
from server.notices.actions import WEBHOOK, post, send_later
from server.notices.kinds import HOSPITALS_KINDS, KINDS, NoticeKind
from server.notices.posting import check_address
from server.notices.recipients import Part, to
from server.notices.records import Delivery, Notice, Webhook
from server.notices.sealing import new_secret, sealed
from server.people.records import Coordination, Hospital


def add_webhook(
    session: Session,
    *,
    hospital: Hospital | None,
    url: str,
    kinds: list[str],
    server_secret: str,
    private: bool,
    by: str,
    now: datetime,
) -> tuple[Webhook, str]:
    """Post events to `url` from now on; gives the webhook and its secret, which is shown this once.

    `hospital` None: the service's own, with the events of every hospital. `kinds` empty means all.
    Raises AddressRefused or Invalid.
    """
    url = url.strip()
    check_address(url, private=private)
    offered = {kind.value for kind in (HOSPITALS_KINDS if hospital else KINDS)}
    if not set(kinds) <= offered:
        raise Invalid(
            "The webhook was not kept.", [FieldProblem("/kinds", "Choose kinds from the list.")]
        )
    secret = new_secret()
    made = Webhook(
        hospital_id=hospital.id if hospital else None,
        url=url[:2000],
        sealed_secret=sealed(secret, server_secret),
        kinds=sorted(set(kinds)),
        added_at=now,
        added_by=by[:200],
    )
    session.add(made)
    session.flush()
    return made, secret


def remove_webhook(session: Session, webhook: Webhook, now: datetime) -> None:
    """Post nothing more to it. What still waited for it is not sent."""
    webhook.removed_at = webhook.removed_at or now
    session.flush()


def try_webhook(session: Session, webhook: Webhook, now: datetime) -> Notice:
    """Post a test event to this webhook alone."""
    notice = Notice(
        kind=NoticeKind.WEBHOOK_TEST.value,
        case_id=None,
        facts={},
        key=f"{NoticeKind.WEBHOOK_TEST}:{webhook.id}:{now.isoformat()}",
        created_at=now,
    )
    session.add(notice)
    session.flush()
    delivery = Delivery(notice_id=notice.id, channel=WEBHOOK, webhook_id=webhook.id, due_at=now)
    session.add(delivery)
    session.flush()
    send_later(session, delivery, now)
    return notice


def switch_off(session: Session, webhook: Webhook, why: str, now: datetime) -> None:
    """Post nothing more until a person switches it on; what happens meanwhile is kept for it."""
    if webhook.disabled_at is not None:
        return
    webhook.disabled_at, webhook.disabled_why = now, why[:2000]
    for delivery in _of(session, webhook, "waiting"):
        delivery.state = "held"
    carers: tuple[str, ...] = ()
    if webhook.hospital_id is not None:
        looked_after = select(Coordination.person_id).where(
            Coordination.hospital_id == webhook.hospital_id
        )
        carers = tuple(session.scalars(looked_after))
    post(
        session,
        kind=NoticeKind.WEBHOOK_DISABLED,
        case=None,
        to=to(Part.ADMIN, people=carers),
        facts={},
        now=now,
        key=f"{NoticeKind.WEBHOOK_DISABLED}:{webhook.id}:{now.isoformat()}",
    )


def switch_on(session: Session, webhook: Webhook, now: datetime) -> int:
    """Post again, beginning with everything that was kept; gives how much that is."""
    webhook.disabled_at, webhook.disabled_why = None, ""
    webhook.failures, webhook.failing_since = 0, None
    kept = _of(session, webhook, "held")
    for delivery in kept:
        delivery.attempts = 0
        send_later(session, delivery, now)
    return len(kept)


def _of(session: Session, webhook: Webhook, state: str) -> list[Delivery]:
    wanted = (
        select(Delivery)
        .join(Notice)
        .where(Delivery.webhook_id == webhook.id, Delivery.state == state)
        .order_by(Notice.created_at, Delivery.id)
    )
    return list(session.scalars(wanted))
