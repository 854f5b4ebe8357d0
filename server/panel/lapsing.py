"""Offers that nobody answered in time: they end, those concerned are told, and the next one is asked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from server.cases.assigning import lapse
from server.cases.queries import case_by_id
from server.cases.records import Assignment
from server.foundation import audit
from server.panel import telling
from server.panel.actions import after_leaving
from server.panel.queries import panel_of

WORKER = "worker"


def lapse_offers_of(session: Session, case_id: str, now: datetime) -> list[Assignment]:
    """End the offers of a case whose time is over at `now`; gives them. Repeating it is harmless."""
    case = case_by_id(session, case_id)
    ended = lapse(session, case, now)
    if not ended:
        return []
    telling.lapsed(session, case, ended, now)
    advance = after_leaving(session, case, by=WORKER, now=now)
    panel = panel_of(session, case)
    if panel is not None:
        telling.advanced(session, panel, case, advance, now)
    audit.append(
        session,
        actor=WORKER,
        action="offer.lapse",
        object_=f"case {case.number}",
        outcome="done",
        now=now,
        case_number=case.number,
        details={"ended": len(ended), "asked": len(advance.called), "free": advance.unfilled},
    )
    return ended
