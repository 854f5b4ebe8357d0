"""The main job as people live it: from a hospital's C-STORE to a signed opinion in its hands."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pypdf import PdfReader

from server.annotations.organs import ORGANS
from server.archive import Archive
from server.demo import cast
from server.demo.seed import liver_phantom, pancreas_phantom
from tests.e2e.conftest import RunningMargin
from tests.e2e.viewer_probe.panel import PanelProbe
from tests.e2e.viewer_probe.picture import wait_for_picture

pytestmark = pytest.mark.e2e
SCREENSHOTS = Path(__file__).parent / "screenshots"
COMPLETE = ORGANS["pancreas"].examples()["head-borderline-sma"]
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"


@pytest.fixture
def archive(margin: RunningMargin) -> Iterator[Archive]:
    settings = margin.settings
    archive = Archive(settings.orthanc_url, settings.orthanc_user, settings.orthanc_password)
    yield archive
    archive.close()


@pytest.fixture
def complaints(context: BrowserContext) -> list[str]:
    """What the browser complained of: broken policies, failed scripts, answers of 500."""
    found: list[str] = []
    context.on("console", lambda m: found.append(m.text) if "Content Security" in m.text else None)
    context.on("weberror", lambda error: found.append(str(error.error)))
    context.on(
        "response",
        lambda answer: (
            found.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None
        ),
    )
    return found


def shot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def open_viewer(page: Page, link: str) -> PanelProbe:
    page.goto(link)
    page.get_by_role("link", name="Open images and form").click()
    panel = PanelProbe(page)
    panel.wait_until_open()
    return panel


def save_whole_form(page: Page, answers: dict[str, object]) -> None:
    """Save a whole form through the visit's own API, as the panel does answer by answer."""
    status = page.evaluate(
        """async (answers) => {
            const api = location.pathname.replace(/\\/view\\/.*/, "/api");
            const { annotation } = await (await fetch(`${api}/panel`)).json();
            const saved = await fetch(`${api}/annotation`, {
                method: "PUT",
                headers: { "Content-Type": "application/json", "X-Margin-Panel": "1" },
                body: JSON.stringify({ answers, version: annotation.version }),
            });
            return saved.status;
        }""",
        answers,
    )
    assert status == 200


def test_a_surgeon_reviews_and_signs_and_the_hospital_reads_the_opinion(
    margin: RunningMargin,
    browser: Browser,
    page: Page,
    archive: Archive,
    complaints: list[str],
) -> None:
    panel = open_viewer(page, margin.link("Prandi"))
    assert "#" not in page.url
    assert "mgn_" not in page.url
    wait_for_picture(page)

    panel.type_contact("sma", "181")
    panel.wait_until_saved()
    assert "ocally advanced" in panel.says("nccn-2022")
    shot(page, "pancreas-first-answers")

    panel.type_contact("sma", "400")
    expect(panel.problem_at("/vessels/sma/contact_deg")).to_contain_text("360")
    panel.type_contact("sma", "120")
    panel.wait_until_saved()
    page.reload()
    panel.wait_until_open()
    panel.open_vessel("sma")
    expect(panel.field("/vessels/sma/contact_deg")).to_have_value("120")

    save_whole_form(page, COMPLETE)
    page.reload()
    panel.wait_until_open()
    assert "Borderline" in panel.says("nccn-2022")
    panel.open_signing().get_by_role("button", name="Close").click()
    expect(panel.root.get_by_role("button", name="Sign…")).to_be_focused()
    dialog = panel.open_signing()
    expect(dialog.locator("iframe")).to_be_visible()
    shot(page, "pancreas-signing")
    label = ORGANS["pancreas"].verdict_label(str(COMPLETE["verdict"]))
    dialog.get_by_label("State your verdict again to sign").select_option(label=label)
    dialog.get_by_role("button", name=re.compile("^Sign as ")).click()
    expect(panel.root).to_contain_text("Signed by Dr Paolo Prandi")
    expect(panel.root.get_by_role("link", name="Open the opinion (PDF)")).to_be_visible(
        timeout=60_000
    )
    shot(page, "pancreas-signed")

    _the_hospital_reads_it(margin, browser)
    _it_lies_beside_the_images(archive)
    assert complaints == []


def _the_hospital_reads_it(margin: RunningMargin, browser: Browser) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.goto(margin.link(cast.HILLCREST.name))
        page.wait_for_url(re.compile(r"/r/\w+/$"))
        shot(page, "hospital-with-opinion")
        pdf = context.request.get(page.url + "opinion.pdf")
        assert pdf.status == 200
        text = "".join(sheet.extract_text() for sheet in PdfReader(BytesIO(pdf.body())).pages)
        assert "Dr Paolo Prandi" in text
        assert "NCCN" in text
        assert "PHANTOM" not in text
        assert context.request.get(page.url + "api/panel").status == 403


def _it_lies_beside_the_images(archive: Archive) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        study = archive.find_study(pancreas_phantom().StudyInstanceUID)
        documents = [one for one in archive.study_series(study.orthanc_id) if one.Modality == "DOC"]
        if documents:
            break
        time.sleep(0.5)
    assert len(documents) == 1
    instance = documents[0].instance_ids[0]
    assert archive.instance_origin(instance).SOPClassUID == ENCAPSULATED_PDF


def test_the_remnant_from_a_segmentation_goes_into_the_form_with_one_click(
    margin: RunningMargin, page: Page, complaints: list[str]
) -> None:
    panel = open_viewer(page, margin.link("Lindqvist"))
    known = liver_phantom().known_volumes()
    panel.root.get_by_role("button", name="Use these volumes").click()
    panel.wait_until_saved()
    value = float(panel.field("/flr_ml").input_value())
    assert value == pytest.approx(known.flr_ml, rel=0.001)
    background = ORGANS["liver"].schema["properties"]["background"]["x-margin"]["choices"]
    panel.choose("/background", background["steatosis_or_chemotherapy"])
    panel.wait_until_saved()
    wait_for_picture(page)
    shot(page, "liver-volumes")
    assert complaints == []


def test_a_coordinator_attaches_an_unmatched_study_in_two_clicks(
    margin: RunningMargin, page: Page
) -> None:
    if not margin.settings.sample_ct.is_dir():
        pytest.skip("there is no sample CT beside the project, so nothing waits in the inbox")
    page.goto(f"{margin.settings.public_url}/sign-in")
    page.get_by_label("E-mail").fill(cast.COORDINATOR.email)
    page.get_by_label("Password").fill(margin.links.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/worklist")
    shot(page, "worklist")
    page.goto(f"{margin.settings.public_url}/arrivals")
    real_ct = page.locator("form[action$=attach]", has_text=re.compile(r"M-\d{4}-00003")).filter(
        has=page.get_by_role("radio")
    )
    waiting = page.get_by_text("Unmatched", exact=True).count()
    real_ct.first.get_by_label(re.compile(r"M-\d{4}-00003")).first.check()
    real_ct.first.get_by_role("button", name="Attach to this case").click()
    expect(page.get_by_text("The study was attached to case")).to_be_visible()
    shot(page, "arrivals-after")
    expect(page.get_by_text("Unmatched", exact=True)).to_have_count(waiting - 1)


def test_the_trail_of_the_whole_journey_is_whole(margin: RunningMargin) -> None:
    verified = subprocess.run(
        [sys.executable, "-m", "server.cli", "audit", "verify", "--home", margin.settings.home],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "whole" in verified.stdout
