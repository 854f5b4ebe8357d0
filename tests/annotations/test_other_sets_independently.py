"""Sets of liver, hilum, lung and rectum against a second reading, over what may not be assessed.

Every finding that is open is tried with all its values: the interval must reach from the best to the
worst category that any of them gives, and no further.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import pytest

from server.annotations.organs import ORGANS
from tests.annotations import other_readings as read

TRIED = 250
MOST_COMPLETIONS = 400
HEIGHT_CM = 170
Grid = Mapping[str, Sequence[Any]]
YES_NO = (True, False, None)
SPREAD = ("none", "suspected", "proven", None)
DEGREES = (0, 1, 180, 181, None)
NODE = ("negative", "suspicious", None)
LIVER: Grid = {
    "lesion_count": (1, 2, 3, 4, None),
    "largest_mm": (5, 20, 20.1, 30, 30.1, 50, 50.1, None),
    "vp": ("vp0", "vp1", None),
    "vv": ("vv0", "vv3", None),
    "lung": SPREAD,
    "regional_nodes": SPREAD,
}
HILUM: Grid = {
    "right_second_order": YES_NO,
    "left_second_order": YES_NO,
    "main_pv": (0, 90, 181, None),
    "right_pv": DEGREES,
    "left_pv": DEGREES,
    "atrophy": ("none", "right", "left", None),
}
# Child-Pugh A, so that the liver's function decides nothing.
WELL = {
    "bilirubin_umol_l": 10,
    "albumin_g_l": 45,
    "inr": 1.0,
    "ascites": "none",
    "encephalopathy": "none",
}
BACKGROUNDS = {
    "normal": "normal",
    "fatty": "steatosis_or_chemotherapy",
    "injured": "severe_steatosis_or_sinusoidal_injury_or_cholestasis",
    "fibrotic": "fibrosis_or_cirrhosis",
}


def known(case: read.Findings, *left_out: str) -> dict[str, Any]:
    return {k: v for k, v in case.items() if v is not None and k not in left_out}


def liver(entity: str, case: read.Findings) -> dict[str, Any]:
    elsewhere = dict.fromkeys(("peritoneum", "bone", "other", "nonregional_nodes"), "none")
    spread = {k: case[k] for k in ("lung", "regional_nodes") if case.get(k) is not None}
    answers = known(case, "lung", "regional_nodes")
    return {"entity": entity, **WELL, **answers, "metastases": {**elsewhere, **spread}}


def hilum(case: read.Findings) -> dict[str, Any]:
    ducts = ("confluence", "right_second_order", "left_second_order")
    veins = ("main_pv", "right_pv", "left_pv")
    words = {True: "involved", False: "free", None: "not_assessed"}
    return {
        **known(case, *ducts, *veins),
        "ducts": {name: words[case.get(name)] for name in ducts},
        "vessels": {
            name: {"contact_deg": case[name], "invaded": case[name] > 180}
            for name in veins
            if case.get(name) is not None
        },
    }


def lung(case: read.Findings) -> dict[str, Any]:
    fields = ORGANS["lung"].schema["properties"]
    words = {True: "invaded", False: "clear", None: "not_assessed"}
    structures = {n: words[case.get(n, False)] for n in fields["structures"]["properties"]}
    vessels = {name: {"contact_deg": 0} for name in fields["vessels"]["properties"]}
    if "aorta" in case:
        vessels["aorta"] = {"contact_deg": 90, **known({"invaded": case["aorta"]})}
    stations = {n: case.get(n, "negative") for n in fields["stations"]["properties"]}
    rest = known({n: case.get(n) for n in ("size_mm", "separate_nodule", "lobe")})
    parts = {"structures": structures, "vessels": vessels, "stations": known(stations)}
    return {**rest, **parts, "atelectasis": False}


def rectum(case: read.Findings) -> dict[str, Any]:
    node = known(case, "after_radiotherapy")
    after = case["after_radiotherapy"]
    return {"mesorectal_node": node, **({} if after is None else {"after_radiotherapy": after})}


def remnant(case: read.Findings) -> dict[str, Any]:
    background = {"background": BACKGROUNDS[case["background"]]}
    return {**case, **background, "height_cm": HEIGHT_CM}


HCC, CRLM = partial(liver, "hcc"), partial(liver, "crlm")
PLANNED: Grid = {
    "lung": SPREAD,
    "extrahepatic_resectable": ("yes", "no", None),
    "lesion_count": (1, 4, 5, None),
}
SETS: list[tuple[str, str, Grid, Callable[..., dict[str, Any]], Callable[..., int]]] = [
    ("liver", "milan", LIVER, HCC, read.milan),
    ("liver", "bclc-2022", {**LIVER, "ecog": (0, 1, 2, 3, None)}, HCC, read.bclc),
    (
        "liver",
        "esmo-technical",
        {
            **PLANNED,
            "r0_by": ("one_step", "complex_procedure", "r1_only", "not_possible", None),
            "flr_percent": (0, 29.9, 30, 100, None),
        },
        CRLM,
        read.esmo_technical,
    ),
    (
        "liver",
        "esmo-oncological",
        {**PLANNED, "progression_on_therapy": ("yes", "no", None)},
        CRLM,
        read.esmo_oncological,
    ),
    (
        "perihilar",
        "bismuth-corlette",
        dict.fromkeys(
            ("confluence", "right_second_order", "left_second_order", "multifocal"), YES_NO
        ),
        hilum,
        read.bismuth,
    ),
    ("perihilar", "mskcc-t-stage", HILUM, hilum, read.mskcc_t),
    (
        "perihilar",
        "mskcc-unresectability",
        {
            **HILUM,
            "n2_nodes": ("none", "probable", "proven", None),
            "m_status": ("m0", "m1", None),
            "cirrhosis": YES_NO,
            "fit_for_resection": YES_NO,
        },
        hilum,
        read.mskcc_unresectable,
    ),
    (
        "lung",
        "tnm8-t",
        {
            "size_mm": (8, 10.1, 20, 30, 30.1, 40.1, 50.1, 70, 70.1, None),
            "main_bronchus": YES_NO,
            "chest_wall": YES_NO,
            "diaphragm": YES_NO,
            "aorta": YES_NO,
            "separate_nodule": ("none", "same_lobe", "other_ipsilateral_lobe", None),
        },
        lung,
        read.lung_t,
    ),
    (
        "lung",
        "tnm8-n",
        {
            "lobe": ("rul", "lll", None),
            **dict.fromkeys(("s1_right", "s4_right", "s5", "s7", "s10_right", "s11_left"), NODE),
        },
        lung,
        read.lung_n,
    ),
    (
        "rectum",
        "nodes-esgar-2016",
        {
            "short_axis_mm": (1, 4.9, 5, 9, 9.1, None),
            **dict.fromkeys(
                ("round", "irregular_border", "heterogeneous", "after_radiotherapy"), YES_NO
            ),
        },
        rectum,
        read.rectal_node,
    ),
    *(
        (
            "liver",
            family,
            {
                "background": tuple(minima),
                "flr_ml": (100, 250, 300, 302, 375, 420, 453, 500, 750, 1200),
                "total_liver_ml": (1500, 1650),
                "tumour_ml": (0, 50, 400),
                "weight_kg": (45, 58, 70, 95, 120),
            },
            remnant,
            partial(read.remnant, family, height_cm=HEIGHT_CM),
        )
        for family, minima in read.MINIMA.items()
    ),
]


def completions(case: read.Findings, grid: Grid) -> list[read.Findings]:
    """The case with every value that its open findings can have; empty where these are too many."""
    values = [
        [value] if value is not None else [one for one in grid[name] if one is not None]
        for name, value in case.items()
    ]
    if len(list(product(*values))) > MOST_COMPLETIONS:
        return []
    return [dict(zip(case, one, strict=True)) for one in product(*values)]


@pytest.mark.parametrize(
    ("organ", "ruleset", "grid", "answers", "reading"), SETS, ids=[one[1] for one in SETS]
)
def test_a_set_agrees_with_a_second_reading_of_its_table(
    organ: str,
    ruleset: str,
    grid: Grid,
    answers: Callable[..., dict[str, Any]],
    reading: Callable[..., int],
) -> None:
    asked = next(one for one in ORGANS[organ].rulesets if one.id == ruleset)
    chance = random.Random(f"{ruleset} read twice")
    tried = 0
    while tried < TRIED:
        case = {name: chance.choice(values) for name, values in grid.items()}
        ranks = [reading(one) for one in completions(case, grid)]
        if not ranks:
            continue
        found = asked.evaluate(answers(case))
        assert found.best is not None and found.worst is not None
        assert (found.best.rank, found.worst.rank) == (min(ranks), max(ranks)), case
        tried += 1
