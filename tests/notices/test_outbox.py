"""The outbox: told once, to the right people, as they chose; sent at least once and never after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from server.cases.records import Case
from server.foundation import jobs
from server.notices import preferences, queries
from server.notices.actions import (
    DELIVER_NOTICE,
    SEND_DIGEST,
    AlreadySent,
    mark_read,
    pick_up_forgotten,
    post,
    send_again,
)
from server.notices.delivering import BeingSent, Outbox
from server.notices.kinds import Choice, Group, NoticeKind
from server.notices.outcome import Delivered, Outcome, Postponed, Undeliverable
from server.notices.recipients import Part, Recipients, to
from server.notices.records import Contact, Delivery, Notice
from server.notices.schedule import ATTEMPTS
from server.people.records import Hospital
from tests.notices.conftest import Clock, SettingsOf
from tests.world import World


class Written:
    """A way out that keeps what it was given, and answers as told, at last with success."""

    def __init__(self, *answers: Outcome) -> None:
        self.sent: list[EmailMessage] = []
        self.answers = list(answers)

    def send(self, message: EmailMessage) -> Outcome:
        self.sent.append(message)
        return self.answers.pop(0) if self.answers else Delivered()


def tell(
    world: World,
    kind: NoticeKind,
    whom: Recipients,
    now: datetime,
    key: str = "key",
) -> str:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        return post(session, kind=kind, case=case, to=whom, facts={}, now=now, key=key).id


def deliveries(world: World, channel: str = "email") -> list[Delivery]:
    with world.db.reading() as session:
        wanted = select(Delivery).where(Delivery.channel == channel).order_by(Delivery.id)
        return list(session.scalars(wanted))


def work(outbox: Outbox, world: World, clock: Clock) -> int:
    """Do the jobs that are due, as the worker has them done."""
    done = 0
    while True:
        with world.db.writing() as session:
            job = jobs.claim(session, clock(), only=(DELIVER_NOTICE, SEND_DIGEST))
        if job is None:
            return done
        if job.name == DELIVER_NOTICE:
            outbox.deliver(job.payload["delivery_id"])
        else:
            outbox.deliver_digest(job.payload["batch_id"])
        with world.db.writing() as session:
            jobs.finish(session, job.id, job.holder, clock())
        done += 1


@pytest.fixture
def outbox_of(world: World, clock: Clock, settings_of: SettingsOf) -> Callable[[Written], Outbox]:
    return lambda mailer: Outbox(world.db, settings_of(world.db), mailer, clock=clock)


def test_the_same_event_is_told_once(world: World, now: datetime) -> None:
    first = tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), now)
    assert tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), now) == first
    assert len(deliveries(world)) == 1


def test_a_part_of_the_case_is_told_and_its_outsider_is_not(world: World, now: datetime) -> None:
    tell(world, NoticeKind.OVERDUE, to(Part.HOLDER, Part.COORDINATOR), now)
    told = {one.person_id for one in deliveries(world, "page")}
    assert told == {world.surgeon.id, world.coordinator.id}


def test_whoever_did_it_is_not_told(world: World, now: datetime) -> None:
    whom = to(Part.HOLDER, Part.COORDINATOR, but=(world.coordinator.id, None))
    tell(world, NoticeKind.OVERDUE, whom, now)
    assert {one.person_id for one in deliveries(world, "page")} == {world.surgeon.id}


def test_a_hospital_that_nobody_looks_after_does_not_fall_silent(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        session.merge(world.coordinator).active = False
    tell(world, NoticeKind.OVERDUE, to(Part.COORDINATOR), now)
    assert {one.person_id for one in deliveries(world, "page")} == {world.admin.id}


def test_whoever_comes_by_links_only_is_written_to_and_has_no_page(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        session.merge(world.surgeon).password_hash = None
    tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), now)
    assert deliveries(world, "page") == [] and len(deliveries(world)) == 1


def test_a_mail_goes_out_once_in_the_recipients_language(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    with world.db.writing() as session:
        preferences.write_in(session, session.merge(world.surgeon), "zh")
    tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), clock())
    mailer = Written()
    outbox = outbox_of(mailer)
    assert work(outbox, world, clock) == 1
    outbox.deliver(deliveries(world)[0].id)
    assert [str(one["Subject"]) for one in mailer.sent] == ["病例 M-2026-00001：已分配给您"]
    assert deliveries(world)[0].state == "sent"


def test_what_does_not_get_through_is_tried_again_later_and_at_last_given_up_and_told(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), clock())
    mailer = Written(*[Postponed("451 later")] * ATTEMPTS)
    outbox = outbox_of(mailer)
    begun = clock()
    for _ in range(ATTEMPTS):
        assert work(outbox, world, clock) == 1
        assert work(outbox, world, clock) == 0
        clock.now = max(clock.now, deliveries(world)[0].due_at)
    assert clock() - begun > timedelta(days=4)
    kept = deliveries(world)[0]
    assert (kept.state, kept.attempts, kept.last_error) == ("given_up", ATTEMPTS, "451 later")
    assert len({str(one["Message-ID"]) for one in mailer.sent}) == 1
    with world.db.reading() as session:
        assert queries.standing(session, None, begun).given_up == 1
        elsewhere = frozenset({world.other_hospital.id})
        assert queries.standing(session, elsewhere, begun).given_up == 0
        told = queries.told(session, world.coordinator.id)
        assert [one.notice.kind for one in told] == [NoticeKind.DELIVERY_GIVEN_UP]


def test_a_person_sends_again_what_was_given_up(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), clock())
    mailer = Written(Undeliverable("550 no such user"))
    outbox = outbox_of(mailer)
    work(outbox, world, clock)
    with world.db.writing() as session:
        found = queries.delivery(session, deliveries(world)[0].id, None)
        send_again(session, found, clock.go(hours=1))
    work(outbox, world, clock)
    assert deliveries(world)[0].state == "sent" and len(mailer.sent) == 2
    with world.db.writing() as session, pytest.raises(AlreadySent):
        send_again(session, queries.delivery(session, deliveries(world)[0].id, None), clock())


def test_one_that_somebody_else_is_sending_is_left_alone_until_their_time_is_over(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), clock())
    delivery_id = deliveries(world)[0].id
    mailer = Written()
    outbox = outbox_of(mailer)

    class Beside(Written):
        def send(self, message: EmailMessage) -> Outcome:
            # Whoever asks comes again: what if the other one is killed?
            with pytest.raises(BeingSent):
                outbox.deliver(delivery_id)
            return super().send(message)

    beside = Beside()
    outbox_of(beside).deliver(delivery_id)
    assert len(beside.sent) == 1 and mailer.sent == []
    assert deliveries(world)[0].attempts == 1


def test_a_mail_whose_sender_is_killed_goes_out_by_its_own_job_within_minutes(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), clock())
    delivery_id = deliveries(world)[0].id

    class Killed(Written):
        def send(self, message: EmailMessage) -> Outcome:
            raise SystemExit

    with pytest.raises(SystemExit):
        outbox_of(Killed()).deliver(delivery_id)
    mailer = Written()
    next_one = outbox_of(mailer)
    clock.go(minutes=1)
    with pytest.raises(BeingSent):
        next_one.deliver(delivery_id)
    clock.go(minutes=1)
    next_one.deliver(delivery_id)
    assert len(mailer.sent) == 1
    assert deliveries(world)[0].state == "sent"


def test_a_slow_sender_whose_time_was_over_does_not_undo_what_the_next_one_noted(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), clock())
    delivery_id = deliveries(world)[0].id
    next_one = outbox_of(Written())

    class Slow(Written):
        def send(self, message: EmailMessage) -> Outcome:
            clock.go(minutes=6)
            next_one.deliver(delivery_id)
            return super().send(message)

    outbox_of(Slow(Undeliverable("too late"))).deliver(delivery_id)
    kept = deliveries(world)[0]
    assert (kept.state, kept.attempts, kept.last_error) == ("sent", 2, "")


def test_a_lost_job_is_asked_for_again(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    tell(world, NoticeKind.ASSIGNED, to(Part.HOLDER), clock())
    with world.db.writing() as session:
        for job in session.scalars(select(jobs.Job)):
            session.delete(job)
    with world.db.writing() as session:
        assert pick_up_forgotten(session, clock.go(minutes=10)) == 0
        assert pick_up_forgotten(session, clock.go(minutes=6)) == 1
    mailer = Written()
    assert work(outbox_of(mailer), world, clock) == 1
    assert len(mailer.sent) == 1


def test_a_days_notices_come_in_one_mail_and_a_late_one_in_its_own(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    for place in range(3):
        whom = to(Part.COORDINATOR)
        tell(world, NoticeKind.CASE_OPENED, whom, clock.go(minutes=1), key=f"opened {place}")
    mailer = Written(Postponed("451 later"))
    outbox = outbox_of(mailer)
    assert work(outbox, world, clock) == 0
    with world.db.reading() as session:
        (job,) = session.scalars(select(jobs.Job).where(jobs.Job.name == SEND_DIGEST))
        assert job.created_at < clock() < job.run_at  # asked at the first of them, done at five
    clock.now = deliveries(world)[0].due_at
    assert work(outbox, world, clock) == 1
    clock.go(minutes=1)
    work(outbox, world, clock)
    assert [str(one["Subject"]) for one in mailer.sent] == [
        "Margin: what happened since yesterday"
    ] * 2
    assert len({str(one["Message-ID"]) for one in mailer.sent}) == 1
    assert {one.state for one in deliveries(world)} == {"sent"}
    assert {one.batch_id for one in deliveries(world)} != {None}


def test_everyone_is_sent_what_they_chose(world: World, clock: Clock) -> None:
    with world.db.writing() as session:
        chosen = {NoticeKind.OVERDUE: Choice.NEVER, NoticeKind.CASE_OPENED: Choice.NOW}
        preferences.choose(session, world.coordinator.id, Group.COORDINATOR, chosen)
    tell(world, NoticeKind.OVERDUE, to(Part.COORDINATOR), clock(), key="overdue")
    assert deliveries(world) == []
    tell(world, NoticeKind.CASE_OPENED, to(Part.COORDINATOR), clock(), key="opened")
    assert [one.digest for one in deliveries(world)] == [False]
    assert len(deliveries(world, "page")) == 2


def test_a_hospitals_addresses_are_written_to_for_all_its_cases_or_for_one(
    world: World, clock: Clock, outbox_of: Callable[[Written], Outbox]
) -> None:
    def write_to(name: str, case_id: str | None) -> str:
        with world.db.writing() as session:
            kept = preferences.add_contact(
                session,
                session.get_one(Hospital, world.hospital.id),
                case=session.get_one(Case, case_id) if case_id else None,
                name=name,
                email=f"{name}@riverside.example",
                language="de",
                by="test",
                now=clock(),
            )
            return kept.id

    office, _, again = (
        write_to("office", None),
        write_to("doctor", world.inside.id),
        write_to("office", None),
    )
    assert office == again
    tell(world, NoticeKind.QUESTION_ASKED, to(Part.HOSPITAL), clock())
    with world.db.writing() as session:
        preferences.remove_contact(session, session.get_one(Contact, office), clock())
    mailer = Written()
    work(outbox_of(mailer), world, clock)
    assert [str(one["To"]) for one in mailer.sent] == ["doctor@riverside.example"]
    assert "http" not in str(mailer.sent[0].get_body(("plain",)))
    gone = [one for one in deliveries(world) if one.contact_id == office]
    assert [one.state for one in gone] == ["given_up"]


def test_reading_the_page_reads_what_stood_on_it_and_no_more(world: World, clock: Clock) -> None:
    tell(world, NoticeKind.OVERDUE, to(Part.HOLDER), clock(), key="one")
    seen = clock()
    tell(world, NoticeKind.DUE_SOON, to(Part.HOLDER), clock.go(minutes=1), key="two")
    with world.db.writing() as session:
        mark_read(session, world.surgeon.id, seen, clock())
        assert queries.unread_count(session, world.surgeon.id) == 1
        assert queries.unread_count(session, world.other_surgeon.id) == 0


def test_no_notice_survives_an_event_that_was_undone(world: World, now: datetime) -> None:
    class Undone(Exception):
        pass

    with pytest.raises(Undone), world.db.writing() as session:
        case = session.merge(world.inside)
        told = to(Part.HOLDER)
        kind = NoticeKind.ASSIGNED
        post(session, kind=kind, case=case, to=told, facts={}, now=now, key="undone")
        raise Undone
    with world.db.reading() as session:
        assert session.scalars(select(Notice)).all() == []
        assert session.scalars(select(jobs.Job)).all() == []
