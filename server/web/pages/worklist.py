"""The worklist: a coordinator's cases with what each waits for, a surgeon's with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response, request

from server.access.door import Route
from server.access.permissions import Action
from server.annotations.organs import ORGANS
from server.annotations.queries import annotation_of, current
from server.cases import queries
from server.cases.deadlines import urgency
from server.cases.lifecycle import LABELS, State
from server.cases.records import Assignment, Case
from server.intake import queries as intake
from server.people.queries import hospitals
from server.people.records import Hospital
from server.web.pages.layout import page
from server.web.visit import Visit
from server.web.wording import count, day

# The clock stands still while the hospital or somebody else has to act first.
CLOCK_STOPPED = frozenset({State.OPEN, State.AWAITING_RECORDS, State.ON_HOLD})
CLOCK_OVER = frozenset({State.OPINED, State.CLOSED, State.WITHDRAWN})
FEED_SILENT_AFTER = timedelta(minutes=3)


@dataclass(frozen=True)
class Row:
    """One line of the worklist. `urgency` is none, later, soon or overdue."""

    case: Case
    holder: Assignment | None
    waits_for: str
    urgency: str


@dataclass(frozen=True)
class Filters:
    """What the address asks to see. Empty means everything."""

    state: str = ""
    organ: str = ""
    hospital: str = ""
    due: str = ""
    finished: bool = False

    @classmethod
    def asked(cls) -> Filters:
        asked = request.args
        return cls(
            state=asked.get("state", ""),
            organ=asked.get("organ", ""),
            hospital=asked.get("hospital", ""),
            due=asked.get("due", ""),
            finished=asked.get("show") == "finished",
        )

    @property
    def narrow(self) -> bool:
        return any((self.state, self.organ, self.hospital, self.due))

    def keep(self, row: Row) -> bool:
        return (
            self.state in ("", row.case.state)
            and self.organ in ("", row.case.organ)
            and self.hospital in ("", row.case.hospital_id)
            and self.due in ("", row.urgency)
        )


def worklist(visit: Visit) -> Response:
    if visit.account.role == "surgeon":
        return _surgeons(visit)
    filters = Filters.asked()
    rows = _rows(visit, finished=filters.finished)
    in_work = rows if not filters.finished else _rows(visit, finished=False)
    return page(
        visit,
        "worklist.html",
        filters=filters,
        rows=[row for row in rows if filters.keep(row)],
        any_case=bool(rows),
        counts=_counts(visit, in_work),
        states=[(state.value, LABELS[state]) for state in State],
        organs=ORGANS.values(),
        hospitals=coordinated(visit),
        archive=archive_status(visit),
    )


def _surgeons(visit: Visit) -> Response:
    cases = queries.worklist(visit.session) + queries.worklist(visit.session, finished=True)
    rows = []
    for case in cases:
        if case.id not in visit.account.case_ids:
            continue
        revision = current(annotation_of(visit.session, case.id, visit.account.person_id))
        if revision is None or revision.saved_at is None:
            todo = "Not begun"
        elif revision.signed_at is not None:
            todo = f"Signed {day(revision.signed_at.date())}"
        else:
            todo = f"Draft saved {day(revision.saved_at.date())}"
        rows.append(Row(case, queries.holder(case), todo, case_urgency(case, visit.now)))
    return page(visit, "worklist_surgeon.html", rows=rows, archive=archive_status(visit))


def _rows(visit: Visit, *, finished: bool) -> list[Row]:
    allowed = visit.account.hospital_ids
    return [
        row_of(case, visit.now)
        for case in queries.worklist(visit.session, finished=finished)
        if allowed is None or case.hospital_id in allowed
    ]


def row_of(case: Case, now: datetime) -> Row:
    """A case with who holds it, what it waits for and how urgent that is."""
    holder = queries.holder(case)
    return Row(case, holder, waits_for(case, holder), case_urgency(case, now))


def case_urgency(case: Case, now: datetime) -> str:
    """`none` while the clock stands or is over, otherwise what the deadline says."""
    if State(case.state) in CLOCK_STOPPED | CLOCK_OVER:
        return "none"
    return urgency(case.due_on, now)


def waits_for(case: Case, holder: Assignment | None) -> str:
    """What has to happen next, and since when it is waited for."""
    state = State(case.state)
    name = holder.person.name if holder else "The surgeon"
    since = holder.assigned_at.date() if holder else None
    sentences = {
        State.OPEN: f"Images from the hospital, since {day(case.opened_at.date())}",
        State.AWAITING_RECORDS: _records(case),
        State.READY: f"A surgeon to be chosen, since {_day_of(case.records_complete_at)}",
        State.ASSIGNED: f"{name} to begin, asked {day(since)}",
        State.IN_REVIEW: f"{name} to sign, asked {day(since)}",
        State.OPINED: "To be closed",
        State.ON_HOLD: case.held_reason or "To be resumed",
    }
    return sentences.get(state, "")


def _records(case: Case) -> str:
    if not case.studies:
        return f"Records from the hospital, since {day(case.opened_at.date())}"
    last = max(study.attached_at for study in case.studies).date()
    return f"{count(len(case.studies), 'study', 'studies')} to be checked, the last of {day(last)}"


def _day_of(moment: datetime | None) -> str:
    return day(moment.date() if moment else None)


def _counts(visit: Visit, rows: Iterable[Row]) -> dict[str, int]:
    rows = list(rows)
    return {
        "unmatched": intake.unmatched_count(visit.session, visit.account.hospital_ids),
        "soon": sum(row.urgency == "soon" for row in rows),
        "overdue": sum(row.urgency == "overdue" for row in rows),
        "awaiting": sum(row.case.state == State.AWAITING_RECORDS for row in rows),
        "ready": sum(row.case.state == State.READY for row in rows),
    }


def coordinated(visit: Visit) -> list[Hospital]:
    """The hospitals whose cases this account looks after."""
    allowed = visit.account.hospital_ids
    return [one for one in hospitals(visit.session) if allowed is None or one.id in allowed]


@dataclass(frozen=True)
class ArchiveStatus:
    """Whether the image archive answered when last asked, and whether anybody still asks."""

    answers: bool
    asked: bool
    checked_at: datetime | None


def archive_status(visit: Visit) -> ArchiveStatus:
    """What the follower of the archive's feed last noted."""
    feed = intake.feed_status(visit.session)
    asked = feed.checked_at is not None and visit.now - feed.checked_at < FEED_SILENT_AFTER
    return ArchiveStatus(bool(feed.archive_ok), asked, feed.checked_at)


ROUTES = [Route("/worklist", worklist, Action.WORKLIST_READ)]
