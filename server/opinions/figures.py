"""The two pictures of an opinion as inline SVG: the clock face of a contact, the bar of a
remnant.

Colours are presentation attributes and not CSS, because an SVG image is drawn without the page's
style sheet in a PDF. Each picture says in its `<title>` what it shows, for those who cannot see
it.
"""

from __future__ import annotations

import math

from markupsafe import Markup, escape

from server.opinions.document import FlrThreshold, VesselContact, Volume
from server.opinions.wording import angle_words, ml, percent, printable
from server.opinions.words import ENGLISH, Words

INK = "#1c2b36"
MUTED = "#5b6b78"
LUMEN = "#e8edf1"
CONTACT = "#b4372b"
HAZE = "#c98a3c"
HALO = "#f0dcc0"
REMNANT = "#2f7d6d"
BAND = "#9fcabf"
FONT = "Noto Sans, DejaVu Sans, Noto Sans CJK SC, Droid Sans Fallback, sans-serif"

_SIZE = 44.0
_CENTRE = _SIZE / 2
_RING = 15.0


def clock_face(vessel: VesselContact, words: Words = ENGLISH) -> Markup:
    """The circumference of a vessel, 44 units square, with the part in contact drawn as an arc.

    An arc begins at `start_deg`, or at 12 o'clock where that is unknown. A vessel that was not
    assessed is a dashed ring with a question mark: it never looks like a vessel without contact.
    """
    said = f"{words.term(vessel.name)}{words['colon']}{angle_words(vessel, words)}"
    parts = [f"<title>{escape(printable(said))}</title>"]
    if vessel.contact_deg is None:
        parts.append(_ring(MUTED, 1.2, dash="2.6 2.6", fill="none"))
        parts.append(_text("?", _CENTRE, _CENTRE + 4.6, 13, MUTED))
    else:
        parts.append(f'<circle cx="{_CENTRE:g}" cy="{_CENTRE:g}" r="9.5" fill="{LUMEN}"/>')
        if vessel.kind == "haze_only":
            parts.append(_ring(HALO, 4.6, dash="", fill="none"))
        parts.append(_ring(INK, 1.0, dash="", fill="none"))
        parts.extend(_tick(angle) for angle in (0, 90, 180, 270))
        if vessel.contact_deg > 0:
            parts.append(_arc(vessel))
        parts.append(_text(f"{vessel.contact_deg}°", _CENTRE + 0.8, _CENTRE + 3, 8, INK))
    return _svg("face", _SIZE, _SIZE, parts)


def remnant_bar(
    volume: Volume, thresholds: tuple[FlrThreshold, ...], words: Words = ENGLISH
) -> Markup:
    """The FLR in percent as a bar from 0, its uncertainty as a band, each threshold as a marked
    line.

    Raises ValueError for a volume without an FLR: there is nothing to draw.
    """
    if volume.flr_percent is None or volume.band_percent is None:
        raise ValueError(f"volume {volume.id} has no FLR")
    low, high = volume.band_percent
    top = max([60.0, high, *(threshold.percent for threshold in thresholds)])
    end = min(100.0, math.ceil(top / 10.0) * 10.0)
    levels = _label_levels(thresholds, end)
    rail = 16.0 + 11.0 * (max(levels, default=0))
    parts = [f"<title>{escape(_bar_words(volume, thresholds, words))}</title>"]
    parts.append(_box(0, end, end, rail, 18, "#f1f4f6"))
    parts.append(_box(0, volume.flr_percent, end, rail, 18, REMNANT))
    parts.append(_box(low, high, end, rail + 5, 8, BAND))
    ends = (_x(low, end), _x(high, end))
    parts.extend(_line(x, rail + 3, x, rail + 15, INK, 0.9) for x in ends)
    for threshold, level in zip(thresholds, levels, strict=True):
        parts.append(_threshold_line(threshold, end, rail, level))
    for threshold, level in zip(thresholds, levels, strict=True):
        parts.extend(_threshold_label(threshold, end, rail, level))
    parts.extend(_scale(end, rail + 18))
    return _svg("bar", _WIDTH, rail + 34, parts)


_WIDTH = 480.0
_LEFT = 12.0
_SPAN = _WIDTH - 2 * _LEFT


def _x(value_percent: float, end_percent: float) -> float:
    return _LEFT + _SPAN * min(max(value_percent, 0.0), end_percent) / end_percent


def _label_levels(thresholds: tuple[FlrThreshold, ...], end: float) -> list[int]:
    """A height for each label, so that labels of near thresholds do not print over each other."""
    last_edge: list[float] = []
    levels: list[int] = []
    for threshold in thresholds:
        centre = _x(threshold.percent, end)
        half = 2.4 * len(_threshold_words(threshold)) + 4
        level = next(
            (n for n, edge in enumerate(last_edge) if centre - half > edge), len(last_edge)
        )
        if level == len(last_edge):
            last_edge.append(0.0)
        last_edge[level] = max(last_edge[level], centre + half)
        levels.append(level)
    return levels


