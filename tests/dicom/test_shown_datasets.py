"""Datasets under pseudonyms, in the DICOM JSON Model and as files: the same of both."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from server.dicom.pseudonyms import Pseudonyms
from server.dicom.shown_file import opened, shown_file
from server.dicom.shown_json import shown_json
from server.dicom.shown_pixels import FileNotUnderstood
from tests.archive.files import written
from tests.dicom.planted import IDENTITY, MARK, ROOT, identity_in, planted_ct, put

CASE = Pseudonyms(b"k" * 32, "M-2026-00001")
STUDY, SERIES, INSTANCE = f"{ROOT}.10", f"{ROOT}.11", f"{ROOT}.12"
PLACE = f"studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}/bulk"


def seen(data: bytes) -> bytes:
    """A file as it is shown, whole."""
    with opened(io.BytesIO(data)) as file:
        found = shown_file(file, CASE, {})
    with found.file:
        whole = b"".join(found.chunks())
    assert len(whole) == found.length
    return whole


def as_json(dataset: Dataset) -> dict[str, Any]:
    """As an archive's metadata has it: pixels by address."""
    found: dict[str, Any] = dataset.to_json_dict(
        bulk_data_threshold=256, bulk_data_element_handler=lambda e: f"{PLACE}/{int(e.tag):08x}"
    )
    return found


def everything_in(data: bytes) -> bytes:
    """A JSON text together with what its inline values decode to."""
    found = [data]

    def look(value: Any) -> None:
        if isinstance(value, dict):
            inline = value.get("InlineBinary")
            found.append(base64.b64decode(inline) if isinstance(inline, str) else b"")
            for one in value.values():
                look(one)
        elif isinstance(value, list):
            for one in value:
                look(one)

    look(json.loads(data))
    return b"\n".join(found)


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_no_identity_leaves_in_a_file(syntax: UID) -> None:
    data = written(planted_ct(STUDY, SERIES, INSTANCE, syntax))
    shown = seen(data)
    again = dcmread(io.BytesIO(shown))
    unpacked = io.BytesIO()
    again.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax.is_little_endian:
        again.save_as(unpacked, implicit_vr=False, little_endian=True)
    assert identity_in(shown + unpacked.getvalue()) == []
    assert again.StudyInstanceUID == CASE.uid(STUDY)
    assert again.file_meta.MediaStorageSOPInstanceUID == again.SOPInstanceUID
    assert again.SeriesDescription == "PORTAL VENOUS 2.0 B30f"
    assert again.StudyDescription == "CT abdomen"
    assert (again.PatientAge, again.PatientSex, again.StudyDate) == ("065Y", "F", "20260102")
    assert again.PixelData[:512] == bytes(range(256)) * 2


def test_the_planted_file_is_full_of_identity() -> None:
    """Else the search above would prove nothing."""
    data = written(planted_ct(STUDY, SERIES, INSTANCE))
    assert data.count(MARK.encode()) > 3000
    assert {found.split()[0] for found in identity_in(data)} == set(IDENTITY)


def test_no_identity_leaves_in_json() -> None:
    dataset = planted_ct(STUDY, SERIES, INSTANCE)
    shown = json.dumps(shown_json(as_json(dataset), CASE), ensure_ascii=False).encode()
    assert identity_in(everything_in(shown)) == []
    assert CASE.uid(INSTANCE).encode() in shown


def test_a_text_of_which_nothing_is_left_has_no_value() -> None:
    """PS3.18 F.2.5: an empty attribute bears no Value; among several values an empty one is a null."""
    name = {"vr": "LO", "Value": ["Dr. Somebody"]}
    parts = {"vr": "CS", "Value": ["A", "AXIAL"]}
    shown = shown_json({"00080070": name, "00080008": parts}, CASE)
    assert shown == {"00080008": {"vr": "CS", "Value": [None, "AXIAL"]}, "00080070": {"vr": "LO"}}


def test_text_where_numbers_belong_does_not_leave() -> None:
    dataset = Dataset()
    tags = {"DS": 0x00180050, "IS": 0x00200013, "DA": 0x00080020, "TM": 0x00080030}
    for vr, tag in {**tags, "AS": 0x00101010, "DT": 0x0008002A, "UI": 0x00080014}.items():
        put(dataset, tag, vr, "")
    said = {
        f"{tag:08X}": {"vr": vr, "Value": [MARK]}
        for vr, tag in {**tags, "US": 0x00280010, "AT": 0x00280009, "FD": 0x00189073}.items()
    }
    said["00080014"] = {"vr": "UI", "Value": [MARK]}
    said["00280010X"] = {"vr": "US", "Value": [MARK]}
    said[MARK] = {"vr": "LO", "Value": [MARK]}
    said["00081030"] = {"vr": "LO", "Value": [MARK], MARK: MARK}
    said["7FE00010"] = {"vr": "OW", "BulkDataURI": f"{PLACE}/{MARK}"}
    assert identity_in(json.dumps(shown_json(said, CASE)).encode()) == []


