"""`margin push`: taken up again, by TLS, with a receipt, and answered for by the receiver."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from server.cli.network import echo as echo_command
from server.cli.network import push as push_command
from server.dicom.sending import find
from server.foundation.settings import Settings
from server.processes.orthanc_configuration import encryption
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess, free_port
from tests.dicom.conftest import Receiver
from tests.dicom.line import CutLine

pytestmark = pytest.mark.orthanc


def push(folder: Path, port: int, *more: str, calling: str = "HOSPITAL") -> Result:
    command = [str(folder), "--to", f"localhost:{port}", "--calling-aet", calling, *more]
    return CliRunner().invoke(push_command, command)


def told(result: Result) -> dict[str, str]:
    """The table that `margin push` prints."""
    lines = (line.strip("│ ").split("│") for line in result.output.splitlines() if "│" in line)
    return {cells[0].strip(): cells[1].strip() for cells in lines if len(cells) == 2}


def instances(receipt: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(receipt.read_text())["instances"]
    return found


def test_a_sending_that_was_broken_off_goes_on_where_it_stopped(
    receiver: Receiver, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.dicom.sending._FIRST_PAUSE_S", 0.01)
    with CutLine(receiver.orthanc.dicom_port, [30_000] + [500] * 60) as line:
        broken = push(folder, line.port)
        assert broken.exit_code == 1
        state = next((tmp_path / "state").rglob("*.txt"))
        sent_before = len(state.read_text().splitlines())
        assert 0 < sent_before < 12
        line.mend()
        resumed = push(folder, line.port)
    assert resumed.exit_code == 0, resumed.output
    assert told(resumed)["accepted by an earlier sending"] == str(sent_before)
    assert {head.SOPInstanceUID for head in find(folder).to_send} <= receiver.stored()
    assert not state.exists()


def test_what_is_remembered_names_no_file_and_a_changed_file_is_sent_again(
    receiver: Receiver, folder: Path, tmp_path: Path
) -> None:
    (folder / "notes about DOE JANE.txt").write_text("not an image")
    assert push(folder, receiver.orthanc.dicom_port).exit_code == 1
    state = next((tmp_path / "state").rglob("*.txt"))
    assert "DOE" not in state.read_text() + state.name
    assert "IMG" not in state.read_text() and ".dcm" not in state.read_text()
    changed = next(folder.rglob("*.dcm"))
    changed.touch()
    again = push(folder, receiver.orthanc.dicom_port)
    assert told(again)["accepted by an earlier sending"] == "11"
    assert told(again)["accepted"] == "1"


def test_a_receipt_says_of_every_file_what_became_of_it(
    receiver: Receiver, folder: Path, tmp_path: Path
) -> None:
    receipt = tmp_path / "receipt.json"
    (folder / "notes.txt").write_text("not an image")
    assert push(folder, receiver.orthanc.dicom_port, "--receipt", str(receipt)).exit_code == 1
    written = instances(receipt)
    by_uid = {one["SOPInstanceUID"]: one for one in written if one["status"] == "accepted"}
    assert len(by_uid) == 12
    assert [one["status"] for one in written if not one["SOPInstanceUID"]] == ["refused"]
    for head in find(folder).to_send:
        content = (folder / head.name).read_bytes()
        one = by_uid[head.SOPInstanceUID]
        assert one["md5"] == hashlib.md5(content).hexdigest()
        kept = receiver.file(head.SOPInstanceUID)
        dataset = content[head.dataset_offset :]
        assert kept.endswith(dataset)
        assert one["dataset_md5"] == hashlib.md5(dataset).hexdigest()


def test_the_receiver_answers_for_what_it_was_sent(
    receiver: Receiver, folder: Path, tmp_path: Path
) -> None:
    listen = free_port(18420, 18459)
    httpx.put(
        f"{receiver.orthanc.url}/modalities/committing",
        json={
            "AET": "COMMITTING",
            "Host": "127.0.0.1",
            "Port": listen,
            "AllowNAction": True,
            "AllowEventReport": True,
        },
        auth=(USER, PASSWORD),
    ).raise_for_status()
    receipt = tmp_path / "receipt.json"
    options = ("--commit", "--listen", str(listen), "--receipt", str(receipt))
    done = push(folder, receiver.orthanc.dicom_port, *options, calling="COMMITTING")
    assert done.exit_code == 0, done.output
    assert told(done)["answered for by the receiver"] == "12"
    assert {one["commitment"] for one in instances(receipt)} == {"committed"}


def test_a_file_that_the_receiver_lost_is_not_answered_for(
    receiver: Receiver, folder: Path, tmp_path: Path
) -> None:
    listen = free_port(18420, 18459)
    httpx.put(
        f"{receiver.orthanc.url}/modalities/losing",
        json={"AET": "LOSING", "Host": "127.0.0.1", "Port": listen},
        auth=(USER, PASSWORD),
    ).raise_for_status()
    port = receiver.orthanc.dicom_port
    (folder / "notes.txt").write_text("so that the sending is remembered")
    assert push(folder, port, calling="LOSING").exit_code == 1
    lost = find(folder).to_send[0].SOPInstanceUID
    with httpx.Client(base_url=receiver.orthanc.url, auth=(USER, PASSWORD)) as orthanc:
        found = orthanc.post("/tools/lookup", content=lost).json()[0]["ID"]
        orthanc.delete(f"/instances/{found}").raise_for_status()
    receipt = tmp_path / "receipt.json"
    options = ("--commit", "--listen", str(listen), "--receipt", str(receipt))
    done = push(folder, port, *options, calling="LOSING")
    assert done.exit_code == 1
    assert f"Not answered for: {lost}: the receiver does not have it" in done.output
    said = {one["SOPInstanceUID"]: one["commitment"] for one in instances(receipt)}
    assert said[lost] == "failed"
    assert list(said.values()).count("committed") == 11


def test_without_an_answer_in_time_nothing_is_said_to_be_safe(
    receiver: Receiver, folder: Path
) -> None:
    done = push(folder, receiver.orthanc.dicom_port, "--commit", "--commit-wait", "0.3")
    assert done.exit_code == 1
    assert told(done)["no answer in time"] == "12"


@dataclass(frozen=True)
class Keys:
    """An authority, and certificates that it signed."""

    folder: Path

    def of(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    openssl = shutil.which("openssl")
    assert openssl
    new = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    made = ["-nodes", "-days", "2"]

    def run(*command: str) -> None:
        subprocess.run([*new, *made, *command], check=True, capture_output=True, cwd=folder)

    run("-subj", "/CN=Authority", "-keyout", "authority.key", "-out", "authority.pem")
    for name in ("orthanc", "hospital"):
        signed = ["-CA", "authority.pem", "-CAkey", "authority.key"]
        names = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE"]
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        run("-subj", f"/CN={name}", *names, *signed, *files)
    return Keys(folder)


@dataclass
class EncryptedOrthanc(OrthancProcess):
    """An Orthanc whose DICOM port speaks TLS and asks for certificates."""

    keys: Keys | None = None

    def _configuration(self) -> dict[str, object]:
        assert self.keys is not None
        certificate, key = self.keys.of("orthanc")
        said = {
            "MARGIN_DICOM_TLS_CERTIFICATE": str(certificate),
            "MARGIN_DICOM_TLS_KEY": str(key),
            "MARGIN_DICOM_TLS_CA": str(self.keys.authority),
        }
        return super()._configuration() | encryption(Settings.from_environ(said))


@pytest.fixture(scope="module")
def encrypted(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    orthanc = EncryptedOrthanc(tmp_path_factory.mktemp("encrypted"), keys=keys)
    orthanc.start()
    httpx.put(
        f"{orthanc.url}/modalities/hospital",
        json=["HOSPITAL", "127.0.0.1", 104],
        auth=(USER, PASSWORD),
    ).raise_for_status()
    yield orthanc
    orthanc.stop()


def test_a_folder_goes_by_tls_with_certificates_on_both_sides(
    encrypted: OrthancProcess, keys: Keys, folder: Path
) -> None:
    certificate, key = keys.of("hospital")
    shown = ("--certificate", str(certificate), "--key", str(key))
    done = push(folder, encrypted.dicom_port, "--ca", str(keys.authority), *shown)
    assert done.exit_code == 0, done.output
    stored = Receiver(encrypted).stored()
    assert {head.SOPInstanceUID for head in find(folder).to_send} <= stored
    tested = [f"localhost:{encrypted.dicom_port}", "--calling-aet", "HOSPITAL"]
    answer = CliRunner().invoke(echo_command, [*tested, "--ca", str(keys.authority), *shown])
    assert answer.exit_code == 0, answer.output


def test_an_authority_that_is_not_known_or_a_missing_certificate_ends_it(
    encrypted: OrthancProcess, keys: Keys, folder: Path
) -> None:
    stranger = push(folder, encrypted.dicom_port, "--tls")
    assert stranger.exit_code == 1
    assert "is not trusted" in stranger.output
    assert "--ca" in stranger.output
    nameless = push(folder, encrypted.dicom_port, "--ca", str(keys.authority))
    assert nameless.exit_code == 1
    assert not {head.SOPInstanceUID for head in find(folder).to_send} & Receiver(encrypted).stored()


def test_a_plain_sender_gets_nowhere_at_a_port_that_speaks_tls(
    encrypted: OrthancProcess, folder: Path
) -> None:
    assert push(folder, encrypted.dicom_port).exit_code == 1
