"""Nodes of the pelvis by size and shape: three sets, which do not ask the same question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from server.annotations.decision import Answers, Category, Missing, Option, Options, Trust
from server.annotations.organs.rectum.findings import SIDES, after_radiotherapy
from server.annotations.organs.scale import (
    Case,
    Fact,
    Reading,
    Rule,
    RuleTable,
    group,
    known,
    listed,
    number_of,
    unknown,
)

ESGAR: Final = "ESGAR 2016 consensus, PMC5834554 (table 2)"
LATERAL_SOURCE: Final = "Lateral nodes: 7 mm before, 4 and 6 mm after radiotherapy; not read"
NORMAL_SOURCE: Final = "Upper normal limits of the short axis (95th centile), s00276-015-1581-x"

NOT_SUSPICIOUS: Final = Category(0, "not_suspicious", "Not suspicious")
SUSPICIOUS: Final = Category(1, "suspicious", "Suspicious")
NORMAL: Final = Category(0, "normal", "Within normal size")
ENLARGED: Final = Category(1, "enlarged", "Above normal size")

SHAPES: Final = {
    "round": "Round shape",
    "irregular_border": "Irregular border",
    "heterogeneous": "Heterogeneous signal",
}
# Short axis in mm, PMC5834554: over 9 suspicious, from 5 with two shapes, below with all three;
# after radiotherapy from 5.
LARGE_MM: Final = 9.0
SMALL_MM: Final = 5.0
AFTER_MM: Final = 5.0
NEXT_TO_NOTHING_MM: Final = 0.1
LATERAL_BEFORE_MM: Final = 7.0  # from here, not verified
LATERAL_AFTER_INTERNAL_MM: Final = 4.0  # internal iliac, from here, not verified
LATERAL_AFTER_OBTURATOR_MM: Final = 6.0  # obturator, above, not verified

# Station -> (95th centile, the same rounded up) in mm, s00276-015-1581-x.
LIMITS_MM: Final = {
    "external_iliac": (5.3, 6.0),
    "common_iliac": (5.3, 6.0),
    "internal_iliac": (4.4, 5.0),
    "inguinal": (6.3, 7.0),
}
MESORECTAL_LIMIT_MM: Final = (3.9, 4.0)
STATIONS: Final = {
    f"{station}_{side}": f"{side.capitalize()} {station.replace('_', ' ')} node"
    for station in ("obturator", "internal_iliac", "external_iliac", "common_iliac", "inguinal")
    for side in SIDES
}


def suspicious(short_axis_mm: float, shapes: int, *, after: bool) -> bool:
    """A mesorectal node with so many of the three suspicious shapes (ESGAR 2016)."""
    if after:
        return short_axis_mm >= AFTER_MM
    if short_axis_mm > LARGE_MM:
        return True
    return short_axis_mm > 0 and shapes >= (2 if short_axis_mm >= SMALL_MM else 3)


def _mesorectal(answers: Answers, _options: Options) -> Reading:
    """The mesorectal node that is most suspect; a short axis of 0 says that there is none."""
    raw = group(answers, "mesorectal_node")
    size = number_of(raw.get("short_axis_mm"))
    shapes = [raw.get(name) for name in SHAPES]
    seen = sum(shape is True for shape in shapes)
    possible = seen + sum(not isinstance(shape, bool) for shape in shapes)
    moments = after_radiotherapy(answers)
    # A node whose shapes were seen is there, however small it may be.
    least_mm = size if size is not None else NEXT_TO_NOTHING_MM if seen else 0.0
    best = all(suspicious(least_mm, seen, after=when) for when in moments)
    worst = size is None or any(suspicious(size, possible, after=when) for when in moments)
    gaps = tuple(_mesorectal_gaps(answers, raw)) if best != worst else ()
    return Reading((Fact("node", best, worst, gaps), known("mm", size)))


def _mesorectal_gaps(answers: Answers, raw: Mapping[str, Any]) -> Iterator[Missing]:
    if number_of(raw.get("short_axis_mm")) is None:
        yield Missing(
            "/mesorectal_node/short_axis_mm", "Short axis of the mesorectal node not given"
        )
    for name, words in SHAPES.items():
        if not isinstance(raw.get(name), bool):
            yield Missing(f"/mesorectal_node/{name}", f"{words} of the mesorectal node not stated")
    if not isinstance(answers.get("after_radiotherapy"), bool):
        yield Missing("/after_radiotherapy", "Not stated whether this is after radiotherapy")


def _size(answers: Answers, name: str) -> float | None:
    return number_of(group(answers, "node_short_axis_mm").get(name))


def _by_size(answers: Answers, name: str, holds: Callable[[float], tuple[bool, bool]]) -> Fact:
    """A station judged by `holds`, which gives the best and the worst reading of a size."""
    size, words = _size(answers, name), STATIONS[name]
    if size is None:
        text = f"{words}: short axis not assessed"
        return unknown(name, False, True, f"/node_short_axis_mm/{name}", text)
    best, worst = holds(size)
    if best == worst:
        return known(name, best)
    return unknown(
        name, best, worst, "/after_radiotherapy", "Not stated whether this is after radiotherapy"
    )


def lateral_suspicious(station: str, short_axis_mm: float, *, after: bool) -> bool:
    """A lateral node by station (obturator or internal_iliac) and size in mm."""
    if not after:
        return short_axis_mm >= LATERAL_BEFORE_MM
    if station == "obturator":
        return short_axis_mm > LATERAL_AFTER_OBTURATOR_MM
    return short_axis_mm >= LATERAL_AFTER_INTERNAL_MM


def _lateral(answers: Answers, _options: Options) -> Reading:
    moments = after_radiotherapy(answers)

    def holds(station: str, size: float) -> tuple[bool, bool]:
        found = [lateral_suspicious(station, size, after=when) for when in moments]
        return all(found), any(found)

    facts = (
        (STATIONS[f"{station}_{side}"], _by_size(answers, f"{station}_{side}", judge))
        for station in ("obturator", "internal_iliac")
        for judge in [lambda size, station=station: holds(station, size)]
        for side in SIDES
    )
    return Reading((listed("nodes", facts),))


def _limits(answers: Answers, options: Options) -> Reading:
    column = 0 if options["limit"] == "95th-centile" else 1
    facts = [
        (STATIONS[f"{station}_{side}"], _by_size(answers, f"{station}_{side}", judge))
        for station, limits in LIMITS_MM.items()
        for judge in [lambda size, limit=limits[column]: (size > limit, size > limit)]
        for side in SIDES
    ]
    size = number_of(group(answers, "mesorectal_node").get("short_axis_mm"))
    pointer = "/mesorectal_node/short_axis_mm"
    mesorectal = (
        unknown("mesorectal", False, True, pointer, "Mesorectal node: short axis not assessed")
        if size is None
        else known("mesorectal", size > MESORECTAL_LIMIT_MM[column])
    )
    return Reading((listed("nodes", [("Mesorectal node", mesorectal), *facts]),))


def _named(case: Case) -> str:
    return f"{', '.join(case['nodes'])}."


def _all_small(_case: Case) -> str:
    return "No node above its limit."


def _mesorectal_text(case: Case) -> str:
    size = case["mm"]
    if size is None:
        return "Mesorectal node with all three shapes, whatever its size."
    return "No mesorectal node." if size == 0 else f"Mesorectal node of {size:g} mm."


MESORECTAL: Final = RuleTable(
    id="nodes-esgar-2016",
    title="Mesorectal nodes",
    version="2016",
    source=ESGAR,
    read=_mesorectal,
    rules=(
        Rule(
            "MN-1",
            SUSPICIOUS,
            ESGAR,
            Trust.SOURCED,
            lambda case: case["node"],
            _mesorectal_text,
        ),
    ),
    otherwise=Rule(
        "MN-0", NOT_SUSPICIOUS, ESGAR, Trust.SOURCED, lambda _case: True, _mesorectal_text
    ),
)
LATERAL: Final = RuleTable(
    id="lateral-nodes",
    title="Lateral nodes",
    version="not verified",
    source=LATERAL_SOURCE,
    read=_lateral,
    rules=(
        Rule(
            "LN-1",
            SUSPICIOUS,
            LATERAL_SOURCE,
            Trust.GENERAL_KNOWLEDGE,
            lambda case: bool(case["nodes"]),
            _named,
        ),
    ),
    otherwise=Rule(
        "LN-0",
        NOT_SUSPICIOUS,
        LATERAL_SOURCE,
        Trust.GENERAL_KNOWLEDGE,
        lambda _case: True,
        _all_small,
    ),
    capabilities=lambda case: ("lateral_node_dissection",) if case["nodes"] else (),
)
NODE_SIZE: Final = RuleTable(
    id="pelvic-node-size",
    title="Normal size of pelvic nodes",
    version="s00276-015-1581-x",
    source=NORMAL_SOURCE,
    read=_limits,
    rules=(
        Rule(
            "PN-1",
            ENLARGED,
            NORMAL_SOURCE,
            Trust.SOURCED,
            lambda case: bool(case["nodes"]),
            _named,
        ),
    ),
    otherwise=Rule("PN-0", NORMAL, NORMAL_SOURCE, Trust.SOURCED, lambda _case: True, _all_small),
    options=(
        Option(
            "limit",
            ("95th-centile", "rounded-up"),
            "95th-centile",
            "The printed centile, or the same rounded up to whole mm.",
        ),
    ),
)

NODE_TABLES: Final = (MESORECTAL, LATERAL, NODE_SIZE)
