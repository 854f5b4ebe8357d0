"""Contents of the file store that no record speaks of: whoever kept one was killed before its row was
committed, or a newer document took the place of an older one.

They are set aside first and deleted a month later, each with a line in the trail. What a record speaks of
after all is brought back, as happens when a newer backup of the database is restored. No step needs a
lock, because what is set aside is still read (`server.foundation.files`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import InstrumentedAttribute

from server.answers.records import AnswerLetter, OpinionAddendum
from server.cases.records import CaseDocument
from server.figures.records import ResearchExport
from server.foundation import audit
from server.foundation.db import Database
from server.foundation.files import FileStore
from server.foundation.forgetting import still_named
from server.opinions.records import IssuedOpinion

# Every column that names a content of the file store; tests/foundation/test_files_kept.py looks for others.
NAMING: Final[tuple[InstrumentedAttribute[str], ...]] = (
    AnswerLetter.sha256,
    CaseDocument.sha256,
    IssuedOpinion.sha256,
    OpinionAddendum.sha256,
    ResearchExport.sha256,
)
# A content is written before its row is committed: one that is younger may be about to get its row.
YOUNGEST_STRAY: Final = timedelta(days=1)
KEPT_ASIDE: Final = timedelta(days=30)
# Looked for in one question, and named in one line of the trail.
ASKED_AT_ONCE: Final = 1000
NAMED_IN_A_LINE: Final = 100


def clear_strays(db: Database, files: FileStore, now: datetime) -> dict[str, int]:
    """Set aside what no record speaks of, bring back what one does, delete what is over; how many of each.

    Can be repeated and interrupted.
    """
    aside = files.aside(now)
    wanted = _spoken_of(db, aside)
    for sha256 in wanted:
        files.bring_back(sha256)
    over = [one for one in files.aside(now - KEPT_ASIDE) if one not in wanted]
    old = files.kept(now - YOUNGEST_STRAY)
    spoken_of = _spoken_of(db, old)
    strays = [one for one in old if one not in spoken_of]
    _note(db, "files.bring_back", "that a record names", sorted(wanted), now)
    _note(db, "files.delete", "that no record names", over, now)
    _note(db, "files.set_aside", "that no record names", strays, now)
    for sha256 in over:
        files.delete_aside(sha256)
    for sha256 in strays:
        files.set_aside(sha256, now)
    return {"brought_back": len(wanted), "deleted": len(over), "set_aside": len(strays)}


def _spoken_of(db: Database, names: list[str]) -> set[str]:
    """Those of the contents that a record names."""
    found: set[str] = set()
    for some in _some(names, ASKED_AT_ONCE):
        with db.reading() as session:
            found.update(still_named(session, NAMING, some))
    return found


def _note(db: Database, action: str, which: str, names: list[str], now: datetime) -> None:
    for some in _some(names, NAMED_IN_A_LINE):
        with db.writing() as session:
            audit.append(
                session,
                actor="worker",
                action=action,
                object_=f"files {which}: {len(some)}",
                outcome="done",
                now=now,
                details={"sha256": some},
            )


def _some(names: list[str], count: int) -> Iterator[list[str]]:
    return (names[start : start + count] for start in range(0, len(names), count))
