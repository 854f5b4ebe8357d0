"""A right hepatectomy planned on the images, and a tumour that is drawn by one click."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from server.demo import cast
from server.demo.anatomy import Region
from server.demo.seed import liver_phantom
from server.demo.segmentations import encode
from server.dicom.peer import Peer
from server.dicom.sending import send
from tests.e2e.conftest import RunningMargin
from tests.e2e.viewer_probe import PanelProbe, wait_for_picture

pytestmark = pytest.mark.e2e

WORK_LIMIT_MS = 150_000
LOOK_EVERY_MS = 500
# From the gallbladder's fossa to the vena cava: where the phantom's own remnant begins.
PLANE = ((-40.0, -50.0, -1092.0), (-20.4, 20.0, -1092.0), (-40.0, -50.0, -1044.0))
REMAINS = (20.0, -56.0, -1044.0)
TUMOUR = (-92.0, 8.0, -1064.0)
Point = tuple[float, float, float]
ON_SCREEN = """async (point) => {
  const { viewportGridService, cornerstoneViewportService } = window.services;
  const id = viewportGridService.getActiveViewportId();
  const viewport = cornerstoneViewportService.getCornerstoneViewport(id);
  const heightOf = (imageId) =>
    window.cornerstone.metaData.get("imagePlaneModule", imageId).imagePositionPatient[2];
  const away = viewport.getImageIds().map((imageId) => Math.abs(heightOf(imageId) - point[2]));
  await viewport.setImageIdIndex(away.indexOf(Math.min(...away)));
  viewport.render();
  const [x, y] = viewport.worldToCanvas(point);
  const corner = viewport.element.getBoundingClientRect();
  return [corner.x + x, corner.y + y];
}"""
LABELS = """() => window.services.segmentationService.getSegmentations()
  .map((one) => Object.values(one.segments).map((segment) => segment.label))"""


def volumes_of(page: Page) -> list[dict[str, Any]]:
    """What the server keeps of the case's segmentations, newest first."""
    found: list[dict[str, Any]] = page.evaluate(
        """async () => {
            const api = location.pathname.replace(/\\/view\\/.*/, "/api");
            return (await (await fetch(`${api}/volumes`)).json()).volumes;
        }"""
    )
    return found


def stroke(page: Page, points_mm: Sequence[Point]) -> None:
    """One stroke over the image through points of one slice, given in mm in the patient."""
    places = [page.evaluate(ON_SCREEN, list(point)) for point in points_mm]
    page.mouse.move(*places[0], steps=4)
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=12)
    page.mouse.up()


def click_at(page: Page, point_mm: Point) -> None:
    """One click on the image at a point of the patient."""
    x, y = page.evaluate(ON_SCREEN, list(point_mm))
    page.mouse.move(x, y, steps=4)
    page.mouse.down()
    page.mouse.up()


def opened(page: Page, margin: RunningMargin) -> PanelProbe:
    """The liver's case, its segmentation measured."""
    page.set_default_timeout(30_000)
    page.goto(margin.link("Lindqvist"))
    page.get_by_role("link", name="Open images and form").click()
    panel = PanelProbe(page)
    panel.wait_until_open()
    wait_for_picture(page)
    until = time.monotonic() + WORK_LIMIT_MS / 1000
    while not any(one["state"] == "measured" for one in volumes_of(page)):
        assert time.monotonic() < until, "the demo's segmentation was not measured"
        page.wait_for_timeout(LOOK_EVERY_MS)
    page.reload()
    panel.wait_until_open()
    wait_for_picture(page)
    return panel


def unfolded(panel: PanelProbe, name: str) -> Locator:
    """The part of the volumes' section of that name, opened by the keyboard."""
    part = panel.root.locator(f"[data-trial='{name}']")
    part.locator("summary").press("Enter")
    expect(part).to_have_attribute("open", "")
    return part


def test_three_points_and_one_that_remains_become_a_remnant_on_the_images(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin)
    known = liver_phantom().known_volumes()
    trial = unfolded(panel, "resection")
    attempt = trial.get_by_role("button", name="Try this resection")
    expect(attempt).to_be_disabled()
    trial.get_by_role("button", name="First point: click on the image").click()
    for count, point in enumerate((*PLANE, REMAINS), start=1):
        click_at(page, point)
        expect(trial.get_by_role("button", name=": delete")).to_have_count(count)
    attempt.click()
    outcome = panel.root.locator("[data-made]").filter(has_text="Margin to the tumour")
    expect(outcome).to_be_visible(timeout=WORK_LIMIT_MS)
    (made,) = [one for one in volumes_of(page) if "resection" in one.get("made", {})]
    assert made["flr_ml"] == pytest.approx(known.flr_ml, rel=0.03)
    assert made["liver_ml"] == pytest.approx(known.liver_ml, abs=0.01)
    assert made["made"]["resection"]["margin_mm"] > 5
    page.wait_for_function(f"() => ({LABELS})().flat().includes('Specimen')")
    assert page.evaluate(LABELS)[-1] == ["Liver", "FLR", "Specimen", "Tumour"]

    region = unfolded(panel, "region")
    region.get_by_role("button", name="Grow the tumour from a click on the image").click()
    click_at(page, TUMOUR)
    grown = panel.root.locator("[data-made]").filter(has_text="check its edge on every slice")
    expect(grown).to_be_visible(timeout=WORK_LIMIT_MS)
    (drawn,) = [one for one in volumes_of(page) if "region" in one.get("made", {})]
    assert drawn["tumour_ml"] == pytest.approx(known.tumour_ml, rel=0.1)
    assert drawn["missing"] == ["FLR"]


