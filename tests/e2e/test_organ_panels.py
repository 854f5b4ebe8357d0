"""The panel as the surgeon's instrument: keys enough for two minutes, tables, and what was seen where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import delete, select

from server.annotations.organs import ORGANS
from server.annotations.records import Annotation, Revision
from server.cases.records import Case
from server.demo import cast
from server.foundation.db import Database
from tests.e2e.conftest import RunningMargin, demo_world, running_margin
from tests.e2e.viewer_probe import PanelProbe, wait_for_picture
from tests.e2e.viewer_probe.picture import VIEWPORT
from tests.web import axe

pytestmark = pytest.mark.e2e

MOST_INTERACTIONS = 60
VIEW = """() => {
  const { viewportGridService, cornerstoneViewportService } = window.services;
  const id = viewportGridService.getActiveViewportId();
  return cornerstoneViewportService.getCornerstoneViewport(id);
}"""
SLICE = f"() => ({VIEW})().getCurrentImageId()"
# The places in mm below two corners of the viewport: together what is seen of the slice, and how.
CORNERS = f"""() => {{
  const viewport = ({VIEW})();
  const {{ clientWidth, clientHeight }} = viewport.canvas;
  return [[0, 0], [clientWidth, clientHeight]].flatMap((at) => [...viewport.canvasToWorld(at)]);
}}"""


@pytest.fixture(scope="module")
def margin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMargin]:
    """One of its own: a case changes its organ here, and loses what was recorded."""
    with running_margin(tmp_path_factory.mktemp("organs")) as (settings, process):
        yield RunningMargin(settings, demo_world(settings), process)


class Hand:
    """A surgeon's hand: every click and every key press counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def click(self, place: Locator) -> None:
        place.click()
        self.count += 1

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.count += len(keys)

    def write(self, text: str) -> None:
        self.press(*("Space" if letter == " " else letter for letter in text))

    def pick(self, control: Locator, words: str) -> None:
        """A list opened by one click and closed by another."""
        control.select_option(label=words)
        self.count += 2


def begin_anew(margin: RunningMargin, organ: str) -> None:
    """The demo's pancreas case as a case of `organ`, with nothing recorded yet."""
    db = Database(margin.settings.database_url)
    number = cast.PANCREAS_CASE.accession_number
    with db.writing() as session:
        case = session.scalars(select(Case).where(Case.accession_number == number)).one()
        case.organ = organ
        mine = select(Annotation.id).where(Annotation.case_id == case.id)
        session.execute(delete(Revision).where(Revision.annotation_id.in_(mine)))
        session.execute(delete(Annotation).where(Annotation.case_id == case.id))
    db.dispose()


def opened(page: Page, margin: RunningMargin, organ: str) -> PanelProbe:
    begin_anew(margin, organ)
    page.set_default_timeout(20_000)
    page.goto(margin.link("Prandi"))
    page.get_by_role("link", name="Open images and form").click()
    panel = PanelProbe(page)
    panel.wait_until_open()
    return panel


def answers_of(page: Page) -> dict[str, Any]:
    """What the server keeps."""
    found: dict[str, Any] = page.evaluate(
        """async () => {
            const api = location.pathname.replace(/\\/view\\/.*/, "/api");
            return (await (await fetch(`${api}/panel`)).json()).annotation.answers;
        }"""
    )
    return found


def test_a_pancreas_with_eight_vessels_is_ready_to_sign_within_sixty_interactions(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "pancreas")
    hand = Hand(page)
    hand.click(panel.field("/site").get_by_label("head", exact=True))
    hand.click(panel.root.locator("[data-vessel='/vessels/sma']"))
    for degrees in ("90", "45", "n", "60", "30", "90", "45", "n", "n", "120", "30"):
        hand.press(*degrees)
        if degrees != "n":
            hand.press("Enter")
    vessels_only = hand.count
    hand.click(panel.root.get_by_role("button", name="All others clear", exact=True))
    hand.pick(panel.field("/m_status"), "M0, no distant metastasis")
    hand.click(panel.field("/imaging_adequacy").get_by_label("adequate", exact=True))
    hand.click(panel.field("/verdict").get_by_label("Resectable with conditions", exact=True))
    hand.click(panel.field("/confidence").get_by_label("high", exact=True))
    hand.click(panel.field("/recommendation/text"))
    hand.write("Whipple")
    panel.wait_until_saved()
    print(f"\npancreas, eight vessels in degrees: {vessels_only}; ready to sign: {hand.count}")
    expect(panel.root.locator(".mgn-foot")).to_contain_text("Ready to sign")
    vessels = answers_of(page)["vessels"]
    assert sum(one["contact_deg"] not in (0, "not_assessed") for one in vessels.values()) == 8
    assert vessels["smv_pv"]["contact_deg"] == 120
    assert vessels["ca"] == {"contact_deg": 0, "contact_kind": "none", "contour": "regular"}
    assert hand.count <= MOST_INTERACTIONS


