"""Reading panels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.annotations.agreement import FieldAgreement, FieldKappa, over_cases, table
from server.annotations.organs import ORGANS
from server.annotations.records import Annotation, Revision
from server.cases.asking import Role, Standing
from server.cases.records import Assignment, Case
from server.panel.deciding import RATERS, PanelRule, rule_of
from server.panel.records import Panel, PanelMessage, PanelVote

_WHOLE = (
    selectinload(Panel.votes).selectinload(PanelVote.person),
    selectinload(Panel.votes)
    .selectinload(PanelVote.revision)
    .selectinload(Revision.annotation)
    .selectinload(Annotation.revisions),
)


@dataclass(frozen=True)
class Seat:
    """One seat of a panel as everybody may see it: who has it and whether they voted, never what."""

    person_id: str
    name: str
    centre: str
    assignment: Assignment | None
    voted: bool
    chair: bool
    called_later: bool = False


def panel_of(session: Session, case: Case) -> Panel | None:
    """The panel of the round that the case is in, or None."""
    return session.scalar(
        select(Panel)
        .where(
            Panel.case_id == case.id,
            Panel.case_round == case.round,
            Panel.state != "dissolved",
        )
        .options(*_WHOLE)
        .order_by(Panel.number.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def panels_of_case(session: Session, case_id: str) -> list[Panel]:
    """Every panel that a case ever had, newest first."""
    wanted = select(Panel).where(Panel.case_id == case_id).options(*_WHOLE)
    return list(session.scalars(wanted.order_by(Panel.number.desc())))


def panels_of(session: Session, case_ids: Iterable[str]) -> dict[str, Panel]:
    """The newest panel of each of several cases that has one, with who voted."""
    wanted = (
        select(Panel)
        .where(Panel.case_id.in_(frozenset(case_ids)), Panel.state != "dissolved")
        .options(selectinload(Panel.votes))
        .order_by(Panel.number)
    )
    return {one.case_id: one for one in session.scalars(wanted)}


def rule_for(panel: Panel) -> PanelRule:
    """The rule that a panel works by."""
    return rule_of(panel.rule)


def votes_of(panel: Panel, case: Case, person_id: str) -> bool:
    """Whether somebody has a voice in a panel: an active reviewer, or a chair who votes, too."""
    for one in case.assignments:
        if one.person_id == person_id and one.state == Standing.ACTIVE:
            return one.role == Role.REVIEWER or (one.role == Role.CHAIR and panel.chair_votes)
    return False


def vote_of(panel: Panel, person_id: str) -> PanelVote | None:
    """The vote that somebody has cast, or None."""
    return next((one for one in panel.votes if one.person_id == person_id), None)


def seats_of(panel: Panel, case: Case) -> list[Seat]:
    """The members who vote, and the chair, in the order in which they were asked; whoever left after
    voting stays."""
    voted = {one.person_id: one for one in panel.votes}
    found: dict[str, Seat] = {}
    for one in case.assignments:
        if one.role == Role.OBSERVER or one.assigned_at < panel.convened_at:
            continue
        vote = voted.get(one.person_id)
        if one.state not in (Standing.OFFERED, Standing.ACTIVE, Standing.COMPLETED) and not vote:
            continue
        found[one.person_id] = Seat(
            one.person_id,
            one.person.name,
            one.person.centre,
            one,
            vote is not None,
            one.role == Role.CHAIR,
            vote.called_later if vote else False,
        )
    return list(found.values())


def voters_of(panel: Panel, case: Case) -> list[Seat]:
    """The seats that vote."""
    return [one for one in seats_of(panel, case) if not one.chair or panel.chair_votes]


def agreement_of(panel: Panel, case: Case) -> list[FieldAgreement]:
    """How far the votes agree, field by field; nothing while votes are under way."""
    if panel.sealed or len(panel.votes) < 2:
        return []
    return table(ORGANS[case.organ], [one.revision.answers for one in panel.votes])


def messages_of(session: Session, panel: Panel) -> list[PanelMessage]:
    """The discussion, oldest first."""
    wanted = select(PanelMessage).where(PanelMessage.panel_id == panel.id)
    return list(session.scalars(wanted.order_by(PanelMessage.written_at, PanelMessage.id)))


def kappa_over_cases(session: Session, organ: str) -> list[FieldKappa]:
    """Fleiss' kappa per field over the panels of an organ whose votes are open: of each the first
    `RATERS` votes, which were cast without any other having been called."""
    wanted = (
        select(Panel)
        .join(Case)
        .where(Case.organ == organ, Panel.state.in_(("open", "concluded")))
        .options(selectinload(Panel.votes).selectinload(PanelVote.revision))
    )
    rated = [
        [one.revision.answers for one in panel.votes if not one.called_later]
        for panel in session.scalars(wanted)
    ]
    return over_cases(ORGANS[organ], rated, RATERS)
