"""What must hold for every set of the lung and every combination of findings."""

from __future__ import annotations

from hypothesis import given, settings

from server.annotations.organs.lung import LUNG, TABLES
from server.annotations.organs.lung.findings import (
    LOBES,
    NODULES,
    STATIONS,
    STATUSES,
    T2_STRUCTURES,
    T3_STRUCTURES,
    T4_STRUCTURES,
    VESSELS,
    contradictions,
)
from tests.annotations.finding_properties import FindingProperties
from tests.annotations.finding_world import (
    Answers,
    Values,
    World,
    complete_case,
)

STRUCTURES = (*T2_STRUCTURES, *T3_STRUCTURES, *T4_STRUCTURES)
ORDERED: dict[str, Values] = {
    "/size_mm": (8, 10, 10.1, 20, 30, 30.1, 40, 50, 50.1, 70, 70.1, 120),
    # A nodule in the other lung is no worse T: it is M1a, and stands in a test of its own.
    "/separate_nodule": NODULES[:-1],
    "/atelectasis": (False, True),
    **{f"/structures/{name}": ("clear", "contact", "invaded") for name in STRUCTURES},
    **{f"/vessels/{name}/contact_deg": (0, 1, 180, 360) for name in VESSELS},
    **{f"/vessels/{name}/invaded": (False, True) for name in VESSELS},
    **{f"/vessels/{name}/patency": ("patent", "narrowed", "occluded") for name in VESSELS},
    **{
        f"/vessels/{name}/thrombus": ("none", "bland", "indeterminate", "tumour")
        for name in VESSELS
    },
    **{f"/stations/{name}": STATUSES for name in STATIONS},
    "/n2_bulky": (False, True),
    "/n2_found": ("pathology", "intraoperative", "preoperative"),
    "/fev1_percent": (110, 80, 60, 40, 20),
    "/dlco_percent": (110, 80, 60, 40, 20),
    "/segments_removed": (0, 3, 5, 10, 19),
    "/m_status": ("m0", "m1"),
    "/metastases/brain": ("none", "suspected", "probable", "proven"),
}
UNORDERED: dict[str, Values] = {"/lobe": tuple(LOBES)}
# Left out beside a contact in degrees the lumen is taken as open, and a flag says so; sites of
# metastases only add to the M status.
KEPT = frozenset(
    pointer
    for pointer in ORDERED
    if pointer.endswith(("/patency", "/thrombus")) or "metastases" in pointer
)
WORLD = World(LUNG, TABLES, ORDERED, UNORDERED, KEPT, contradictions)


@given(complete_case(WORLD))
@settings(max_examples=50, deadline=None)
def test_a_nodule_in_the_other_lung_makes_stage_iv_whatever_else_is_found(case: Answers) -> None:
    case["separate_nodule"] = NODULES[-1]
    for ruleset in ("tnm8-stage", "eortc-stage-iii"):
        said = LUNG.ruleset(ruleset).evaluate(case)
        assert said.category and said.category.code in ("IV", "stage_iv")


class TestLung(FindingProperties):
    """The properties of every set, over these findings."""

    world = WORLD
    misshapen = ({"stations": "x"}, {"vessels": {"aorta": {"contact_deg": "many", "invaded": 7}}})
    coded = ("vessels", "structures", "stations")