def test_a_lung_is_filled_in_by_tables_and_sets_that_say_nothing_stay_in_one_line(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "lung")
    root = panel.root
    places = root.locator("[data-place]")
    expect(places.filter(has_text="Vessels")).to_contain_text("9")
    panel.choose("/structures/chest_wall", "invaded")
    root.get_by_role("button", name="Structures beside the tumour: All others clear").click()
    panel.choose("/stations/s7", "proven by tissue")
    root.get_by_role("button", name="Stations: All others negative").click()
    root.get_by_role("button", name="All others clear", exact=True).click()
    panel.wait_until_saved()
    kept = answers_of(page)
    assert kept["structures"]["chest_wall"] == "invaded"
    assert kept["structures"]["heart"] == "clear"
    assert kept["stations"]["s7"] == "proven"
    assert kept["stations"]["s5"] == "negative"
    assert panel.says("tnm8-n") == "Category N2"
    expect(places.filter(has_text="Vessels")).to_contain_text("✓")
    root.get_by_role("button", name="answers still open: next").click()
    expect(panel.field("/lobe")).to_be_focused()


def test_sets_that_do_not_address_the_case_wait_behind_one_line(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "generic")
    silent = panel.root.locator("[data-ruleset='verdict-only']")
    expect(silent).to_have_count(0)
    panel.root.get_by_role("button", name="1 set says nothing here: show").click()
    expect(silent).to_be_visible()


def test_the_set_that_differs_is_marked_and_overriding_asks_for_a_reason_where_it_is_written(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "pancreas")
    answers = dict(ORGANS["pancreas"].examples()["head-borderline-sma"])
    answers.pop("verdict_reason", None)
    _fill(page, {**answers, "verdict": "resectable_with_conditions"})
    panel.wait_until_open()
    apart = panel.root.locator("[data-ruleset]:has(.mgn-apart)")
    expect(apart).to_have_count(1)
    expect(apart).to_contain_text("DPCG")
    asked = panel.root.locator(".mgn-asked")
    expect(asked).to_have_count(0)
    panel.choose("/verdict", "Not resectable here")
    expect(asked).to_contain_text("overriding asks for a reason")
    panel.field("/verdict_reason").fill("Unfit for arterial reconstruction.")
    expect(asked).to_have_count(0)


def test_a_dial_stays_under_the_hand_that_drags_it(margin: RunningMargin, page: Page) -> None:
    """What the sets say grows above the form while the hand still holds the dial."""
    panel = opened(page, margin, "pancreas")
    panel.open_vessel("sma")
    dial = panel.root.locator("[data-dial='/vessels/sma/contact_deg']")
    dial.scroll_into_view_if_needed()
    box = dial.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y - 40)
    page.mouse.down()
    for aside, down in ((40, 0), (0, 40)):
        page.mouse.move(x + aside, y + down, steps=4)
    panel.wait_until_saved()
    expect(panel.root.locator("[data-ruleset='dpcg-2012']")).to_contain_text("Locally advanced")
    page.mouse.move(x - 40, y, steps=4)
    page.mouse.up()
    expect(dial).to_have_attribute("aria-valuetext", "270°")
    assert page.evaluate("() => getSelection().toString()") == ""


def _draw_an_angle(page: Page, panel: PanelProbe) -> None:
    """Three clicks: an end of the contact, the vessel's centre, the other end; a right angle."""
    panel.root.locator("[data-bind='/vessels/sma/contact_deg']").click()
    panel.root.get_by_role("button", name="Draw the angle").click()
    box = page.locator(VIEWPORT).first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for at_x, at_y in ((x - 60, y), (x, y), (x, y + 60)):
        page.mouse.move(at_x, at_y, steps=4)
        page.mouse.down()
        page.mouse.up()


def _drag_an_end(page: Page) -> None:
    """The last end of the drawn angle, so far to the side that it becomes about 135 degrees."""
    box = page.locator(VIEWPORT).first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y + 60, steps=4)
    page.mouse.down()
    page.mouse.move(x + 60, y + 60, steps=6)
    page.mouse.up()


def _scroll_away(page: Page, where: str) -> None:
    """Five slices on from `where`."""
    page.evaluate(f"() => ({VIEW})().scroll(5)")
    page.wait_for_function(f"(was) => ({SLICE})() !== was", arg=where)


