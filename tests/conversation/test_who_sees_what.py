"""Who sees which thread, and which of its messages: a pure rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.conversation.visibility import (
    Audience,
    Side,
    Voice,
    may_see,
    name_for,
    seen_of,
    waits_for,
)

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
COORDINATOR = Voice(Side.COORDINATOR, "c1", "Clara")
HOSPITAL = Voice(Side.HOSPITAL, "h1", "Riverside")
LENA, OTTO = Voice(Side.SURGEON, "s1", "Lena"), Voice(Side.SURGEON, "s2", "Otto")
VOICES = (COORDINATOR, HOSPITAL, LENA, OTTO)


@dataclass(frozen=True)
class Thread:
    audience: str
    side: str
    owner_id: str
    shown_at: datetime | None = None


@dataclass(frozen=True)
class Message:
    side: str
    author_id: str
    at: datetime


def by(voice: Voice, audience: Audience, shown_at: datetime | None = None) -> Thread:
    return Thread(audience.value, voice.side.value, voice.id, shown_at)


def said(voice: Voice, hours: float) -> Message:
    return Message(voice.side.value, voice.id, NOW + timedelta(hours=hours))


THREADS = st.builds(
    by,
    st.sampled_from(VOICES),
    st.sampled_from(Audience),
    st.one_of(st.none(), st.just(NOW), st.just(NOW + timedelta(hours=5))),
)
MESSAGES = st.lists(
    st.builds(said, st.sampled_from(VOICES), st.floats(-1, 10, allow_nan=False)), max_size=8
)


@given(THREADS, MESSAGES)
def test_a_coordinator_sees_everything(thread: Thread, messages: list[Message]) -> None:
    assert may_see(COORDINATOR, thread)
    assert seen_of(COORDINATOR, thread, messages) == messages


@given(THREADS)
def test_a_hospital_never_sees_what_is_internal(thread: Thread) -> None:
    assert may_see(HOSPITAL, thread) == (thread.audience == Audience.HOSPITAL)


@given(THREADS)
def test_a_surgeon_sees_their_own_threads_and_those_shown_to_all(thread: Thread) -> None:
    own = thread.side == Side.SURGEON and thread.owner_id == LENA.id
    assert may_see(LENA, thread) == (own or thread.shown_at is not None)


@given(THREADS, MESSAGES)
def test_no_thread_brings_one_surgeons_word_to_another_unless_a_coordinator_showed_it(
    thread: Thread, messages: list[Message]
) -> None:
    for message in seen_of(LENA, thread, messages):
        if message.side == Side.SURGEON and message.author_id != LENA.id:
            assert thread.shown_at is not None and message.at <= thread.shown_at
            assert message.author_id == thread.owner_id


def test_a_surgeon_has_no_name_before_the_hospital_and_before_other_surgeons() -> None:
    assert name_for(HOSPITAL, Side.SURGEON, "s1", "Lena") == "The reviewing surgeon"
    assert name_for(OTTO, Side.SURGEON, "s1", "Lena") == "Another reviewer"
    assert name_for(COORDINATOR, Side.SURGEON, "s1", "Lena") == "Lena"
    assert name_for(LENA, Side.SURGEON, "s1", "Lena") == "You"
    assert name_for(LENA, Side.HOSPITAL, "h1", "Riverside") == "Riverside"


def test_a_thread_waits_for_the_side_that_did_not_speak_last() -> None:
    assert waits_for("surgeon", "hospital") is Side.HOSPITAL
    assert waits_for("hospital", "hospital") is Side.COORDINATOR
    assert waits_for("coordinator", "internal") is Side.SURGEON
    assert waits_for("surgeon", "internal") is Side.COORDINATOR
