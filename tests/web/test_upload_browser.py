"""Files sent from a real browser: over a line that is cut, after a closed laptop, and without identity."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from flask import Flask
from playwright.sync_api import Page, Request, Route, expect
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from sqlalchemy import select
from werkzeug.serving import BaseWSGIServer

from server.app import create_app
from server.foundation import places
from server.foundation.settings import Settings
from server.intake.uploads.records import Upload
from tests.archive.files import ct_slice, written
from tests.doors.test_slow_bodies import answers, begin, half_a_piece, opened
from tests.served import serving
from tests.web.upload_line import Line
from tests.world import World

pytestmark = pytest.mark.e2e
STUDY = "1.2.826.0.1.3680043.8.498.91"
PLANTED = ("Lefebvre", "Camille", "PID-4711", "19600229", "Rue des Lilas", "Dr Bernard", "98765")
PAUSE_MS = 100


@pytest.fixture
def server(app: Flask) -> Iterator[BaseWSGIServer]:
    with serving(app) as server:
        yield server


@pytest.fixture
def line(server: BaseWSGIServer) -> Iterator[Line]:
    line = Line(server.server_port, 1_000_000)
    yield line
    line.close()


# A page is closed before its server: tests ask for it last.
def visit(page: Page, port: int, world: World) -> None:
    page.goto(f"http://localhost:{port}/open#{world.tokens['hospital']}")
    expect(page.locator("[data-drop]")).to_be_visible()
    expect(page.locator("[data-without-script]").first).to_be_hidden()


def finished(page: Page) -> None:
    expect(page.locator("[data-finished]")).to_be_visible(timeout=60_000)


def uploads(app: Flask) -> list[Upload]:
    with app.extensions["margin"].db.reading() as session:
        return list(session.scalars(select(Upload).order_by(Upload.begun_at, Upload.name)))


def arrived(settings: Settings, upload: Upload) -> bytes:
    return (settings.uploads_dir / upload.id).read_bytes()


def await_bytes(page: Page, settings: Settings, at_least: int) -> None:
    """Waits in the browser's time: what a page asks is told to a test only while it waits there."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        files = settings.uploads_dir.glob("????????????????????????????????")
        if sum(path.stat().st_size for path in files) >= at_least:
            return
        page.wait_for_timeout(PAUSE_MS)
    raise AssertionError("nothing came")


def test_an_upload_goes_on_where_the_line_was_cut_and_where_the_laptop_was_closed(
    line: Line,
    page: Page,
    app: Flask,
    settings: Settings,
    small_world: World,
    tmp_path: Path,
) -> None:
    content = b"PK\x03\x04" + os.urandom(6_000_000)
    disc = tmp_path / "disc.zip"
    disc.write_bytes(content)
    visit(page, line.port, small_world)
    page.set_input_files("#upload-files", disc)
    await_bytes(page, settings, 1_000_000)
    line.cut()
    expect(page.locator("[data-trouble]")).to_be_visible()
    expect(page.locator("[data-trouble]")).to_contain_text("What came is kept.")
    line.mend()
    await_bytes(page, settings, 2_500_000)
    expect(page.locator("[data-trouble]")).to_be_hidden()
    page.close(run_before_unload=False)
    (begun,) = uploads(app)
    assert begun.state == "receiving"

    again = page.context.new_page()
    visit(again, line.port, small_world)
    expect(again.locator("[data-unfinished]")).to_contain_text("1 file of an earlier upload")
    offsets: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    again.on("request", note)
    again.set_input_files("#upload-files", disc)
    finished(again)
    assert offsets[0] >= 2_500_000, "what was here is not sent again"
    (whole,) = uploads(app)
    assert whole.id == begun.id
    assert whole.state == "complete"
    assert arrived(settings, whole) == content
    again.set_input_files("#upload-files", disc)
    expect(again.locator("[data-figures]")).to_contain_text("1 sent before", timeout=30_000)
    assert len(uploads(app)) == 1