def test_a_contact_is_measured_on_the_image_found_again_and_loses_its_support(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "pancreas")
    wait_for_picture(page)
    panel.open_vessel("sma")
    where = page.evaluate(SLICE)
    _draw_an_angle(page, panel)
    seen = panel.root.locator("[data-seen='/vessels/sma/contact_deg']")
    expect(seen).to_contain_text("angle 90°")
    box = panel.field("/vessels/sma/contact_deg")
    expect(box).to_have_value("90")
    panel.root.get_by_role("button", name="Use 270° (the other way round)").click()
    expect(box).to_have_value("270")
    panel.root.locator("[data-bind='/vessels/sma/contact_deg']").click()
    panel.root.get_by_role("button", name="Use 90°").click()
    panel.wait_until_saved()
    entry = answers_of(page)["evidence"]["/vessels/sma/contact_deg"]
    assert entry["image"]["SOPInstanceUID"] in where
    assert entry["state"] == "supported"

    _scroll_away(page, where)
    seen.get_by_role("button", name="show angle").click()
    page.wait_for_function(f"(was) => ({SLICE})() === was", arg=where)

    _drag_an_end(page)
    expect(seen).to_contain_text("the measurement was moved since: now angle 13")
    page.evaluate("(uid) => window.services.measurementService.remove(uid)", entry["measurement"])
    expect(seen).to_contain_text("unsupported: the measurement was deleted")
    panel.wait_until_saved()
    page.reload()
    panel.wait_until_open()
    wait_for_picture(page)
    expect(seen).to_contain_text("unsupported: the measurement was deleted")
    _scroll_away(page, where)
    seen.get_by_role("button", name="show angle").click()
    page.wait_for_function(f"(was) => ({SLICE})() === was", arg=where)


def _turn(page: Page, act: str) -> None:
    """`act` done with the active `viewport`."""
    page.evaluate(f"() => {{ const viewport = ({VIEW})(); {act} viewport.render(); }}")


def test_a_value_is_bound_to_the_image_on_the_screen_and_its_view_is_found_again(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "pancreas")
    wait_for_picture(page)
    panel.choose("/site", "head")
    where = page.evaluate(SLICE)
    _turn(
        page,
        "viewport.setCamera({ flipHorizontal: true }); viewport.setRotation(90);"
        "viewport.setZoom(2.6); viewport.setPan([120, -60]);",
    )
    seen_as = page.evaluate(CORNERS)
    panel.root.locator("[data-bind='/site']").click()
    panel.root.get_by_role("button", name="Bind to series").click()
    panel.wait_until_saved()
    entry = answers_of(page)["evidence"]["/site"]
    assert entry["kind"] == "key_image"
    assert entry["image"]["SOPInstanceUID"] in where
    assert entry["window"]["lower"] < entry["window"]["upper"]
    assert (entry["view"]["rotation_deg"], entry["view"]["flipped_horizontally"]) == (90, True)

    _turn(page, "viewport.resetCamera(); viewport.setRotation(0);")
    _scroll_away(page, where)
    panel.root.locator("[data-seen='/site']").get_by_role("button", name="show series").click()
    page.wait_for_function(f"(was) => ({SLICE})() === was", arg=where)
    page.wait_for_function(
        f"(was) => ({CORNERS})().every((at, axis) => Math.abs(at - was[axis]) < 1)",
        arg=seen_as,
    )
    panel.root.get_by_role("button", name="no longer bound").click()
    panel.wait_until_saved()
    assert "evidence" not in answers_of(page)


def test_a_value_is_bound_to_the_segment_that_is_drawn(margin: RunningMargin, page: Page) -> None:
    panel = opened(page, margin, "liver")
    wait_for_picture(page)
    panel.root.get_by_role("button", name="Draw liver, FLR and tumour").click()
    page.wait_for_function("() => window.services.segmentationService.getSegmentations().length")
    page.evaluate(
        "() => window.services.panelService.activatePanel('margin.panelModule.resectability', true)"
    )
    panel.wait_until_open()
    panel.choose("/background", "normal")
    panel.root.locator("[data-bind='/background']").click()
    panel.root.get_by_role("button", name="Bind to the segment liver").click()
    seen = panel.root.locator("[data-seen='/background']")
    expect(seen).to_contain_text("segment liver")
    panel.wait_until_saved()
    entry = answers_of(page)["evidence"]["/background"]
    assert (entry["kind"], entry["segment_number"], entry["label"]) == ("segment", 1, "liver")
    where = page.evaluate(SLICE)
    _scroll_away(page, where)
    seen.get_by_role("button", name="show segment liver").click()
    page.wait_for_function(f"(was) => ({SLICE})() === was", arg=where)


