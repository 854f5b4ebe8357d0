"""Work to be done later is done once, again after a failure, and never lost."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from sqlalchemy import select

from server.foundation import jobs
from server.foundation.clock import utc_now
from server.foundation.db import Database, clock_of


def test_a_job_of_one_key_is_asked_for_once(database: Database, now: datetime) -> None:
    with database.writing() as session:
        first = jobs.enqueue(session, "measure", {"a": 1}, key="measure 1", now=now)
        assert jobs.enqueue(session, "measure", {"a": 1}, key="measure 1", now=now).id == first.id


def test_two_workers_never_both_get_a_job(database: Database, now: datetime) -> None:
    with database.writing() as session:
        for number in range(20):
            jobs.enqueue(session, "measure", {"number": number}, now=now)
    taken: list[str] = []

    def work() -> None:
        while True:
            with database.writing() as session:
                job = jobs.claim(session, now)
            if job is None:
                return
            taken.append(job.id)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with database.writing() as session:
        while (job := jobs.claim(session, now)) is not None:
            taken.append(job.id)
    assert len(taken) == len(set(taken)) == 20


def let_lease_end(database: Database, moment: datetime | None = None) -> None:
    """The leases of all jobs end, by the database's clock, or at this moment."""
    with database.writing() as session:
        ended = moment or clock_of(session)
        for job in session.scalars(select(jobs.Job).where(jobs.Job.state == "running")):
            job.lease_until = ended


