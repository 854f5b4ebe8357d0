"""Japan Pancreas Society classification, 7th edition, from general knowledge: not verified.

Read as the anatomy of the international consensus of 2017, with arteries at exactly 180 degrees
unresectable. Every rule is marked so, until the published table has been read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from server.annotations.decision import Category, Fired, Flag, Trust
from server.annotations.organs.pancreas.anatomy import capabilities, touched
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    LOCALLY_ADVANCED,
    METASTATIC,
    RESECTABLE,
    Table,
)
from server.annotations.organs.pancreas.findings import Case
from server.annotations.organs.pancreas.iap_anatomy import ADDRESSED, READS, anatomy, pha_alone

SOURCE: Final = "JPS General Rules, 7th edition, from general knowledge; published table not read"
TITLE: Final = "JPS (7th edition)"
ARTERIES: Final = ("sma", "ca", "cha")


def _remarks(case: Case, best: Category, worst: Category) -> Iterator[Flag]:
    yield from pha_alone(case, TITLE)
    if best != worst:
        return
    arterial = any(touched(case, name) for name in ARTERIES)
    name = {
        RESECTABLE: "R",
        BORDERLINE: "BR-A" if arterial else "BR-PV",
        LOCALLY_ADVANCED: "UR-LA",
        METASTATIC: "UR-M",
    }[best]
    yield Flag(name, f"{name} in the words of this classification (not verified).")


JPS_7: Final = Table(
    id="jps-7",
    title=TITLE,
    version="7",
    source=SOURCE,
    # An artery at exactly 180 degrees is unresectable: general knowledge, not verified.
    rules=anatomy("J", SOURCE, lambda _case: True, Trust.GENERAL_KNOWLEDGE),
    otherwise=Fired(
        "J-R-1",
        SOURCE,
        Trust.GENERAL_KNOWLEDGE,
        "Arteries clear; SMV/PV contact less than 180° without bilateral narrowing or occlusion.",
    ),
    addressed=ADDRESSED,
    reads=READS,
    capabilities=capabilities,
    remarks=_remarks,
)
