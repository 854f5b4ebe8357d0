"""A real Orthanc that knows one sender, and a small folder of images to send to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.dicom.association import Peer
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess, running_orthanc

KNOWN_AET = "HOSPITAL"


@dataclass(frozen=True)
class Receiver:
    """An Orthanc called MARGIN that takes instances from HOSPITAL only."""

    orthanc: OrthancProcess

    def peer(self, calling_aet: str = KNOWN_AET, called_aet: str = "MARGIN") -> Peer:
        return Peer(
            "127.0.0.1", self.orthanc.dicom_port, calling_aet, called_aet, answer_timeout_s=20
        )

    def stored(self) -> set[str]:
        """SOPInstanceUIDs of everything it holds."""
        found = httpx.post(
            f"{self.orthanc.url}/tools/find",
            json={"Level": "Instance", "Query": {}, "Expand": True},
            auth=(USER, PASSWORD),
        ).json()
        return {one["MainDicomTags"]["SOPInstanceUID"] for one in found}

    def file(self, sop_instance_uid: str) -> bytes:
        """An instance as it came to rest."""
        client = httpx.Client(auth=(USER, PASSWORD), base_url=self.orthanc.url)
        with client:
            ids = client.post("/tools/lookup", content=sop_instance_uid).json()
            return client.get(f"/instances/{ids[0]['ID']}/file").content


@pytest.fixture(scope="session")
def _orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc:
        httpx.put(
            f"{orthanc.url}/modalities/hospital",
            json=[KNOWN_AET, "127.0.0.1", 104],
            auth=(USER, PASSWORD),
        ).raise_for_status()
        yield orthanc


@pytest.fixture(autouse=True)
def _state_of_senders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sender remembers is this test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def receiver(_orthanc: OrthancProcess) -> Receiver:
    return Receiver(_orthanc)


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Twelve small CT images of one phase, with UIDs of this test's own."""
    phantom = Phantom(request.node.nodeid, slices=12, rows=64, phases=PHASES[2:3])
    phantom.write(tmp_path / "study")
    return tmp_path / "study"
