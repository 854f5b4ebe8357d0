"""The worklist: a coordinator's cases with what each waits for, a surgeon's with what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Response, request

from server.annotations.organs import ORGANS
from server.cases import listing
from server.cases.lifecycle import LABELS, State
from server.cases.listing import Asked, Page, Place
from server.intake import queries as intake
from server.people.queries import HospitalNotFound, hospital, hospitals
from server.people.records import Hospital
from server.web.pages.layout import page
from server.web.pages.worklist_rows import Row, case_urgency, row_of, rows_of
from server.web.visit import Visit

__all__ = ["Row", "archive_status", "case_urgency", "coordinated", "row_of"]

FEED_SILENT_AFTER = timedelta(minutes=3)
DUE_CHOICES = (
    ("past_limit", "Past the limit"),
    ("overdue", "Overdue"),
    ("today", "Today"),
    ("soon", "Soon"),
    ("later", "Later"),
    ("paused", "Clock paused"),
)


@dataclass(frozen=True)
class Filters:
    """What the address asks to see. Empty means everything."""

    state: str = ""
    organ: str = ""
    hospital: str = ""
    due: str = ""
    held: str = ""
    find: str = ""
    show: str = ""

    @classmethod
    def asked(cls) -> Filters:
        return cls(**{name: request.args.get(name, "")[:64] for name in cls.__dataclass_fields__})

    @property
    def finished(self) -> bool:
        return self.show == "finished"

    @property
    def narrow(self) -> bool:
        return replace(self, show="") != Filters()

    def address(self, **other: str) -> str:
        """The worklist with these filters, and `other` in the place of or beside some."""
        chosen = {**self.__dict__, **other}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return f"/worklist?{query}" if query else "/worklist"

    def as_asked(self, visit: Visit) -> Asked:
        """The same as the list of cases reads it, for the hospitals of this account."""
        return Asked(
            hospital_ids=visit.account.hospital_ids,
            state=self.state,
            organ=self.organ,
            hospital=self.hospital,
            due=self.due,
            holder=self.held,
            search=self.find,
            finished=self.finished,
        )


def worklist(visit: Visit) -> Response:
    """A coordinator's cases with what each waits for."""
    filters, theirs = Filters.asked(), visit.account.hospital_ids
    counts = listing.counts_of(visit.session, theirs, visit.today)
    found = _page(visit, filters, None if filters.narrow or filters.finished else counts.in_work)
    choices = listing.choices_of(visit.session, theirs)
    return page(
        visit,
        "worklist.html",
        filters=filters,
        found=found,
        rows=rows_of(visit.session, found.cases, visit.today),
        any_case=bool(found.total) or filters.narrow,
        counts=counts,
        states=[(state.value, LABELS[state]) for state in State],
        due_choices=DUE_CHOICES,
        nobody=listing.NOBODY,
        choices=choices,
        organs=ORGANS.values(),
        archive=archive_status(visit),
    )


def _page(visit: Visit, filters: Filters, total: int | None) -> Page:
    after, before = request.args.get("after", ""), request.args.get("before", "")
    return listing.page_of(
        visit.session,
        filters.as_asked(visit),
        visit.today,
        after=Place.read(after) if after else None,
        before=Place.read(before) if before else None,
        total=total,
    )


def coordinated(visit: Visit) -> list[Hospital]:
    """The hospitals whose cases this account looks after."""
    allowed = visit.account.hospital_ids
    return [one for one in hospitals(visit.session) if allowed is None or one.id in allowed]


def hospital_in_care(visit: Visit, hospital_id: str) -> Hospital:
    """A hospital in this account's care; raises HospitalNotFound."""
    allowed = visit.account.hospital_ids
    if allowed is not None and hospital_id not in allowed:
        raise HospitalNotFound(
            "This hospital is not registered.", remedy="Choose one from the list."
        )
    return hospital(visit.session, hospital_id)


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
