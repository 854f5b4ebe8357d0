"""MD Anderson criteria of 2006: veins may be touched as long as they are not occluded.

Two tabulations differ on the coeliac axis; an option chooses between them.
"""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Fired, Option, Trust
from server.annotations.organs.pancreas.anatomy import (
    OVER,
    capabilities,
    cha_long,
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

SOURCE: Final = (
    "MD Anderson 2006, as tabulated in PMC7603933 (table 3) "
    "and wjgnet 1948-5204 v9/i12/457 (table 1)"
)


def _none_allowed(case: Case) -> bool:
    return case.options.get("coeliac") == "none-allowed"  # wjgnet v9/i12/457 table 1


def _ca_encased(case: Case) -> bool:
    return contact(case, "ca") > OVER or (_none_allowed(case) and touched(case, "ca"))


def _ca_text(case: Case) -> str:
    return degrees("ca", "any contact" if _none_allowed(case) else "more than 180°")(case)


def _vein_occluded_long(case: Case) -> bool:
    vein = case.vessel("smv_pv")
    return vein.occluded and not vein.short_segment


_LA_RULES: Final = (
    metastatic("MD-M-1", SOURCE),
    Rule(
        "MD-LA-1",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: contact(case, "sma") > OVER,
        degrees("sma", "more than 180°"),
    ),
    Rule(
        "MD-LA-2",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        _ca_encased,
        _ca_text,
    ),
    Rule(
        "MD-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        cha_long,
        degrees("cha", "encasement of a long segment"),
    ),
    Rule(
        "MD-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        cha_lost,
        degrees("cha", "not reconstructable"),
    ),
    Rule(
        "MD-LA-4",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        vein_lost,
        degrees("smv_pv", "not reconstructable"),
    ),
    Rule(
        "MD-LA-4",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        _vein_occluded_long,
        degrees("smv_pv", "occluded over a long segment"),
    ),
    Rule(
        "MD-LA-5",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: touched(case, "aorta"),
        degrees("aorta", "any contact"),
    ),
)

_BR_RULES: Final = (
    Rule(
        "MD-BR-1",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: 0 < contact(case, "sma") <= OVER,
        degrees("sma", "180° or less"),
    ),
    Rule(
        "MD-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: touched(case, "ca") and not _ca_encased(case),
        degrees("ca", "180° or less"),
    ),
    Rule(
        "MD-BR-3",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: touched(case, "cha"),
        degrees("cha", "abutment or encasement of a short segment"),
    ),
    Rule(
        "MD-BR-4",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.vessel("smv_pv").occluded,
        degrees("smv_pv", "occluded over a short segment, not recorded as unreconstructable"),
    ),
)

MDACC_2006: Final = Table(
    id="mdacc-2006",
    title="MD Anderson (2006)",
    version="2006",
    source=SOURCE,
    rules=(*_LA_RULES, *_BR_RULES),
    otherwise=Fired(
        "MD-R-1",
        SOURCE,
        Trust.SOURCED,
        "Arteries clear; SMV/PV not occluded, whatever its contact.",
    ),
    addressed=frozenset({"sma", "ca", "cha", "smv_pv", "aorta"}),
    reads=frozenset(
        {
            ("smv_pv", "contour"),
            ("smv_pv", "reconstructable"),
            ("smv_pv", "short_segment"),
            ("cha", "short_segment"),
            ("cha", "reconstructable"),
        }
    ),
    capabilities=capabilities,
    options=(
        Option(
            "coeliac",
            ("at-most-180", "none-allowed"),
            "at-most-180",
            "Coeliac contact up to 180°: borderline (PMC7603933 table 3), or locally advanced "
            '("no abutment", wjgnet 1948-5204 v9/i12/457 table 1).',
        ),
    ),
)
