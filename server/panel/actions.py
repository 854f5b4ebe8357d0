"""Convening a panel, voting, calling more members, discussing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.annotations.records import Revision
from server.cases import actions as cases
from server.cases import assigning
from server.cases.asking import Escalation, Role, Standing, escalation
from server.cases.lifecycle import Event, State, after
from server.cases.locking import lock
from server.cases.records import Assignment, Case
from server.foundation.errors import Conflict, FieldProblem, Invalid, Refused
from server.panel.concluding import LONGEST_TEXT, PanelConcluded, VotesNotIn, begin_conclusion
from server.panel.deciding import SINGLE, PanelRule, Step, rule_of, stand
from server.panel.queries import panel_of, rule_for, vote_of, votes_of
from server.panel.records import Panel, PanelMessage, PanelVote
from server.people.records import Person

LONGEST_ANSWER_HOURS: Final = 24 * 14
KEEP_AS_DRAFT: Final = "Your form is kept as a draft; nothing of it was signed or sent."


class PanelUnderWay(Conflict):
    """A case has a panel already, or one in which somebody has voted."""


class VotesClosed(Conflict):
    """A vote came after the votes were opened, or after the conclusion."""


class NotAVoter(Refused):
    """Whoever wants to vote has no voice in this panel."""


class HasVoted(Conflict):
    """A member who has voted cannot leave: the vote stands."""


@dataclass(frozen=True)
class Wanted:
    """Who is to be in a panel, and how they are asked.

    `answer_hours` is how long each has to answer an offer; None gives the seats without asking.
    """

    rule_id: str
    members: Sequence[Person]
    chair: Person | None = None
    chair_votes: bool = False
    standby: Sequence[Person] = ()
    answer_hours: int | None = 48


@dataclass(frozen=True)
class Advance:
    """What followed from a vote or from somebody leaving: who was asked in addition, and for how many
    seats a person must find somebody. `opened` says that the votes are open now."""

    called: Sequence[Assignment] = ()
    unfilled: int = 0
    opened: bool = False


def convene(
    session: Session, case: Case, wanted: Wanted, *, seen_version: int, by: str, now: datetime
) -> Panel:
    """Put a panel on a case; whoever had the case alone loses it, and their draft stays.

    Raises Invalid, RuleUnknown, PanelUnderWay, EventNotPossible or CaseChangedMeanwhile.
    """
    lock(session, case)
    after(State(case.state), Event.SURGEON_ASSIGNED)
    cases.refuse_stale(case, seen_version)
    if panel_of(session, case) is not None:
        raise PanelUnderWay(
            "This case has a panel already.", remedy="Change its members, or dissolve it first."
        )
    rule = rule_of(wanted.rule_id)
    problems = _against(rule, wanted)
    if problems:
        raise Invalid("The panel was not convened.", problems)
    if case.state in (State.ASSIGNED, State.IN_REVIEW):
        cases.take_back(session, case, seen_version=case.version, now=now, by=by)
    else:
        cases.end_parts(case, now)
    panel = Panel(
        case_id=case.id,
        number=1 + (_panels_before(session, case) or 0),
        case_round=case.round,
        rule=rule.id,
        wanted=rule.votes,
        standby=" ".join(one.id for one in wanted.standby),
        chair_id=wanted.chair.id if wanted.chair else None,
        chair_votes=wanted.chair_votes,
        answer_hours=wanted.answer_hours or 48,
        convened_at=now,
        convened_by=by,
    )
    session.add(panel)
    session.flush()
    _seat(session, case, wanted.members, Role.REVIEWER, wanted.answer_hours, by, now)
    if wanted.chair is not None:
        _seat(session, case, [wanted.chair], Role.CHAIR, wanted.answer_hours, by, now)
    return panel


def _panels_before(session: Session, case: Case) -> int | None:
    return session.scalar(select(func.max(Panel.number)).where(Panel.case_id == case.id))


def _against(rule: PanelRule, wanted: Wanted) -> list[FieldProblem]:
    found = []
    voters = len(wanted.members) + wanted.chair_votes
    if rule.id == SINGLE:
        found.append(FieldProblem("/rule", "For one surgeon, assign the case; no panel is needed."))
    elif voters != rule.votes:
        found.append(
            FieldProblem(
                "/members", f"“{rule.title}” begins with {rule.votes} votes, not {voters}."
            )
        )
    if rule.chair and wanted.chair is None:
        found.append(FieldProblem("/chair", "Name who concludes."))
    asked = [*wanted.members, *([wanted.chair] if wanted.chair else []), *wanted.standby]
    if len({one.id for one in asked}) != len(asked):
        found.append(FieldProblem("/members", "Everybody has one place: member, chair or standby."))
    if any(one.role != "surgeon" or not one.active for one in asked):
        found.append(FieldProblem("/members", "Choose active surgeons from the list."))
    hours = wanted.answer_hours
    if hours is not None and not 1 <= hours <= LONGEST_ANSWER_HOURS:
        found.append(
            FieldProblem("/answer_hours", f"Give 1 to {LONGEST_ANSWER_HOURS} hours to answer.")
        )
    return found


def _seat(
    session: Session,
    case: Case,
    people: Sequence[Person],
    role: Role,
    hours: int | None,
    by: str,
    now: datetime,
) -> list[Assignment]:
    if not people:
        return []
    if hours is None:
        return assigning.give(session, case, people, by=by, now=now, role=role)
    answer_by = now + timedelta(hours=hours)
    return assigning.offer(session, case, people, answer_by=answer_by, by=by, now=now, role=role)


def cast(
    session: Session, panel: Panel, case: Case, person_id: str, revision: Revision, now: datetime
) -> Advance:
    """Count a member's signed revision as their vote. Call it with the case locked.

    Raises VotesClosed, NotAVoter or HasVoted; then nothing of the signature stays either, as it is made
    in the same transaction.
    """
    check_may_vote(panel, case, person_id)
    rule = rule_for(panel)
    session.add(
        PanelVote(
            panel_id=panel.id,
            person_id=person_id,
            revision_id=revision.id,
            verdict=revision.verdict,
            cast_at=now,
            called_later=len(panel.votes) >= rule.votes,
        )
    )
    session.flush()
    session.expire(panel, ["votes"])
    return _advance(session, panel, case, now)


def check_may_vote(panel: Panel, case: Case, person_id: str) -> None:
    """Raise VotesClosed, NotAVoter or HasVoted unless this person may vote now."""
    if not panel.sealed:
        said = "The chair has concluded" if panel.state == "concluded" else "All votes are in"
        raise VotesClosed(f"{said}: no vote is counted any more.", remedy=KEEP_AS_DRAFT)
    if vote_of(panel, person_id) is not None:
        raise HasVoted("Your vote is in already.", remedy="A vote is not changed or withdrawn.")
    if not votes_of(panel, case, person_id):
        raise NotAVoter("You have no vote in this panel.", remedy="Ask the coordinator.")


def _advance(session: Session, panel: Panel, case: Case, now: datetime) -> Advance:
    found = stand(rule_for(panel), [one.verdict for one in panel.votes], panel.wanted)
    if found.step is Step.VOTES:
        return Advance()
    if found.step is Step.MORE:
        panel.wanted += found.call
        panel.called = found.call
        session.flush()
        return fill(session, panel, case, by="panel", now=now)
    panel.state, panel.opened_at, panel.majority = "open", now, found.majority
    session.flush()
    begin_conclusion(session, panel, case, now)
    return Advance(opened=True)


def fill(session: Session, panel: Panel, case: Case, *, by: str, now: datetime) -> Advance:
    """Ask standby members for the seats that are free. Repeating it asks nobody twice."""
    if not panel.sealed:
        return Advance()
    found = open_seats(panel, case)
    people = [session.get_one(Person, one) for one in found.ask]
    able = [one for one in people if one.active]
    called = _seat(session, case, able, Role.REVIEWER, panel.answer_hours, by, now)
    return Advance(called, found.unfilled + len(people) - len(able))


def open_seats(panel: Panel, case: Case) -> Escalation:
    """Whom to ask next for seats that are free, and how many nobody is left for."""
    roles = {Role.REVIEWER, Role.CHAIR} if panel.chair_votes else {Role.REVIEWER}
    asked = [
        one
        for one, kept in zip(assigning.asked_of(case), case.assignments, strict=True)
        if kept.assigned_at >= panel.convened_at
    ]
    chairs = [one.person_id for one in asked if one.role not in roles]
    standby = [one for one in panel.standby_ids if one not in chairs]
    return escalation([one for one in asked if one.role in roles], panel.wanted, standby)


def refuse_leaving(session: Session, case: Case, person_id: str) -> None:
    """Raise HasVoted when this person's vote is counted in the case's panel."""
    panel = panel_of(session, case)
    if panel is not None and vote_of(panel, person_id) is not None:
        raise HasVoted(
            "This member has voted, and the vote stands.",
            remedy="Only who has not voted can leave.",
        )


def after_leaving(session: Session, case: Case, *, by: str, now: datetime) -> Advance:
    """Somebody declined, was taken off or did not answer: the panel asks the next one."""
    panel = panel_of(session, case)
    if panel is None:
        return Advance()
    chairs = [
        one
        for one in case.assignments
        if one.person_id == panel.chair_id and one.state in (Standing.OFFERED, Standing.ACTIVE)
    ]
    if panel.chair_id is not None and not chairs and panel.state != "concluded":
        panel.chair_id = None
        session.flush()
    return fill(session, panel, case, by=by, now=now)


def name_chair(
    session: Session,
    panel: Panel,
    case: Case,
    person: Person,
    *,
    seen_version: int,
    by: str,
    now: datetime,
) -> None:
    """Give a panel that lost its chair another one; raises PanelUnderWay while it has one."""
    lock(session, case)
    cases.refuse_stale(case, seen_version)
    if panel.chair_id is not None or panel.state == "concluded":
        raise PanelUnderWay("This panel has a chair.", remedy="Take the chair off first.")
    mine = assigning.part_of(case, person.id)
    if mine is not None and mine.state == Standing.ACTIVE:
        raise Invalid(
            "The chair was not named.",
            [FieldProblem("/chair", "Name somebody who is not a member of the panel.")],
        )
    _seat(session, case, [person], Role.CHAIR, None, by, now)
    panel.chair_id, panel.chair_votes = person.id, False
    session.flush()


def add_member(
    session: Session,
    panel: Panel,
    case: Case,
    person: Person,
    *,
    seen_version: int,
    by: str,
    now: datetime,
) -> None:
    """Ask somebody for a seat that nobody on standby is left for; raises Invalid when none is free."""
    add_members(session, panel, case, [person], seen_version=seen_version, by=by, now=now)


def add_members(
    session: Session,
    panel: Panel,
    case: Case,
    people: Sequence[Person],
    *,
    seen_version: int,
    by: str,
    now: datetime,
) -> None:
    """The same for several at once: all of them are asked, or nobody; raises Invalid."""
    lock(session, case)
    cases.refuse_stale(case, seen_version)
    found = open_seats(panel, case)
    free = found.unfilled + len(found.ask) if panel.sealed else 0
    if not people or len(people) > free:
        said = f"Only {free} of the seats are free." if free else "No seat is free."
        raise Invalid("Nobody was asked.", [FieldProblem("/person_id", said)])
    _seat(session, case, people, Role.REVIEWER, panel.answer_hours, by, now)


def dissolve(session: Session, case: Case) -> Panel | None:
    """End a panel in which nobody has voted; raises PanelUnderWay when somebody has.

    A member who signs at the same moment is either through, and this is refused, or waits, and finds
    that there is no panel any more.
    """
    lock(session, case)
    panel = panel_of(session, case)
    if panel is None or panel.state == "concluded":
        return None
    if panel.votes and case.state != State.WITHDRAWN:
        raise PanelUnderWay(
            "Somebody has voted in this panel, so that it cannot be dissolved.",
            remedy="Replace the members who have not voted, or withdraw the case.",
        )
    panel.state = "dissolved"
    session.flush()
    return panel


def dissolve_and_clear(
    session: Session, case: Case, *, seen_version: int, by: str, now: datetime
) -> None:
    """Dissolve the case's panel and take the case back from its members; raises PanelUnderWay."""
    lock(session, case)
    cases.refuse_stale(case, seen_version)
    if dissolve(session, case) is None:
        raise PanelUnderWay("There is no panel to dissolve.", remedy="Reload the page.")
    if case.state in (State.ASSIGNED, State.IN_REVIEW):
        cases.take_back(session, case, seen_version=case.version, now=now, by=by)
        return
    cases.happen(session, case, Event.ASKING_CHANGED, now=now, by=by)
    cases.end_parts(case, now)
    session.flush()


def discuss(
    session: Session, panel: Panel, *, author_id: str, author: str, text: str, now: datetime
) -> PanelMessage:
    """Add to the discussion; raises VotesNotIn, PanelConcluded or Invalid."""
    if panel.sealed:
        raise VotesNotIn(
            "The discussion begins when all votes are in.", remedy="Give your vote in the viewer."
        )
    if panel.state == "concluded":
        raise PanelConcluded(
            "The discussion ended with the conclusion.", remedy="The opinion can be amended."
        )
    words = text.strip()
    if not words or len(words) > LONGEST_TEXT:
        problem = FieldProblem("/text", f"Write something of at most {LONGEST_TEXT} characters.")
        raise Invalid("Nothing was added.", [problem])
    said = PanelMessage(
        panel_id=panel.id, author_id=author_id, author=author, text=words, written_at=now
    )
    session.add(said)
    session.flush()
    return said