@pytest.mark.parametrize(
    ("charset", "python"),
    [("ISO_IR 100", "latin-1"), ("ISO_IR 144", "iso8859-5"), ("GB18030", "gb18030")],
)
def test_names_in_other_alphabets_do_not_leave(charset: str, python: str) -> None:
    name = {"latin-1": "Müllérová", "iso8859-5": "Иванов", "gb18030": "王小东"}[python]
    dataset = planted_ct(STUDY, SERIES, INSTANCE)
    dataset.SpecificCharacterSet = charset
    dataset.PatientName, dataset.SeriesDescription = name, f"liver {name}"
    dataset.ProtocolName = name
    shown = seen(written(dataset))
    assert name.encode(python) not in shown
    assert name.encode() not in shown
    assert dcmread(io.BytesIO(shown)).SeriesDescription == "liver"


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "JPGExtended.dcm", "CT_small.dcm"])
def test_pixels_are_passed_on_as_they_are(name: str) -> None:
    before = dcmread(get_testdata_file(name, read=False))
    with open(str(get_testdata_file(name, read=False)), "rb") as file:
        after = dcmread(io.BytesIO(seen(file.read())))
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    assert after.PixelData == before.PixelData


@pytest.mark.parametrize("cut", [100, 131, 200, 400, 2000, -20])
def test_a_file_that_ends_early_is_not_given_out(cut: int) -> None:
    data = written(planted_ct(STUDY, SERIES, INSTANCE))
    at = data.rindex(bytes(range(256))) + 100 if cut < 0 else cut
    with pytest.raises(FileNotUnderstood):
        seen(data[:at])


TEXTS = st.sampled_from(["liver", "PORTAL", "SMITH", "B30f", "12.5", "ORIGINAL", "ÄÖ nativ", ""])
UIDS = st.sampled_from(["1.2.840.10008.1.2.1", "1.2.3.4", "1.2.840.10008.5.1.4.1.1.2"])


@st.composite
def datasets(draw: st.DrawFn, depth: int = 0) -> Dataset:
    """Attributes of every kind of decision, nested."""
    dataset = Dataset()
    words = ["SeriesDescription", "PatientID", "AccessionNumber", "InstitutionName", "Manufacturer"]
    words += [
        "TextValue",
        "StudyID",
        "ImageComments",
        "ConvolutionKernel",
        "ReferringPhysicianName",
    ]
    for keyword in draw(st.lists(st.sampled_from(words), unique=True)):
        setattr(dataset, keyword, draw(TEXTS))
    if draw(st.booleans()):
        put(dataset, 0x00080008, "CS", [draw(TEXTS) or "X", draw(TEXTS) or "AXIAL"])
        dataset.StudyDate = draw(st.sampled_from(["20260102", ""]))
        dataset.SliceThickness = draw(st.sampled_from(["2.5", "-1e3", ""]))
        dataset.InstanceNumber = draw(st.sampled_from(["7", ""]))
        dataset.Rows, dataset.FrameIncrementPointer = draw(st.integers(0, 65535)), 0x00180050
        dataset.InstanceCreatorUID = draw(UIDS)
        dataset.PatientAge = draw(st.sampled_from(["066Y", "097Y", ""]))
    if draw(st.booleans()):
        dataset.CodeValue = draw(st.sampled_from(["10200004", "SMITH"]))
        dataset.CodingSchemeDesignator = draw(st.sampled_from(["SCT", "99X"]))
        dataset.CodeMeaning = draw(TEXTS)
    if depth:
        dataset.ValueType = draw(st.sampled_from(["TEXT", "PNAME", "DATE", "CODE"]))
    if depth < 3:
        for keyword in ("ContentSequence", "AnatomicRegionSequence", "OtherPatientIDsSequence"):
            if draw(st.booleans()):
                items = draw(st.lists(datasets(depth=depth + 1), max_size=2))
                setattr(dataset, keyword, Sequence(items))
    return dataset


def normal(said: Any) -> Any:
    """Numbers as numbers, and no difference between an empty value and none."""
    if isinstance(said, list):
        return [normal(one) for one in said]
    if isinstance(said, dict):
        return {key: normal(one) for key, one in said.items() if one not in ([], [None])}
    return float(said) if isinstance(said, int | float) else said or None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dataset=datasets(), syntax=st.sampled_from([ImplicitVRLittleEndian, ExplicitVRLittleEndian]))
def test_json_and_file_show_the_same(dataset: Dataset, syntax: UID) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, INSTANCE
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    data = written(dataset)
    by_json = shown_json(dcmread(io.BytesIO(data)).to_json_dict(), CASE)
    by_file = dcmread(io.BytesIO(seen(data))).to_json_dict()
    assert normal(by_json) == normal(by_file)