def test_a_cut_beside_the_liver_is_refused_in_words(margin: RunningMargin, page: Page) -> None:
    panel = opened(page, margin)
    trial = unfolded(panel, "resection")
    for point in ("First point", "Second point", "Third point", "A point that remains"):
        trial.get_by_role("button", name=f"{point}: the middle of the view").focus()
        page.keyboard.press("Enter")
    trial.get_by_role("button", name="Try this resection").focus()
    page.keyboard.press("Enter")
    refused = panel.root.locator("[data-volume]", has_text="lie on one line")
    expect(refused).to_be_visible(timeout=WORK_LIMIT_MS)


def test_lines_drawn_over_the_slices_become_a_curved_cut(margin: RunningMargin, page: Page) -> None:
    panel = opened(page, margin)
    known = liver_phantom().known_volumes()
    trial = unfolded(panel, "resection")
    trial.get_by_role("radio", name="lines drawn on slices").click()
    attempt = trial.get_by_role("button", name="Try this resection")
    # From in front of the liver to behind it, along where the phantom's remnant begins.
    for count, (tool, z_mm) in enumerate(
        (("Draw a line", -1092.0), ("Straight line", -1044.0)), start=1
    ):
        trial.get_by_role("button", name=tool).click()
        stroke(page, [(-68.0, -150.0, z_mm), (-40.0, -50.0, z_mm), (-4.0, 78.0, z_mm)])
        expect(trial.get_by_role("button", name=f"Line {count}: delete")).to_be_visible()
        expect(attempt).to_be_disabled()
    trial.get_by_role("button", name="A point that remains: click on the image").click()
    click_at(page, REMAINS)
    before = len(volumes_of(page))
    attempt.click()
    made = awaited(page, before)
    assert made["liver_ml"] == pytest.approx(known.liver_ml, abs=0.01)
    # Drawn by a hand, so not to the millilitre.
    assert made["flr_ml"] == pytest.approx(known.flr_ml, rel=0.06)


def test_couinaud_segments_are_taken_out_by_name(
    margin: RunningMargin, page: Page, tmp_path: Path
) -> None:
    voxels = with_couinaud_segments(tmp_path / "couinaud.dcm")
    here = Peer(
        "127.0.0.1",
        margin.settings.dicom_port,
        cast.RIVERSIDE.ae_title,
        margin.settings.dicom_aet,
    )
    assert send(tmp_path, here).accepted == 1
    panel = opened(page, margin)
    until = time.monotonic() + WORK_LIMIT_MS / 1000
    while not any(one.get("couinaud") for one in volumes_of(page)):
        assert time.monotonic() < until, "the segments were not measured"
        page.wait_for_timeout(LOOK_EVERY_MS)
    page.reload()
    panel.wait_until_open()
    wait_for_picture(page)
    source = next(one for one in volumes_of(page) if one.get("couinaud"))
    trial = unfolded(panel, "resection")
    trial.locator(".mgn-cut-from select").select_option(source["id"])
    trial.get_by_role("radio", name="Couinaud segments").click()
    for name in ("II", "III"):
        button = trial.get_by_role("button", name=f"Segment {name}", exact=True)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    before = len(volumes_of(page))
    trial.get_by_role("button", name="Try this resection").click()
    made = awaited(page, before)
    left = voxels["IV"] / sum(voxels.values())
    assert made["flr_ml"] / made["liver_ml"] == pytest.approx(left, abs=0.001)


def awaited(page: Page, before: int) -> dict[str, Any]:
    """The newest volume, once there are more than there were and it is measured."""
    until = time.monotonic() + WORK_LIMIT_MS / 1000
    while True:
        found = volumes_of(page)
        if len(found) > before and found[0]["state"] == "measured":
            return found[0]
        assert time.monotonic() < until, found[:1]
        page.wait_for_timeout(LOOK_EVERY_MS)


def with_couinaud_segments(path: Path) -> dict[str, int]:
    """The phantom's liver in three parts from right to left, as a SEG; the voxels of each part."""
    phantom = liver_phantom()
    liver = (phantom.regions() & Region.LIVER) > 0
    columns = np.flatnonzero(liver.any(axis=(0, 1)))
    thirds = np.array_split(columns, 3)
    parts = dict.fromkeys(("IV", "III", "II"), np.zeros_like(liver))
    for name, third in zip(parts, thirds, strict=True):
        parts[name] = liver.copy()
        parts[name][..., [x for x in range(liver.shape[2]) if x not in third]] = False
    images = phantom.headers(phantom.phase("portal_venous"))
    for image in images:
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    labels = ["Liver", *(f"Liver segment {name}" for name in parts)]
    masks = np.stack([liver, *parts.values()], axis=-1)
    drawn = encode(images, masks, labels, name=("couinaud",))
    drawn.save_as(path, enforce_file_format=True)
    return {name: int(np.count_nonzero(part)) for name, part in parts.items()}
