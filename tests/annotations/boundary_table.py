"""The boundary table: what each published set says at and beside every cut, P01 to P46.

The columns are read from the publications named in docs/organs/pancreas.md; "R..LA" is an interval.
A head tumour without metastasis, everything else clear and reconstructable, unless said.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from server.annotations.organs.pancreas.findings import VESSELS
from tests.annotations.pancreas_world import pancreas, touched

COLUMNS = (
    "nccn-2022",
    "ahpba-2009",
    "mdacc-2006",
    "alliance-a021101",
    "iap-2017",
    "jps-7",
    "dpcg-2012",
)
CODES = {"R": "resectable", "BR": "borderline", "LA": "locally_advanced", "M": "metastatic"}
ONLY_SMA: dict[str, Any] = {name: None for name in VESSELS if name != "sma"}


class Row(NamedTuple):
    """One case and what each of COLUMNS says of it."""

    case: str
    answers: dict[str, Any]
    cells: tuple[str, ...]

    def ends(self, ruleset: str) -> tuple[str, str]:
        """Best and worst category code the table gives; equal for a definite category."""
        best, _, worst = self.cells[COLUMNS.index(ruleset)].partition("..")
        return CODES[best], CODES[worst or best]


def _row(case: str, answers: dict[str, Any], cells: str) -> Row:
    return Row(case, answers, tuple(cells.split()))


TABLE = (
    _row("P01", pancreas(), "R R R R R R R"),
    _row("P02", pancreas(m_status="m1"), "M M M M M M M"),
    _row("P03", pancreas(sma=touched(1)), "BR BR BR BR BR BR BR"),
    _row("P04", pancreas(sma=touched(90)), "BR BR BR BR BR BR BR"),
    _row("P05", pancreas(sma=touched(91)), "BR BR BR BR BR BR LA"),
    _row("P06", pancreas(sma=touched(179)), "BR BR BR BR BR BR LA"),
    _row("P07", pancreas(sma=touched(180)), "BR BR BR LA BR LA LA"),
    _row("P08", pancreas(sma=touched(181)), "LA LA LA LA LA LA LA"),
    _row("P09", pancreas(sma=touched(120, contour="deformed")), "BR BR BR BR LA LA LA"),
    _row("P10", pancreas(ca=touched(90)), "BR LA BR BR BR BR BR"),
    _row("P11", pancreas(ca=touched(180)), "BR LA BR LA BR LA LA"),
    _row("P12", pancreas(ca=touched(181)), "LA LA LA LA LA LA LA"),
    _row("P13", pancreas("body", ca=touched(180)), "BR LA BR LA BR LA LA"),
    _row("P14", pancreas("body", ca=touched(181)), "BR LA LA LA LA LA LA"),
    _row("P15", pancreas("body", ca=touched(181), gda=touched(90)), "LA LA LA LA LA LA LA"),
    _row("P16", pancreas("body", ca=touched(90), aorta=touched(90)), "LA LA LA LA LA LA BR"),
    _row("P17", pancreas(cha=touched(90)), "BR BR BR BR BR BR BR"),
    _row("P18", pancreas(cha=touched(300, short_segment=True)), "BR BR BR BR BR BR LA"),
    _row(
        "P19",
        pancreas(cha=touched(300, short_segment=False, reconstructable="no")),
        "LA LA LA LA BR BR LA",
    ),
    _row("P20-ca", pancreas(cha=touched(90, extends_to=["ca"])), "LA LA BR BR LA LA BR"),
    _row(
        "P20-bifurcation",
        pancreas(cha=touched(90, extends_to=["hepatic_bifurcation"])),
        "LA LA BR BR LA LA BR",
    ),
    _row("P20-pha", pancreas(cha=touched(90, extends_to=["pha"])), "LA LA BR BR LA LA BR"),
    _row(
        "P21", pancreas(variant_artery=touched(90, variant_kind="replaced_rha")), "BR R R R R R R"
    ),
    _row("P22", pancreas(smv_pv=touched(1)), "R BR R R R R R"),
    _row("P23", pancreas(smv_pv=touched(90)), "R BR R R R R R"),
    _row("P24", pancreas(smv_pv=touched(91)), "R BR R R R R BR"),
    _row("P25", pancreas(smv_pv=touched(179)), "R BR R R R R BR"),
    _row("P26", pancreas(smv_pv=touched(180)), "R BR R BR BR BR BR"),
    _row("P27", pancreas(smv_pv=touched(181)), "BR BR R BR BR BR BR"),
    _row("P28", pancreas(smv_pv=touched(270)), "BR BR R BR BR BR BR"),
    _row("P29", pancreas(smv_pv=touched(271)), "BR BR R BR BR BR LA"),
    _row("P30", pancreas(smv_pv=touched(120, contour="irregular")), "BR BR R R R R BR"),
    _row(
        "P30b", pancreas(smv_pv=touched(120, contour="bilateral_narrowing")), "BR BR R R BR BR BR"
    ),
    _row("P31", pancreas(smv_pv=touched(120, thrombus="tumour")), "BR BR R R R R BR"),
    _row("P32", pancreas(smv_pv=touched(360, contour="occluded")), "BR BR BR BR BR BR LA"),
    _row(
        "P33",
        pancreas(smv_pv=touched(360, contour="occluded", reconstructable="no")),
        "LA LA LA LA LA LA LA",
    ),
    _row(
        "P34", pancreas(smv_pv=touched(200, beyond_inferior_duodenum=True)), "BR BR R BR LA LA BR"
    ),
    _row("P35", pancreas(smv_pv=touched(120, reconstructable="no")), "LA LA LA LA LA LA BR"),
    _row("P36", pancreas(ivc=touched(90)), "BR R R R R R R"),
    _row("P37", pancreas(aorta=touched(90)), "LA LA LA LA LA LA R"),
    _row("P38", pancreas(first_jejunal_artery=touched(90)), "R R R R R R R"),
    _row("P39", pancreas(first_jejunal_vein=touched(90)), "R R R R R R R"),
    _row("P40", pancreas(sma={"contact_deg": 0, "contact_kind": "haze_only"}), "R R R R R R R"),
    _row(
        "P41",
        pancreas(sma={"contact_deg": "not_assessed"}),
        "R..LA R..LA R..LA R..LA R..LA R..LA R..LA",
    ),
    _row("P41-left-out", pancreas(sma=None), "R..LA R..LA R..LA R..LA R..LA R..LA R..LA"),
    _row(
        "P41-not-visible",
        pancreas(sma={"contact_deg": "not_visible"}),
        "R..LA R..LA R..LA R..LA R..LA R..LA R..LA",
    ),
    _row(
        "P42",
        pancreas(sma=touched(90), ca={"contact_deg": "not_assessed"}),
        "BR..LA BR..LA BR..LA BR..LA BR..LA BR..LA BR..LA",
    ),
    _row("P43", pancreas(sma=touched(181), **ONLY_SMA), "LA LA LA LA LA LA LA"),
    _row(
        "P44",
        pancreas(smv_pv=touched(200, reconstructable="not_stated")),
        "BR..LA BR..LA R..LA BR..LA BR..LA BR..LA BR",
    ),
    _row(
        "P45",
        pancreas(smv_pv=touched(60, reconstructable="not_stated")),
        "R..LA BR..LA R..LA R..LA R..LA R..LA R",
    ),
    _row("P46", pancreas(m_status="not_assessed"), "R..M R..M R..M R..M R..M R..M R..M"),
)
