"""Pictures of the figures as inline SVG, drawn with the page's own colours in light and dark.

Only classes and geometry are written: the colours are those of figures.css, so that no style is inline
and no script is needed. Every picture has a title and a description, and stands beside its table.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

WIDTH = 640.0
LABELS = 208.0
RIGHT = 92.0
ROW = 34.0
TOP = 8.0
FOOT = 30.0


@dataclass(frozen=True)
class Bar:
    """One line of `intervals`, in percent. `value` None: too few to draw; `band` is a claim's range."""

    label: str
    said: str
    value: float | None
    low: float = 0.0
    high: float = 0.0
    few: bool = False
    band: tuple[float, float] | None = None


@dataclass(frozen=True)
class Box:
    """One line of `boxes`, in days. `median` None: nothing to draw; `mark` is a promise."""

    label: str
    said: str
    median: float | None
    low: float = 0.0
    high: float = 0.0
    mark: float | None = None


def intervals(id_: str, title: str, bars: Sequence[Bar]) -> Markup:
    """Shares as points with their intervals, each before the range that a text claims."""
    height = TOP + ROW * len(bars) + FOOT
    top = max([50.0, *(b.high for b in bars if b.value is not None), *_band_ends(bars)])
    end = min(100.0, ceil(top / 10) * 10)
    parts = _scale(end, height, " %", 10 if end <= 60 else 20)
    for place, bar in enumerate(bars):
        middle = TOP + ROW * (place + 0.5)
        if bar.band:
            x, width = _x(bar.band[0], end), _x(bar.band[1], end) - _x(bar.band[0], end)
            parts.append(_rect("claim", x, middle - 11, width, 22))
        parts.append(_label(bar.label, middle))
        if bar.value is not None:
            few = " few" if bar.few else ""
            low, high, at = (_x(n, end) for n in (bar.low, bar.high, bar.value))
            parts.append(_line("whisker" + few, low, middle, high, middle))
            parts += [_line("whisker" + few, x, middle - 5, x, middle + 5) for x in (low, high)]
            parts.append(f'<circle class="point{few}" cx="{at:.1f}" cy="{middle:.1f}" r="5.5"/>')
        parts.append(_said(bar.said, middle))
    told = "; ".join(f"{bar.label}: {bar.said}" for bar in bars)
    return _svg(id_, title, told, height, parts)


def _band_ends(bars: Iterable[Bar]) -> list[float]:
    return [bar.band[1] for bar in bars if bar.band]


def boxes(id_: str, title: str, rows: Sequence[Box]) -> Markup:
    """Durations as a box from quartile to quartile with the median, and a mark where one is promised."""
    height = TOP + ROW * len(rows) + FOOT
    ends = [max(row.high, row.mark or 0.0) for row in rows if row.median is not None]
    end = _round_up(max([1.0, *ends]))
    parts = _scale(end, height, " d", end / 5)
    for place, row in enumerate(rows):
        middle = TOP + ROW * (place + 0.5)
        parts.append(_label(row.label, middle))
        if row.median is not None:
            low, high, at = (_x(n, end) for n in (row.low, row.high, row.median))
            parts.append(_rect("box", low, middle - 9, max(high - low, 2.0), 18))
            parts.append(_line("median", at, middle - 9, at, middle + 9))
        if row.mark is not None and row.mark <= end:
            x = _x(row.mark, end)
            parts.append(_line("promise", x, middle - 13, x, middle + 13))
        parts.append(_said(row.said, middle))
    told = "; ".join(f"{row.label}: {row.said}" for row in rows)
    return _svg(id_, title, told, height, parts)


def scatter(
    id_: str,
    title: str,
    pairs: Sequence[tuple[float, float]],
    bias: float | None,
    limits: tuple[float, float] | None,
) -> Markup:
    """Pairs of volumes with the line on which both are the same, and the limits of agreement."""
    left, size, height = 70.0, 380.0, 436.0
    end = _round_up(max([1.0, *(max(pair) for pair in pairs)]))
    step = end / 5

    def x(value: float) -> float:
        return left + size * value / end

    def y(value: float) -> float:
        return 12 + size * (1 - value / end)

    parts = [_rect("frame", left, 12, size, size)]
    for tick in (step * n for n in range(6)):
        parts.append(_line("grid", x(tick), 12, x(tick), 12 + size))
        parts.append(_line("grid", left, y(tick), left + size, y(tick)))
        parts.append(_words("tick", x(tick), 12 + size + 16, f"{tick:g}", "middle"))
        parts.append(_words("tick", left - 6, y(tick) + 4, f"{tick:g}", "end"))
    parts.append(_line("identity", x(0), y(0), x(end), y(end)))
    for offset in [*([bias] if bias is not None else []), *(limits or ())]:
        kind = "bias" if offset is bias else "limit"
        low, high = max(0.0, -offset), min(end, end - offset)
        parts.append(_line(kind, x(low), y(low + offset), x(high), y(high + offset)))
    parts += [
        f'<circle class="pair" cx="{x(one):.1f}" cy="{y(other):.1f}" r="3.5"/>'
        for one, other in pairs
    ]
    parts.append(_words("axis", left + size / 2, 12 + size + 38, "foreseen, mL", "middle"))
    parts.append(_upwards("axis", 16, 12 + size / 2, "measured after the resection, mL"))
    told = f"{len(pairs)} pairs of volumes"
    return _svg(id_, title, told, height, parts, left + size + 16, "chart chart-square")


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def _x(value: float, end: float) -> float:
    return LABELS + (WIDTH - LABELS - RIGHT) * min(max(value, 0.0), end) / end


def _scale(end: float, height: float, unit: str, step: float) -> list[str]:
    parts, tick = [], 0.0
    while tick <= end * 1.0001:
        x = _x(tick, end)
        parts.append(_line("grid", x, TOP, x, height - FOOT + 4))
        parts.append(_words("tick", x, height - FOOT + 20, f"{tick:g}{unit}", "middle"))
        tick += step
    return parts


def _label(label: str, middle: float) -> str:
    lines = textwrap.wrap(label, 31)[:2] or [""]
    first = middle + 4 - 7.5 * (len(lines) - 1)
    return "".join(
        _words("label", LABELS - 12, first + 15 * place, line, "end")
        for place, line in enumerate(lines)
    )


def _said(said: str, middle: float) -> str:
    return _words("said", WIDTH - RIGHT + 12, middle + 4, said, "start")


def _upwards(kind: str, x: float, y: float, text: str) -> str:
    """Words that are read from below upwards, about their middle."""
    turned = f'transform="rotate(-90 {x:.1f} {y:.1f})"'
    words = f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="middle" {turned}>'
    return f"{words}{escape(text)}</text>"


def _words(kind: str, x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    )


def _svg(
    id_: str,
    title: str,
    told: str,
    height: float,
    parts: list[str],
    width: float = WIDTH,
    kind: str = "chart",
) -> Markup:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" role="img" '
        f'aria-labelledby="{id_}-title {id_}-desc" viewBox="0 0 {width:g} {height:g}">'
        f'<title id="{id_}-title">{escape(title)}</title>'
        f'<desc id="{id_}-desc">{escape(told)}</desc>'
    )
    # Every word among the parts went through escape().
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704
