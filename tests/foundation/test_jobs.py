"""Work to be done later is done once, again after a failure, and never lost."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from server.foundation import jobs
from server.foundation.db import Database


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


def test_a_job_whose_worker_died_is_done_again_when_the_clock_was_set_back(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        asked = jobs.enqueue(session, "measure", {}, now=now - timedelta(days=3)).id
        jobs.claim(session, now)
    # The clocks of two machines differ by minutes; one that is set back differs by more.
    for back in (timedelta(minutes=5), timedelta(minutes=9)):
        with database.writing() as session:
            assert jobs.claim(session, now - back) is None
    with database.writing() as session:
        again = jobs.claim(session, now - timedelta(days=1))
        assert again is not None
        assert again.id == asked


def test_a_job_whose_worker_died_is_done_again_after_its_lease(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        asked = jobs.enqueue(session, "measure", {}, now=now).id
        jobs.claim(session, now)
    with database.writing() as session:
        assert jobs.claim(session, now) is None
    later = now + jobs.LEASE + timedelta(seconds=1)
    with database.writing() as session:
        again = jobs.claim(session, later)
    assert again is not None
    assert (again.id, again.attempts) == (asked, 2)


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
            jobs.fail(session, job.id, "the archive does not answer", moment)
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
            jobs.fail(session, job.id, "no answer", moment, gives_up=False)
        moment += jobs.LONGEST_RETRY
    with database.reading() as session:
        assert session.get_one(jobs.Job, asked).state == "waiting"


def test_a_job_that_kills_whoever_does_it_comes_to_rest(database: Database, now: datetime) -> None:
    with database.writing() as session:
        jobs.enqueue(session, "crash", {}, now=now)
    moment = now
    for _ in range(jobs.ATTEMPTS + 1):
        with database.writing() as session:
            jobs.claim(session, moment)
        moment += jobs.LEASE + timedelta(seconds=1)
    with database.reading() as session:
        assert [job.name for job in jobs.dead(session)] == ["crash"]
        assert not jobs.is_due(session, moment)


def test_an_urgent_job_comes_before_all_that_wait_longer(database: Database, now: datetime) -> None:
    with database.writing() as session:
        jobs.enqueue(session, "prepare", {}, now=now - timedelta(hours=1))
        urgent = jobs.enqueue(session, "prepare", {}, now=now, run_at=now + timedelta(minutes=9))
        assert jobs.is_due(session, now)
        jobs.urge(session, urgent, now)
    with database.writing() as session:
        job = jobs.claim(session, now)
        assert job is not None
        assert job.id == urgent.id


def test_urging_does_a_finished_job_once_more_and_leaves_a_dead_one_to_a_person(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        done, dead = (jobs.enqueue(session, "prepare", {}, now=now) for _ in range(2))
        jobs.finish(session, done.id, now)
        session.refresh(done)
        dead.state = "dead"
        jobs.urge(session, done, now)
        jobs.urge(session, dead, now)
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


def test_a_renewed_lease_keeps_others_away_and_progress_forgives_earlier_failures(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        asked = jobs.enqueue(session, "prepare", {}, now=now).id
    moment = now
    for _ in range(5):
        with database.writing() as session:
            assert jobs.claim(session, moment) is not None
            jobs.fail(session, asked, "its process died", moment)
        moment += jobs.LONGEST_RETRY
    with database.writing() as session:
        assert jobs.claim(session, moment) is not None
    with database.writing() as session:
        jobs.renew(session, asked, moment + timedelta(minutes=8), advanced=True)
    with database.writing() as session:
        assert jobs.claim(session, moment + timedelta(minutes=12)) is None
        assert session.get_one(jobs.Job, asked).attempts == 1


def test_a_job_gives_way_to_a_more_urgent_one_of_its_kind_only(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        doing = jobs.enqueue(session, "prepare", {}, now=now)
        jobs.claim(session, now)
        jobs.urge(session, jobs.enqueue(session, "measure", {}, now=now), now)
        jobs.enqueue(session, "prepare", {}, now=now)
        assert not jobs.gives_way(session, doing.id, now)
        jobs.urge(session, jobs.enqueue(session, "prepare", {}, now=now), now)
        assert jobs.gives_way(session, doing.id, now)
