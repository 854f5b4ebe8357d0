"""Dutch Pancreatic Cancer Group criteria of 2012: degrees alone, with cuts at 90 and 270."""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Fired, Trust
from server.annotations.organs.pancreas.anatomy import capabilities, contact
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    LOCALLY_ADVANCED,
    Rule,
    Table,
    degrees,
    metastatic,
)
from server.annotations.organs.pancreas.findings import Case

SOURCE: Final = "DPCG 2012, as tabulated in s13063-016-1262-z (table 1)"
ARTERY: Final = 90  # degrees; borderline up to it, s13063-016-1262-z table 1
VEIN_CLEAR: Final = 90  # degrees; resectable up to it, s13063-016-1262-z table 1
VEIN: Final = 270  # degrees; borderline up to it, s13063-016-1262-z table 1
ARTERIES: Final = ("sma", "ca", "cha")


def _artery_rules(number: int, name: str) -> tuple[Rule, Rule]:
    def over(case: Case) -> bool:
        return contact(case, name) > ARTERY

    def within(case: Case) -> bool:
        return 0 < contact(case, name) <= ARTERY

    more, less = degrees(name, f"more than {ARTERY}°"), degrees(name, f"{ARTERY}° or less")
    return (
        Rule(f"D-LA-{number}", LOCALLY_ADVANCED, SOURCE, Trust.SOURCED, over, more),
        Rule(f"D-BR-{number}", BORDERLINE, SOURCE, Trust.SOURCED, within, less),
    )


DPCG_2012: Final = Table(
    id="dpcg-2012",
    title="DPCG (2012)",
    version="2012",
    source=SOURCE,
    rules=(
        metastatic("D-M-1", SOURCE),
        *(rule for n, name in enumerate(ARTERIES, 1) for rule in _artery_rules(n, name)),
        Rule(
            "D-LA-4",
            LOCALLY_ADVANCED,
            SOURCE,
            Trust.SOURCED,
            lambda case: contact(case, "smv_pv") > VEIN or case.vessel("smv_pv").occluded,
            degrees("smv_pv", f"more than {VEIN}°, or occluded"),
        ),
        Rule(
            "D-BR-4",
            BORDERLINE,
            SOURCE,
            Trust.SOURCED,
            lambda case: contact(case, "smv_pv") > VEIN_CLEAR,
            degrees("smv_pv", f"more than {VEIN_CLEAR}°"),
        ),
    ),
    otherwise=Fired(
        "D-R-1",
        SOURCE,
        Trust.SOURCED,
        f"Arteries clear; SMV/PV contact {VEIN_CLEAR}° or less and no occlusion.",
    ),
    addressed=frozenset({*ARTERIES, "smv_pv"}),
    reads=frozenset({("smv_pv", "contour")}),
    capabilities=capabilities,
)
