"""A six-digit code opens one session, whoever else has read it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from pyotp import TOTP
from sqlalchemy import func, select

from server.access.actions import (
    FAILURES_COUNT_FOR,
    SignInFailed,
    forget_failures,
    note_failure,
    sign_in,
)
from server.access.codes import ask_for_code
from server.access.records import FailedSignIn, SignIn
from server.errand.forgetting import forget_old
from server.people.records import Person
from tests.world import PASSWORD, World

STEP = timedelta(seconds=30)


@pytest.fixture
def totp(world: World) -> TOTP:
    with world.db.writing() as session:
        person = session.get_one(Person, world.coordinator.id)
        ask_for_code(person)
        return TOTP(str(person.totp_secret))


def comes_in(world: World, code: str, now: datetime) -> bool:
    try:
        with world.db.writing() as session:
            email = world.coordinator.email
            sign_in(session, email=email, password=PASSWORD, code=code, now=now)
    except SignInFailed:
        return False
    return True


def test_a_code_that_was_taken_is_good_no_more_and_the_next_one_is(
    world: World, now: datetime, totp: TOTP
) -> None:
    code = totp.at(now)
    assert comes_in(world, code, now)
    assert not comes_in(world, code, now)
    assert not comes_in(world, code, now + STEP)
    assert comes_in(world, totp.at(now + STEP), now + STEP)


def test_a_code_from_before_the_one_that_was_taken_is_refused(
    world: World, now: datetime, totp: TOTP
) -> None:
    assert comes_in(world, totp.at(now), now)
    assert not comes_in(world, totp.at(now - STEP), now)
    assert comes_in(world, totp.at(now + STEP), now), "a watch that is ahead"


def test_a_wrong_password_uses_no_code_up(world: World, now: datetime, totp: TOTP) -> None:
    code = totp.at(now)
    with pytest.raises(SignInFailed), world.db.writing() as session:
        sign_in(session, email=world.coordinator.email, password="wrong", code=code, now=now)
    assert comes_in(world, code, now)


def test_of_many_who_come_with_one_code_at_once_one_is_let_in(
    world: World, now: datetime, totp: TOTP
) -> None:
    begin, said = threading.Barrier(6), []

    def come() -> None:
        begin.wait()
        said.append(comes_in(world, totp.at(now), now))

    coming = [threading.Thread(target=come) for _ in range(6)]
    for one in coming:
        one.start()
    for one in coming:
        one.join()
    assert sorted(said) == [False] * 5 + [True]
    with world.db.reading() as session:
        assert session.scalar(select(func.count(SignIn.id))) == 1


def test_a_new_secret_begins_anew(world: World, now: datetime, totp: TOTP) -> None:
    assert comes_in(world, totp.at(now), now)
    with world.db.writing() as session:
        person = session.get_one(Person, world.coordinator.id)
        ask_for_code(person)
        another = TOTP(str(person.totp_secret))
    assert comes_in(world, another.at(now), now)


def failures(world: World) -> int:
    with world.db.reading() as session:
        return session.scalar(select(func.count(FailedSignIn.id))) or 0


def test_failed_attempts_are_forgotten_when_nobody_waits_for_them_any_more(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        for minutes in (0, 1, 14, 20):
            note_failure(session, "clara@margin.example", now + timedelta(minutes=minutes))
    # What was noted last took those with it that had ended by then.
    assert failures(world) == 2
    with world.db.writing() as session:
        assert forget_failures(session, now + timedelta(minutes=14) + FAILURES_COUNT_FOR, 10) == 1
    tomorrow = now + timedelta(days=1)
    forgotten = forget_old(world.db, tomorrow, notices_keep_days=365, jobs_keep_days=90)
    assert (forgotten["failed_sign_ins"], failures(world)) == (1, 0)
