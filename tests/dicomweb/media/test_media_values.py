"""Values beside the pixels: told the same before and after preparing, and always little endian."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
)

from server.archive import Archive
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import Shelf
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import archive_with
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app
from tests.dicomweb.media import pictures

pytestmark = pytest.mark.orthanc

NAMES = ("little", "big")
JAPANESE = "\uff94\uff8f\uff80\uff9e^\uff80\uff9b\uff73=\u5c71\u7530^\u592a\u90ce"
SCOPES = {"reader": HandMadeScope(frozenset({pictures.STUDY}))}
WORDS = [1, 2, 0x1234, 0xFFFE]
# Tag, VR, and the numbers with their type in numpy: PS3.6 has these for Hanging Protocols.
LONG: dict[str, tuple[str, str, list[Any]]] = {
    "00720067": ("OF", "f4", [1.5, 2.5, 3.5]),
    "00720073": ("OD", "f8", [1.5, 2.5, 3.5]),
    "00720075": ("OL", "u4", [1, 2, 3]),
    "00720081": ("OV", "u8", [1, 2, 3]),
    "00283010/1/00283006": ("OW", "u2", WORDS),
    "00281201": ("OW", "u2", WORDS),
    "00281202": ("OW", "u2", WORDS),
    "00281203": ("OW", "u2", WORDS),
}


def of_many_values(name: str) -> Dataset:
    """A palette picture with long numbers, numbers of 64 bits, and numbers without a value."""
    is_big = name == "big"
    syntax = ExplicitVRBigEndian if is_big else ExplicitVRLittleEndian
    dataset = pictures.picture(name, SecondaryCaptureImageStorage, syntax)
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    item = Dataset()
    for path, (vr, kind, numbers) in LONG.items():
        holder = item if "/" in path else dataset
        value = np.array(numbers, f"{'>' if is_big else '<'}{kind}").tobytes()
        holder.add_new(int(path[-8:], 16), vr, value)
    for tag in (0x00281101, 0x00281102, 0x00281103):
        dataset.add_new(tag, "US", [len(WORDS), 0, 16])
    item.add_new(0x00283002, "US", [len(WORDS), 0, 16])
    item.add_new(0x00720082, "SV", [-3, 2**60])
    item.add_new(0x00720083, "UV", 7)
    item.add_new(0x00720078, "UL", None)
    dataset.VOILUTSequence = [item]
    pixels = np.arange(pictures.ROWS * pictures.COLUMNS) % len(WORDS)
    dataset.PixelData = pixels.astype(">u2" if is_big else "<u2").tobytes()
    return dataset


def of_japan() -> Dataset:
    """Text in JIS X 0201, as scanners in Japan store it, and a sequence with a long value."""
    plain = ct_slice("P", pictures.STUDY, pictures.STUDY, 1, ExplicitVRLittleEndian)
    dataset = pictures.ours(plain, "japan")
    dataset.SpecificCharacterSet = ["ISO 2022 IR 13", "ISO 2022 IR 87"]
    dataset.PatientName = JAPANESE
    dataset.PerformingPhysicianName = JAPANESE.split("=")[0].split("^")
    item = Dataset()
    item.add_new(0x00283002, "US", [len(WORDS), 0, 16])
    item.add_new(0x00283006, "OW", np.array(WORDS, "<u2").tobytes())
    dataset.VOILUTSequence = [item]
    return dataset


def of_floats() -> Dataset:
    """A map whose pixels are floating point numbers from 0 to 1."""
    dataset = pictures.picture("floats", ParametricMapStorage)
    dataset.BitsAllocated, dataset.NumberOfFrames = 32, 1
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[keyword]
    dataset.FloatPixelData = np.linspace(
        0, 1, pictures.ROWS * pictures.COLUMNS, dtype="<f4"
    ).tobytes()
    return dataset


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    dose = pictures.bundled("rtdose_expb.dcm")
    made = (*map(of_many_values, NAMES), of_japan(), of_floats(), dose)
    with archive_with(tmp_path_factory.mktemp("values-orthanc"), map(written, made)) as archive:
        yield archive


@pytest.fixture(scope="module")
def readers(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> list[Caller]:
    """One before and one after preparing."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    for name in (*NAMES, "japan", "floats", "rtdose_expb.dcm"):
        (series,) = archive.candidates(pictures.STUDY, pictures.uid_of(name)[0])
        Preparer(archive, shelf, Room(shelf.root, 10**9)).prepare(pictures.STUDY, series)
    apps = (gateway_app(archive, SCOPES), gateway_app(archive, SCOPES, shelf=shelf))
    return [Caller(app.test_client(), "reader") for app in apps]


