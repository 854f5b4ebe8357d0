"""Reminders of a case's clock as notices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from server.cases.clocks.nightly import Due, Recomputed, recompute_some
from server.cases.clocks.reminders import Reminder
from server.cases.records import Case
from server.foundation.db import Database
from server.notices.actions import post
from server.notices.kinds import FactValue, NoticeKind
from server.notices.reassessing import post_reassessments
from server.notices.recipients import Part, to

_KINDS: Mapping[str, NoticeKind] = {
    "due_soon": NoticeKind.DUE_SOON,
    "due_today": NoticeKind.DUE_SOON,
    "overdue": NoticeKind.OVERDUE,
    "past_limit": NoticeKind.ESCALATED,
    "not_assigned": NoticeKind.ESCALATED,
    "still_waiting": NoticeKind.ESCALATED,
}
_PARTS: Mapping[str, Part] = {
    "admin": Part.ADMIN,
    "coordinator": Part.COORDINATOR,
    "hospital": Part.HOSPITAL,
    "surgeon": Part.PANEL,
}


def post_reminders(session: Session, due: Iterable[Due], now: datetime) -> int:
    """Tell whoever is to be reminded; how many notices. Each is told once, however often it is asked."""
    posted = 0
    for one in due:
        case = session.get(Case, one.case_id)
        if case is None:
            continue
        post(
            session,
            kind=_kind(one.reminder),
            case=case,
            to=to(_PARTS[one.reminder.to_role]),
            facts=_facts(case, one.reminder),
            now=now,
            key=f"reminder:{case.id}:{one.reminder.key}",
        )
        posted += 1
    return posted


def recompute_clocks(db: Database, now: datetime) -> Recomputed:
    """Every running clock anew, and the reminders that are due; some thousand cases to a transaction,
    so that nobody who works meanwhile waits for long. Can be repeated.
    """
    total, after = Recomputed(), ""
    while True:
        with db.writing() as session:
            some = recompute_some(session, now, after=after)
            post_reminders(session, some.due, now)
        total.seen += some.seen
        total.changed += some.changed
        total.due += some.due
        if some.last is None:
            with db.writing() as session:
                post_reassessments(session, now)
            return total
        after = some.last


def _kind(reminder: Reminder) -> NoticeKind:
    """What the recipient reads: a hospital is told what is missing, a surgeon that it is overdue."""
    if reminder.to_role == "hospital":
        return NoticeKind.RECORDS_WANTED
    if reminder.to_role == "surgeon" and reminder.kind in ("past_limit", "still_waiting"):
        return NoticeKind.OVERDUE
    return _KINDS[reminder.kind]


def _facts(case: Case, reminder: Reminder) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {"what": reminder.kind, "days": reminder.days}
    if reminder.due_on is not None:
        facts["due_on"] = reminder.due_on
    if case.limit_on is not None:
        facts["limit_on"] = case.limit_on
    return facts