def test_a_folder_is_sent_and_what_is_not_taken_is_said_without_sending_it(
    server: BaseWSGIServer,
    page: Page,
    app: Flask,
    small_world: World,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "disc"
    (folder / "DICOM").mkdir(parents=True)
    for number in range(40):
        (folder / "DICOM" / f"IM{number}").write_bytes(bytes(128) + b"DICM" + bytes([number]) * 99)
    (folder / "film.mp4").write_bytes(os.urandom(500_000))
    visit(page, server.server_port, small_world)
    held: list[Route] = []
    page.route(re.compile(r"/uploads$"), lambda route: held.append(route))  # until it is let go
    page.set_input_files("[data-folder]", folder)
    expect(page.locator("[data-outcomes]")).to_contain_text("disc/film.mp4 Not sent.")
    expect(page.locator("[data-said]")).to_have_text("Sending: 1 of 41 files")
    expect(page.locator("[data-finished]")).to_be_hidden()
    assert held
    page.unroute_all()
    finished(page)
    expect(page.locator("[data-said]")).to_have_text("Sent: 41 of 41 files")
    expect(page.locator("[data-outcomes] li")).to_have_count(1)
    expect(page.locator("[data-outcomes]")).to_contain_text("disc/film.mp4 Not sent.")
    states = [one.state for one in uploads(app)]
    assert (states.count("complete"), states.count("done")) == (40, 1)


def planted(number: int) -> Dataset:
    """A slice with its patient's identity in every kind of place."""
    dataset = ct_slice("PID-4711", STUDY, f"{STUDY}.1", number, ExplicitVRLittleEndian)
    dataset.PatientName = "Lefebvre^Camille"
    dataset.PatientBirthDate = "19600229"
    dataset.PatientAddress = "Rue des Lilas 7"
    dataset.ReferringPhysicianName = "Dr Bernard"
    dataset.AccessionNumber = "98765"
    dataset.InstitutionName = "Clinique Lefebvre"
    dataset.StudyDescription = "CT Abdomen Lefebvre 19600229"
    dataset.SeriesDescription = "portal venous 5mm"
    dataset.ImageComments = "Camille was late"
    private = dataset.private_block(0x0029, "LEFEBVRE", create=True)
    private.add_new(0x10, "LO", "Camille Lefebvre")
    request = Dataset()
    request.RequestedProcedureDescription = "for Dr Bernard"
    request.ReferencedSOPInstanceUID = f"{STUDY}.1.77"
    dataset.ReferencedImageSequence = Sequence([request])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-62000", "SRT", "Liver"
    local = Dataset()
    local.CodeValue, local.CodingSchemeDesignator, local.CodeMeaning = "98765", "99X", "Lefebvre"
    dataset.AnatomicRegionSequence = Sequence([code, local])
    return dataset


def files_of_a_patient(folder: Path) -> dict[int, Dataset]:
    """The same patient in three transfer syntaxes, a letter, a photograph of a screen, a DICOMDIR."""
    folder.mkdir()
    made = {}
    for number, syntax in (
        (1, ExplicitVRLittleEndian),
        (2, ImplicitVRLittleEndian),
        (3, RLELossless),
    ):
        dataset = planted(number)
        if syntax == RLELossless:
            dataset.compress(RLELossless)
        else:
            dataset.file_meta.TransferSyntaxUID = syntax
        (folder / f"Lefebvre Camille {number}.dcm").write_bytes(
            b"Lefebvre".ljust(128) + written(dataset)[128:]
        )
        made[number] = dataset
    capture = planted(4)
    capture.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    capture.SOPClassUID, capture.Modality = "1.2.840.10008.5.1.4.1.1.7", "OT"
    (folder / "screen").write_bytes(written(capture))
    (folder / "letter.pdf").write_bytes(b"%PDF-1.7\nLefebvre\n%%EOF\n")
    (folder / "Lefebvre.zip").write_bytes(b"PK\x03\x04Lefebvre")
    return made


def test_with_the_identity_taken_out_nothing_of_it_leaves_the_browser(
    server: BaseWSGIServer,
    page: Page,
    app: Flask,
    settings: Settings,
    small_world: World,
    tmp_path: Path,
) -> None:
    made = files_of_a_patient(tmp_path / "Lefebvre")
    visit(page, server.server_port, small_world)
    bodies: list[bytes] = []
    page.on("request", lambda one: bodies.append(one.post_data_buffer or b""))
    page.get_by_text("Take the patient’s identity out").click()
    page.locator("[data-clean]").check()
    page.set_input_files("[data-folder]", tmp_path / "Lefebvre")
    expect(page.locator("[data-send-cleaned]")).to_have_text("Send 3 files")
    assert not any(bodies), "nothing was sent yet"
    expect(page.locator("[data-risky]")).to_contain_text("1 picture may show who the patient is")
    expect(page.locator("[data-raw]")).to_contain_text("1 document cannot be cleaned")
    expect(page.locator("[data-unclean]")).to_contain_text("Lefebvre.zip: A zip file")
    page.locator("[data-removed-count]").click()
    for name in ("Patient's Name (", "Patient's Address (", "Private fields ("):
        expect(page.locator("[data-removed]")).to_contain_text(name)
    page.locator("[data-send-cleaned]").click()
    finished(page)

    came = uploads(app)
    assert sorted(one.name for one in came) == [f"image-0000{number}.dcm" for number in (1, 2, 3)]
    found = {}
    for upload in came:
        content = arrived(settings, upload)
        for word in PLANTED:
            assert word.encode().lower() not in content.lower(), word
        assert STUDY.encode() not in content
        assert content[:128] == bytes(128)
        dataset = dcmread(BytesIO(content))
        found[int(dataset.InstanceNumber)] = dataset
    assert len({one.StudyInstanceUID for one in found.values()}) == 1
    assert len({one.SOPInstanceUID for one in found.values()}) == 3
    for number, before in made.items():
        after = found[number]
        assert after.PixelData == before.PixelData, "the pixels are the bytes that were chosen"
        assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
        assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
        assert re.fullmatch(r"2\.25\.[0-9]{1,39}", after.SOPInstanceUID)
        assert after.PatientBirthDate == "19600101"
        assert after.StudyDescription == "CT Abdomen"
        assert after.SeriesDescription == "portal venous 5mm"
        assert after.ImagePositionPatient == before.ImagePositionPatient
        assert after.StudyDate == before.StudyDate
        assert after.PatientIdentityRemoved == "YES"
        assert [one.CodeMeaning for one in after.AnatomicRegionSequence] == ["Liver", "Unknown"]
        assert after.ReferencedImageSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
        assert not [element for element in after.iterall() if element.tag.is_private]


def test_sending_is_paused_and_goes_on_and_a_laptop_that_was_closed_goes_on_when_it_wakes(
    line: Line,
    page: Page,
    app: Flask,
    settings: Settings,
    small_world: World,
    tmp_path: Path,
) -> None:
    content = b"PK\x03\x04" + os.urandom(10_000_000)
    disc = tmp_path / "disc.zip"
    disc.write_bytes(content)
    visit(page, line.port, small_world)
    page.set_input_files("#upload-files", disc)
    await_bytes(page, settings, 500_000)
    button = page.locator("[data-pause]")
    expect(button).to_have_text("Pause")
    button.press("Enter")
    expect(button).to_have_text("Go on")
    expect(page.locator("[data-said]")).to_contain_text("Paused")
    stood = still(page, settings)
    assert stood < len(content)
    assert still(page, settings) == stood, "nothing comes while it is paused"
    # The lid is closed and opened again: whoever paused is not overruled by the line coming back.
    page.context.set_offline(True)
    page.context.set_offline(False)
    assert still(page, settings) == stood
    begun = re_sent(page)
    with page.expect_request(lambda request: request.method == "PATCH"):
        button.press("Enter")
    await_bytes(page, settings, stood + 500_000)
    assert begun[0] == stood, "it goes on where it stood"

    page.context.set_offline(True)
    line.cut()
    expect(page.locator("[data-trouble]")).to_contain_text("What came is kept.")
    stood = still(page, settings)
    line.mend()
    page.context.set_offline(False)
    finished(page)
    assert begun[-1] == stood, "nothing is sent twice"
    (whole,) = uploads(app)
    assert whole.state == "complete"
    assert arrived(settings, whole) == content


def still(page: Page, settings: Settings) -> int:
    """How many bytes are here, as soon as none came for 2 s: what was under way still comes."""
    until = time.monotonic() + 60
    before, since = -1, time.monotonic()
    while time.monotonic() < until:
        files = settings.uploads_dir.glob("????????????????????????????????")
        now = sum(path.stat().st_size for path in files)
        if now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > 2.0:
            return now
        page.wait_for_timeout(PAUSE_MS)
    raise AssertionError("it does not stop")


def re_sent(page: Page) -> list[int]:
    """The offsets of the pieces that are sent from now on."""
    offsets: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    page.on("request", note)
    return offsets


@pytest.fixture
def full(
    settings: Settings, small_world: World, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BaseWSGIServer]:
    """A server with one place for what the case's hospital sends."""
    monkeypatch.setattr(places, "AGAIN_AFTER_S", 1)
    app = create_app(replace(settings, web_threads=1))
    with serving(app) as server:
        yield server
    app.extensions["margin"].archive.close()
    app.extensions["margin"].db.dispose()


def test_while_the_server_has_no_place_the_page_waits_and_goes_on_by_itself(
    full: BaseWSGIServer, page: Page, small_world: World
) -> None:
    port = full.server_port
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as other:
        base = opened(other, small_world.tokens["hospital"])
        cookie = "; ".join(f"{name}={value}" for name, value in other.cookies.items())
        lines = [half_a_piece(port, begin(other, base), cookie) for _ in range(2)]
    # One of them was refused, so the other has the place.
    assert [one.status for one in answers(lines, 1)] == [503]
    visit(page, port, small_world)
    letter = {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 %%EOF"}
    page.set_input_files("#upload-files", letter)  # type: ignore[arg-type]
    expect(page.locator("[data-trouble]")).to_contain_text("Others are sending just now.")
    for line in lines:
        line.close()
    finished(page)
    expect(page.locator("[data-trouble]")).to_be_hidden()
