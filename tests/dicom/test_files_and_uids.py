"""What is a DICOM file and what is a UID."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.dicom.files import Accepted, RefusedFile, clear_preamble, read_part10
from server.dicom.uids import is_uid, new_uid, uid_from


@pytest.fixture(scope="module")
def image() -> bytes:
    phantom = Phantom("files", slices=1, rows=32, phases=PHASES[:1])
    return written(next(phantom.images(PHASES[0])))


def written(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def test_a_good_file_is_accepted_without_its_pixels(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(image)
    for source in (image, path):
        accepted = read_part10(source)
        assert isinstance(accepted, Accepted)
        assert accepted.header.Modality == "CT"
        assert "PixelData" not in accepted.header
        assert accepted.head.size_bytes == len(image)
        assert image[accepted.head.dataset_offset :][:4] == b"\x08\x00\x05\x00"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "It is empty."),
        (b"%PDF-1.7", "It is not a DICOM file"),
        (bytes(128) + b"DICM", "is missing from its File Meta Information"),
    ],
)
def test_what_is_not_dicom_is_refused_by_name_with_the_reason(content: bytes, reason: str) -> None:
    refused = read_part10(content, "upload/scan.dcm")
    assert isinstance(refused, RefusedFile)
    assert refused.name == "upload/scan.dcm"
    assert reason in refused.reason


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_a_dataset_without_its_identifiers_is_refused(image: bytes, keyword: str) -> None:
    dataset = dcmread(BytesIO(image))
    meta = dataset.file_meta
    delattr(dataset, keyword)
    stream = BytesIO()
    dataset.file_meta = meta
    dataset.save_as(stream)
    refused = read_part10(stream.getvalue())
    assert isinstance(refused, RefusedFile)
    assert refused.reason == f"Its {keyword} is missing."


def test_a_dataset_that_disagrees_with_its_file_meta_is_refused(image: bytes) -> None:
    dataset = dcmread(BytesIO(image))
    dataset.SOPInstanceUID = "1.2.3"
    stream = BytesIO()
    dataset.save_as(stream)
    refused = read_part10(stream.getvalue())
    assert isinstance(refused, RefusedFile)
    assert "is 1.2.3 in the dataset" in refused.reason


@given(st.binary(max_size=400))
def test_no_bytes_after_the_prefix_get_past_or_crash_the_reader(noise: bytes) -> None:
    assert isinstance(read_part10(bytes(128) + b"DICM" + noise, "noise"), RefusedFile)


def test_a_cut_file_is_refused_wherever_its_header_is_cut(image: bytes) -> None:
    accepted = read_part10(image)
    assert isinstance(accepted, Accepted)
    for length in range(1, accepted.head.dataset_offset, 37):
        assert isinstance(read_part10(image[:length]), RefusedFile)


def test_the_preamble_is_zeroed_and_nothing_else_changes(image: bytes) -> None:
    armed = BytesIO(b"MZ" + bytes(126) + image[128:])
    clear_preamble(armed)
    assert armed.getvalue() == bytes(128) + image[128:]


@pytest.mark.parametrize("text", ["1.2", "1.2.840.10008.1.1", "2.25." + "9" * 39, "1.02.3"])
def test_uids_are_recognised(text: str) -> None:
    assert is_uid(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        ".1",
        "1.",
        "1..2",
        "1.2/../3",
        "1.2 ",
        "1.2\n",
        "1.a",
        "1." + "2" * 63,
        None,
        "1.２",
    ],
)
def test_what_only_looks_like_a_uid_is_not_one(text: object) -> None:
    assert not is_uid(text)


def test_new_uids_differ_and_named_uids_repeat() -> None:
    assert new_uid() != new_uid()
    assert uid_from("a", "b") == uid_from("a", "b") != uid_from("ab")
    assert is_uid(new_uid())
    assert is_uid(uid_from("a"))
    with pytest.raises(ValueError, match="at least one name"):
        uid_from()
