"""Who is asked to look at a case, as what, and what follows when they do not answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """As what somebody is asked."""

    REVIEWER = "reviewer"
    CHAIR = "chair"
    OBSERVER = "observer"


class Standing(StrEnum):
    """Where an assignment stands. `active` is accepted, or given without asking."""

    OFFERED = "offered"
    ACTIVE = "active"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    WITHDRAWN = "withdrawn"
    COMPLETED = "completed"


ROLE_WORDS: Final = {
    Role.REVIEWER: "Reviewer",
    Role.CHAIR: "Chair",
    Role.OBSERVER: "Observer or trainee",
}
STANDING_WORDS: Final = {
    Standing.OFFERED: "asked",
    Standing.ACTIVE: "has the case",
    Standing.DECLINED: "declined",
    Standing.TIMED_OUT: "did not answer in time",
    Standing.WITHDRAWN: "withdrawn",
    Standing.COMPLETED: "completed",
}
# Who decides: an observer looks, and neither votes nor signs.
DECIDING: Final = frozenset({Role.REVIEWER, Role.CHAIR})

_FROM_OFFERED = (Standing.ACTIVE, Standing.DECLINED, Standing.TIMED_OUT, Standing.WITHDRAWN)
_FROM_ACTIVE = (Standing.DECLINED, Standing.WITHDRAWN, Standing.COMPLETED)
NEXT: Final[frozenset[tuple[Standing, Standing]]] = frozenset(
    {(Standing.OFFERED, one) for one in _FROM_OFFERED}
    | {(Standing.ACTIVE, one) for one in _FROM_ACTIVE}
)


@dataclass(frozen=True)
class Asked:
    """Of one assignment what the rules need. `answer_by` is None where nobody was asked to answer."""

    person_id: str
    role: Role
    standing: Standing
    answer_by: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether the time to answer is over and no answer came."""
        waiting = self.standing is Standing.OFFERED
        return waiting and self.answer_by is not None and now >= self.answer_by


@dataclass(frozen=True)
class Seats:
    """How the seats of a case stand. `free` are those for which nobody has been asked."""

    wanted: int
    taken: int
    asked: int

    @property
    def free(self) -> int:
        return max(0, self.wanted - self.taken - self.asked)


@dataclass(frozen=True)
class Escalation:
    """What follows when seats are free: whom to ask next, and for how many a person must be found."""

    ask: tuple[str, ...] = ()
    unfilled: int = 0


def can_become(standing: Standing, other: Standing) -> bool:
    """Whether an assignment can go from one standing to another."""
    return (standing, other) in NEXT


def seats(asked: Iterable[Asked], wanted: int) -> Seats:
    """How many of `wanted` seats are taken, and to how many somebody has been asked."""
    counted = [one for one in asked if one.role in DECIDING]
    taken = sum(one.standing is Standing.ACTIVE for one in counted)
    return Seats(wanted, taken, sum(one.standing is Standing.OFFERED for one in counted))


def escalation(asked: Iterable[Asked], wanted: int, standby: Iterable[str]) -> Escalation:
    """Whom to ask for the seats that became free, in the order of `standby`.

    Nobody is asked a second time: whoever declined, let the time pass or was taken off stays off, and
    whoever has a part in the case already has one. (Completed is who answered in an earlier round.)
    What `standby` does not fill, a person must.
    """
    known = list(asked)
    free = seats(known, wanted).free
    met = {one.person_id for one in known if one.standing is not Standing.COMPLETED}
    fresh = [one for one in dict.fromkeys(standby) if one not in met]
    return Escalation(tuple(fresh[:free]), max(0, free - len(fresh)))
