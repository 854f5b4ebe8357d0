"""The audit trail shows where it was broken."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text

from server.foundation import audit
from server.foundation.db import Database


def write(db: Database, now: datetime, count: int = 5) -> None:
    with db.writing() as session:
        for number in range(count):
            audit.append(
                session,
                actor="somebody",
                action="case.read",
                object_=f"case {number}",
                outcome="allowed",
                now=now,
                details={"number": number, "text": "ä"},
            )


def test_an_untouched_trail_is_whole(database: Database, now: datetime) -> None:
    write(database, now)
    with database.reading() as session:
        report = audit.verify(session)
    assert report.whole
    assert report.lines == 5


def test_an_empty_trail_is_whole(database: Database) -> None:
    with database.reading() as session:
        assert audit.verify(session) == audit.ChainReport(0, audit.GENESIS)


@pytest.mark.parametrize(
    ("tampering", "line"),
    [
        ("UPDATE audit_line SET actor = 'somebody else' WHERE sequence = 3", 3),
        ("UPDATE audit_line SET outcome = 'refused' WHERE sequence = 1", 1),
        ("DELETE FROM audit_line WHERE sequence = 2", 3),
        ("UPDATE audit_line SET sequence = 9 WHERE sequence = 5", 9),
    ],
)
def test_a_changed_or_removed_line_is_found_where_it_is(
    database: Database, now: datetime, tampering: str, line: int
) -> None:
    write(database, now)
    with database.writing() as session:
        session.execute(text(tampering))
    with database.reading() as session:
        assert audit.verify(session).broken_at == line


def test_lines_cut_off_the_end_are_found_by_a_head_noted_before(
    database: Database, now: datetime
) -> None:
    write(database, now)
    with database.reading() as session:
        head = audit.verify(session).head
    with database.writing() as session:
        session.execute(text("DELETE FROM audit_line WHERE sequence = 5"))
    with database.reading() as session:
        assert audit.verify(session).whole
        assert not audit.contains(session, head)


def test_a_refused_transaction_leaves_no_line(database: Database, now: datetime) -> None:
    with pytest.raises(RuntimeError), database.writing() as session:
        audit.append(session, actor="a", action="b", object_="c", outcome="done", now=now)
        raise RuntimeError
    with database.reading() as session:
        assert audit.verify(session).lines == 0
