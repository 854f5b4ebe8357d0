"""Offering a case to surgeons, their answers, and what follows when none comes.

Whoever changes who is asked holds the case's row first, so that two changes at once stand in a line: the
second one sees what the first one did and is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from server.cases.actions import happen
from server.cases.asking import DECIDING, ROLE_WORDS, Asked, Role, Standing, can_become
from server.cases.lifecycle import Event, State
from server.cases.locking import lock
from server.cases.records import Assignment, Case
from server.foundation import jobs
from server.foundation.errors import Conflict, FieldProblem, Invalid, NotFound, Refused
from server.people.records import Person

LAPSE_OFFERS: Final = "lapse_offers"
LONGEST_REASON: Final = 2000
MOST_AT_ONCE: Final = 12
TAKEN: Final = "Somebody else was faster and has the case."
UNDECIDED: Final = (State.OPINED, State.CLOSED, State.WITHDRAWN, State.REASSESSMENT)


class OfferNotOpen(Conflict):
    """What was offered cannot be accepted or declined any more, or was never offered."""


class PartNotFound(NotFound):
    """There is no such offer or part in this case."""


class NotAsked(Conflict):
    """Somebody wants to sign a case that is not theirs (any more)."""


class ObserversLookOnly(Refused):
    """An observer or trainee tried to write or to sign."""


def asked_of(case: Case) -> list[Asked]:
    """The case's assignments as the rules read them."""
    return [
        Asked(one.person_id, Role(one.role), Standing(one.state), one.answer_by)
        for one in case.assignments
    ]


def offer(
    session: Session,
    case: Case,
    people: Sequence[Person],
    *,
    answer_by: datetime,
    by: str,
    now: datetime,
    role: Role = Role.REVIEWER,
    first_takes: bool = False,
    seen_version: int | None = None,
) -> list[Assignment]:
    """Ask surgeons whether they take the case; `first_takes`: one of them, the first to accept.

    Raises Invalid and CaseChangedMeanwhile.
    """
    lock(session, case)
    problems = _against(case, people)
    if answer_by <= now:
        problems.append(FieldProblem("/answer_by", "The time to answer lies in the past."))
    if first_takes and _holding(case):
        problems.append(
            FieldProblem("/person_id", "Somebody has the case: take it back first, then offer it.")
        )
    if problems:
        raise Invalid("Nobody was asked.", problems)
    happen(session, case, Event.ASKING_CHANGED, seen_version=seen_version, now=now, by=by)
    made = [
        _assignment(case, one, role, by, now, answer_by=answer_by, first_takes=first_takes)
        for one in people
    ]
    _keep(session, case, made)
    jobs.enqueue(
        session,
        LAPSE_OFFERS,
        {"case_id": case.id},
        key=f"{LAPSE_OFFERS} {case.id} {answer_by.isoformat()}",
        now=now,
        run_at=answer_by,
    )
    return made


def give(
    session: Session,
    case: Case,
    people: Sequence[Person],
    *,
    by: str,
    now: datetime,
    role: Role = Role.REVIEWER,
    seen_version: int | None = None,
) -> list[Assignment]:
    """Give surgeons a part in the case without asking; others keep theirs. Raises Invalid."""
    lock(session, case)
    problems = _against(case, people)
    if problems:
        raise Invalid("Nobody was added.", problems)
    event = Event.SURGEON_JOINED if role in DECIDING else Event.ASKING_CHANGED
    happen(session, case, event, seen_version=seen_version, now=now, by=by)
    made = [_assignment(case, one, role, by, now) for one in people]
    _keep(session, case, made)
    return made


