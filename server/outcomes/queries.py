"""Reading outcomes: the one that counts, those before it, and what each correction changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from server.cases.clocks.queries import calendars_of
from server.cases.clocks.records import CaseStep
from server.cases.lifecycle import Event, State
from server.cases.records import Case
from server.outcomes.asking import FIRST_AFTER, Asking, asking, earliest, first_due
from server.outcomes.entered import NAMES, Outcome
from server.outcomes.records import FindingEntry, OutcomeEntry

Value = str | float | date | None
ANSWERED: Final = (State.OPINED.value, State.CLOSED.value)


@dataclass(frozen=True)
class Correction:
    """One value that an entry changed."""

    name: str
    before: Value
    after: Value


def outcome_entries(session: Session, case_id: str) -> list[OutcomeEntry]:
    """Every entry of a case, oldest first."""
    wanted = select(OutcomeEntry).where(OutcomeEntry.case_id == case_id)
    return list(session.scalars(wanted.order_by(OutcomeEntry.number)))


def outcome_of(entries: Sequence[OutcomeEntry]) -> Outcome:
    """The outcome that counts among the entries of a case; an empty one while there are none."""
    return outcome_in(entries[-1]) if entries else Outcome()


def outcome_in(entry: OutcomeEntry) -> Outcome:
    """What an entry says, as a plain value."""
    return Outcome(**{name: getattr(entry, name) for name in NAMES})


def corrections(before: OutcomeEntry | None, after: OutcomeEntry) -> list[Correction]:
    """What an entry changed in the one before it, or in nothing, in the order of the form."""
    was = outcome_in(before) if before else Outcome()
    says = outcome_in(after)
    return [
        Correction(name, getattr(was, name), getattr(says, name))
        for name in NAMES
        if getattr(was, name) != getattr(says, name)
    ]


def finding_entries(session: Session, case_id: str) -> list[FindingEntry]:
    """Every choice of findings of a case, oldest first."""
    wanted = select(FindingEntry).where(FindingEntry.case_id == case_id)
    return list(session.scalars(wanted.order_by(FindingEntry.number)))


def outcomes_that_count(
    session: Session, case_ids: Collection[str], as_of: datetime | None = None
) -> dict[str, Outcome]:
    """The outcome that counts of each of these cases, as of a moment where that is given."""
    columns = [getattr(OutcomeEntry, name) for name in NAMES]
    wanted = select(OutcomeEntry.case_id, *columns).where(OutcomeEntry.case_id.in_(case_ids))
    if as_of is not None:
        wanted = wanted.where(OutcomeEntry.entered_at <= as_of)
    rows = session.execute(wanted.order_by(OutcomeEntry.number))
    last = {case_id: said for case_id, *said in rows}
    return {case_id: Outcome(*said) for case_id, said in last.items()}


def findings_that_count(
    session: Session, case_ids: Collection[str], as_of: datetime | None = None
) -> dict[str, tuple[str, ...]]:
    """The findings that count of each of these cases for which somebody chose."""
    wanted = select(FindingEntry.case_id, FindingEntry.categories).where(
        FindingEntry.case_id.in_(case_ids)
    )
    if as_of is not None:
        wanted = wanted.where(FindingEntry.set_at <= as_of)
    rows = session.execute(wanted.order_by(FindingEntry.number))
    return {case_id: tuple(categories) for case_id, categories in rows}


def updates_due(
    session: Session, by: date, hospital_ids: frozenset[str] | None = None, limit: int = 50
) -> list[tuple[str, date]]:
    """Case number and day of the cases whose next update was due by that day, the oldest first; of
    these hospitals, None meaning every hospital."""
    later = aliased(OutcomeEntry)
    corrected = select(later.id).where(
        later.case_id == OutcomeEntry.case_id, later.number > OutcomeEntry.number
    )
    wanted = (
        select(Case.number, OutcomeEntry.next_update_on)
        .join(Case, Case.id == OutcomeEntry.case_id)
        .where(OutcomeEntry.next_update_on <= by, ~corrected.exists())
    )
    if hospital_ids is not None:
        wanted = wanted.where(Case.hospital_id.in_(sorted(hospital_ids)))
    rows = session.execute(wanted.order_by(OutcomeEntry.next_update_on, Case.number).limit(limit))
    return [(number, day) for number, day in rows if day is not None]


def to_be_asked(session: Session, today: date) -> list[Asking]:
    """Whose outcome is to be asked for on that day of the service, the longest due first.

    Where nobody entered an outcome yet, some time after the opinion; afterwards on the day that the last
    entry names. Nobody is asked about a patient who died or a case that was withdrawn, nor for a first
    outcome while the next time point is waited for, of which everybody is reminded anyway.
    """
    found = [*_updates(session, today), *_first_outcomes(session, today)]
    return sorted(found, key=lambda one: (one.due_on, one.key))


def first_asked_on(session: Session, case: Case, today: date) -> date | None:
    """When the first outcome of a case is asked for, if that is still to come."""
    if case.state not in ANSWERED:
        return None
    signed = session.scalar(
        select(func.max(CaseStep.at)).where(
            CaseStep.case_id == case.id, CaseStep.event == Event.OPINION_SIGNED.value
        )
    )
    if signed is None:
        return None
    due = first_due(signed.astimezone(calendars_of(session).zone).date())
    return due if due >= today else None


def _updates(session: Session, today: date) -> list[Asking]:
    later = aliased(OutcomeEntry)
    corrected = select(later.id).where(
        later.case_id == OutcomeEntry.case_id, later.number > OutcomeEntry.number
    )
    rows = session.execute(
        select(OutcomeEntry.case_id, OutcomeEntry.id, OutcomeEntry.next_update_on)
        .join(Case, Case.id == OutcomeEntry.case_id)
        .where(
            OutcomeEntry.next_update_on.between(earliest(today), today),
            OutcomeEntry.vital_status != "dead",
            Case.state != State.WITHDRAWN.value,
            ~corrected.exists(),
        )
    )
    asked = (asking(case_id, due, entry, today) for case_id, entry, due in rows if due is not None)
    return [one for one in asked if one is not None]


def _first_outcomes(session: Session, today: date) -> list[Asking]:
    # A day more on both sides: the step's moment is in UTC, the day is the service's.
    begin = datetime.combine(earliest(today) - FIRST_AFTER - timedelta(days=1), time(), UTC)
    end = datetime.combine(today - FIRST_AFTER + timedelta(days=2), time(), UTC)
    zone = calendars_of(session).zone
    known = select(OutcomeEntry.id).where(OutcomeEntry.case_id == Case.id)
    signed = func.max(CaseStep.at)
    rows = session.execute(
        select(Case.id, signed)
        .join(CaseStep, CaseStep.case_id == Case.id)
        .where(
            CaseStep.event == Event.OPINION_SIGNED.value,
            CaseStep.at >= begin,
            Case.state.in_(ANSWERED),
            ~known.exists(),
        )
        .group_by(Case.id)
        .having(signed < end)
    )
    asked = (
        asking(case_id, first_due(at.astimezone(zone).date()), case_id, today)
        for case_id, at in rows
    )
    return [one for one in asked if one is not None]
