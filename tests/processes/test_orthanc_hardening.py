"""Each line of the hardening, seen from outside on the real Orthanc."""

from __future__ import annotations

import json
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    generate_uid,
)
from pynetdicom import AE

from server.foundation.settings import Settings
from server.processes.orthanc_configuration import (
    MUST_HOLD,
    TEMPLATE,
    OrthancConfigurationUnsafe,
    OrthancMissing,
    configuration,
    orthanc_program,
    plugins,
    write_configuration,
)
from tests.processes.conftest import running, settings_for

REGISTERED = "ST_ELSEWHERE"
VERIFICATION = "1.2.840.10008.1.1"  # PS3.4 section A.4


@pytest.fixture
def client(orthanc: Settings) -> Iterator[httpx.Client]:
    account = (orthanc.orthanc_user, orthanc.orthanc_password)
    with httpx.Client(base_url=orthanc.orthanc_url, auth=account) as client:
        yield client


@pytest.fixture(autouse=True)
def one_registered_hospital(orthanc: Settings) -> None:
    register(orthanc)


def register(settings: Settings) -> None:
    """Let one hospital test its line and store."""
    hospital = {"AET": REGISTERED, "Host": "127.0.0.1", "Port": 104}
    rights = {"AllowEcho": True, "AllowStore": True, "AllowFind": False, "AllowMove": False}
    httpx.put(
        f"{settings.orthanc_url}/modalities/hospital",
        json=hospital | rights,
        auth=(settings.orthanc_user, settings.orthanc_password),
    ).raise_for_status()


