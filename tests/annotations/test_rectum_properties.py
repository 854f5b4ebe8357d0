"""What must hold for every set of the rectum and every combination of findings."""

from __future__ import annotations

from server.annotations.organs.rectum import RECTUM, TABLES
from server.annotations.organs.rectum.findings import COMPARTMENTS, SACRUM, STRUCTURES, VESSELS
from server.annotations.organs.rectum.nodes import STATIONS
from server.annotations.organs.vessels import vessel_contradictions
from tests.annotations.finding_properties import FindingProperties
from tests.annotations.finding_world import (
    Answers,
    Values,
    World,
)

INVASION: Values = ("clear", "contact", "invaded")
ORDERED: dict[str, Values] = {
    "/mrf_distance_mm": (12, 1.1, 1.0, 0.5, 0),
    "/extramural_depth_mm": (0, 0.5, 1, 4, 5, 5.1, 15, 15.1, 40),
    "/emvi": ("emvi0", "emvi1", "emvi2", "emvi3", "emvi4"),
    "/tumour_deposits": (False, True),
    "/sphincter": ("none", "internal", "intersphincteric", "external", "levator"),
    "/suspicious_node_count": (0, 1, 2, 3, 4, 6, 7, 20),
    "/mesorectal_node/short_axis_mm": (0, 3.9, 4, 4.9, 5, 9, 9.1, 30),
    "/mesorectal_node/round": (False, True),
    "/mesorectal_node/irregular_border": (False, True),
    "/mesorectal_node/heterogeneous": (False, True),
    **{f"/node_short_axis_mm/{name}": (0, 3.9, 4, 5, 5.3, 6, 6.1, 7, 12) for name in STATIONS},
    **{f"/compartments/{name}": INVASION for name in COMPARTMENTS},
    **{f"/structures/{name}": INVASION for name in STRUCTURES},
    "/sacrum_level": SACRUM,
    "/sidewall_circumferential": (False, True),
    "/hydronephrosis": (False, True),
    "/sciatic_notch": (False, True),
    "/primary_stage_iv": (False, True),
    **{f"/vessels/{name}/contact_deg": (0, 1, 180, 181, 360) for name in VESSELS},
    **{f"/vessels/{name}/invaded": (False, True) for name in VESSELS},
    **{f"/vessels/{name}/patency": ("patent", "narrowed", "occluded") for name in VESSELS},
    **{
        f"/vessels/{name}/thrombus": ("none", "bland", "indeterminate", "tumour")
        for name in VESSELS
    },
    "/m_status": ("m0", "m1"),
    "/metastases/liver": ("none", "suspected", "probable", "proven"),
}
UNORDERED: dict[str, Values] = {
    "/after_radiotherapy": (False, True),
    "/disease": ("recurrent", "primary"),
}
# Left out beside a contact in degrees the lumen is taken as open, and a flag says so; sites of
# metastases only add to the M status.
KEPT = frozenset(
    pointer
    for pointer in ORDERED
    if pointer.endswith(("/patency", "/thrombus")) or "metastases" in pointer
)


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    return list(vessel_contradictions(answers, VESSELS))


WORLD = World(RECTUM, TABLES, ORDERED, UNORDERED, KEPT, contradictions)


class TestRectum(FindingProperties):
    """The properties of every set, over these findings."""

    world = WORLD
    misshapen = (
        {"structures": "x"},
        {"vessels": {"external_iliac_artery_left": {"contact_deg": "many", "invaded": 7}}},
    )
    coded = ("vessels", "structures", "compartments")