def test_a_job_whose_worker_died_is_done_again_when_the_clock_was_set_back(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        asked = jobs.enqueue(session, "measure", {}, now=now).id
        jobs.claim(session, now)
    let_lease_end(database, utc_now() + timedelta(days=1))
    with database.writing() as session:
        again = jobs.claim(session, now)
        assert again is not None
        assert again.id == asked


def test_a_job_whose_worker_died_is_done_again_after_its_lease(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        asked = jobs.enqueue(session, "measure", {}, now=now).id
        jobs.claim(session, now)
    for clock_of_another_server in (now - timedelta(hours=1), now + timedelta(hours=1)):
        with database.writing() as session:
            assert jobs.claim(session, clock_of_another_server) is None
    let_lease_end(database)
    with database.writing() as session:
        again = jobs.claim(session, now)
    assert again is not None
    assert (again.id, again.attempts) == (asked, 2)


def test_whoever_lost_a_job_is_told_so_and_changes_nothing(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        jobs.enqueue(session, "measure", {}, now=now)
        first = jobs.claim(session, now)
    assert first is not None
    let_lease_end(database)
    with database.writing() as session:
        # Nobody took it meanwhile, so it is still its own.
        assert jobs.renew(session, first.id, first.holder)
        assert jobs.claim(session, now) is None
    let_lease_end(database)
    with database.writing() as session:
        second = jobs.claim(session, now)
    assert second is not None
    with database.writing() as session:
        assert not jobs.renew(session, first.id, first.holder)
        jobs.finish(session, first.id, first.holder, now)
        jobs.fail(session, first.id, first.holder, "died", now)
    with database.reading() as session:
        kept = session.get_one(jobs.Job, first.id)
        assert (kept.state, kept.holder, kept.last_error) == ("running", second.holder, "")
    with database.writing() as session:
        jobs.finish(session, second.id, second.holder, now)
        # One that is done is nobody else's: whoever did it need not be ended.
        assert jobs.renew(session, second.id, second.holder)
    with database.reading() as session:
        assert session.get_one(jobs.Job, first.id).state == "done"


def test_a_failing_job_waits_longer_each_time_and_comes_to_rest_where_a_person_sees_it(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        asked = jobs.enqueue(session, "measure", {}, now=now).id
    moment, waits = now, []
    for _ in range(jobs.ATTEMPTS):
        with database.writing() as session:
            job = jobs.claim(session, moment)
            assert job is not None
            jobs.fail(session, job.id, job.holder, "the archive does not answer", moment)
        with database.reading() as session:
            kept = session.get_one(jobs.Job, asked)
            waits.append(kept.run_at - moment)
            moment = max(moment, kept.run_at)
    assert waits[:3] == [timedelta(seconds=2), timedelta(seconds=4), timedelta(seconds=8)]
    with database.writing() as session:
        assert [job.id for job in jobs.dead(session)] == [asked]
        jobs.send_round_again(session, asked, moment)
    with database.writing() as session:
        assert jobs.claim(session, moment) is not None


def test_a_job_that_waits_for_the_archive_is_never_given_up(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        asked = jobs.enqueue(session, "store", {}, now=now).id
    moment = now
    for _ in range(jobs.ATTEMPTS + 3):
        with database.writing() as session:
            job = jobs.claim(session, moment)
            assert job is not None
            jobs.fail(session, job.id, job.holder, "no answer", moment, gives_up=False)
        moment += jobs.LONGEST_RETRY
    with database.reading() as session:
        assert session.get_one(jobs.Job, asked).state == "waiting"


def test_a_job_that_kills_whoever_does_it_comes_to_rest(database: Database, now: datetime) -> None:
    with database.writing() as session:
        jobs.enqueue(session, "crash", {}, now=now)
    for _ in range(jobs.ATTEMPTS + 1):
        with database.writing() as session:
            jobs.claim(session, now)
        let_lease_end(database)
    with database.reading() as session:
        assert [job.name for job in jobs.dead(session)] == ["crash"]
        assert not jobs.is_due(session, now)


def test_an_urgent_job_comes_before_all_that_wait_longer(database: Database, now: datetime) -> None:
    with database.writing() as session:
        jobs.enqueue(session, "prepare", {}, now=now - timedelta(hours=1))
        urgent = jobs.enqueue(session, "prepare", {}, now=now, run_at=now + timedelta(minutes=9))
        assert jobs.is_due(session, now)
        jobs.urge(urgent, now)
    with database.writing() as session:
        job = jobs.claim(session, now)
        assert job is not None
        assert job.id == urgent.id


def test_urging_does_a_finished_job_once_more_and_leaves_a_dead_one_to_a_person(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        done, dead = (jobs.enqueue(session, "prepare", {}, now=now) for _ in range(2))
        done.state = "done"
        dead.state = "dead"
        jobs.urge(done, now)
        jobs.urge(dead, now)
    with database.writing() as session:
        job = jobs.claim(session, now)
        assert job is not None
        assert (job.id, job.attempts) == (done.id, 1)
        assert jobs.claim(session, now) is None


def test_whoever_claims_gets_only_jobs_it_can_do(database: Database, now: datetime) -> None:
    with database.writing() as session:
        for name in ("prepare", "measure"):
            jobs.enqueue(session, name, {}, now=now)
    with database.writing() as session:
        assert jobs.is_due(session, now, only=("prepare",))
        first = jobs.claim(session, now, but=("prepare",))
        assert first is not None
        assert first.name == "measure"
        assert jobs.claim(session, now, but=("prepare",)) is None
        assert jobs.claim(session, now, only=("sign",)) is None
        second = jobs.claim(session, now, only=("prepare",))
        assert second is not None
        assert second.name == "prepare"


def test_progress_forgives_earlier_failures(database: Database, now: datetime) -> None:
    with database.writing() as session:
        asked = jobs.enqueue(session, "prepare", {}, now=now).id
    moment = now
    for _ in range(5):
        with database.writing() as session:
            job = jobs.claim(session, moment)
            assert job is not None
            jobs.fail(session, asked, job.holder, "its process died", moment)
        moment += jobs.LONGEST_RETRY
    with database.writing() as session:
        assert jobs.claim(session, moment) is not None
        jobs.note_advance(session, asked)
    with database.reading() as session:
        assert session.get_one(jobs.Job, asked).attempts == 1


def test_a_job_gives_way_to_a_more_urgent_one_of_its_kind_only(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        doing = jobs.enqueue(session, "prepare", {}, now=now)
        jobs.claim(session, now)
        jobs.urge(jobs.enqueue(session, "measure", {}, now=now), now)
        jobs.enqueue(session, "prepare", {}, now=now)
        assert not jobs.gives_way(session, doing.id, now)
        jobs.urge(jobs.enqueue(session, "prepare", {}, now=now), now)
        assert jobs.gives_way(session, doing.id, now)
