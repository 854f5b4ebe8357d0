"""What the morning brings beside the clocks: outcomes are asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from server.cases.clocks.queries import calendars_of
from server.foundation.db import Database
from server.notices.outcomes_wanted import ask_for_outcome, told_of
from server.outcomes.queries import to_be_asked

# To a transaction, so that nobody who works meanwhile waits for long.
ASKED_AT_ONCE: Final = 100


def ask_for_outcomes(db: Database, now: datetime) -> int:
    """Ask for every outcome whose time has come, each once; how many. Can be repeated."""
    with db.reading() as session:
        due = to_be_asked(session, calendars_of(session).today(now))
        told = told_of(session, [one.key for one in due])
    new = [one for one in due if one.key not in told]
    for begin in range(0, len(new), ASKED_AT_ONCE):
        with db.writing() as session:
            for one in new[begin : begin + ASKED_AT_ONCE]:
                ask_for_outcome(session, one.case_id, due_on=one.due_on, key=one.key, now=now)
    return len(new)