def _against(case: Case, people: Sequence[Person]) -> list[FieldProblem]:
    found = []
    if not people or len(people) > MOST_AT_ONCE:
        found.append(FieldProblem("/person_id", f"Choose 1 to {MOST_AT_ONCE} surgeons."))
    if len({one.id for one in people}) != len(people):
        found.append(FieldProblem("/person_id", "Choose each surgeon once."))
    taking_part = {one.person_id for one in case.assignments if one.state in _UNDER_WAY}
    for one in people:
        if one.role != "surgeon" or not one.active:
            found.append(FieldProblem("/person_id", "Choose active surgeons from the list."))
        elif one.id in taking_part:
            found.append(FieldProblem("/person_id", f"{one.name} has a part in this case already."))
    return found


_UNDER_WAY: Final = (Standing.OFFERED, Standing.ACTIVE)


def _assignment(
    case: Case,
    person: Person,
    role: Role,
    by: str,
    now: datetime,
    *,
    answer_by: datetime | None = None,
    first_takes: bool = False,
) -> Assignment:
    return Assignment(
        case_id=case.id,
        person_id=person.id,
        role=role.value,
        state=(Standing.OFFERED if answer_by else Standing.ACTIVE).value,
        assigned_at=now,
        assigned_by=by,
        offered_at=now if answer_by else None,
        answer_by=answer_by,
        first_takes=first_takes,
    )


def _keep(session: Session, case: Case, made: Sequence[Assignment]) -> None:
    session.add_all(made)
    session.flush()
    session.expire(case, ["assignments"])


def _holding(case: Case) -> list[Assignment]:
    return [one for one in case.assignments if one.state == Standing.ACTIVE and one.decides]


def accept(session: Session, case: Case, person_id: str, *, now: datetime) -> Assignment:
    """Take the case, or a seat in its panel. Of several who were asked for one seat, the first has it
    and the others' offers are withdrawn. Raises OfferNotOpen.
    """
    lock(session, case)
    mine = _offered_to(case, person_id, now)
    event = Event.SURGEON_JOINED if mine.decides else Event.ASKING_CHANGED
    happen(session, case, event, now=now, by=mine.person.name)
    _become(mine, Standing.ACTIVE, now)
    mine.answered_at = now
    if mine.first_takes:
        for one in case.assignments:
            if one.state == Standing.OFFERED and one.first_takes:
                _become(one, Standing.WITHDRAWN, now, TAKEN)
    session.flush()
    return mine


def decline(
    session: Session, case: Case, person_id: str, *, reason: str, now: datetime
) -> Assignment:
    """Say no to an offer, or give an accepted case back; raises Invalid without a reason.

    What was saved stays, and is found again by whoever is asked again.
    """
    lock(session, case)
    words = reason.strip()[:LONGEST_REASON]
    if not words:
        raise Invalid(
            "Nothing was changed.",
            [FieldProblem("/reason", "Say why, so that the coordinator can choose better.")],
        )
    mine = _active_of(case, person_id) or _offered_to(case, person_id, now)
    held = mine.state == Standing.ACTIVE
    _become(mine, Standing.DECLINED, now, words)
    mine.answered_at = now
    _left(session, case, held=held, now=now, by=mine.person.name)
    return mine


def release(
    session: Session,
    case: Case,
    assignment_id: str,
    *,
    reason: str,
    seen_version: int,
    by: str,
    now: datetime,
) -> Assignment:
    """Take one offer or one part in the case back; the others keep theirs. Raises PartNotFound
    and OfferNotOpen."""
    lock(session, case)
    found = next((one for one in case.assignments if one.id == assignment_id), None)
    if found is None:
        raise PartNotFound(
            "There is no such part in this case.", remedy="Reload the page to see who is left."
        )
    if not can_become(Standing(found.state), Standing.WITHDRAWN):
        raise OfferNotOpen(
            "This part in the case has ended already.", remedy="Reload the page to see who is left."
        )
    held = found.state == Standing.ACTIVE and found.decides
    _become(found, Standing.WITHDRAWN, now, reason.strip()[:LONGEST_REASON])
    _left(session, case, held=held, now=now, by=by, seen_version=seen_version)
    return found