def image(study: str) -> Dataset:
    """A CT image of 4 x 4 voxels, as small as one can be stored."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = generate_uid()
    dataset.PatientID = "P1"
    dataset.Modality = "CT"
    dataset.Rows = dataset.Columns = 4
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = np.arange(16, dtype=np.uint16).tobytes()
    return dataset


def store(orthanc: Settings, dataset: Dataset, calling: str, called: str = "MARGIN") -> int | None:
    """The C-STORE status, or None when the association itself was refused."""
    ae = AE(ae_title=calling)
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", orthanc.dicom_port, ae_title=called)
    if not association.is_established:
        return None
    try:
        status: int = association.send_c_store(dataset).Status
        return status
    finally:
        association.release()


def echo(orthanc: Settings, calling: str) -> bool:
    ae = AE(ae_title=calling)
    ae.add_requested_context(VERIFICATION)
    association = ae.associate("127.0.0.1", orthanc.dicom_port, ae_title="MARGIN")
    if not association.is_established:
        return False
    try:
        return bool(association.send_c_echo())
    finally:
        association.release()


def test_a_registered_hospital_may_test_the_line_and_store(orthanc: Settings) -> None:
    assert echo(orthanc, REGISTERED)
    assert store(orthanc, image(generate_uid()), REGISTERED) == 0x0000


def test_deflated_images_are_refused_before_they_are_unpacked_where_that_is_set(
    orthanc: Settings, tmp_path: Path
) -> None:
    offered = AE(ae_title=REGISTERED)
    for syntax in (DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian):
        offered.add_requested_context(CTImageStorage, syntax)

    def taken(settings: Settings) -> list[str]:
        """The transfer syntax for each of the two contexts that were accepted."""
        register(settings)
        association = offered.associate("127.0.0.1", settings.dicom_port, ae_title="MARGIN")
        accepted = [one.transfer_syntax[0] for one in association.accepted_contexts]
        association.abort()
        return accepted

    assert taken(orthanc) == [DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian]
    with running(settings_for(tmp_path / "strict", MARGIN_DICOM_DEFLATED="false")) as strict:
        assert taken(strict) == [ExplicitVRLittleEndian]


def test_an_unregistered_sender_may_neither_store_nor_test_the_line(orthanc: Settings) -> None:
    assert not echo(orthanc, "STRANGER")
    assert store(orthanc, image(generate_uid()), "STRANGER") is None


def test_a_wrong_called_title_is_refused(orthanc: Settings) -> None:
    assert store(orthanc, image(generate_uid()), REGISTERED, called="ORTHANC") is None


def test_an_instance_sent_again_with_other_pixels_does_not_replace_the_first(
    orthanc: Settings, client: httpx.Client
) -> None:
    first = image(generate_uid())
    assert store(orthanc, first, REGISTERED) == 0x0000
    first_pixels = first.PixelData
    first.PixelData = bytes(32)
    store(orthanc, first, REGISTERED)
    found = client.post("/tools/lookup", content=str(first.SOPInstanceUID)).json()
    kept = client.get(f"/instances/{found[0]['ID']}/content/7fe0-0010/0")
    assert kept.content == first_pixels


def test_who_sent_an_instance_is_recorded(orthanc: Settings, client: httpx.Client) -> None:
    sent = image(generate_uid())
    store(orthanc, sent, REGISTERED)
    found = client.post("/tools/lookup", content=str(sent.SOPInstanceUID)).json()
    kept = client.get(f"/instances/{found[0]['ID']}/metadata?expand").json()
    assert kept["RemoteAET"] == REGISTERED
    assert kept["RemoteIP"] == "127.0.0.1"
    assert kept["CalledAET"] == "MARGIN"


@pytest.mark.parametrize("account", [None, ("margin", "wrong"), ("orthanc", "orthanc")])
def test_without_the_password_there_is_nothing(
    orthanc: Settings, account: tuple[str, str] | None
) -> None:
    for path in ("/system", "/studies", "/dicom-web/studies", "/tools/execute-script"):
        assert httpx.get(orthanc.orthanc_url + path, auth=account).status_code == 401


def test_http_answers_this_machine_only(orthanc: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        if route.connect_ex(("192.0.2.1", 9)):
            pytest.skip("this machine has no address besides loopback")
        outside = route.getsockname()[0]
    account = (orthanc.orthanc_user, orthanc.orthanc_password)
    answer = httpx.get(f"http://{outside}:{orthanc.orthanc_port}/system", auth=account)
    assert answer.status_code in (401, 403)


def test_no_script_runs(client: httpx.Client) -> None:
    assert client.post("/tools/execute-script", content="print(1)").status_code == 403


@pytest.mark.parametrize("path", ["/app/explorer.html", "/webdav/", "/wado?requestType=WADO"])
def test_what_is_not_needed_is_not_there(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_nothing_is_written_to_the_file_system_by_request(
    orthanc: Settings, client: httpx.Client, tmp_path: Path
) -> None:
    sent = image(generate_uid())
    store(orthanc, sent, REGISTERED)
    found = client.post("/tools/lookup", content=str(sent.SOPInstanceUID)).json()
    target = tmp_path / "written.dcm"
    answer = client.post(f"/instances/{found[0]['ID']}/export", content=str(target))
    assert answer.status_code in (403, 404)
    assert not target.exists()


def test_answers_are_not_compressed_a_second_time(client: httpx.Client) -> None:
    answer = client.get("/system", headers={"Accept-Encoding": "gzip, deflate"})
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


def test_a_study_is_stable_after_the_seconds_that_were_set(
    orthanc: Settings, client: httpx.Client
) -> None:
    study = generate_uid()
    store(orthanc, image(study), REGISTERED)
    found = client.post("/tools/lookup", content=str(study)).json()[0]["ID"]
    deadline = time.monotonic() + orthanc.stable_age_s + 10
    while not client.get(f"/studies/{found}").json()["IsStable"]:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_loosened_template_stops_the_start(orthanc: Settings, tmp_path: Path) -> None:
    strict = json.loads(TEMPLATE.read_text())
    for name, value in MUST_HOLD.items():
        loose = tmp_path / "orthanc.json"
        loose.write_text(json.dumps(strict | {name: 9 if value == 0 else not value}))
        with pytest.raises(OrthancConfigurationUnsafe, match=name):
            configuration(orthanc, [Path("plugin.so")], loose)


def test_the_written_configuration_is_readable_by_its_owner_only(orthanc: Settings) -> None:
    path = write_configuration(orthanc)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["RegisteredUsers"] == {"margin": orthanc.orthanc_password}


def test_a_missing_orthanc_or_plugin_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OrthancMissing, match="Orthanc is not installed") as program:
        orthanc_program(folders=())
    with pytest.raises(OrthancMissing, match="libOrthancDicomWeb") as plugin:
        plugins(folders=(tmp_path,))
    assert "make install" in program.value.remedy
    assert "orthanc-dicomweb" in plugin.value.remedy


def test_every_line_of_the_template_is_explained_in_the_readme() -> None:
    readme = TEMPLATE.with_name("README.md").read_text()
    template = json.loads(TEMPLATE.read_text())
    names = [*template, *(f"DicomWeb.{name}" for name in template["DicomWeb"])]
    assert [name for name in names if name != "DicomWeb" and f"`{name}`" not in readme] == []
