"""Asking and answering, on either kind of database."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.cases import actions as cases
from server.cases.records import Case
from server.conversation import actions, queries
from server.conversation.actions import ImagePointed, NotForThem, QuestionsAreOver, Said
from server.conversation.queries import QuestionNotFound
from server.conversation.records import Message, Question
from server.conversation.visibility import Audience, Side, Voice
from server.foundation.db import new_id
from server.foundation.errors import Invalid
from tests.world import INSIDE_STUDY, OUTSIDE_STUDY, World

HOSPITAL = Voice(Side.HOSPITAL, "h1", "Riverside")
TEXT = "Please send the venous phase as well."


def surgeon_of(world: World) -> Voice:
    return Voice(Side.SURGEON, world.surgeon.id, "Lena")


def coordinator_of(world: World) -> Voice:
    return Voice(Side.COORDINATOR, world.coordinator.id, "Clara")


def said(text: str = TEXT) -> Said:
    return Said(text, new_id())


def ask(
    world: World, now: datetime, voice: Voice, words: Said | None = None, *, imaging: bool = False
) -> Question:
    with world.db.writing() as session:
        return actions.ask(
            session,
            session.get_one(Case, world.inside.id),
            voice,
            words or said(),
            audience=Audience.HOSPITAL,
            now=now,
            wants_imaging=imaging,
        )


def answer(world: World, now: datetime, number: int, voice: Voice, words: Said) -> None:
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        thread = queries.thread(session, case, voice, number)
        actions.answer(session, case, thread.question, voice, words, now)


def seen(world: World, voice: Voice) -> list[queries.Thread]:
    with world.db.reading() as session:
        return queries.threads(session, session.get_one(Case, world.inside.id), voice)


def test_a_question_is_answered_and_both_sides_read_it(world: World, now: datetime) -> None:
    ask(world, now, surgeon_of(world))
    answer(world, now, 1, HOSPITAL, said("It was not made."))
    for voice in (surgeon_of(world), HOSPITAL, coordinator_of(world)):
        [thread] = seen(world, voice)
        assert [one.text for one in thread.messages] == [TEXT, "It was not made."]
        assert thread.waits_for == Side.COORDINATOR


def test_a_form_sent_twice_says_it_once(world: World, now: datetime) -> None:
    words = said()
    assert (
        ask(world, now, surgeon_of(world), words).id == ask(world, now, surgeon_of(world), words).id
    )
    again = said("Once.")
    for _ in range(2):
        answer(world, now, 1, HOSPITAL, again)
    [thread] = seen(world, HOSPITAL)
    assert [one.text for one in thread.messages] == [TEXT, "Once."]


def test_the_key_of_somebody_elses_form_opens_nothing(world: World, now: datetime) -> None:
    words = said()
    ask(world, now, surgeon_of(world), words)
    with pytest.raises(Invalid):
        ask(world, now, HOSPITAL, words)


def test_two_who_answer_at_once_are_both_kept(world: World, now: datetime) -> None:
    ask(world, now, surgeon_of(world))
    ready = threading.Barrier(2)
    failures: list[Exception] = []

    def speak(voice: Voice) -> None:
        ready.wait()
        try:
            answer(world, now, 1, voice, said(f"Here, from {voice.name}."))
        except Exception as error:
            failures.append(error)

    both = [
        threading.Thread(target=speak, args=(one,)) for one in (HOSPITAL, coordinator_of(world))
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert failures == []
    [thread] = seen(world, HOSPITAL)
    assert {one.author for one in thread.messages} == {"Lena", "Riverside", "Clara"}


def test_two_who_ask_at_once_get_two_numbers(world: World, now: datetime) -> None:
    ready = threading.Barrier(2)
    failures: list[Exception] = []

    def speak(voice: Voice) -> None:
        ready.wait()
        try:
            ask(world, now, voice)
        except Exception as error:
            failures.append(error)

    both = [threading.Thread(target=speak, args=(one,)) for one in (HOSPITAL, surgeon_of(world))]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert failures == []
    assert {one.question.number for one in seen(world, coordinator_of(world))} == {1, 2}


def test_asking_for_more_imaging_stops_the_clock_and_says_what_for(
    world: World, now: datetime
) -> None:
    question = ask(world, now, surgeon_of(world), imaging=True)
    assert question.paused
    with world.db.reading() as session:
        case = session.get_one(Case, world.inside.id)
        assert case.state == "on_hold" and TEXT in case.held_reason
        [open_request] = wanted(session, case)
        assert open_request.id == question.id
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        cases.resume(session, case, seen_version=case.version, now=now)
        found = wanted(session, case)[0]
        actions.close(session, found, coordinator_of(world), now)
        assert wanted(session, case) == []


def wanted(session: Session, case: Case) -> list[Question]:
    """The requests for more imaging that are still open."""
    found = session.scalars(select(Question).where(Question.case_id == case.id))
    return [one for one in found if one.wants_imaging and one.closed_at is None]


def test_asking_for_imaging_in_a_case_that_is_held_already_asks_all_the_same(
    world: World, now: datetime
) -> None:
    ask(world, now, surgeon_of(world), imaging=True)
    second = ask(world, now, surgeon_of(world), imaging=True)
    assert not second.paused and second.wants_imaging


def test_a_hospital_does_not_stop_its_own_clock(world: World, now: datetime) -> None:
    question = ask(world, now, HOSPITAL, imaging=True)
    assert not question.wants_imaging and not question.paused


def test_nothing_is_asked_in_a_withdrawn_case(world: World, now: datetime) -> None:
    ask(world, now, surgeon_of(world))
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        cases.withdraw(session, case, reason="over", seen_version=case.version, now=now)
    with pytest.raises(QuestionsAreOver):
        answer(world, now, 1, HOSPITAL, said())


@pytest.mark.parametrize(
    "words",
    [
        Said("  ", "a" * 32),
        Said("x" * 8001, "a" * 32),
        Said("x", "short"),
        Said("x", "a" * 32, images=[ImagePointed(OUTSIDE_STUDY, "1.2", "1.3")]),
        Said("x", "a" * 32, images=[ImagePointed(INSIDE_STUDY, "1.2", "1.3")] * 13),
    ],
    ids=["nothing", "too long", "no key", "an image of another case", "too many images"],
)
def test_what_cannot_be_said_is_refused_and_keeps_nothing(
    world: World, now: datetime, words: Said
) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(world, now, surgeon_of(world), words)
    assert refusal.value.problems
    with world.db.reading() as session:
        assert session.scalar(select(func.count(Question.id))) == 0


def test_images_are_kept_with_the_message_in_their_order(world: World, now: datetime) -> None:
    images = [ImagePointed(INSIDE_STUDY, "1.2", f"1.3.{place}", place) for place in (3, 1, 2)]
    ask(world, now, surgeon_of(world), replace(said(), images=images))
    [thread] = seen(world, HOSPITAL)
    assert [one.frame for one in thread.messages[0].images] == [3, 1, 2]


def test_what_was_read_is_not_new_again_and_the_writer_sees_that_it_was_read(
    world: World, now: datetime
) -> None:
    ask(world, now, surgeon_of(world))
    [thread] = seen(world, HOSPITAL)
    assert thread.fresh == {thread.messages[0].id}
    for _ in range(2):
        with world.db.writing() as session:
            message = session.get_one(Message, thread.messages[0].id)
            actions.mark_seen(session, HOSPITAL, [message], now)
    assert seen(world, HOSPITAL)[0].fresh == frozenset()
    [own] = seen(world, surgeon_of(world))
    assert own.fresh == frozenset()
    assert own.read_by[thread.messages[0].id] == {Side.HOSPITAL}


def test_only_who_asked_or_a_coordinator_closes_and_an_answer_opens_again(
    world: World, now: datetime
) -> None:
    ask(world, now, surgeon_of(world))
    with world.db.writing() as session, pytest.raises(NotForThem):
        actions.close(session, session.scalars(select(Question)).one(), HOSPITAL, now)
    with world.db.writing() as session:
        actions.close(session, session.scalars(select(Question)).one(), surgeon_of(world), now)
    assert not seen(world, HOSPITAL)[0].is_open
    answer(world, now, 1, HOSPITAL, said("One more thing."))
    assert seen(world, HOSPITAL)[0].is_open


def test_another_surgeon_does_not_learn_of_a_thread_before_it_is_shown(
    world: World, now: datetime
) -> None:
    ask(world, now, surgeon_of(world))
    other = Voice(Side.SURGEON, world.other_surgeon.id, "Otto")
    with pytest.raises(QuestionNotFound):
        answer(world, now, 1, other, said())
    with world.db.writing() as session:
        actions.show_to_reviewers(session, session.scalars(select(Question)).one(), now)
    assert len(seen(world, other)) == 1
