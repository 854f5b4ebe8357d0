"""Coverage by pixels: bodies cut at known places."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.imaging.assessing import assess
from server.imaging.coverage import coverage
from server.imaging.findings import Verdict
from server.imaging.landmarks import Coverage, Landmark
from server.imaging.organs_found import find_organs
from server.imaging.protocols import protocol_named
from server.imaging.read_volume import read_volume
from server.imaging.stored import from_json, to_json
from tests.imaging.bodies import Body, volume
from tests.imaging.made_series import ON, liver

APEX, DOME, BASES = Landmark.LUNG_APEX, Landmark.LIVER_DOME, Landmark.LUNG_BASES
EDGE, CREST, HIPS = Landmark.LIVER_LOWER_EDGE, Landmark.ILIAC_CREST, Landmark.PELVIS


def covered(body: Body, top_mm: float, bottom_mm: float, **how: float) -> Coverage:
    how = {"thickness_mm": 7.0, "rows": 144, **how}
    return coverage(find_organs(volume(body, top_mm=top_mm, bottom_mm=bottom_mm, **how)))


@pytest.mark.parametrize(
    ("top", "bottom", "shown"),
    [
        (215.0, -465.0, {APEX, DOME, BASES, EDGE, CREST, HIPS}),
        (50.0, -290.0, {DOME, BASES, EDGE, CREST}),
        (50.0, -215.0, {DOME, BASES, EDGE}),
        (-20.0, -215.0, {BASES, EDGE}),
        (40.0, -140.0, {DOME, BASES}),
        (215.0, -60.0, {APEX, DOME}),
    ],
    ids=["all", "abdomen", "upper abdomen", "without dome", "without lower edge", "chest"],
)
def test_what_is_cut_off_is_told(top: float, bottom: float, shown: set[Landmark]) -> None:
    found = covered(Body(), top, bottom)
    assert {one for one in Landmark if found.shows(one)} == shown
    assert found.length_mm == pytest.approx(top - bottom, abs=8)
    assert (found.liver_fraction == 1.0) == (DOME in shown and EDGE in shown)
    assert all(sentence.endswith(".") for sentence in found.evidence)


@pytest.mark.parametrize(
    ("top", "bottom", "verdict"),
    [
        (50.0, -290.0, Verdict.ADEQUATE),
        (-40.0, -290.0, Verdict.INADEQUATE),
        (50.0, -100.0, Verdict.INADEQUATE),
        (50.0, -140.0, Verdict.LIMITED),
    ],
    ids=["whole", "without its upper third", "half", "without its tip"],
)
def test_a_liver_of_which_much_is_cut_off_cannot_be_judged(
    top: float, bottom: float, verdict: Verdict
) -> None:
    shown = covered(Body(), top, bottom)
    series = [replace(one, coverage=shown) for one in liver()]
    kept = [from_json(to_json(one)) for one in series]
    assert assess(kept, [protocol_named("liver-ct")], ON).verdict is verdict


def test_bowel_full_of_gas_and_contrast_is_neither_lung_nor_bone() -> None:
    found = covered(Body(phase="native", oral_contrast=True), 50.0, -215.0)
    assert {one for one in Landmark if found.shows(one)} == {DOME, BASES, EDGE}


@pytest.mark.parametrize("bottom", [-215.0, -195.0], ids=["waist below", "ribs to the end"])
def test_long_ribs_are_no_iliac_crest(bottom: float) -> None:
    torso = volume(Body(), top_mm=50.0, bottom_mm=bottom, thickness_mm=7.0, rows=144)
    up, down, across = torso.spacing_mm
    ribs = slice(int((-195.0 - bottom) / up), int((-120.0 - bottom) / up))
    middle, off, wide = torso.hu.shape[2] // 2, int(125 / across), int(10 / across)
    row = torso.hu.shape[1] // 2
    for column in (middle - off, middle + off):
        torso.hu[ribs, row : row + int(10 / down), column - wide : column + wide] = 450
    assert coverage(find_organs(torso)).shows(CREST) is False


def test_a_pelvis_has_no_liver() -> None:
    found = covered(Body(), -205.0, -465.0)
    assert found.shows(DOME) is None
    assert found.shows(CREST) is True
    assert "not found" in found.landmarks[DOME].evidence


def test_a_field_of_view_that_cuts_the_body_names_the_sides() -> None:
    found = covered(Body(fat_mm=50.0), 20.0, -120.0, field_mm=300.0)
    assert {"left", "right"} <= set(found.cut_sides)


def test_the_demos_phantom_shows_the_liver_and_no_pelvis() -> None:
    images = Phantom("covered", slices=32, rows=128).images(PHASES[2])
    found = coverage(find_organs(read_volume(images)))
    assert found.liver_fraction == 1.0
    assert found.shows(CREST) is False


def test_a_few_images_tell_nothing() -> None:
    found = covered(Body(), 0.0, -14.0)
    assert found.shows(CREST) is None
    assert found.landmarks[BASES].confidence == 0.0
