"""The running server as strangers and programs see it: senders, DICOMweb clients, bad tokens."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from requests import Session as Requests

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.demo.seed import liver_phantom, pancreas_phantom
from server.foundation import audit
from server.foundation.db import Database
from tests.e2e.conftest import RunningMargin

pytestmark = pytest.mark.e2e


def margin_command(margin: RunningMargin, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server.cli", *words],
        env={**os.environ, "MARGIN_HOME": str(margin.settings.home)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def token_for(margin: RunningMargin, number: str, may: str = "view") -> str:
    made = margin_command(
        margin, "grant", "create", "--case", number, "--for", "a test", "--may", may
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    phantom = Phantom("outside", slices=3, rows=64, phases=PHASES[:1], PatientID="OUT")
    phantom.write(tmp_path / "send")
    (tmp_path / "send" / "letter.txt").write_text("this is no image")
    return tmp_path / "send"


def push(margin: RunningMargin, folder: Path, calling: str) -> subprocess.CompletedProcess[str]:
    address = f"127.0.0.1:{margin.settings.dicom_port}"
    return margin_command(
        margin,
        "push",
        str(folder),
        "--to",
        address,
        "--calling-aet",
        calling,
        "--called-aet",
        "MARGIN",
    )


def test_a_file_that_is_no_image_is_refused_by_name_and_the_rest_arrives(
    margin: RunningMargin, folder: Path
) -> None:
    sent = push(margin, folder, "RIVERSIDE")
    assert sent.returncode != 0
    assert "letter.txt" in sent.stdout + sent.stderr
    (folder / "letter.txt").unlink()
    assert push(margin, folder, "RIVERSIDE").returncode == 0


def test_an_unregistered_sender_is_refused_and_that_is_in_the_trail(
    margin: RunningMargin, folder: Path
) -> None:
    refused = push(margin, folder, "STRANGER")
    assert refused.returncode != 0
    image = next(folder.rglob("*.dcm"))
    port = str(margin.settings.dicom_port)
    dcmtk = subprocess.run(
        ["storescu", "-aet", "STRANGER", "-aec", "MARGIN", "127.0.0.1", port, image],
        capture_output=True,
        timeout=30,
    )
    assert dcmtk.returncode != 0
    assert _trail_has(margin, "AE STRANGER", "refused")


def _trail_has(margin: RunningMargin, actor: str, outcome: str) -> bool:
    db = Database(margin.settings.database_url)
    try:
        for _ in range(30):
            with db.reading() as session:
                if audit.newest(session, actor=actor, outcome=outcome):
                    return True
            time.sleep(0.5)
        return False
    finally:
        db.dispose()


def test_a_dicomweb_client_sees_exactly_its_case(margin: RunningMargin) -> None:
    with Requests() as http:
        http.headers["Authorization"] = f"Bearer {token_for(margin, 'M-2026-00001')}"
        client = DICOMwebClient(f"{margin.settings.public_url}/dicom-web", session=http)
        studies = client.search_for_studies()
        assert [one["0020000D"]["Value"][0] for one in studies] == [
            liver_phantom().StudyInstanceUID
        ]
        phantom = liver_phantom()
        series = phantom.SeriesInstanceUID(phantom.phases[0])
        metadata = client.retrieve_series_metadata(phantom.StudyInstanceUID, series)
        assert len(metadata) == phantom.slices
        frame = client.retrieve_instance_frames(
            phantom.StudyInstanceUID, series, phantom.SOPInstanceUID(phantom.phases[0], 0), [1]
        )
        assert len(frame[0]) == phantom.rows * phantom.rows * 2
        foreign = pancreas_phantom().StudyInstanceUID
        refused = http.get(f"{margin.settings.public_url}/dicom-web/studies/{foreign}/metadata")
        assert refused.status_code == 404
        assert foreign not in refused.text


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer mgn_x", "Bearer mgn_" + "a" * 43, "Basic bWFyZ2luOng="]
)
def test_a_bad_token_gets_401_and_no_bytes(margin: RunningMargin, header: str) -> None:
    request = Request(f"{margin.settings.public_url}/dicom-web/studies")
    if header:
        request.add_header("Authorization", header)
    with pytest.raises(HTTPError) as refused:
        urlopen(request, timeout=10)
    with refused.value as answer:
        assert answer.code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert b"2.25" not in answer.read()


def test_a_revoked_grant_stops_frames_within_five_seconds_in_the_middle_of_a_load(
    margin: RunningMargin,
) -> None:
    token = token_for(margin, "M-2026-00001")
    phantom = liver_phantom()
    series = phantom.SeriesInstanceUID(phantom.phases[1])
    instance = phantom.SOPInstanceUID(phantom.phases[1], 5)
    path = f"studies/{phantom.StudyInstanceUID}/series/{series}/instances/{instance}/frames/1"
    stopped = threading.Event()
    last_success = [0.0]

    def load() -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=20) as client:
            while not stopped.is_set():
                answer = client.get(f"{margin.settings.public_url}/dicom-web/{path}")
                if answer.status_code == 200:
                    last_success[0] = time.monotonic()
                elif answer.status_code == 401:
                    stopped.set()

    loaders = [threading.Thread(target=load) for _ in range(8)]
    for loader in loaders:
        loader.start()
    time.sleep(1.5)
    listed = margin_command(margin, "grant", "list", "--case", "M-2026-00001")
    grant = next(line for line in listed.stdout.splitlines() if "a test" in line and "good" in line)
    grant_id = next(word for word in grant.replace("│", " ").split() if len(word) == 8)
    assert margin_command(margin, "grant", "revoke", grant_id).returncode == 0
    revoked = time.monotonic()
    assert stopped.wait(15), "frames went on after the revocation"
    for loader in loaders:
        loader.join(20)
    assert last_success[0] - revoked < 5.0


def test_orthanc_itself_answers_nobody_but_the_server(margin: RunningMargin) -> None:
    for path in ("/system", "/studies", "/dicom-web/studies"):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{margin.settings.orthanc_url}{path}", timeout=10)
        with refused.value as answer:
            assert answer.code == 401
