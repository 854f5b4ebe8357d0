"""Associations that Orthanc refused, taken from its log into the audit trail.

Orthanc says only in its log that it refused a sender. The log is read on from where it was read before;
the position is kept in the database, and a log that became shorter was rotated and is read anew. A
sender that knocks again and again gives one line for each reading, with the count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from server.foundation import audit
from server.intake.records import FeedCursor

CURSOR = "orthanc log"
MOST_BYTES = 4 * 1024 * 1024
# Wording of Orthanc 1.10 to 1.12, OrthancServer/../CommandDispatcher.cpp.
_CALLING = re.compile(
    r"Rejected association for remote AET (.{0,16}?) on IP ([0-9a-fA-F.:]{2,45})\s*$"
)
_CALLED = re.compile(
    r"Rejected association, because of a bad called AET in the request \((.{0,16}?)\)\s*$"
)


@dataclass(frozen=True)
class Refusal:
    """Why an association was refused: `reason` in words, about `ae_title`, from `address` if known."""

    reason: str
    ae_title: str
    address: str = ""


def refusals_in(lines: Iterable[str]) -> Counter[Refusal]:
    """How often each refusal stands in these lines of Orthanc's log."""
    found: Counter[Refusal] = Counter()
    for line in lines:
        if calling := _CALLING.search(line):
            found[Refusal("calling AE title is not registered", calling[1], calling[2])] += 1
        elif called := _CALLED.search(line):
            found[Refusal("called AE title is not ours", called[1])] += 1
    return found


def take_over(session: Session, log: Path, now: datetime) -> int:
    """Write what was refused since the last reading into the trail; gives how many lines that made."""
    if not log.is_file():
        return 0
    cursor = session.get(FeedCursor, CURSOR)
    if cursor is None:
        cursor = FeedCursor(name=CURSOR, sequence=0, archive_ok=True)
        session.add(cursor)
    text, cursor.sequence = _read_on(log, cursor.sequence)
    cursor.checked_at = now
    found = refusals_in(text.splitlines())
    for refusal, times in found.items():
        audit.append(
            session,
            actor=f"AE {refusal.ae_title or '(none)'} {refusal.address}".strip(),
            action="dicom.associate",
            object_="Orthanc",
            outcome="refused",
            now=now,
            reason=refusal.reason,
            details={"times": times},
        )
    return len(found)


def _read_on(log: Path, position: int) -> tuple[str, int]:
    """The whole lines behind `position`, and where they end."""
    size = log.stat().st_size
    start = position if position <= size else 0
    start = max(start, size - MOST_BYTES)
    with log.open("rb") as stream:
        stream.seek(start)
        content = stream.read(size - start)
    whole = content[: content.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace"), start + len(whole)
