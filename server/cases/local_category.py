"""What the local team's verdict comes to, as one of five words.

The local verdict is free text, and nothing here guesses a category from it: somebody chooses one, and
what was chosen before is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.records import Case, LocalCategoryEntry
from server.foundation.errors import FieldProblem, Invalid

NOT_STATED: Final = "not_stated"
LOCAL_CATEGORIES: Final[dict[str, str]] = {
    "unresectable": "Unresectable",
    "borderline": "Borderline, or resectable only after treatment",
    "resectable": "Resectable",
    "uncertain": "The local team could not say",
    NOT_STATED: "Not stated",
}


def local_category_entries(session: Session, case_id: str) -> list[LocalCategoryEntry]:
    """Every category that was chosen for the case, oldest first."""
    return list(
        session.scalars(
            select(LocalCategoryEntry)
            .where(LocalCategoryEntry.case_id == case_id)
            .order_by(LocalCategoryEntry.number)
        )
    )


def state_local_category(
    session: Session, case: Case, category: str, *, by: str, now: datetime
) -> LocalCategoryEntry | None:
    """Keep the category of the local verdict. Choosing the same again keeps nothing; raises Invalid."""
    if category not in LOCAL_CATEGORIES:
        raise Invalid(
            "The local verdict was not changed.",
            [FieldProblem("/local_category", "Choose what the local verdict comes to.")],
        )
    entries = local_category_entries(session, case.id)
    if (entries[-1].category if entries else NOT_STATED) == category:
        return entries[-1] if entries else None
    entry = LocalCategoryEntry(
        case_id=case.id, number=len(entries) + 1, category=category, set_by=by, set_at=now
    )
    session.add(entry)
    session.flush()
    return entry
