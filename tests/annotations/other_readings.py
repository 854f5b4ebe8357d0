"""A second, independent reading of published tables of other organs: a category's rank from findings.

Nothing of the rules under test is used here. A finding that is None was not assessed; a reading is
only asked of findings that are all known.
"""

from __future__ import annotations

import math
from typing import Any

Findings = dict[str, Any]


def _outside(case: Findings) -> bool:
    return "proven" in (case["lung"], case["regional_nodes"])


def _vascular(case: Findings) -> bool:
    return bool(case["vp"] != "vp0" or case["vv"] != "vv0")


def milan(case: Findings) -> int:
    """Within 0, beyond 1."""
    count, mm = case["lesion_count"], case["largest_mm"]
    small = mm <= 50 if count == 1 else count <= 3 and mm <= 30
    return 0 if small and not _outside(case) and not _vascular(case) else 1


def bclc(case: Findings) -> int:
    """0, A, B, C, D as 0 to 4; a single tumour is A whatever its size (2022)."""
    if case["ecog"] > 2:
        return 4
    if case["ecog"] > 0 or _outside(case) or _vascular(case):
        return 3
    count, mm = case["lesion_count"], case["largest_mm"]
    if count == 1:
        return 0 if mm <= 20 else 1
    return 1 if count <= 3 and mm <= 30 else 2


def esmo_technical(case: Findings) -> int:
    """None, A2, A1 as 0 to 2."""
    cannot = case["lung"] == "proven" and case["extrahepatic_resectable"] == "no"
    if cannot or case["r0_by"] == "not_possible":
        return 2
    return int(case["r0_by"] != "one_step" or case["flr_percent"] < 30)


def esmo_oncological(case: Findings) -> int:
    """None, B3, B2, B1 as 0 to 3."""
    if case["lung"] == "proven" and case["extrahepatic_resectable"] == "no":
        return 3
    if case["lesion_count"] >= 5:
        return 2
    return int(case["progression_on_therapy"] == "yes")


def bismuth(case: Findings) -> int:
    """I, II, IIIa or IIIb, IV as 0 to 3."""
    sides = case["right_second_order"] + case["left_second_order"]
    if case["multifocal"] or sides == 2:
        return 3
    return 2 if sides else int(case["confluence"])


def _hilum(case: Findings, over_deg: int) -> dict[str, bool]:
    """Ducts, portal veins and lobes by side: d, v and a, then r or l; and the main vein."""
    return {
        "dr": case["right_second_order"],
        "dl": case["left_second_order"],
        "vr": case["right_pv"] > over_deg,
        "vl": case["left_pv"] > over_deg,
        "ar": case["atrophy"] == "right",
        "al": case["atrophy"] == "left",
        "main": case["main_pv"] > over_deg,
    }


def mskcc_t(case: Findings) -> int:
    """T1 to T3 as 0 to 2; any contact makes a portal vein involved."""
    at = _hilum(case, 0)
    bilateral = (at["dr"] and at["dl"]) or (at["vr"] and at["vl"]) or at["main"]
    crossed = (at["dr"] and (at["vl"] or at["al"])) or (at["dl"] and (at["vr"] or at["ar"]))
    if bilateral or crossed:
        return 2
    return int(at["vr"] or at["vl"] or at["ar"] or at["al"])


def mskcc_unresectable(case: Findings) -> int:
    """No criterion 0, unresectable 2; a portal vein counts from encasement."""
    at = _hilum(case, 180)
    local = (
        (at["dr"] and at["dl"])
        or at["main"]
        or (at["ar"] and (at["vl"] or at["dl"]))
        or (at["al"] and (at["vr"] or at["dr"]))
        or (at["dr"] and at["vl"])
        or (at["dl"] and at["vr"])
    )
    spread = case["n2_nodes"] == "proven" or case["m_status"] == "m1"
    return 2 if local or spread or case["cirrhosis"] or not case["fit_for_resection"] else 0


def lung_t(case: Findings) -> int:
    """T1a, T1b, T1c, T2a, T2b, T3, T4 as 0 to 6."""
    rank = sum(case["size_mm"] > limit for limit in (10, 20, 30, 40, 50, 70))
    if case["main_bronchus"]:
        rank = max(rank, 3)
    if case["chest_wall"] or case["separate_nodule"] == "same_lobe":
        rank = max(rank, 5)
    other = case["separate_nodule"] == "other_ipsilateral_lobe"
    return 6 if case["diaphragm"] or case["aorta"] or other else rank


def lung_n(case: Findings) -> int:
    """N0 to N3 of a tumour in the right or left lung."""
    side = "right" if case["lobe"] == "rul" else "left"
    by_station = {
        "s1_right": 3,
        "s4_right": 2 if side == "right" else 3,
        "s5": 2 if side == "left" else 3,
        "s7": 2,
        "s10_right": 1 if side == "right" else 3,
        "s11_left": 1 if side == "left" else 3,
    }
    positive = [n for station, n in by_station.items() if case[station] != "negative"]
    return max(positive, default=0)


def rectal_node(case: Findings) -> int:
    """Not suspicious 0, suspicious 1."""
    mm = case["short_axis_mm"]
    if case["after_radiotherapy"]:
        return int(mm >= 5)
    shapes = case["round"] + case["irregular_border"] + case["heterogeneous"]
    return int(mm > 9 or shapes >= (2 if mm >= 5 else 3))


MINIMA: dict[str, dict[str, float]] = {
    "flr-standardised": {"normal": 20, "fatty": 30, "injured": 40},
    "flr-measured": {"normal": 25, "injured": 40, "fibrotic": 40},
    "flr-body-weight": {"normal": 0.5, "fatty": 0.8, "injured": 0.8, "fibrotic": 0.8},
    "flr-body-surface": {"injured": 250, "fibrotic": 250},
}


def remnant(family: str, case: Findings, height_cm: float) -> int:
    """Adequate, borderline, inadequate as 0 to 2, with a tenth of the volume on both sides."""
    surface_m2 = math.sqrt(height_cm * case["weight_kg"] / 3600)
    index = {
        "flr-standardised": 100 * case["flr_ml"] / (1267.28 * surface_m2 - 794.41),
        "flr-measured": 100 * case["flr_ml"] / (case["total_liver_ml"] - case["tumour_ml"]),
        "flr-body-weight": 0.1 * case["flr_ml"] / case["weight_kg"],
        "flr-body-surface": case["flr_ml"] / surface_m2,
    }[family]
    minimum = MINIMA[family][case["background"]]
    return sum(round(index * factor, 9) < minimum for factor in (0.9, 1.1))
