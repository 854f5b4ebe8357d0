"""A right hepatectomy planned on the images, and a tumour that is drawn by one click."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from server.demo.seed import liver_phantom
from tests.e2e.conftest import RunningMargin
from tests.e2e.viewer_probe import PanelProbe, wait_for_picture

pytestmark = pytest.mark.e2e

WORK_LIMIT_MS = 150_000
LOOK_EVERY_MS = 500
# From the gallbladder's fossa to the vena cava: where the phantom's own remnant begins.
PLANE = ((-40.0, -50.0, -1092.0), (-20.4, 20.0, -1092.0), (-40.0, -50.0, -1044.0))
REMAINS = (20.0, -56.0, -1044.0)
TUMOUR = (-92.0, 8.0, -1064.0)
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


def click_at(page: Page, point_mm: tuple[float, float, float]) -> None:
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
