"""The proof: identity is planted wherever text can stand, everything the gateway answers a
pseudonymised grant is asked for, and not one byte of identity is found."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.sequence import Sequence
from pydicom.uid import (
    BasicTextSRStorage,
    EncapsulatedPDFStorage,
    SecondaryCaptureImageStorage,
)

from server.archive import Archive
from tests.archive.files import blank, written
from tests.archive.orthanc_process import archive_with
from tests.dicom.planted import MARK, ROOT, planted_ct
from tests.dicomweb import samples
from tests.dicomweb.planted_kinds import planted_kinds
from tests.dicomweb.pseudonymised import JSON, Reader, leaks, reading_of

STUDY, CT_SERIES, OTHERS = f"{ROOT}.10", f"{ROOT}.11", f"{ROOT}.12"
SLICES = [f"{CT_SERIES}.{number}" for number in (1, 2)]
REPORT, PDF, CAPTURE = (f"{OTHERS}.{number}" for number in (1, 2, 3))
STUDY_UID, SERIES_UID, INSTANCE_UID = "0020000D", "0020000E", "00080018"
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def report() -> Dataset:
    dataset = blank(BasicTextSRStorage, "ZZID4711", STUDY, f"{OTHERS}.90", REPORT)
    _identify(dataset, "SR")
    text, name = Dataset(), Dataset()
    text.ValueType, text.TextValue = "TEXT", f"Dictated by {MARK} of the clinic {ROOT}"
    name.ValueType, name.PersonName = "PNAME", f"{MARK}^MARIE"
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ContentSequence = Sequence([text, name])
    return dataset


def document() -> Dataset:
    dataset = blank(EncapsulatedPDFStorage, "ZZID4711", STUDY, f"{OTHERS}.91", PDF)
    _identify(dataset, "DOC")
    dataset.DocumentTitle = MARK
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = f"%PDF-1.4\n({MARK} ZZID4711) Tj".encode().ljust(600, b" ")
    return dataset


def capture() -> Dataset:
    dataset = planted_ct(STUDY, f"{OTHERS}.92", CAPTURE, every_sequence=16)
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.Modality = "OT"
    dataset.PixelData = (MARK.encode() * 60)[:512]
    return dataset


def _identify(dataset: Dataset, modality: str) -> None:
    dataset.PatientName, dataset.PatientID = f"{MARK}^MARIE", "ZZID4711"
    dataset.AccessionNumber, dataset.Modality = "ZZACC815", modality
    dataset.StudyDescription, dataset.SeriesDescription = MARK, f"{MARK} report"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    slices = [planted_ct(STUDY, CT_SERIES, uid, every_sequence=8) for uid in SLICES]
    others = (capture(), report(), document(), *planted_kinds(STUDY, f"{OTHERS}.93"))
    folder = tmp_path_factory.mktemp("planted-orthanc")
    with archive_with(folder, map(written, [*slices, *others])) as archive:
        yield archive


@pytest.fixture(scope="module")
def reader(
    archive: Archive, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("planted")
    with reading_of(archive, migrated_sqlite, folder, STUDY) as reader:
        yield reader


def value(dataset: dict[str, Any], tag: str) -> str:
    return str(dataset[tag]["Value"][0])


def places(reader: Reader) -> dict[str, str]:
    """The path of every instance that is shown, by modality (one of each)."""
    found = {}
    for one in reader.found(f"/instances?includefield=all&includefield={STUDY_UID}"):
        path = f"/studies/{value(one, STUDY_UID)}/series/{value(one, SERIES_UID)}"
        found[value(one, "00080060")] = f"{path}/instances/{value(one, INSTANCE_UID)}"
    return found


def test_a_search_shows_pseudonyms_and_finds_by_them(reader: Reader) -> None:
    (study,) = reader.found("/studies?includefield=all")
    assert value(study, "00100020").startswith("M-")
    assert study["00100010"]["Value"] == [{"Alphabetic": f"CASE^{value(study, '00100020')}"}]
    assert value(study, STUDY_UID).startswith("2.25.")
    accession = value(study, "00080050")
    for key in (f"AccessionNumber={accession}", f"StudyInstanceUID={value(study, STUDY_UID)}"):
        assert len(reader.found(f"/studies?{key}")) == 1
    assert reader.found("/studies?PatientName=CASE*")


@pytest.mark.parametrize(
    "search",
    [
        f"PatientName={MARK}*",
        f"PatientName={MARK}&fuzzymatching=true",
        "PatientID=ZZID4711",
        "00100020=ZZID*",
        "AccessionNumber=ZZACC815",
        f"StudyInstanceUID={STUDY}",
        f"SeriesInstanceUID={CT_SERIES}",
        f"SOPInstanceUID={SLICES[0]}",
        f"StudyDescription=*{MARK}*",
        f"SeriesDescription=*{MARK}*",
        f"InstitutionName={MARK}",
        f"ReferringPhysicianName={MARK}",
        f"OtherPatientIDsSequence.PatientID={MARK}",
        "PatientBirthDate=19600415",
        "PatientBirthDate=19600101-19601231",
    ],
)
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_a_search_by_the_real_identity_finds_nothing(
    reader: Reader, level: str, search: str
) -> None:
    assert reader.found(f"/{level}?{search}") == []


def test_addresses_of_the_archive_lead_nowhere(reader: Reader) -> None:
    series = f"/studies/{STUDY}/series/{CT_SERIES}"
    for path in (
        f"/studies/{STUDY}",
        f"/studies/{STUDY}/metadata",
        f"/studies/{STUDY}/series",
        f"{series}/metadata",
        f"{series}/instances/{SLICES[0]}",
        f"{series}/instances/{SLICES[0]}/frames/1",
        f"{series}/instances/{SLICES[0]}/rendered",
        f"{series}/instances/{SLICES[0]}/bulk/7fe00010",
        f"{series}/thumbnail",
    ):
        assert reader.ask(path).status_code == 404, path


def test_documents_and_captures_are_not_given(reader: Reader) -> None:
    shown = places(reader)
    assert set(shown) >= {"CT", "OT", "SR"}
    assert "DOC" not in shown
    for rest in ("", "/frames/1", "/rendered", "/thumbnail", "/bulk/7fe00010"):
        assert reader.ask(shown["OT"] + rest).status_code in (403, 404), rest
    assert reader.ask(f"{shown['OT']}/metadata", JSON).status_code == 200


def test_tables_that_spell_an_identity_are_not_given(reader: Reader) -> None:
    ct = places(reader)["CT"]
    (told,) = reader.found(f"{ct}/metadata")
    assert {"00281201", "00281203", "00281221", "00660011"} <= set(told)
    assert reader.ask(f"{ct}/bulk/00281203").data == bytes(range(256))
    for attribute in ("00281201", "00281202", "00281221", "00660011/1/00660016"):
        assert reader.ask(f"{ct}/bulk/{attribute}").status_code == 404, attribute
    parts = reader.ask(f"{ct}/bulkdata").data
    assert b"/bulk/00281203" in parts
    assert b"/bulk/00281201" not in parts
    file = dcmread(DicomBytesIO(reader.ask(ct, "application/dicom; transfer-syntax=*").data))
    assert file.BluePaletteColorLookupTableData == bytes(range(256))
    assert not file.RedPaletteColorLookupTableData


def test_pixels_of_floats_are_given_without_what_stands_behind_them(reader: Reader) -> None:
    map_ = places(reader)["MR"]
    pixels = struct.pack("<32f", *range(32))
    assert reader.ask(f"{map_}/bulk/7fe00008").data == pixels
    for wrong in ("7fe00010", "7fe00009"):
        assert reader.ask(f"{map_}/bulk/{wrong}").status_code == 404
    for every in ("bulkdata", "pixeldata"):
        answer = reader.ask(f"{map_}/{every}")
        assert b"/bulk/7fe00008" in answer.data
        assert pixels in answer.data
    assert reader.ask(f"{map_}/frames/2", "application/octet-stream").data == pixels[64:]


def test_what_a_reader_draws_comes_into_the_real_study(reader: Reader, archive: Archive) -> None:
    ct = places(reader)["CT"].split("/")
    seg = samples.segmentation("2.25.4711", "2.25.4712", "whoever", ct[2])
    seg.FrameOfReferenceUID = ct[4]
    body, content_type = samples.multipart(written(seg))
    answer = reader.client.post(
        f"/dicom-web/studies/{ct[2]}",
        data=body,
        headers={"Authorization": f"Bearer {reader.token}", "Content-Type": content_type},
    )
    reader.heard["store"] = answer.data
    assert answer.status_code == 200, answer.text
    (kept,) = archive.candidates(STUDY, "2.25.4712", "2.25.4711")
    said = archive.instance_tags(kept)
    assert (said["StudyInstanceUID"], said["PatientID"]) == (STUDY, "ZZID4711")
    assert said["FrameOfReferenceUID"] == CT_SERIES


def test_not_one_byte_of_identity_leaves(reader: Reader) -> None:
    """Last in this file: it also looks through everything that was answered above."""
    shown = places(reader)
    ct = shown["CT"]
    series, study = ct.partition("/instances")[0], ct.partition("/series")[0]
    searches = ("/studies", "/series", "/instances", f"{study}/series", f"{study}/instances")
    for path in (*searches, f"{series}/instances"):
        assert reader.ask(f"{path}?includefield=all", JSON).status_code == 200
        assert reader.ask(path, JSON).status_code == 200
    for path in (study, series, *shown.values()):
        assert reader.ask(f"{path}/metadata", JSON).status_code == 200
    for path in (study, series, ct, shown["SR"]):
        assert reader.ask(path, DICOM).status_code == 200
    for kind in ("PR", "SEG", "RTSTRUCT", "ECG", "MR"):
        assert reader.ask(shown[kind], DICOM).status_code == 200
        assert reader.ask(f"{shown[kind]}/bulkdata").status_code in (200, 404)
    assert reader.ask(ct, "application/dicom").status_code == 200
    for rest in ("/frames/1", "/bulk/7fe00010", "/rendered", "/thumbnail"):
        assert reader.ask(ct + rest).status_code == 200, rest
    for text in ("patient", "technique", "patient,technique"):
        assert reader.ask(f"{ct}/rendered?annotation={text}", "image/png").status_code == 200
    for path in (f"{series}/thumbnail", f"{study}/thumbnail", f"{study}/rendered"):
        reader.ask(path)
    for path in (study, series, ct):
        assert reader.ask(f"{path}/bulkdata").status_code == 200
        assert reader.ask(f"{path}/pixeldata").status_code == 200
    assert reader.ask(f"{shown['OT']}/pixeldata").status_code == 404
    for rest in ("/frames/99", "/frames/x", "/bulk/00291011", "/bulk/00100010", "/nothing"):
        assert reader.ask(ct + rest).status_code >= 400, rest
    reader.ask("/studies?limit=x&PatientName=a&PatientName=b", JSON)
    assert len(reader.heard) > 40
    assert leaks(reader) == {}
