"""Other people's clients against the gateway on a socket: dicomweb-client, and OHIF's requests."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from werkzeug.serving import make_server

from tests.archive.files import COLUMNS, ROWS, ct_slice, pixels, written
from tests.archive.orthanc_process import free_port, running_orthanc
from tests.dicomweb import samples
from tests.dicomweb.conftest import SCOPES
from tests.dicomweb.gateway_app import gateway_app

pytestmark = pytest.mark.orthanc
PDF_VALUE = samples.PDF_BYTES + b"\0"  # the length of a value is even


@pytest.fixture
def program(gateway_url: str) -> Iterator[DICOMwebClient]:
    client = DICOMwebClient(
        f"{gateway_url}/dicom-web",
        headers={"Authorization": "Bearer insider"},
        chunk_size=1024,
    )
    yield client
    client._session.close()


# dicomweb-client


def test_dicomweb_client_finds_the_cases_studies(program: DICOMwebClient) -> None:
    found = program.search_for_studies(search_filters={"PatientID": samples.INSIDE})
    assert {item["0020000D"]["Value"][0] for item in found} == {
        samples.CASE,
        samples.CASE_PRIOR,
        samples.WRITABLE,
    }
    series = program.search_for_series(samples.CASE, fields=["SeriesDescription"])
    assert samples.PORTAL in {item["0020000E"]["Value"][0] for item in series}
    instances = program.search_for_instances(samples.CASE, samples.PORTAL, limit=3)
    assert len(instances) == 3


def test_dicomweb_client_reads_metadata_frames_and_files(program: DICOMwebClient) -> None:
    metadata = program.retrieve_series_metadata(samples.CASE, samples.PORTAL)
    assert len(metadata) == samples.SLICES
    where = (samples.CASE, samples.PORTAL, f"{samples.PORTAL}.2")
    (frame,) = program.retrieve_instance_frames(
        *where, frame_numbers=[1], media_types=(("application/octet-stream", "*"),)
    )
    assert np.array_equal(np.frombuffer(frame, "<i2").reshape(ROWS, COLUMNS), pixels(2))
    (plain,) = program.retrieve_instance_frames(*where, frame_numbers=[1])
    assert plain == frame
    dataset = program.retrieve_instance(*where)
    assert np.array_equal(dataset.pixel_array, pixels(2))
    everything = program.retrieve_series(samples.CASE, samples.PORTAL)
    assert len(everything) == samples.SLICES
    assert program.retrieve_instance_rendered(*where, media_types=("image/png",)).startswith(
        b"\x89PNG"
    )


def test_dicomweb_client_follows_bulk_data_addresses(program: DICOMwebClient) -> None:
    item = program.retrieve_instance_metadata(samples.CASE, samples.DOCUMENTS, samples.PDF)
    item = item[0] if isinstance(item, list) else item
    address = item["00420011"]["BulkDataURI"]
    (content,) = program.retrieve_bulkdata(address, media_types=("application/octet-stream",))
    assert content == PDF_VALUE
    # Its ranges are of the value; it always asks for parts and takes them off itself.
    (some,) = program.retrieve_bulkdata(address, byte_range=(100, 355))
    assert some == PDF_VALUE[100:356]
    (tail,) = program.iter_bulkdata(address, byte_range=(1000, 99_999))
    assert tail == PDF_VALUE[1000:]
    with pytest.raises(Exception, match="416"):
        program.retrieve_bulkdata(address, byte_range=(99_999, 100_000))


def test_dicomweb_client_stores_a_segmentation_in_chunks(program: DICOMwebClient) -> None:
    segmentation = samples.segmentation(f"{samples.WRITABLE}.60.1", f"{samples.WRITABLE}.60")
    segmentation.ImageComments = "so long that it is sent in several chunks; " * 200 + "end"
    file = dcmread(io.BytesIO(written(segmentation)))
    answer = program.store_instances([file])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == segmentation.SOPInstanceUID
    assert "FailedSOPSequence" not in answer
    stored = program.retrieve_instance(
        samples.WRITABLE, f"{samples.WRITABLE}.60", segmentation.SOPInstanceUID
    )
    assert stored.ImageComments == segmentation.ImageComments


def test_dicomweb_client_stores_a_dataset_that_was_never_a_file(program: DICOMwebClient) -> None:
    """Without its preamble, which pydicom writes only where there was one or where it is told to."""
    series = f"{samples.WRITABLE}.69"
    made = samples.segmentation(f"{series}.1", series)
    answer = program.store_instances([made])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == made.SOPInstanceUID
    stored = program.retrieve_instance(samples.WRITABLE, series, made.SOPInstanceUID)
    assert (stored.preamble, stored.PixelData) == (bytes(128), made.PixelData)


def test_dicomweb_client_is_told_what_does_not_exist(program: DICOMwebClient) -> None:
    with pytest.raises(Exception, match="404"):
        program.retrieve_study_metadata(samples.OTHER)


# OHIF


def test_ohif_opens_a_study_with_its_usual_sequence_of_requests(gateway_url: str) -> None:
    """The requests of OHIF 3.13 in their order, by cookie: no Authorization header."""
    json = "application/dicom+json"
    frame = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
    with httpx.Client(base_url=f"{gateway_url}/r/insider/dicom-web", trust_env=False) as browser:

        def ask(path: str, accept: str, **params: str) -> httpx.Response:
            headers = {"Accept": accept, "Accept-Encoding": "gzip, deflate, br, zstd"}
            response = browser.get(path, params=params or None, headers=headers)
            assert response.status_code == 200, response.text
            return response

        wanted = f"{samples.CASE}\\{samples.OTHER}"
        options = {"limit": "101", "offset": "0", "fuzzymatching": "false"}
        fields = "00081030,00080060,00080090"
        (study,) = ask(
            "/studies", json, StudyInstanceUID=wanted, includefield=fields, **options
        ).json()
        patient = study["00100020"]["Value"][0]
        of_patient = ask("/studies", json, **{"00100020": patient}, **options).json()
        assert len(of_patient) == 3
        series = ask(f"/studies/{samples.CASE}/series", json, includefield="00080021").json()
        assert len(series) == 5
        for one in series:
            uid = one["0020000E"]["Value"][0]
            path = f"/studies/{samples.CASE}/series/{uid}"
            accept = f'{json}, multipart/related; type="{json}"'
            metadata = ask(f"{path}/metadata", accept).json()
            assert len(metadata) == one["00201209"]["Value"][0]
        instance = f"/studies/{samples.CASE}/series/{samples.PORTAL}/instances/{samples.PORTAL}.1"
        ask(f"{instance}/thumbnail", "image/jpeg")
        got = ask(f"{instance}/frames/1", frame)
        assert pixels(1).tobytes() in got.content
        assert got.headers["Content-Length"] == str(len(got.content))
        pdf = f"/studies/{samples.CASE}/series/{samples.DOCUMENTS}/instances/{samples.PDF}"
        (document,) = ask(f"{pdf}/metadata", json).json()
        uri = document["00420011"]["BulkDataURI"]
        assert uri.startswith("/r/insider/dicom-web/")
        assert ask(gateway_url + uri, "*/*").content.startswith(b"%PDF")
        body, content_type = samples.multipart(
            written(samples.segmentation(f"{samples.WRITABLE}.61.1", f"{samples.WRITABLE}.61"))
        )
        stored = browser.post("/studies", content=body, headers={"Content-Type": content_type})
        assert stored.status_code == 200


# When the line or Orthanc breaks


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_open(
    gateway_url: str, archive
) -> None:
    big = ct_slice(
        samples.INSIDE, samples.WRITABLE, f"{samples.WRITABLE}.70", 1, rows=4000, columns=4000
    )
    archive.store_instance(written(big))
    path = (
        f"/r/insider/dicom-web/studies/{samples.WRITABLE}/series/{samples.WRITABLE}.70"
        f"/instances/{samples.WRITABLE}.70.1/frames/1"
    )
    host, port = gateway_url.removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
    response = httpx.get(gateway_url + path, trust_env=False)
    assert len(response.content) > 32_000_000


def test_orthanc_stopping_and_coming_back_is_told_and_survived(tmp_path: Path) -> None:
    with running_orthanc(tmp_path / "orthanc") as orthanc:
        archive = orthanc.archive(timeout_s=2)
        for number in (1, 2):
            archive.store_instance(
                written(ct_slice(samples.INSIDE, samples.CASE, samples.PORTAL, number))
            )
        server = make_server(
            "127.0.0.1", free_port(18350), gateway_app(archive, SCOPES), threaded=True
        )
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}/r/insider/dicom-web/studies"
        instance = f"{base}/{samples.CASE}/series/{samples.PORTAL}/instances/{samples.PORTAL}.1"
        paths = [
            base,
            f"{base}/{samples.CASE}/metadata",
            f"{instance}/frames/1",
            instance,
            f"{instance}/rendered",
            f"{instance}/bulk/7fe00010",
        ]
        try:
            for path in paths:
                assert httpx.get(path, trust_env=False).status_code == 200
            orthanc.stop()
            for path in paths:
                response = httpx.get(path, trust_env=False)
                assert response.status_code == 503
                assert response.json()["error"]["code"] == "archive_unavailable"
                assert str(orthanc.http_port) not in response.text
            orthanc.start()
            until = time.monotonic() + 20
            while httpx.get(base, trust_env=False).status_code != 200:
                assert time.monotonic() < until
                time.sleep(0.1)
            for path in paths:
                assert httpx.get(path, trust_env=False).status_code == 200
            file = httpx.get(instance, headers={"Accept": "application/dicom"}, trust_env=False)
            assert dcmread(io.BytesIO(file.content)).SOPInstanceUID == f"{samples.PORTAL}.1"
        finally:
            server.shutdown()
            thread.join(5)
            server.server_close()
            archive.close()
