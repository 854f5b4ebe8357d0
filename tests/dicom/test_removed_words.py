"""Words of an identity in the bytes of values that stay: found, and nothing else taken for them."""

from __future__ import annotations

import base64
import io
import json
import struct
import time
from array import array
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian

from server.dicom.pseudonyms import Pseudonyms
from server.dicom.removed_words import RemovedWords
from server.dicom.shown_file import opened, shown_file
from server.dicom.shown_json import shown_json
from tests.archive.files import written
from tests.dicom.planted import MARK, ROOT, identity_in, planted_ct

CASE = Pseudonyms(b"k" * 32, "M-2026-00001")
RAMP = struct.pack("<256H", *range(256))
NOISE = np.random.default_rng(4711).integers(0, 256, 131_072, np.uint8).tobytes()


def removed(*texts: str) -> RemovedWords:
    return RemovedWords(lambda: texts)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Novakova^Jana", b"NOVAKOVA"),
        ("Novakova^Jana", b"xxjAnAxx"),
        ("12-345", b"12-345"),
        ("Novakova", "Novakova".encode("utf-16-le")),
        ("Novakova", "NOVAKOVA".encode("utf-16-be")),
        ("Novakova", "Novakova".encode("utf-32-be")),
        ("Nováková", "NOVÁKOVÁ".encode("iso8859-2")),
        ("Nováková", b"novakova"),
        ("王小明", "王小明".encode()),
        ("王小明", "王小明".encode("gb18030")),
        ("Иванов", "ИВАНОВ".encode("iso8859-5")),
        ("山田", "山田".encode("shift_jis")),
    ],
)
def test_a_word_is_found_however_it_is_written(text: str, value: bytes) -> None:
    around = RAMP + b"\0" + value + RAMP
    assert removed(text).stand_in(around)
    assert removed(text).stand_in(value + NOISE)
    swapped = array("H", value + b"\0" * (len(value) % 2))
    swapped.byteswap()
    assert removed(text).stand_in(swapped.tobytes() + RAMP)


@pytest.mark.parametrize(
    "value",
    [
        bytes(range(256)),
        bytes(reversed(range(256))),
        RAMP,
        np.arange(65_536, dtype="<u2").tobytes(),
        np.arange(65_536, dtype=">u2").tobytes(),
        (np.arange(4096, dtype="<u2") * 16).tobytes(),
        (np.arange(256, dtype="<u2") * 257).tobytes(),
        (np.linspace(0, 1, 256) ** 0.45 * 255).astype(np.uint8).tobytes(),
        b"\x31\x32" * 65_536,
        NOISE,
    ],
)
def test_ramps_and_noise_are_not_taken_for_a_number_or_a_name(value: bytes) -> None:
    identity = ("1234", "1525", "112233", "4321", "0000", "abcd", "Mayer^Ann", "A 7172-73", "5051")
    assert not removed(*identity).stand_in(value)


def test_words_of_a_procedure_identify_nobody() -> None:
    assert not removed("CT abdomen", "liver", "Dr Li").stand_in(b"abdomen liver Li Dr" + RAMP)


def test_a_word_is_found_where_two_pieces_of_a_long_value_meet() -> None:
    for shift in range(12):
        value = bytes(256 * 1024 - shift) + MARK.encode() + bytes(1000)
        assert removed(MARK).stand_in_file(io.BytesIO(value), len(value))
        assert not removed(MARK).stand_in_file(io.BytesIO(value), 256 * 1024 - shift)


def test_looking_through_a_long_table_takes_a_moment() -> None:
    many = removed(*(f"Somebody{number}^Named" for number in range(100)))
    begun = time.thread_time()
    assert not many.stand_in(NOISE)
    assert time.thread_time() - begun < 2.0  # 0.05 s


def _palette(letters: bytes) -> bytes:
    return RAMP + letters.ljust(32, b"\0")


