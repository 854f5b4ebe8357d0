"""Who sees which thread, and which of its messages. Pure.

Coordinators see all. A hospital sees what is addressed to hospitals. Surgeons judge independently: each
sees their own threads, and of another's only what a coordinator has shown to all reviewers. What a
surgeon writes after that is not shown to the others, so that no thread becomes a way around the panel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar


class Side(StrEnum):
    """From which side of the case somebody speaks."""

    COORDINATOR = "coordinator"
    HOSPITAL = "hospital"
    SURGEON = "surgeon"


class Audience(StrEnum):
    """For whom a thread is."""

    HOSPITAL = "hospital"
    INTERNAL = "internal"


@dataclass(frozen=True)
class Voice:
    """Somebody who reads and writes. `id` is their person, or the grant by which they came."""

    side: Side
    id: str
    name: str


class ThreadFacts(Protocol):
    """What the rule needs to know of a thread."""

    @property
    def audience(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def owner_id(self) -> str: ...
    @property
    def shown_at(self) -> datetime | None: ...


class MessageFacts(Protocol):
    """What the rule needs to know of a message."""

    @property
    def side(self) -> str: ...
    @property
    def author_id(self) -> str: ...
    @property
    def at(self) -> datetime: ...


M = TypeVar("M", bound=MessageFacts)


def may_see(voice: Voice, thread: ThreadFacts) -> bool:
    """Whether a thread exists for this voice. Who may see it may answer in it."""
    if voice.side is Side.COORDINATOR:
        return True
    if voice.side is Side.HOSPITAL:
        return thread.audience == Audience.HOSPITAL
    return is_own(voice, thread) or thread.shown_at is not None


def is_own(voice: Voice, thread: ThreadFacts) -> bool:
    """Whether this voice began the thread."""
    return thread.side == voice.side and thread.owner_id == voice.id


def seen_of(voice: Voice, thread: ThreadFacts, messages: Iterable[M]) -> list[M]:
    """The messages of a thread that this voice sees, in their order."""
    return [one for one in messages if _sees(voice, thread, one)]


def _sees(voice: Voice, thread: ThreadFacts, message: MessageFacts) -> bool:
    if voice.side is not Side.SURGEON or message.side != Side.SURGEON:
        return True
    if message.author_id == voice.id:
        return True
    shown = thread.shown_at is not None and message.at <= thread.shown_at
    return shown and message.author_id == thread.owner_id


def name_for(voice: Voice, side: str, author_id: str, author: str) -> str:
    """How an author is called before this voice: surgeons have no name before each other and before
    the hospital, which knows who signs when somebody has signed."""
    if author_id == voice.id:
        return "You"
    if side == Side.SURGEON and voice.side is not Side.COORDINATOR:
        return "Another reviewer" if voice.side is Side.SURGEON else "The reviewing surgeon"
    return author


def waits_for(side_of_last: str, audience: str) -> Side:
    """Who has to act on an open thread: the side that did not speak last."""
    if side_of_last == Side.HOSPITAL:
        return Side.COORDINATOR
    if side_of_last == Side.SURGEON:
        return Side.HOSPITAL if audience == Audience.HOSPITAL else Side.COORDINATOR
    return Side.HOSPITAL if audience == Audience.HOSPITAL else Side.SURGEON
