"""AHPBA/SSAT/SSO consensus of 2009 on borderline resectable pancreatic cancer.

Any contact with the SMV/PV is borderline, any contact with the coeliac axis locally advanced. Two
tabulations differ on the SMA at exactly 180 degrees and on the vein; options choose between them.
"""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Fired, Option, Trust
from server.annotations.organs.pancreas.anatomy import (
    OVER,
    capabilities,
    cha_extends,
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
    "AHPBA/SSAT/SSO consensus 2009, as tabulated in wjgnet 1948-5204 v9/i12/457 (table 1) "
    "and PMC7603933 (table 3)"
)


def _below(case: Case) -> bool:
    return case.options.get("artery") == "below-180"  # "<180", PMC7603933 table 3


def _sma_encased(case: Case) -> bool:
    return contact(case, "sma") > OVER or (_below(case) and contact(case, "sma") == OVER)


def _encased_text(case: Case) -> str:
    words = "180° or more" if _below(case) else "more than 180°"
    return degrees("sma", f"encasement, {words}")(case)


def _abutted_text(case: Case) -> str:
    words = "less than 180°" if _below(case) else "180° or less"
    return degrees("sma", f"abutment, {words}")(case)


def _vein_touched(case: Case) -> bool:
    vein = case.vessel("smv_pv")
    if case.options.get("vein") == "over-180":  # "abutment >180", PMC7603933 table 3
        return vein.occluded or vein.contact_deg > OVER
    return vein.involved


_LA_RULES: Final = (
    metastatic("H-M-1", SOURCE),
    Rule(
        "H-LA-1",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        _sma_encased,
        _encased_text,
    ),
    Rule(
        "H-LA-2",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        lambda case: touched(case, "ca"),
        degrees("ca", "any contact"),
    ),
    Rule(
        "H-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        cha_long,
        degrees("cha", "encasement of a long segment"),
    ),
    Rule(
        "H-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        cha_lost,
        degrees("cha", "not reconstructable"),
    ),
    Rule(
        "H-LA-3",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        cha_extends,
        degrees("cha", "extending to the coeliac axis, the PHA or the hepatic bifurcation"),
    ),
    Rule(
        "H-LA-4",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.SOURCED,
        vein_lost,
        degrees("smv_pv", "not reconstructable"),
    ),
    Rule(
        "H-LA-5",
        LOCALLY_ADVANCED,
        SOURCE,
        Trust.DERIVED,
        lambda case: touched(case, "aorta"),
        degrees("aorta", "any contact"),
    ),
)

_BR_RULES: Final = (
    Rule(
        "H-BR-1",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: touched(case, "sma"),
        _abutted_text,
    ),
    Rule(
        "H-BR-2",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: touched(case, "cha"),
        degrees(
            "cha", "abutment or encasement of a short segment, not recorded as unreconstructable"
        ),
    ),
    Rule(
        "H-BR-3",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        _vein_touched,
        degrees("smv_pv", "abutment, encasement or occlusion, not recorded as unreconstructable"),
    ),
)

AHPBA_2009: Final = Table(
    id="ahpba-2009",
    title="AHPBA/SSAT/SSO (2009)",
    version="2009",
    source=SOURCE,
    rules=(*_LA_RULES, *_BR_RULES),
    otherwise=Fired("H-R-1", SOURCE, Trust.SOURCED, "No vessel this set speaks of is touched."),
    addressed=frozenset({"sma", "ca", "cha", "smv_pv", "aorta"}),
    reads=frozenset(
        {
            ("smv_pv", "contour"),
            ("smv_pv", "reconstructable"),
            ("cha", "short_segment"),
            ("cha", "reconstructable"),
            ("cha", "extends_to"),
        }
    ),
    capabilities=capabilities,
    options=(
        Option(
            "artery",
            ("at-most-180", "below-180"),
            "at-most-180",
            "SMA at exactly 180°: abutment, borderline (wjgnet 1948-5204 v9/i12/457 table 1), or "
            'no longer ("<180", PMC7603933 table 3).',
        ),
        Option(
            "vein",
            ("any-contact", "over-180"),
            "any-contact",
            "SMV/PV that makes the case borderline: any contact (wjgnet 1948-5204 v9/i12/457 "
            'table 1), or over 180° ("abutment >180°", PMC7603933 table 3).',
        ),
    ),
)
