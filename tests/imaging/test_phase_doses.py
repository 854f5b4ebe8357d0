"""Attenuations as other doses of contrast, tube voltages and patients give them: never surely wrong.

The values were measured in bodies of another making than those of `bodies`: what the search found in
them, with little contrast, with 80 kV, with a liver full of metastases, and with metal in the bile duct.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from server.imaging.organs_found import Organs
from server.imaging.phase import ARTERIAL, Phase, PhaseReading
from server.imaging.phase_pixels import pixel_phase

SURE = 0.5
Kidneys = tuple[float, float, float]


def read(
    aorta: float, portal: float | None, liver: float, spleen: float | None, kidneys: Kidneys | None
) -> PhaseReading:
    """HU; of the kidneys cortex, medulla and renal pelvis. What was not found is None."""
    found: Any = SimpleNamespace(
        aorta=SimpleNamespace(hu=aorta, confidence=1.0, spread_hu=5.0),
        liver=SimpleNamespace(hu=liver, confidence=1.0),
        portal=SimpleNamespace(hu=portal, margin_hu=15.0),
        spleen=SimpleNamespace(hu=spleen) if spleen is not None else None,
        kidneys=SimpleNamespace(cortex_hu=kidneys[0], medulla_hu=kidneys[1], pelvis_hu=kidneys[2])
        if kidneys
        else None,
        notes=(),
        turned=(),
    )
    return pixel_phase(cast(Organs, found))


@pytest.mark.parametrize(
    ("true", "values"),
    [
        (Phase.DELAYED, (142.0, 153.0, 116.0, 118.0, (220.0, 212.0, 535.0))),
        (Phase.PORTAL_VENOUS, (108.0, 127.0, 90.0, 92.0, (132.0, 103.0, 125.0))),
        (Phase.PORTAL_VENOUS, (108.0, 127.0, 90.0, 92.0, None)),
        (Phase.ARTERIAL_LATE, (240.0, None, 68.0, 113.0, (138.0, 63.0, 77.0))),
        (Phase.ARTERIAL_LATE, (203.0, None, 77.0, 110.0, (152.0, 85.0, 102.0))),
        (Phase.NATIVE, (377.0, None, 56.0, None, None)),
        (Phase.ARTERIAL_EARLY, (331.0, 240.0, 59.0, 98.0, (118.0, 40.0, 50.0))),
        (Phase.ARTERIAL_EARLY, (329.0, 120.0, 59.0, 97.0, None)),
        (Phase.ARTERIAL_LATE, (168.0, 117.0, 74.0, 99.0, (132.0, 76.0, 97.0))),
    ],
    ids=["80 kV", "little contrast", "and no kidneys", "metastases", "and later", "bone for aorta",
         "stent for vein", "arms for vein", "little in the pancreas"],
)  # fmt: skip
def test_what_looks_like_another_phase_is_not_sure(
    true: Phase, values: tuple[float, float | None, float, float | None, Kidneys | None]
) -> None:
    reading = read(*values)
    assert reading.phase is true or reading.confidence < SURE, reading


@pytest.mark.parametrize("dose", [0.6, 0.8, 1.0, 1.3, 1.6])
def test_no_dose_excludes_the_true_phase(dose: float) -> None:
    added = {
        Phase.ARTERIAL_EARLY: (290, 8, 3, 50, (85, 10, 0)),
        Phase.ARTERIAL_LATE: (240, 96, 23, 86, (158, 65, 0)),
        Phase.PORTAL_VENOUS: (112, 132, 54, 74, (160, 130, 0)),
        Phase.DELAYED: (64, 64, 37, 44, (108, 118, 340)),
    }
    for true, (aorta, portal, liver, spleen, (cortex, medulla, pelvis)) in added.items():
        kidneys = (33 + dose * cortex, 31 + dose * medulla, 6 + dose * pelvis)
        shown = read(42 + dose * aorta, 41 + dose * portal, 57 + dose * liver,
                     48 + dose * spleen, kidneys)  # fmt: skip
        assert true not in shown.excluded, (dose, true)
        assert shown.phase is true or shown.confidence < SURE, (dose, true, shown)


def test_with_contrast_in_the_aorta_before_the_vein_only_arterial_phases_are_left() -> None:
    reading = read(240.0, 110.0, 70.0, None, None)
    assert set(Phase) - reading.excluded >= ARTERIAL
    assert reading.excluded == {Phase.NATIVE, Phase.PORTAL_VENOUS, Phase.DELAYED}
