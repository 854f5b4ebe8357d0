"""Whoever is not let in cannot fill the trail, and how often they came is known nevertheless."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from server.foundation import audit, strangers
from server.foundation.audit import AuditLine
from server.foundation.db import Database
from server.foundation.strangers import COUNTED, COUNTED_FOR, WRITTEN_SINGLY

MINUTE = timedelta(minutes=1)


def come(db: Database, now: datetime, kind: str = "not_signed_in", times: int = 1) -> None:
    for _ in range(times):
        with db.writing() as session:
            strangers.note(
                session,
                kind=kind,
                action="case.read",
                object_="GET /cases/<number>",
                outcome="refused",
                now=now,
                reason=kind,
            )


def trail(db: Database) -> list[AuditLine]:
    with db.reading() as session:
        assert audit.verify(session).whole
        return audit.newest(session)[::-1]


def close(db: Database, now: datetime) -> int:
    with db.writing() as session:
        return strangers.close_over(session, now)


def test_the_first_have_lines_and_the_others_a_count(database: Database, now: datetime) -> None:
    come(database, now, times=3)
    come(database, now + MINUTE, times=40)
    come(database, now + MINUTE, kind="token_unknown")
    assert [line.reason for line in trail(database)] == ["not_signed_in"] * WRITTEN_SINGLY + [
        "token_unknown"
    ]
    assert close(database, now + COUNTED_FOR - MINUTE) == 0
    assert close(database, now + COUNTED_FOR) == 1
    counted = trail(database)[-1]
    assert (counted.actor, counted.action, counted.outcome) == ("nobody", COUNTED, "refused")
    assert counted.object_ == "not_signed_in"
    assert counted.details["times"] == 43 - WRITTEN_SINGLY
    assert counted.details["from"] < counted.details["to"]
    assert close(database, now + 2 * COUNTED_FOR) == 1, "the other kind had nothing to count"
    assert len(trail(database)) == WRITTEN_SINGLY + 2


def test_a_count_is_written_also_when_no_worker_runs(database: Database, now: datetime) -> None:
    come(database, now, times=9)
    come(database, now + COUNTED_FOR)
    assert [line.action for line in trail(database)][-2:] == [COUNTED, "case.read"]
    # A clock that was set back begins a new count as well.
    come(database, now)
    assert len(trail(database)) == WRITTEN_SINGLY + 3


def test_many_at_once_are_counted_one_by_one(database: Database, now: datetime) -> None:
    begin = threading.Barrier(8)

    def coming(moment: datetime) -> None:
        begin.wait()
        come(database, moment, times=5)
        close(database, moment)

    # Some of them a quarter of an hour later, so that counts are closed while others are made.
    all_ = [
        threading.Thread(target=coming, args=(now + (one % 2) * COUNTED_FOR,)) for one in range(8)
    ]
    for one in all_:
        one.start()
    for one in all_:
        one.join()
    close(database, now + 2 * COUNTED_FOR)
    lines = trail(database)
    written = [line for line in lines if line.action == "case.read"]
    assert len(written) + sum(line.details.get("times", 0) for line in lines) == 40
