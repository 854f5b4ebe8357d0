"""Ten days of a busy service over Christmas, hour by hour, through the real doors."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.app import create_app
from server.cases.assigning import LAPSE_OFFERS
from server.cases.clocks.business_days import ClosedDay
from server.cases.clocks.nightly import RECOMPUTE_CLOCKS, ask_for_round
from server.cases.clocks.records import SentReminder
from server.cases.clocks.timekeeping import keep_service_days
from server.errand.means import Errand
from server.errand.running import do
from server.foundation import jobs
from server.foundation.db import Database
from server.foundation.settings import Settings
from server.notices.actions import DELIVER_NOTICE, SEND_DIGEST, pick_up_forgotten
from server.notices.delivering import Outbox
from tests.doors.conftest import settings
from tests.week import by_hand, stories
from tests.week.town import Clock, Post, Town
from tests.week.watching import Watch

__all__ = ["settings"]
MONDAY = datetime(2026, 12, 21, 6, 0, tzinfo=UTC)
DAYS = 10
# The worker sleeps no hour, but nobody else is up: from five to nineteen, in UTC.
HOURS = range(5, 20)
EVENING = 19
WORK = (LAPSE_OFFERS, RECOMPUTE_CLOCKS, DELIVER_NOTICE, SEND_DIGEST)
# On the second day of Christmas the mail server is away from the morning until the evening.
MAIL_AWAY = (datetime(2026, 12, 26, 5, tzinfo=UTC), datetime(2026, 12, 26, 18, tzinfo=UTC))


class Worker:
    """The worker's loops, one after the other, at the scripted hour."""

    def __init__(self, settings: Settings, db: Database, clock: Clock, post: Post) -> None:
        self.db, self.clock = db, clock
        self.errand = Errand(settings, clock)
        self.errand.outbox = Outbox(db, settings, post, clock=clock)
        self.done: Counter[str] = Counter()

    def work(self) -> None:
        with self.db.writing() as session:
            ask_for_round(session, self.clock.now)
            pick_up_forgotten(session, self.clock.now)
        while True:
            with self.db.writing() as session:
                job = jobs.claim(session, self.clock.now, only=WORK)
            if job is None:
                return
            do(self.errand, job.id)
            self.done[job.name] += 1

    def close(self) -> None:
        self.errand.archive.close()
        self.errand.db.dispose()


@pytest.fixture
def clock() -> Clock:
    """The scripted clock: the doors are made with it, below them every rule is handed its `now`."""
    return Clock(MONDAY)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def town(settings: Settings, clock: Clock) -> Iterator[Town]:
    app = create_app(settings, clock)
    made = Town(app, clock)
    with made.db.writing() as session:
        closed = [ClosedDay(by_hand.CLOSED, "Between the years")]
        keep_service_days(session, "Europe/Berlin", closed, clock.now)
    yield made
    made.services.archive.close()
    made.services.db.dispose()


@pytest.fixture
def worker(settings: Settings, town: Town, clock: Clock, post: Post) -> Iterator[Worker]:
    made = Worker(settings, town.db, clock, post)
    yield made
    made.close()


def hours_of_the_week() -> Iterator[datetime]:
    for day in range(DAYS):
        for hour in HOURS:
            moment = MONDAY.replace(hour=0) + timedelta(days=day, hours=hour)
            if moment >= MONDAY:
                yield moment


def live(town: Town, worker: Worker, watch: Watch, post: Post) -> None:
    """Let every story go on when its time has come, and look at everything after each hour."""
    begun = [(MONDAY + timedelta(hours=at), begin) for at, begin in stories.of_the_week()]
    waiting = [(at, number, begin(town)) for number, (at, begin) in enumerate(begun)]
    heapq.heapify(waiting)
    for hour in hours_of_the_week():
        town.clock.now = hour
        post.away = MAIL_AWAY[0] <= hour < MAIL_AWAY[1]
        worker.work()
        while waiting and waiting[0][0] <= hour:
            _, number, story = heapq.heappop(waiting)
            town.clock.tick(seconds=5)
            span = next(story, None)
            if span is not None:
                heapq.heappush(waiting, (hour + span, number, story))
        town.print_opinions()
        town.clock.now = hour + timedelta(minutes=50)
        worker.work()
        watch.hourly()
        if hour.hour == EVENING:
            watch.daily()
    assert not waiting, "a story did not come to its end"


def test_a_week_of_a_busy_service_loses_nothing_and_keeps_every_promise_straight(
    town: Town, worker: Worker, post: Post
) -> None:
    watch = Watch(town, post)
    live(town, worker, watch, post)
    assert watch.looks >= 140
    assert len(town.told) == len(stories.of_the_week())
    with town.db.reading() as session:
        reminded = set(session.scalars(select(SentReminder.kind)))
    wanted = {"due_soon", "due_today", "overdue", "not_assigned", "still_waiting"}
    assert wanted <= reminded
    assert worker.done[RECOMPUTE_CLOCKS] == DAYS
    assert worker.done[LAPSE_OFFERS] > 0
