"""What must hold for every set of the hilum and every combination of findings."""

from __future__ import annotations

from server.annotations.organs.perihilar import PERIHILAR, TABLES
from server.annotations.organs.perihilar.findings import DUCTS, VESSELS, contradictions
from tests.annotations.finding_properties import FindingProperties
from tests.annotations.finding_world import (
    Values,
    World,
)

CONTACTS: Values = (0, 1, 90, 180, 181, 360)


def vessel(name: str) -> dict[str, Values]:
    return {
        f"/vessels/{name}/contact_deg": CONTACTS,
        f"/vessels/{name}/invaded": (False, True),
        f"/vessels/{name}/patency": ("patent", "narrowed", "occluded"),
        f"/vessels/{name}/thrombus": ("none", "bland", "indeterminate", "tumour"),
    }


ORDERED: dict[str, Values] = {
    **{f"/ducts/{name}": ("free", "involved") for name in DUCTS},
    **{pointer: values for name in VESSELS for pointer, values in vessel(name).items()},
    "/multifocal": (False, True),
    "/cirrhosis": (False, True),
    "/fit_for_resection": (True, False),
    "/n2_nodes": ("none", "suspected", "probable", "proven"),
    "/m_status": ("m0", "m1"),
    "/metastases/liver": ("none", "suspected", "probable", "proven"),
    "/flr_ml": (900, 700, 546, 545, 500, 300, 100),
    "/mebrofenin_percent_min": (20, 8.5, 8.4, 1),
}
UNORDERED: dict[str, Values] = {
    "/atrophy": ("none", "right", "left"),
    "/remnant_side": ("left", "right"),
    "/total_liver_ml": (1700,),
    "/tumour_ml": (20,),
    "/height_cm": (170,),
    "/weight_kg": (70,),
}
# Left out beside a contact in degrees these are taken as harmless, and a flag says so; sites of
# metastases only add to the M status.
KEPT = frozenset(
    pointer
    for pointer in ORDERED
    if pointer.endswith(("/patency", "/thrombus")) or pointer.startswith("/metastases")
)
WORLD = World(PERIHILAR, TABLES, ORDERED, UNORDERED, KEPT, contradictions)


class TestPerihilar(FindingProperties):
    """The properties of every set, over these findings."""

    world = WORLD
    misshapen = (
        {"ducts": "x"},
        {"vessels": {"main_pv": {"contact_deg": "many", "invaded": 7}}, "ducts": {"x": 1}},
    )
    coded = ("vessels", "ducts")