def _threshold_words(threshold: FlrThreshold) -> str:
    return f"{percent(threshold.percent)} {printable(threshold.label)}"[:48]


def _threshold_line(threshold: FlrThreshold, end: float, rail: float, level: int) -> str:
    x = _x(threshold.percent, end)
    return _line(x, _label_foot(rail, level) + 2, x, rail + 20, CONTACT, 1.4)


def _threshold_label(threshold: FlrThreshold, end: float, rail: float, level: int) -> list[str]:
    """The label on white, so that the line of a label above it does not strike it through."""
    words = _threshold_words(threshold)
    half = 2.4 * len(words)
    centre = min(max(_x(threshold.percent, end), _LEFT + half), _WIDTH - _LEFT - half)
    foot = _label_foot(rail, level)
    ground = (
        f'<rect x="{centre - half:.2f}" y="{foot - 8:.2f}" width="{2 * half:.2f}" height="10" '
        f'fill="#ffffff" class="ground"/>'
    )
    return [ground, _text(words, centre, foot, 8.5, CONTACT)]


def _label_foot(rail: float, level: int) -> float:
    return rail - 5 - 11.0 * level


def _scale(end: float, y: float) -> list[str]:
    parts = [_line(_LEFT, y, _WIDTH - _LEFT, y, MUTED, 0.6)]
    for tick in range(0, int(end) + 1, 10):
        x = _x(tick, end)
        parts.append(_line(x, y, x, y + 3, MUTED, 0.6))
        parts.append(
            _text(f"{tick} %" if tick in (0, int(end)) else f"{tick}", x, y + 12, 8, MUTED)
        )
    return parts


def _bar_words(volume: Volume, thresholds: tuple[FlrThreshold, ...], words: Words) -> str:
    low, high = volume.band_percent or (0.0, 0.0)
    against = words["comma"].join(_threshold_words(threshold) for threshold in thresholds)
    said = words.said(
        "bar",
        percent=percent(volume.flr_percent),
        low=percent(low),
        high=percent(high),
        ml=ml(volume.flr_ml, words),
        thresholds=against or words["none_chosen"],
    )
    return printable(said)


def _ring(colour: str, width: float, *, dash: str, fill: str) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<circle cx="{_CENTRE:g}" cy="{_CENTRE:g}" r="{_RING:g}" fill="{fill}" '
        f'stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
    )


def _on_ring(angle_deg: float, radius: float) -> tuple[float, float]:
    """A point at a clock angle: 0 is 12 o'clock, growing clockwise."""
    turn = math.radians(angle_deg)
    return _CENTRE + radius * math.sin(turn), _CENTRE - radius * math.cos(turn)


def _tick(angle_deg: float) -> str:
    (x1, y1), (x2, y2) = _on_ring(angle_deg, _RING + 2.4), _on_ring(angle_deg, _RING + 4.6)
    return _line(x1, y1, x2, y2, MUTED, 0.8)


def _arc(vessel: VesselContact) -> str:
    colour = HAZE if vessel.kind == "haze_only" else CONTACT
    extent = vessel.contact_deg or 0
    if extent >= 360:  # an arc from a point to itself draws nothing
        return _ring(colour, 4.2, dash="", fill="none")
    start = vessel.start_deg or 0
    (x1, y1), (x2, y2) = _on_ring(start, _RING), _on_ring(start + extent, _RING)
    large = 1 if extent > 180 else 0
    return (
        f'<path d="M{x1:.2f} {y1:.2f}A{_RING:g} {_RING:g} 0 {large} 1 {x2:.2f} {y2:.2f}" '
        f'fill="none" stroke="{colour}" stroke-width="4.2"/>'
    )


def _box(low: float, high: float, end: float, y: float, height: float, colour: str) -> str:
    x1, x2 = _x(low, end), _x(high, end)
    return (
        f'<rect x="{x1:.2f}" y="{y:g}" width="{x2 - x1:.2f}" height="{height:g}" fill="{colour}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return (
        f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" '
        f'stroke="{colour}" stroke-width="{width:g}"/>'
    )


def _text(words: str, x: float, y: float, size: float, colour: str) -> str:
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:g}" font-family="{FONT}" '
        f'text-anchor="middle" fill="{colour}">{escape(words)}</text>'
    )


def _svg(name: str, width: float, height: float, parts: list[str]) -> Markup:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" role="img" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">'
    )
    # Every word among the parts went through escape().
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704
