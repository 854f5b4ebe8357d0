"""The lives of many cases over three years: when each was opened, went on, paused and ended, and with whom.

Each is drawn from a seed of its own: nothing of it is random between two runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bench.bulk import identifier, uid
from server.annotations.organs import ORGANS
from server.cases.clocks.business_days import Calendars
from server.cases.clocks.clock import Clock, Times, calendar_of, read_clock
from server.cases.clocks.pauses import Cause, Pause
from server.cases.clocks.tiers import tiers
from server.cases.lifecycle import Event, State

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
COUNTRIES = ("GB", "DE", "IN", "CN", "US", "NL", "AE")
TIERS = ("report", "report", "report", "video", "in_person")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Size:
    """How many of each. `in_work_percent` of the cases were opened lately, the rest over three years."""

    cases: int = 100_000
    hospitals: int = 60
    surgeons: int = 120
    coordinators: int = 6
    in_work_percent: int = 20
    seed: int = 20261121


@dataclass(frozen=True)
class LivedPause:
    """A pause of a life."""

    begun_at: datetime
    ended_at: datetime | None
    reason: str
    waits_for: str
    cause: Cause


@dataclass(slots=True)
class Life:
    """What became of one case until NOW. `steps` are (at, from, to, event) in order."""

    index: int
    organ: str
    hospital: int
    surgeon: int
    tier: str
    opened_at: datetime
    state: State = State.OPEN
    steps: list[tuple[datetime, str, str, str]] = field(default_factory=list)
    pauses: list[LivedPause] = field(default_factory=list)
    complete_at: datetime | None = None
    assigned_at: datetime | None = None
    begun_at: datetime | None = None
    signed_at: datetime | None = None
    verdict: str = ""
    held_from: str = ""

    @property
    def id(self) -> str:
        return identifier("case", self.index)

    @property
    def number(self) -> str:
        return f"M-{self.opened_at.year}-{self.index:06d}"

    @property
    def study(self) -> str:
        return uid("study", self.index)

    @property
    def reviewer_id(self) -> str:
        return identifier("surgeon", self.surgeon)


class LivesOf:
    """Draws the lives of a size; asked twice, it gives the same ones."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.calendars = Calendars()
        self._drawn: list[Life] = []
        self._verdicts = {
            organ.id: list(organ.schema["properties"]["verdict"]["enum"])
            for organ in ORGANS.values()
        }

    def __iter__(self) -> Iterator[Life]:
        if not self._drawn:
            self._drawn = [self.life(index) for index in range(self.size.cases)]
        return iter(self._drawn)

    def life(self, index: int) -> Life:
        """One of them."""
        chance = random.Random(self.size.seed * 1_000_003 + index)
        lately = chance.random() * 100 < self.size.in_work_percent
        age = chance.uniform(0, 12) if lately else chance.uniform(40, 1095)
        organ = chance.choice(tuple(self._verdicts))
        life = Life(
            index=index,
            organ=organ,
            hospital=min(int(chance.expovariate(0.08)), self.size.hospitals - 1),
            surgeon=min(int(chance.expovariate(0.04)), self.size.surgeons - 1),
            tier=chance.choice(TIERS),
            opened_at=NOW - age * DAY,
        )
        life.steps.append((life.opened_at, "", State.OPEN.value, "opened"))
        _live(life, chance, self._verdicts[organ])
        return life

    def clock(self, life: Life) -> Clock:
        """The clock of a life at NOW."""
        tier = tiers()[life.tier]
        pauses = [
            Pause(one.begun_at, one.ended_at, one.reason, one.waits_for, one.cause)
            for one in life.pauses
        ]
        calendar = calendar_of(tier, COUNTRIES[life.hospital % len(COUNTRIES)], self.calendars)
        return read_clock(tier, calendar, Times(life.complete_at, pauses, life.signed_at), NOW)


def _live(life: Life, chance: random.Random, verdicts: list[str]) -> None:
    """Step by step until the end or NOW."""
    at = life.opened_at + chance.expovariate(1 / 1.2) * DAY
    if not _step(life, at, State.AWAITING_RECORDS, Event.STUDY_ATTACHED):
        return
    if chance.random() < 0.04:
        at += chance.uniform(1, 20) * DAY
        _step(life, at, State.WITHDRAWN, Event.WITHDRAW)
        return
    at += chance.expovariate(1 / 3.0) * DAY
    if not _step(life, at, State.READY, Event.RECORDS_COMPLETE):
        return
    life.complete_at = at
    at += chance.expovariate(1 / 0.7) * DAY
    if not _step(life, at, State.ASSIGNED, Event.SURGEON_ASSIGNED):
        return
    life.assigned_at = at
    if chance.random() < 0.18:
        at = _pause(life, chance, at + chance.uniform(0.1, 2) * DAY)
        if at > NOW:
            return
    at += chance.expovariate(1 / 1.5) * DAY
    if not _step(life, at, State.IN_REVIEW, Event.REVIEW_BEGUN):
        return
    life.begun_at = at
    at += chance.lognormvariate(0.9, 0.7) * DAY
    if not _step(life, at, State.OPINED, Event.OPINION_SIGNED):
        return
    life.signed_at, life.verdict = at, chance.choice(verdicts)
    _step(life, at + chance.uniform(0.2, 6) * DAY, State.CLOSED, Event.CLOSE)


def _step(life: Life, at: datetime, to: State, event: Event) -> bool:
    """Whether there was time for it."""
    if at > NOW:
        return False
    life.steps.append((at, life.state.value, to.value, event.value))
    life.state = to
    return True


def _pause(life: Life, chance: random.Random, at: datetime) -> datetime:
    """Half of the pauses are holds, half are waited for more records; gives when it ends."""
    if at > NOW:
        return at
    ends = at + chance.lognormvariate(1.2, 0.8) * DAY
    held, before = chance.random() < 0.5, life.state
    if held:
        _step(life, at, State.ON_HOLD, Event.HOLD)
        life.held_from = before.value
        waits_for = chance.choice(("hospital", "patient", "coordinator"))
        reason, cause = "The patient is away until the staging laparoscopy.", Cause.HOLD
    else:
        _step(life, at, State.AWAITING_RECORDS, Event.RECORDS_WANTED)
        waits_for, reason, cause = "hospital", "More records are needed.", Cause.RECORDS
    ended = ends if ends <= NOW else None
    life.pauses.append(LivedPause(at, ended, reason, waits_for, cause))
    if ended is not None and held:
        _step(life, ends, before, Event.RESUME)
        life.held_from = ""
    elif ended is not None:
        _step(life, ends, State.READY, Event.RECORDS_COMPLETE)
        _step(life, ends, State.ASSIGNED, Event.SURGEON_ASSIGNED)
    return ends
