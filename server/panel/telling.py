"""Telling people what a panel or an offer asks of them; never what somebody voted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from server.cases.asking import Role, Standing
from server.cases.records import Assignment, Case
from server.notices.actions import post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, to
from server.panel.actions import Advance
from server.panel.records import Panel


def asked(session: Session, case: Case, made: Iterable[Assignment], now: datetime) -> None:
    """Tell those who were offered a case, or were given it."""
    for one in made:
        offered = one.state == Standing.OFFERED
        facts = {"answer_by": one.answer_by.date()} if one.answer_by else {}
        if case.due_on:
            facts["due_on"] = case.due_on
        post(
            session,
            kind=NoticeKind.OFFERED if offered else NoticeKind.ASSIGNED,
            case=case,
            to=to(people=(one.person_id,)),
            facts=facts,
            now=now,
            key=f"assignment.{one.state}:{one.id}",
        )


def accepted(session: Session, case: Case, mine: Assignment, now: datetime) -> None:
    """Tell the coordinators who accepted, and those whose offer was taken by it."""
    _tell(session, NoticeKind.ACCEPTED, case, mine, now)
    for one in case.assignments:
        if mine.first_takes and one.state == Standing.WITHDRAWN and one.ended_at == now:
            taken(session, case, one, now)


def taken(session: Session, case: Case, gone: Assignment, now: datetime) -> None:
    """Tell somebody that the case, or the offer of it, is no longer theirs."""
    post(
        session,
        kind=NoticeKind.UNASSIGNED,
        case=case,
        to=to(people=(gone.person_id,)),
        facts={},
        now=now,
        key=f"assignment.withdrawn:{gone.id}",
    )


def declined(session: Session, case: Case, mine: Assignment, now: datetime) -> None:
    """Tell the coordinators that somebody declined."""
    _tell(session, NoticeKind.DECLINED, case, mine, now)


def lapsed(session: Session, case: Case, ended: Sequence[Assignment], now: datetime) -> None:
    """Tell the coordinators, and whoever did not answer, that the time is over."""
    for one in ended:
        post(
            session,
            kind=NoticeKind.OFFER_TIMED_OUT,
            case=case,
            to=to(Part.COORDINATOR, people=(one.person_id,)),
            facts={},
            now=now,
            key=f"assignment.offer_timed_out:{one.id}",
        )


def _tell(session: Session, kind: NoticeKind, case: Case, mine: Assignment, now: datetime) -> None:
    post(
        session,
        kind=kind,
        case=case,
        to=to(Part.COORDINATOR),
        facts={},
        now=now,
        key=f"{kind.value}:{mine.id}",
    )


def convened(session: Session, panel: Panel, case: Case, now: datetime) -> None:
    """Tell those who have a seat that their vote is wanted; who was asked first was told of the offer."""
    for one in case.assignments:
        seated = one.state == Standing.ACTIVE and one.assigned_at >= panel.convened_at
        if seated and (one.role == Role.REVIEWER or panel.chair_votes):
            vote_wanted(session, panel, case, one.person_id, now)


def vote_wanted(session: Session, panel: Panel, case: Case, person_id: str, now: datetime) -> None:
    """Tell a member that their vote is wanted."""
    post(
        session,
        kind=NoticeKind.VOTE_WANTED,
        case=case,
        to=to(people=(person_id,)),
        facts={"due_on": case.due_on} if case.due_on else {},
        now=now,
        key=f"panel.vote_wanted:{panel.id}:{person_id}",
    )


def advanced(session: Session, panel: Panel, case: Case, advance: Advance, now: datetime) -> None:
    """Tell what followed from a vote: more members asked, a seat that nobody is left for, votes open."""
    asked(session, case, advance.called, now)
    if advance.unfilled:
        post(
            session,
            kind=NoticeKind.ESCALATED,
            case=case,
            to=to(Part.COORDINATOR),
            facts={"count": advance.unfilled, "what": "panel_seats"},
            now=now,
            key=f"panel.unfilled:{panel.id}:{now.isoformat()}",
        )
    if not advance.opened:
        return
    post(
        session,
        kind=NoticeKind.VOTES_OPEN,
        case=case,
        to=to(Part.PANEL, Part.COORDINATOR, but=(panel.chair_id,)),
        facts={"count": len(panel.votes)},
        now=now,
        key=f"panel.votes_open:{panel.id}",
    )
    post(
        session,
        kind=NoticeKind.CONCLUSION_WANTED,
        case=case,
        to=to(Part.COORDINATOR, people=(panel.chair_id,) if panel.chair_id else ()),
        facts={},
        now=now,
        key=f"panel.conclusion_wanted:{panel.id}:{panel.chair_id}",
    )
