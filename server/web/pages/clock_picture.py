"""A case's time as a picture: spans and marks with their places on a line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from server.cases.clocks.clock import Clock
from server.cases.clocks.stages import LABELS, Span

WIDTH = 1000.0
NARROWEST = 1.5
LABEL_ROOM = 120.0
STEPS_DAYS = (1, 2, 5, 7, 14, 30, 60, 90, 180, 365)
MOST_TICKS = 10


@dataclass(frozen=True)
class Piece:
    """A span as a rectangle; `kind` names its style, `words` say it."""

    x: float
    width: float
    kind: str
    paused: bool
    words: str


@dataclass(frozen=True)
class Mark:
    """A moment as a line. `row` 0 or 1 is the line of labels; `anchor` is SVG's text-anchor."""

    x: float
    kind: str
    label: str
    row: int
    anchor: str


@dataclass(frozen=True)
class Picture:
    """Everything to draw, in units of which the picture is 1000 wide."""

    pieces: tuple[Piece, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]


def picture_of(spans: Sequence[Span], clock: Clock, now: datetime) -> Picture:
    """The spans from the first to now or to the limit, whichever is later."""
    begin = spans[0].begun_at
    moments = [spans[-1].ended_at, begin + timedelta(days=1)]
    if clock.limit_on:
        moments.append(clock.calendar.ends(clock.limit_on))
    scale = _Scale(begin, max(moments))
    pieces = [
        Piece(
            scale.x(one.begun_at),
            max(NARROWEST, scale.x(one.ended_at) - scale.x(one.begun_at)),
            one.stage.value,
            one.pause is not None,
            _words(one),
        )
        for one in spans
    ]
    return Picture(tuple(pieces), _marks(spans, clock, now, scale), _ticks(clock, scale))


@dataclass(frozen=True)
class _Scale:
    begin: datetime
    end: datetime

    def x(self, moment: datetime) -> float:
        whole = (self.end - self.begin).total_seconds()
        part = (moment - self.begin).total_seconds() / whole
        return round(min(1.0, max(0.0, part)) * WIDTH, 1)


def _words(span: Span) -> str:
    since, until = f"{span.begun_at:%Y-%m-%d %H:%M}", f"{span.ended_at:%Y-%m-%d %H:%M}"
    when = f"{since} to {'now' if span.open else until}"
    if span.pause is not None:
        return f"Paused in {LABELS[span.stage].lower()}, waiting for {span.pause.who}: {when}"
    return f"{LABELS[span.stage]}: {when}"


def _marks(spans: Sequence[Span], clock: Clock, now: datetime, scale: _Scale) -> tuple[Mark, ...]:
    wanted: list[tuple[datetime, str, str]] = []
    if clock.began_on is not None:
        wanted.append((clock.calendar.begins(clock.began_on), "start", "records complete"))
    if clock.target_on is not None:
        wanted.append(
            (clock.calendar.ends(clock.target_on), "target", f"due {_short(clock.target_on)}")
        )
    if clock.limit_on is not None:
        wanted.append(
            (clock.calendar.ends(clock.limit_on), "limit", f"limit {_short(clock.limit_on)}")
        )
    if spans[-1].open:
        wanted.append((now, "now", "now"))
    marks: list[Mark] = []
    last_x = {0: -LABEL_ROOM, 1: -LABEL_ROOM}
    for moment, kind, label in sorted(wanted, key=lambda one: one[0]):
        x = scale.x(moment)
        row = 0 if x - last_x[0] >= LABEL_ROOM else 1
        last_x[row] = x
        anchor = (
            "start" if x < LABEL_ROOM / 2 else "end" if x > WIDTH - LABEL_ROOM / 2 else "middle"
        )
        marks.append(Mark(x, kind, label, row, anchor))
    return tuple(marks)


def _ticks(clock: Clock, scale: _Scale) -> tuple[tuple[float, str], ...]:
    first, last = clock.calendar.day(scale.begin), clock.calendar.day(scale.end)
    whole = (last - first).days
    step = next((one for one in STEPS_DAYS if whole / one <= MOST_TICKS), STEPS_DAYS[-1])
    days = [first + timedelta(days=n) for n in range(step, whole + 1, step)]
    places = [(scale.x(clock.calendar.begins(day)), _short(day)) for day in days]
    return tuple((x, label) for x, label in places if x <= WIDTH - LABEL_ROOM / 4)


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"