@pytest.mark.parametrize("name", NAMES)
def test_metadata_are_the_same_before_and_after_preparing(readers: list[Caller], name: str) -> None:
    before, after = (one.get(f"{pictures.path_of(name)}/metadata") for one in readers)
    (told,) = after.json
    # Only what is prepared is known to be had in more than one transfer syntax.
    assert told.pop("00083002")["vr"] == "UI"
    assert before.json == [told]
    assert list(before.json[0]) == sorted(told)
    assert "7FE00010" not in told
    item = told["00283010"]["Value"][0]
    assert item["00720082"] == {"vr": "SV", "Value": [-3, str(2**60)]}
    assert item["00720083"] == {"vr": "UV", "Value": [7]}
    assert item["00720078"] == {"vr": "UL"}
    for tag in ("00720067", "00720073", "00720075", "00720081"):
        assert list(told[tag]) == ["vr", "BulkDataURI"]


def test_values_are_told_apart_where_a_yen_sign_stands_between_them(readers: list[Caller]) -> None:
    path = pictures.path_of("japan")
    before, after = (one.get(f"{path}/metadata").json[0] for one in readers)
    after.pop("00083002")
    assert before == after
    assert before["00080008"]["Value"] == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert before["00200032"]["Value"] == [0, 0, 1]
    alphabetic, ideographic = JAPANESE.split("=")
    name = {"Alphabetic": alphabetic, "Ideographic": ideographic}
    assert before["00100010"]["Value"] == [name]
    address = before["00283010"]["Value"][0]["00283006"]["BulkDataURI"]
    assert address == f"http://localhost/dicom-web{path}/bulk/00283010/1/00283006"
    value = readers[0].get(f"{path}/bulk/00283010/1/00283006", "application/octet-stream").data
    assert value == np.array(WORDS, "<u2").tobytes()
    assert "7FE00010" not in before
    series = f"SeriesInstanceUID={pictures.uid_of('japan')[0]}&includefield=PerformingPhysicianName"
    for reader in readers:
        (found,) = reader.get(f"/studies/{pictures.STUDY}/series?{series}").json
        several = [one["Alphabetic"] for one in found["00081050"]["Value"]]
        assert several == alphabetic.split("^")


def test_floats_are_drawn_as_what_they_are(readers: list[Caller]) -> None:
    path = f"{pictures.path_of('floats')}/rendered?window=0.5,2,linear-exact"
    drawn = [np.asarray(Image.open(io.BytesIO(one.get(path, "image/png").data))) for one in readers]
    assert [(one.min(), one.max()) for one in drawn] == [(64, 191)] * 2
    assert (drawn[0] == drawn[1]).all()


def test_samples_of_32_bits_are_swapped_whole(readers: list[Caller], archive: Archive) -> None:
    """pydicom's two files of one dose, in either byte order, hold the same numbers."""
    for one in readers:
        frame = one.get(
            f"{pictures.path_of('rtdose_expb.dcm')}/frames/1", "application/octet-stream"
        ).data
        assert frame == pictures.bundled("rtdose_expb.dcm").pixel_array[0].astype("<u4").tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_every_long_value_is_little_endian(readers: list[Caller], name: str) -> None:
    """PS3.18 8.7.3.3.1."""
    for reader in readers:
        for path, (_, kind, numbers) in LONG.items():
            value = reader.get(f"{pictures.path_of(name)}/bulk/{path}", "application/octet-stream")
            assert value.data == np.array(numbers, f"<{kind}").tobytes(), path


def test_a_big_endian_file_leaves_with_all_its_values_turned_round(readers: list[Caller]) -> None:
    for reader in readers:
        answer = reader.get(pictures.path_of("big"), "application/dicom")
        file = dcmread(io.BytesIO(answer.data))
        assert file.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        for path, (_, kind, numbers) in LONG.items():
            holder = file.VOILUTSequence[0] if "/" in path else file
            value = holder[int(path[-8:], 16)].value
            assert value == np.array(numbers, f"<{kind}").tobytes(), path
        assert file.pixel_array.ravel()[:4].tolist() == [0, 1, 2, 3]


def test_a_big_endian_palette_is_drawn_as_a_little_endian_one(readers: list[Caller]) -> None:
    for reader in readers:
        drawn = {reader.get(f"{pictures.path_of(n)}/rendered", "image/png").data for n in NAMES}
        assert len(drawn) == 1


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2"])
@pytest.mark.parametrize(
    ("rest", "media_type"),
    [
        ("", "application/dicom"),
        ("", 'multipart/related; type="application/dicom"'),
        ("/frames/1", "application/octet-stream"),
        ("/bulk/7fe00010", "application/octet-stream"),
    ],
)
def test_syntaxes_that_are_not_for_the_web_are_not_acceptable(
    readers: list[Caller], syntax: str, rest: str, media_type: str
) -> None:
    """PS3.18 8.7.3, also where the file is stored so."""
    for reader in readers:
        path = f"{pictures.path_of('big')}{rest}"
        wish = f"{media_type}; transfer-syntax={syntax}"
        assert reader.get(path, wish).status_code == 406
        assert reader.get(path, f"{wish}, {media_type};q=0.5").status_code == 200
