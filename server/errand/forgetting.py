"""Once a day: what was kept for long enough is deleted, some at a time, each with its line in the trail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from server.access.actions import forget_failures
from server.foundation import audit
from server.foundation.db import Database
from server.foundation.forgetting import forget_answers, forget_jobs
from server.notices.forgetting import forget_notices

# Of each kind in one transaction, so that nobody who works meanwhile waits for long.
FORGOTTEN_AT_ONCE: Final = 2000


def forget_old(
    db: Database, now: datetime, *, notices_keep_days: int, jobs_keep_days: int
) -> dict[str, int]:
    """Delete notices, finished jobs, idempotency keys and failed sign-ins whose time is over; how many of
    each.

    A line of the audit trail for each transaction that deleted anything: on most days that is one.
    Can be repeated and interrupted.
    """
    total = {"notices": 0, "jobs": 0, "idempotency_keys": 0, "failed_sign_ins": 0}
    while True:
        with db.writing() as session:
            some = {
                "notices": forget_notices(
                    session, now - timedelta(days=notices_keep_days), FORGOTTEN_AT_ONCE
                ),
                "jobs": forget_jobs(
                    session, now - timedelta(days=jobs_keep_days), FORGOTTEN_AT_ONCE
                ),
                "idempotency_keys": forget_answers(session, now),
                "failed_sign_ins": forget_failures(session, now, FORGOTTEN_AT_ONCE),
            }
            if any(some.values()):
                audit.append(
                    session,
                    actor="worker",
                    action="records.forget",
                    object_="old notices, finished jobs, idempotency keys and failed sign-ins",
                    outcome="done",
                    now=now,
                    details={
                        **some,
                        "notices_keep_days": notices_keep_days,
                        "jobs_keep_days": jobs_keep_days,
                    },
                )
        for name, count in some.items():
            total[name] += count
        if max(some["notices"], some["jobs"], some["failed_sign_ins"]) < FORGOTTEN_AT_ONCE:
            return total
