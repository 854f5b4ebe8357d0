"""Alliance A021101: the trial's definition, in which exactly 180 degrees is already beyond the cut.

The trial defines borderline; what is worse is the complement of its words, and marked derived.
"""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Fired, Trust
from server.annotations.organs.pancreas.anatomy import (
    capabilities,
    cha_lost,
    contact,
    touched,
    vein_lost,
)
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    LOCALLY_ADVANCED,
    Rule,
    Table,
    degrees,
    metastatic,
)
from server.annotations.organs.pancreas.findings import Case

SOURCE: Final = "Alliance A021101, as tabulated in PMC7603933 (table 3)"
FROM: Final = 180  # degrees; borderline is an interface below it at arteries, PMC7603933 table 3


def _cha_long(case: Case) -> bool:
    return touched(case, "cha") and not case.vessel("cha").short_segment


def _vein_borderline(case: Case) -> bool:
    return case.vessel("smv_pv").occluded or contact(case, "smv_pv") >= FROM


_LA_RULES: Final = (
    metastatic("A-M-1", SOURCE),
    Rule(
        "A-LA-1",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: contact(case, "sma") >= FROM,
        degrees("sma", "180° or more"),
    ),
    Rule(
        "A-LA-2",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: contact(case, "ca") >= FROM,
        degrees("ca", "180° or more"),
    ),
    Rule(
        "A-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        _cha_long,
        degrees("cha", "over a long segment"),
    ),
    Rule(
        "A-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        cha_lost,
        degrees("cha", "not reconstructable"),
    ),
    Rule(
        "A-LA-4",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        vein_lost,
        degrees("smv_pv", "not reconstructable"),
    ),
    Rule(
        "A-LA-5",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: touched(case, "aorta"),
        degrees("aorta", "any contact"),
    ),
)

_BR_RULES: Final = (
    Rule(
        "A-BR-1",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: 0 < contact(case, "sma") < FROM,
        degrees("sma", "less than 180°"),
    ),
    Rule(
        "A-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: 0 < contact(case, "ca") < FROM,
        degrees("ca", "less than 180°"),
    ),
    Rule(
        "A-BR-3",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: touched(case, "cha"),
        degrees("cha", "any degree over a short segment, not recorded as unreconstructable"),
    ),
    Rule(
        "A-BR-4",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        _vein_borderline,
        degrees("smv_pv", "180° or more, or occluded; not recorded as unreconstructable"),
    ),
)

ALLIANCE_A021101: Final = Table(
    id="alliance-a021101",
    title="Alliance A021101",
    version="A021101",
    source=SOURCE,
    rules=(*_LA_RULES, *_BR_RULES),
    otherwise=Fired(
        "A-R-1",
        SOURCE,
        Trust.SOURCED,
        f"Arteries clear; SMV/PV contact less than {FROM}° and no occlusion.",
    ),
    addressed=frozenset({"sma", "ca", "cha", "smv_pv", "aorta"}),
    reads=frozenset(
        {
            ("smv_pv", "contour"),
            ("smv_pv", "reconstructable"),
            ("cha", "short_segment"),
            ("cha", "reconstructable"),
        }
    ),
    capabilities=capabilities,
)
