"""The phase by pixels: the bounds, two families of bodies of known making, and odd pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES as DEMO_PHASES
from server.imaging.look import look_at
from server.imaging.organs_found import find_organs
from server.imaging.phase import Phase, PhaseReading
from server.imaging.phase_pixels import RULES, classify, pixel_phase
from server.imaging.read_volume import Volume, read_volume
from tests.imaging.bodies import PHASES, Body, volume

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "ct-liver-3slice"


def read(body: Body, **how: float) -> PhaseReading:
    where = {"thickness_mm": 7.0, "rows": 144, "top_mm": 40.0, "bottom_mm": -220.0, **how}
    return pixel_phase(find_organs(volume(body, **where)))


@pytest.mark.parametrize(
    ("aorta", "portal", "liver", "phase"),
    [
        (69.9, 40, 55, Phase.NATIVE), (70, 40, 55, Phase.INDETERMINATE),
        (180, 79.9, 60, Phase.ARTERIAL_EARLY), (180, 80, 60, Phase.ARTERIAL_LATE),
        (180, 130, 70, Phase.ARTERIAL_LATE), (180, 130.1, 70, Phase.INDETERMINATE),
        (179.9, 80, 60, Phase.INDETERMINATE), (170, 130, 90, Phase.PORTAL_VENOUS),
        (170, 129.9, 90, Phase.INDETERMINATE), (170.1, 130, 90, Phase.INDETERMINATE),
        (170, 130, 89.9, Phase.INDETERMINATE), (129.9, 109.9, 80, Phase.DELAYED),
        (130, 110, 80, Phase.INDETERMINATE), (129.9, 109.8, 80, Phase.INDETERMINATE),
        (129.9, 110, 79.9, Phase.INDETERMINATE), (200, None, 60, Phase.INDETERMINATE),
    ],
)  # fmt: skip
def test_the_table_is_kept_to_its_bounds(
    aorta: float, portal: float | None, liver: float, phase: Phase
) -> None:
    assert classify(aorta, portal, liver) is phase
    assert RULES.trust == "UNPUB"


@pytest.mark.parametrize("phase", list(PHASES))
def test_a_body_of_known_making_is_read_in_its_phase(phase: str) -> None:
    reading = read(Body(phase=phase))
    assert reading.phase is Phase(phase)
    assert reading.confidence >= 0.6
    assert reading.measured_hu["aorta"] == pytest.approx(PHASES[phase]["aorta"], abs=8)
    assert reading.measured_hu["liver"] == pytest.approx(PHASES[phase]["liver"], abs=5)
    assert reading.evidence[0].startswith(f"Aorta {reading.measured_hu['aorta']:.0f} HU")


@pytest.mark.parametrize(
    "body",
    [
        Body(phase="arterial_late", noise_hu=35),
        Body(phase="arterial_late", fat_mm=70),
        Body(phase="portal_venous", tumour=True, ascites=True),
        Body(phase="arterial_early", arms=True, metal=True),
        Body(phase="native", oral_contrast=True),
        Body(phase="portal_venous", steatosis_hu=30),
    ],
    ids=["noise", "obese", "tumour and ascites", "arms and metal", "oral contrast", "fatty liver"],
)
def test_what_hinders_does_not_lead_astray(body: Body) -> None:
    reading = read(body)
    assert reading.phase is Phase(body.phase)


@pytest.mark.parametrize("phase", DEMO_PHASES, ids=lambda one: one.name)
def test_the_demos_phantom_is_read_though_its_headers_lie(phase: object) -> None:
    chosen = next(one for one in DEMO_PHASES if one is phase)

    def lying() -> Iterator[Dataset]:
        for image in Phantom("lies", slices=32, rows=128).images(chosen):
            image.SeriesDescription = "delayed" if chosen.name == "arterial" else "early arterial"
            image.ContrastBolusAgent = "x"
            yield image

    reading = pixel_phase(find_organs(read_volume(lying())))
    wanted = {"arterial": Phase.ARTERIAL_LATE}.get(chosen.name) or Phase(chosen.name)
    assert reading.phase is wanted


def test_an_aorta_without_a_liver_is_arterial_but_neither_early_nor_late() -> None:
    reading = read(Body(phase="arterial_late"), top_mm=170.0, bottom_mm=40.0)
    assert reading.phase is Phase.INDETERMINATE
    assert reading.contrast is True
    assert "early or late cannot be told" in reading.evidence[1]


def test_values_between_the_phases_are_left_to_a_person() -> None:
    between = {"aorta": 168.0, "portal": 112.0, "hepatic": 90.0, "liver": 74.0}
    reading = read(Body(phase="portal_venous", hu=between))
    assert (reading.phase, reading.confidence) == (Phase.INDETERMINATE, 0.0)


@pytest.mark.parametrize(
    "hu",
    [
        np.full((5, 64, 64), -1000),
        np.zeros((1, 10, 10)),
        np.random.default_rng(0).integers(-1000, 2000, (20, 64, 64)),
        np.full((4, 3, 2), 50),
        np.full((30, 100, 100), 40),
    ],
    ids=["air", "one image", "noise", "tiny", "water"],
)
def test_pixels_without_a_body_tell_nothing_and_break_nothing(hu: np.ndarray) -> None:
    look = look_at(Volume(hu.astype(np.int16), (3.0, 2.0, 2.0), len(hu)))
    assert look.phase.phase is Phase.INDETERMINATE
    assert look.coverage.liver_fraction is None


@pytest.mark.skipif(not REAL.exists(), reason="the real images do not lie here")
def test_three_real_slices_without_contrast_are_read_as_such_and_with_little_confidence() -> None:
    images = [dcmread(REAL / f"0{number}.dcm") for number in (1, 2, 3)]
    reading = look_at(read_volume(images)).phase
    assert reading.phase in (Phase.NATIVE, Phase.INDETERMINATE)
    assert reading.confidence < 0.5
    assert "Only 6 mm of the body were seen." in reading.evidence


def cylinders(aorta: float, portal: float, liver: float, around: float) -> Volume:
    """A body of an ellipse with a solid spine, an aorta, a cava, a liver and its portal vein: no
    lungs, no ribs, nothing else.
    """
    axis = (np.arange(128) - 64) * 3.0
    x, y = axis[np.newaxis, :], axis[:, np.newaxis]
    hu = np.full((40, 128, 128), -1000.0)
    for level, z in zip(hu, (np.arange(40) - 20) * 5.0, strict=True):
        level[(x / 160) ** 2 + (y / 110) ** 2 < 1] = around
        level[((x + 70) / 70) ** 2 + ((y + 10) / 65) ** 2 < 1 - (z / 80) ** 2] = liver
        if abs(z) < 50:
            level[(x + 65) ** 2 + (y + 5) ** 2 < 81] = portal
        level[x**2 + (y - 60) ** 2 < 400] = 400
        level[(x - 12) ** 2 + (y - 28) ** 2 < 121] = aorta
        level[(x + 18) ** 2 + (y - 28) ** 2 < 121] = portal
    grain = np.random.default_rng(1).normal(0, 8, hu.shape)
    return Volume((hu + grain).astype(np.int16), (5.0, 3.0, 3.0), 40)


@pytest.mark.parametrize("around", [-90.0, 40.0], ids=["in fat", "in muscle"])
@pytest.mark.parametrize(
    ("values", "phase"),
    [
        ((42, 40, 56), Phase.NATIVE),
        ((330, 50, 60), Phase.ARTERIAL_EARLY),
        ((300, 110, 72), Phase.ARTERIAL_LATE),
        ((155, 165, 112), Phase.PORTAL_VENOUS),
        ((112, 110, 92), Phase.DELAYED),
    ],
    ids=lambda one: str(one) if isinstance(one, Phase) else "",
)
def test_a_body_of_cylinders_is_read_and_its_spine_is_no_aorta(
    values: tuple[float, float, float], phase: Phase, around: float
) -> None:
    reading = pixel_phase(find_organs(cylinders(*values, around)))
    if phase is Phase.NATIVE and around > 0:
        # An aorta like what surrounds it cannot be seen, and is not guessed.
        assert reading.phase in (Phase.NATIVE, Phase.INDETERMINATE)
    else:
        assert reading.phase is phase