def planted_tables(syntax: UID) -> tuple[Dataset, Dataset]:
    """A slice with identity in everything that is numbers; and which of it is clean."""
    dataset = planted_ct(f"{ROOT}.10", f"{ROOT}.11", f"{ROOT}.12", syntax, every_sequence=64)
    letters = MARK.encode() + b"\0"
    for tag in (0x00281201, 0x00281202, 0x00281221):
        dataset.add_new(tag, "OW", _palette(letters))
    dataset.add_new(0x00281203, "OW", RAMP)
    dataset.add_new(0x00281101, "US", list(struct.unpack("<5H", letters)))
    item = Dataset()
    item.add_new(0x00283002, "US", [256, 0, 16])
    item.add_new(0x00283006, "US", list(struct.unpack("<272H", _palette(letters))))
    dataset.VOILUTSequence = Sequence([item])
    surface = Dataset()
    surface.add_new(0x00660016, "OF", _palette(MARK.encode("utf-16-le")))
    dataset.SurfacePointsSequence = Sequence([surface])
    dataset.add_new(0x00189307, "FD", list(struct.unpack("<2d", (MARK.encode() * 2)[:16])))
    dataset.TableOfYBreakPoints = [1.5, 2.5]
    return dataset, item


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_numbers_that_spell_an_identity_are_emptied_and_others_stay(syntax: UID) -> None:
    dataset, _ = planted_tables(syntax)
    with opened(io.BytesIO(written(dataset))) as file:
        shown = b"".join(shown_file(file, CASE, {}).chunks())
    assert identity_in(shown) == identity_in(_swapped(shown)) == []
    again = dcmread(io.BytesIO(shown))
    assert again.BluePaletteColorLookupTableData == RAMP
    assert not again.RedPaletteColorLookupTableData
    assert (again.Rows, again.TableOfYBreakPoints) == (16, [1.5, 2.5])
    assert again.VOILUTSequence[0].LUTDescriptor == [256, 0, 16]


def test_json_empties_the_same_values_as_the_file() -> None:
    dataset, item = planted_tables(ExplicitVRLittleEndian)
    shown = shown_json(dataset.to_json_dict(), CASE)
    for tag in ("00281201", "00281202", "00281221", "00281101", "00189307"):
        assert set(shown[tag]) == {"vr"}, tag
    assert base64.b64decode(shown["00281203"]["InlineBinary"]) == RAMP
    (table,) = shown["00283010"]["Value"]
    assert (set(table["00283006"]), table["00283002"]["Value"]) == ({"vr"}, [256, 0, 16])
    item[0x00283006].value = list(range(256))
    (table,) = shown_json(dataset.to_json_dict(), CASE)["00283010"]["Value"]
    assert table["00283006"]["Value"] == list(range(256))


def _swapped(data: bytes) -> bytes:
    words = array("H", data + b"\0" * (len(data) % 2))
    words.byteswap()
    return words.tobytes()


@pytest.mark.parametrize(
    ("taken", "numbers", "found"),
    [
        ("1234567", ["1234567"], True),
        ("MRN-1234567/b", [0.5, 1234567.0], True),
        ("0001234567", ["-1234567.0"], True),
        ("1234567", ["1.234567e6"], True),
        ("1234567", ["12345678", "234567", 1234567.5], False),
        ("12345", ["12345"], False),
        ("000012", ["12", 12], False),
        ("1234567", [None, "", "1234567x", "nan"], False),
    ],
)
def test_an_identifiers_digits_are_no_measurement(
    taken: str, numbers: list[Any], found: bool
) -> None:
    assert removed("Novak^Jana", taken).are_among(numbers) is found


def test_a_patients_number_does_not_leave_as_a_measurement() -> None:
    dataset = planted_ct(f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.3")
    dataset.PatientID = "H-4711081"
    dataset.KVP, dataset.AcquisitionNumber, dataset.SliceThickness = "4711081", "4711081", "1.25"
    item = Dataset()
    item.NumericValue = ["2", "4711081"]
    dataset.ContentSequence = Sequence([item])
    with opened(io.BytesIO(written(dataset))) as file:
        shown = shown_file(file, CASE, {})
    with shown.file:
        whole = b"".join(shown.chunks())
    told = shown_json(dataset.to_json_dict(suppress_invalid_tags=True), CASE)
    assert b"4711081" not in whole + json.dumps(told).encode()
    assert b"1.25" in whole
    assert told["00180050"]["Value"] == [1.25]
