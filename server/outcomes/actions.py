"""Entering an outcome, and choosing what kind of finding an opinion was."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Literal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.cases.records import Case
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.outcomes.entered import Outcome, problems_of
from server.outcomes.queries import finding_entries, outcome_entries, outcome_in
from server.outcomes.records import FindingEntry, OutcomeEntry
from server.outcomes.value_sets import FINDINGS

EnteredAs = Literal["coordinator", "hospital"]


class OutcomeChangedMeanwhile(Conflict):
    """Somebody else entered the outcome between looking and entering."""


def enter_outcome(
    session: Session,
    case: Case,
    outcome: Outcome,
    *,
    seen_number: int,
    by: str,
    entered_as: EnteredAs,
    now: datetime,
) -> OutcomeEntry:
    """Keep what is known now as a new entry; earlier ones stay.

    `seen_number` is the number of the entry that the person saw, 0 for none. What says the same as the
    last entry is not kept twice. Raises Invalid and OutcomeChangedMeanwhile.
    """
    problems = problems_of(outcome, case.opened_at.date(), now.date())
    if problems:
        raise Invalid("The outcome was not kept.", problems)
    entries = outcome_entries(session, case.id)
    if seen_number != len(entries):
        raise _changed(case)
    if entries and outcome_in(entries[-1]) == outcome:
        return entries[-1]
    entry = OutcomeEntry(
        case_id=case.id,
        number=len(entries) + 1,
        entered_by=by,
        entered_as=entered_as,
        entered_at=now,
        **asdict(outcome),
    )
    _keep(session, entry, case)
    return entry


def choose_findings(
    session: Session,
    case: Case,
    categories: Collection[str],
    *,
    seen_number: int,
    by: str,
    now: datetime,
) -> FindingEntry:
    """Keep what kinds of finding the opinion was; none at all is an answer too.

    Raises Invalid and OutcomeChangedMeanwhile.
    """
    if not set(categories) <= set(FINDINGS):
        problem = FieldProblem("/findings", "Choose from the kinds of finding offered.")
        raise Invalid("The findings were not kept.", [problem])
    entries = finding_entries(session, case.id)
    if seen_number != len(entries):
        raise _changed(case)
    chosen = [one for one in FINDINGS if one in categories]
    if entries and entries[-1].categories == chosen:
        return entries[-1]
    entry = FindingEntry(
        case_id=case.id, number=len(entries) + 1, categories=chosen, set_by=by, set_at=now
    )
    _keep(session, entry, case)
    return entry


def _keep(session: Session, entry: OutcomeEntry | FindingEntry, case: Case) -> None:
    """Two who enter at the same moment: the table takes one entry of each number."""
    try:
        with session.begin_nested():
            session.add(entry)
            session.flush()
    except IntegrityError as error:
        raise _changed(case) from error


def _changed(case: Case) -> OutcomeChangedMeanwhile:
    return OutcomeChangedMeanwhile(
        f"Somebody else entered an outcome of case {case.number} while you were writing.",
        remedy="What you wrote is still in the form. Compare it with the newest entry, then keep it.",
    )
