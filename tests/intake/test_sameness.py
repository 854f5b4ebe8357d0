"""An image that comes again under its identifiers: what says the same, and what says something else."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from server.intake.uploads.sameness import difference, same_dataset
from tests.archive.files import ct_slice, written

STUDY = "1.2.826.0.1.3680043.8.498.77"
Change = Callable[[Dataset], None]


def no_character_set(image: Dataset) -> None:
    del image.SpecificCharacterSet


def blank_character_set(image: Dataset) -> None:
    image.SpecificCharacterSet = ""


def padding_behind(image: Dataset) -> None:
    image.DataSetTrailingPadding = bytes(64)


def padded_text(image: Dataset) -> None:
    image.StudyDescription += "  "


def padded_in_a_sequence(image: Dataset) -> None:
    image.ProcedureCodeSequence[0].CodeMeaning += "  "


def other_words(image: Dataset) -> None:
    image.StudyDescription = "CT of the chest"


def other_in_a_sequence(image: Dataset) -> None:
    image.ProcedureCodeSequence[0].CodeMeaning = "Chest"


def other_pixels(image: Dataset) -> None:
    image.PixelData = image.PixelData[:-1] + b"\x07"


def spaces_for_pixels(image: Dataset) -> None:
    image.PixelData = image.PixelData[:-2] + b" \0"


def files(folder: Path, change: Change, name: str = "Doe^Jane", syntax: UID | None = None) -> tuple:  # type: ignore[type-arg]
    image = ct_slice("PID-1", STUDY, f"{STUDY}.1", 1, syntax or ExplicitVRLittleEndian)
    image.SpecificCharacterSet = "ISO_IR 100"
    image.PatientName, image.StudyDescription = name, "CT abdomen"
    code = Dataset()
    code.CodeMeaning = "Abdomen"
    image.ProcedureCodeSequence = Sequence([code])
    image["ProcedureCodeSequence"].is_undefined_length = True
    first, again = folder / "first", folder / "again"
    first.write_bytes(written(image))
    changed = dcmread(BytesIO(first.read_bytes()))
    change(changed)
    again.write_bytes(written(changed))
    assert first.read_bytes() != again.read_bytes()
    return first, again


SAME = [no_character_set, blank_character_set, padding_behind, padded_text, padded_in_a_sequence]
OTHER = [other_words, other_in_a_sequence, other_pixels, spaces_for_pixels]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("change", SAME)
def test_padding_and_the_name_of_a_character_set_say_nothing(
    tmp_path: Path, change: Change, syntax: UID
) -> None:
    assert same_dataset(*files(tmp_path, change, syntax=syntax))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("change", OTHER)
def test_other_words_and_other_pixels_are_another_image(
    tmp_path: Path, change: Change, syntax: UID
) -> None:
    first, again = files(tmp_path, change, syntax=syntax)
    assert not same_dataset(first, again)
    wanted = "pixels" if "pixels" in change.__name__ else "description"
    assert wanted in difference(first, again)


def test_a_name_that_reads_differently_in_another_character_set_is_another(tmp_path: Path) -> None:
    first, again = files(tmp_path, other_words, name="M\u00fcller^J\u00f6rg")
    again.write_bytes(first.read_bytes().replace(b"ISO_IR 100", b"ISO_IR 144"))
    assert not same_dataset(first, again)


def test_a_file_that_cannot_be_read_is_another(tmp_path: Path) -> None:
    first, _ = files(tmp_path, other_words)
    (tmp_path / "junk").write_bytes(b"junk")
    assert not same_dataset(first, tmp_path / "junk")
