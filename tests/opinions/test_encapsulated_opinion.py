"""The opinion as a DICOM instance: written, read back, and stored beside images in an Orthanc."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pydicom
import pytest
from pydicom import config
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EncapsulatedPDFStorage, ExplicitVRLittleEndian

from server.opinions.encapsulated import OpinionNotEncapsulated, encapsulated_pdf
from server.opinions.pdf import render_pdf
from tests.opinions import samples

ORTHANC = shutil.which("Orthanc", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
STUDY = "1.2.826.0.1.3680043.8.498.1"
CT_SERIES, CT_INSTANCE = f"{STUDY}.1", f"{STUDY}.1.1"
SERIES, INSTANCE = f"{STUDY}.2", f"{STUDY}.2.1"
ODD_PDF = b"%PDF-1.7\n%%EOF"
SIGNED_AT = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)


def ct_header() -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, CT_INSTANCE
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, CT_SERIES
    dataset.PatientName, dataset.PatientID = "Müller^José", "P-1"
    dataset.IssuerOfPatientID = "NORTHFIELD"
    dataset.PatientBirthDate, dataset.PatientSex = "19600102", "M"
    dataset.StudyDate, dataset.StudyTime = "20261109", "101500"
    dataset.AccessionNumber, dataset.StudyDescription = "ACC-884213", "CT Oberbauch"
    dataset.Modality = "CT"
    dataset.SeriesDescription = "portal"
    return dataset


def read(part10: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(part10))


def encapsulated(pdf: bytes = ODD_PDF, reference: Dataset | None = None) -> bytes:
    return encapsulated_pdf(
        pdf,
        reference=ct_header() if reference is None else reference,
        SOPInstanceUID=INSTANCE,
        SeriesInstanceUID=SERIES,
        document_title="Resectability opinion M-2026-0042",
        signed_at=SIGNED_AT,
        source_instances=[(CTImageStorage, CT_INSTANCE)],
    )


def test_the_instance_reads_back_as_an_encapsulated_pdf_of_its_own_series() -> None:
    dataset = read(encapsulated())
    assert dataset.file_meta.MediaStorageSOPClassUID == EncapsulatedPDFStorage
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID == INSTANCE
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert dataset.SeriesInstanceUID == SERIES
    assert (dataset.Modality, dataset.SeriesDescription) == ("DOC", "Resectability opinion")
    assert dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert dataset.DocumentTitle == "Resectability opinion M-2026-0042"
    assert dataset.BurnedInAnnotation == "YES"
    assert dataset.VerificationFlag == "VERIFIED"
    code = dataset.ConceptNameCodeSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("11488-4", "LN")
    assert dataset.SourceInstanceSequence[0].ReferencedSOPInstanceUID == CT_INSTANCE


def test_patient_and_study_are_those_of_the_images_in_any_character_set() -> None:
    reference = read_back(ct_header())
    dataset = read(encapsulated(reference=reference))
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert str(dataset.PatientName) == "Müller^José"
    for keyword in (
        "StudyInstanceUID",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyDescription",
    ):
        assert dataset[keyword].value == reference[keyword].value


def read_back(dataset: Dataset) -> pydicom.FileDataset:
    """The dataset written in its own character set and read again, as it comes from a scanner."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return read(stream.getvalue())


def test_what_the_study_does_not_know_is_present_and_empty() -> None:
    reference = Dataset()
    reference.StudyInstanceUID = STUDY
    dataset = read(encapsulated(reference=reference))
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate"):
        assert keyword in dataset
        assert not dataset[keyword].value
    for keyword in ("StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"):
        assert not dataset[keyword].value
    assert "StudyDescription" not in dataset


def test_a_study_that_breaks_the_rules_is_matched_as_it_is_without_a_warning() -> None:
    reference = ct_header()
    for keyword, vr, value in (
        ("StudyInstanceUID", "UI", "1.2.03.4"),
        ("StudyDate", "DA", "2026.11.09"),
        ("PatientID", "LO", "x" * 80),
    ):
        tag = tag_for_keyword(keyword)
        assert tag
        reference[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)
    part10 = encapsulated(reference=reference)
    for written in (b"1.2.03.4", b"2026.11.09", b"x" * 80):
        assert written in part10


