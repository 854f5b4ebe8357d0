"""Reading outcomes: the one that counts, those before it, and what each correction changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from server.cases.records import Case
from server.outcomes.entered import NAMES, Outcome
from server.outcomes.records import FindingEntry, OutcomeEntry

Value = str | float | date | None


@dataclass(frozen=True)
class Correction:
    """One value that an entry changed."""

    name: str
    before: Value
    after: Value


def outcome_entries(session: Session, case_id: str) -> list[OutcomeEntry]:
    """Every entry of a case, oldest first."""
    return outcomes_of(session, [case_id]).get(case_id, [])


def outcomes_of(
    session: Session, case_ids: Collection[str], as_of: datetime | None = None
) -> dict[str, list[OutcomeEntry]]:
    """The entries of several cases, oldest first, up to `as_of` where that is given."""
    wanted = select(OutcomeEntry).where(OutcomeEntry.case_id.in_(case_ids))
    if as_of is not None:
        wanted = wanted.where(OutcomeEntry.entered_at <= as_of)
    found: dict[str, list[OutcomeEntry]] = {}
    for entry in session.scalars(wanted.order_by(OutcomeEntry.case_id, OutcomeEntry.number)):
        found.setdefault(entry.case_id, []).append(entry)
    return found


def outcome_of(session: Session, case_id: str) -> Outcome | None:
    """The outcome that counts, or None while nobody entered one."""
    entries = outcome_entries(session, case_id)
    return outcome_in(entries[-1]) if entries else None


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
    return findings_of(session, [case_id]).get(case_id, [])


def findings_of(
    session: Session, case_ids: Collection[str], as_of: datetime | None = None
) -> dict[str, list[FindingEntry]]:
    """The choices of several cases, oldest first, up to `as_of` where that is given."""
    wanted = select(FindingEntry).where(FindingEntry.case_id.in_(case_ids))
    if as_of is not None:
        wanted = wanted.where(FindingEntry.set_at <= as_of)
    found: dict[str, list[FindingEntry]] = {}
    for entry in session.scalars(wanted.order_by(FindingEntry.case_id, FindingEntry.number)):
        found.setdefault(entry.case_id, []).append(entry)
    return found


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