def lapse(session: Session, case: Case, now: datetime) -> list[Assignment]:
    """End the offers that nobody answered in time; gives those that ended now. Repeating is harmless."""
    lock(session, case)
    ended = [
        one
        for one, asked in zip(case.assignments, asked_of(case), strict=True)
        if asked.is_due(now)
    ]
    if ended and State(case.state) not in UNDECIDED:
        happen(session, case, Event.ASKING_CHANGED, now=now)
    for one in ended:
        _become(one, Standing.TIMED_OUT, now)
    session.flush()
    return ended


def _left(
    session: Session,
    case: Case,
    *,
    held: bool,
    now: datetime,
    by: str,
    seen_version: int | None = None,
) -> None:
    """Somebody left: the case waits for a surgeon again when nobody has it any more."""
    empty = held and not _holding(case) and case.state in (State.ASSIGNED, State.IN_REVIEW)
    event = Event.SURGEON_WITHDRAWN if empty else Event.ASKING_CHANGED
    happen(session, case, event, now=now, by=by, seen_version=seen_version)
    session.flush()


def _offered_to(case: Case, person_id: str, now: datetime) -> Assignment:
    mine = [one for one in case.assignments if one.person_id == person_id]
    last = mine[-1] if mine else None
    if last is None:
        raise OfferNotOpen("This case was not offered to you.", remedy="Ask the coordinator.")
    if last.state == Standing.OFFERED and (last.answer_by is None or now < last.answer_by):
        return last
    said = {
        Standing.OFFERED: "The time to answer is over.",
        Standing.TIMED_OUT: "The time to answer is over.",
        Standing.ACTIVE: "You have accepted this case already.",
        Standing.DECLINED: "You have declined this case already.",
        Standing.WITHDRAWN: last.reason or "The offer was withdrawn.",
        Standing.COMPLETED: "This case is completed.",
    }[Standing(last.state)]
    raise OfferNotOpen(said, remedy="The coordinator can ask you again.")


def _active_of(case: Case, person_id: str) -> Assignment | None:
    for one in case.assignments:
        if one.person_id == person_id and one.state == Standing.ACTIVE:
            return one
    return None


def _become(one: Assignment, standing: Standing, now: datetime, reason: str = "") -> None:
    one.state = standing.value
    if standing is not Standing.ACTIVE:
        one.ended_at = now
    if reason:
        one.reason = reason


def part_of(case: Case, person_id: str) -> Assignment | None:
    """The part that somebody has in the case: the active one, else the last they had, else None."""
    mine = [one for one in case.assignments if one.person_id == person_id]
    return _active_of(case, person_id) or (mine[-1] if mine else None)


# The round is answered, and the next one has not begun.
SIGNED = frozenset({State.OPINED, State.CLOSED, State.REASSESSMENT})


def require_part(case: Case, person_id: str) -> Assignment:
    """The active part of somebody who wants to sign; raises NotAsked or ObserversLookOnly.

    Call it with the case locked: then whoever takes the case away at the same moment is either through,
    and this is refused, or waits, and finds the case signed.
    """
    mine = part_of(case, person_id)
    if mine is not None and mine.role == Role.OBSERVER:
        raise ObserversLookOnly(
            f"{ROLE_WORDS[Role.OBSERVER]}: you look at this case without voting or signing.",
            remedy="Ask the coordinator if you were meant to review it.",
        )
    if mine is not None and mine.state == Standing.COMPLETED:
        if State(case.state) in SIGNED:
            return mine  # what is signed says itself that it is final
        raise NotAsked(
            "You signed in an earlier round of this case; nobody has asked you in this one.",
            remedy="What you entered is kept as a draft. Ask the coordinator.",
        )
    if mine is None or mine.state != Standing.ACTIVE:
        offered = mine is not None and mine.state == Standing.OFFERED
        raise NotAsked(
            "Accept the case before you sign."
            if offered
            else "The case was taken back from you before you signed. Nothing was signed or sent.",
            remedy="What you entered is kept as a draft"
            + ("; accept on the case's page." if offered else ". Ask the coordinator."),
        )
    return mine