@pytest.mark.parametrize("pdf", [ODD_PDF, ODD_PDF + b"\n"], ids=["even", "odd"])
def test_the_document_is_padded_to_an_even_length_and_says_its_own(pdf: bytes) -> None:
    dataset = read(encapsulated(pdf))
    assert dataset.EncapsulatedDocumentLength == len(pdf)
    assert len(dataset.EncapsulatedDocument) % 2 == 0
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == pdf


def test_the_time_of_content_is_utc_unless_the_study_says_another_offset() -> None:
    dataset = read(encapsulated())
    assert (dataset.ContentDate, dataset.ContentTime) == ("20261121", "233000")
    reference = ct_header()
    reference.TimezoneOffsetFromUTC = "+0100"
    dataset = read(encapsulated(reference=reference))
    assert (dataset.ContentDate, dataset.ContentTime) == ("20261122", "003000")
    assert dataset.TimezoneOffsetFromUTC == "+0100"


def test_the_same_opinion_gives_the_same_instance_with_an_empty_preamble() -> None:
    assert encapsulated() == encapsulated()
    assert encapsulated()[:132] == b"\0" * 128 + b"DICM"


def test_what_is_not_a_pdf_is_refused() -> None:
    with pytest.raises(OpinionNotEncapsulated, match="not a PDF"):
        encapsulated(b"<html>")


def test_a_reference_without_a_study_is_refused() -> None:
    with pytest.raises(OpinionNotEncapsulated, match="UID"):
        encapsulated(reference=Dataset())


@pytest.mark.parametrize("uid", ["", "1.2.x", "1." + "2" * 64])
def test_a_uid_that_is_none_is_refused(uid: str) -> None:
    with pytest.raises(OpinionNotEncapsulated, match="UID"):
        encapsulated_pdf(
            ODD_PDF,
            reference=ct_header(),
            SOPInstanceUID=uid,
            SeriesInstanceUID=SERIES,
            document_title="t",
            signed_at=SIGNED_AT,
        )


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(OpinionNotEncapsulated, match="offset"):
        encapsulated_pdf(
            ODD_PDF,
            reference=ct_header(),
            SOPInstanceUID=INSTANCE,
            SeriesInstanceUID=SERIES,
            document_title="t",
            signed_at=datetime(2026, 11, 21),
        )


def free_port() -> int:
    """The first free port of this test's own range."""
    for port in range(18400, 18500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port between 18400 and 18499")


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[httpx.Client]:
    """A real Orthanc with an empty store, reached by HTTP alone."""
    assert ORTHANC, "Orthanc is not installed"
    port = free_port()
    configuration = {
        "StorageDirectory": str(tmp_path / "store"),
        "IndexDirectory": str(tmp_path / "store"),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [],
    }
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps(configuration))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([ORTHANC, str(path)], stdout=log, stderr=log)
        try:
            # Orthanc closes a connection that rested while a page was being set.
            fresh = httpx.Limits(max_keepalive_connections=0)
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", timeout=30, limits=fresh
            ) as client:
                wait_until_it_answers(client, process)
                yield client
        finally:
            process.terminate()
            process.wait(timeout=20)


def wait_until_it_answers(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.get("/system").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("Orthanc did not start")


@pytest.mark.orthanc
def test_a_real_orthanc_keeps_the_opinion_in_the_study_of_the_images(orthanc: httpx.Client) -> None:
    images = io.BytesIO()
    read_back(ct_header()).save_as(images, enforce_file_format=True)
    orthanc.post("/instances", content=images.getvalue()).raise_for_status()
    pdf = render_pdf(samples.PANCREAS)
    stored = orthanc.post("/instances", content=encapsulated(pdf)).raise_for_status().json()

    assert stored["Status"] == "Success"
    assert orthanc.get(f"/instances/{stored['ID']}/pdf").content.rstrip(b"\0") == pdf
    (study,) = orthanc.get("/studies", params={"expand": ""}).json()
    assert study["MainDicomTags"]["StudyInstanceUID"] == STUDY
    assert study["PatientMainDicomTags"]["PatientName"] == "Müller^José"
    series = [orthanc.get(f"/series/{one}").json() for one in study["Series"]]
    assert sorted(one["MainDicomTags"]["Modality"] for one in series) == ["CT", "DOC"]

    again = orthanc.post("/instances", content=encapsulated(pdf)).raise_for_status().json()
    assert again["Status"] == "AlreadyStored"