def test_what_was_entered_while_the_line_was_down_is_sent_when_it_is_back(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "pancreas")
    panel.choose("/site", "head")
    panel.wait_until_saved()
    page.context.set_offline(True)
    panel.choose("/site", "body")
    panel.type_contact("sma", "120")
    status = panel.root.locator(".mgn-status")
    expect(status).to_contain_text("Not saved: No answer from the server.")
    page.context.set_offline(False)
    panel.wait_until_saved()
    kept = answers_of(page)
    assert kept["site"] == "body"
    assert kept["vessels"]["sma"]["contact_deg"] == 120


def test_what_was_entered_offline_and_elsewhere_is_shown_before_either_is_lost(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "pancreas")
    panel.choose("/site", "head")
    panel.wait_until_saved()
    page.context.set_offline(True)
    panel.type_contact("sma", "120")
    expect(panel.root.locator(".mgn-status")).to_contain_text("Not saved")
    elsewhere = page.context.browser.new_context()  # type: ignore[union-attr]
    other = elsewhere.new_page()
    other.goto(margin.link("Prandi"))
    other.get_by_role("link", name="Open images and form").click()
    theirs = PanelProbe(other)
    theirs.wait_until_open()
    theirs.choose("/site", "tail")
    theirs.wait_until_saved()
    elsewhere.close()
    page.context.set_offline(False)
    notice = panel.root.get_by_role("alert").filter(has_text="Changed in another window")
    expect(notice).to_contain_text("Superior mesenteric artery, Contact: 120°")
    notice.get_by_role("button", name="keep my changes").click()
    panel.wait_until_saved()
    kept = answers_of(page)
    assert kept["site"] == "tail"
    assert kept["vessels"]["sma"]["contact_deg"] == 120


def _sign(panel: PanelProbe) -> None:
    dialog = panel.open_signing()
    dialog.get_by_label("State your verdict again to sign").select_option(
        label="Resectable with conditions"
    )
    dialog.get_by_role("button", name="Sign as").click()
    expect(panel.root.locator(".mgn-foot-signed")).to_contain_text("Signed by")


def _fill(page: Page, answers: dict[str, Any]) -> None:
    page.evaluate(
        """async (answers) => {
            const api = location.pathname.replace(/\\/view\\/.*/, "/api");
            const body = JSON.stringify({ answers, version: 0 });
            const headers = { "Content-Type": "application/json", "X-Margin-Panel": "1" };
            await fetch(`${api}/annotation`, { method: "PUT", headers, body });
        }""",
        answers,
    )
    page.reload()


@pytest.mark.parametrize("organ", ["pancreas", "liver"])
def test_the_panel_can_be_used_by_everybody(
    margin: RunningMargin, page: Page, tmp_path: Path, organ: str
) -> None:
    opened(page, margin, organ)
    assert axe.violations(page, axe.program(tmp_path), within=".mgn") == []


# The last one: it leaves the case with an opinion.
def test_a_signed_opinion_is_amended_with_what_changed_in_sight(
    margin: RunningMargin, page: Page
) -> None:
    panel = opened(page, margin, "pancreas")
    answers = ORGANS["pancreas"].examples()["head-borderline-sma"]
    vessels = {**answers["vessels"]}
    vessels["sma"] = {**vessels["sma"], "contact_deg": 170}
    _fill(page, {**answers, "vessels": vessels, "verdict": "resectable_with_conditions"})
    panel.wait_until_open()
    _sign(panel)
    foot = panel.root.locator(".mgn-foot-signed")
    expect(foot).to_contain_text("Revision 1, on 4 series with 224 images, SHA-256 ")
    panel.root.get_by_role("button", name="Amend the opinion").click()
    dialog = panel.root.get_by_role("dialog")
    begin = dialog.get_by_role("button", name="Begin the amendment")
    expect(begin).to_be_disabled()
    dialog.get_by_label("Why is the opinion amended?").fill("Measured on the wrong phase.")
    begin.click()
    notice = panel.root.locator(".mgn-amendment")
    expect(notice).to_contain_text("Because: Measured on the wrong phase.")
    panel.type_contact("sma", "120")
    panel.wait_until_saved()
    was = panel.root.locator("[data-was='/vessels/sma/contact_deg']")
    expect(was).to_have_text("was 170°, −50°")
    expect(notice.locator("dt").first).to_have_text("Superior mesenteric artery")
    expect(notice.locator("dd").first).to_contain_text("Contact: 170°")
    panel.type_contact("sma", "200")
    panel.wait_until_saved()
    expect(panel.root.locator("[data-ruleset='nccn-2022'] .mgn-was")).to_have_text(
        "was Borderline resectable"
    )
    panel.type_contact("sma", "120")
    panel.wait_until_saved()
    _sign(panel)
    expect(notice).to_contain_text("Amended, replaces revision 1")
