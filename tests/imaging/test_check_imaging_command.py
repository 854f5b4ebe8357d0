"""`margin check-imaging` on a folder as a hospital has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from server.cli import main
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from tests.archive.files import written

KEYS = ["SeriesInstanceUID", "description", "role", "phase", "slice_thickness_mm", "spacing_mm",
        "slices", "missing", "coverage"]  # fmt: skip
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def run(folder: Path, *more: str) -> Result:
    command = ["check-imaging", str(folder), "--date", "2026-11-20", *more]
    return CliRunner().invoke(main, command)


def checked(folder: Path, *more: str, protocol: str = "liver-ct") -> dict[str, Any]:
    answer = run(folder, "--protocol", protocol, *more)
    assert answer.exit_code == 0, answer.output
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def findings(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in found["findings"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two phases of 30 slices, of 128 pixels each."""
    phantom = Phantom("check", slices=30, rows=128, phases=PHASES[1:3])
    phantom.write(tmp_path / "study")
    return tmp_path / "study"


def test_it_prints_what_was_promised_and_nothing_else(folder: Path) -> None:
    found = checked(folder, "--no-pixels")
    assert list(found) == ["series", "findings", "verdict"]
    assert found["verdict"] in ("adequate", "limited", "inadequate")
    for one in found["series"]:
        assert list(one) == KEYS
        assert list(one["phase"]) == ["header", "pixel", "used", "confidence", "evidence"]
        assert (one["role"], one["slices"], one["missing"]) == ("diagnostic", 30, 0)
        assert one["phase"]["pixel"] is None
        assert one["spacing_mm"] == pytest.approx(224 / 30, abs=0.001)
    for finding in found["findings"]:
        assert list(finding) == ["id", "severity", "text", "fix", "evidence"]


def test_pixels_are_looked_at_unless_told_otherwise(folder: Path) -> None:
    found = checked(folder)
    assert found["series"]
    assert all(one["phase"]["pixel"] for one in found["series"])
    assert all("landmarks" in one["coverage"] for one in found["series"])


def test_grey_levels_of_a_screen_that_call_themselves_ct_tell_no_phase(folder: Path) -> None:
    for path in folder.rglob("*.dcm"):
        image = dcmread(path)
        hu = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        image.PixelData = (np.clip(hu, -100, 155) + 100).astype("<u2").tobytes()
        image.PixelRepresentation, image.RescaleSlope, image.RescaleIntercept = 0, 1, -100
        image.save_as(path)
    found = checked(folder)
    assert "no_attenuation" in findings(found)
    assert {one["phase"]["pixel"] for one in found["series"]} == {"indeterminate"}
    assert not any("landmarks" in one["coverage"] for one in found["series"])


def test_whatever_else_lies_there_is_named_and_the_rest_goes_on(folder: Path) -> None:
    first = folder / "arterial" / "0005.dcm"
    (folder / "broken.dcm").write_bytes(first.read_bytes()[:3000])
    (folder / "copy.dcm").write_bytes(first.read_bytes())
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "film.jpg").write_bytes(b"\xff\xd8\xff\xe0 a photograph")
    (folder / "report.pdf").write_bytes(b"%PDF-1.4 a report")
    (folder / "all.zip").write_bytes(b"PK\x03\x04 packed")
    (folder / "notes").write_bytes(b"\x00" * 300)
    (folder / "IM0009").write_bytes(first.read_bytes()[132:])
    found = findings(checked(folder, "--no-pixels"))

    def names(id_: str) -> list[str]:
        return [one["name"] for one in found[id_]["evidence"]["files"]]

    assert names("files_unreadable") == ["IM0009", "broken.dcm", "empty.dcm"]
    assert names("pictures_not_dicom") == ["film.jpg"]
    assert names("documents_beside") == ["report.pdf"]
    assert names("files_packed") == ["all.zip"]
    assert names("files_not_dicom") == ["notes"]
    assert names("files_repeated") == ["copy.dcm"]
    assert "film.jpg" in found["pictures_not_dicom"]["text"]


def test_one_uid_with_two_contents_is_said(folder: Path) -> None:
    changed = dcmread(folder / "arterial" / "0005.dcm")
    changed.ImagePositionPatient = ["0", "0", "999"]
    (folder / "zz.dcm").write_bytes(written(changed))
    assert findings(checked(folder, "--no-pixels"))["files_conflicting"]["severity"] == "limiting"


def test_missing_slices_are_counted_with_their_place(folder: Path) -> None:
    for number in (10, 11):
        (folder / "arterial" / f"{number:04d}.dcm").unlink()
    found = checked(folder, "--no-pixels")
    assert sorted(one["missing"] for one in found["series"]) == [0, 2]
    (gap,) = findings(found)["slices_missing"]["evidence"]["gaps"]
    assert gap["missing"] == 2


def test_two_patients_make_it_inadequate(folder: Path) -> None:
    other = Phantom("other", slices=3, rows=64, phases=PHASES[:1], PatientID="P2",
                    PatientName="OTHER^ONE", PatientBirthDate="19700707")  # fmt: skip
    other.write(folder / "other")
    found = checked(folder, "--no-pixels")
    assert findings(found)["two_patients"]["severity"] == "blocking"
    assert found["verdict"] == "inadequate"
    said = json.dumps(findings(found)["two_patients"])
    assert "OTHER" not in said and "1970" not in said


def test_a_multi_frame_ct_has_a_slice_for_each_frame(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(written(enhanced_ct(frames=40)))
    found = checked(tmp_path, "--no-pixels")
    (series,) = found["series"]
    assert (series["slices"], series["missing"], series["role"]) == (40, 0, "diagnostic")
    assert (series["spacing_mm"], series["slice_thickness_mm"]) == (2.5, 3.0)


def enhanced_ct(frames: int) -> Dataset:
    """An enhanced CT whose frames lie 2.5 mm apart."""
    dataset = next(Phantom("frames", slices=1, rows=16).images(PHASES[2]))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(ENHANCED_CT)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
                    "SliceThickness", "SliceLocation"):  # fmt: skip
        delattr(dataset, keyword)
    dataset.NumberOfFrames = frames
    dataset.PixelData = dataset.PixelData * frames
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [0.8, 0.8], 3
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence([_frame(n * 2.5) for n in range(frames)])
    return dataset


def _frame(z_mm: float) -> Dataset:
    frame, position = Dataset(), Dataset()
    position.ImagePositionPatient = [0, 0, z_mm]
    frame.PlanePositionSequence = Sequence([position])
    return frame


def test_a_folder_without_images_is_inadequate_and_no_error(tmp_path: Path) -> None:
    found = checked(tmp_path)
    assert (found["series"], found["verdict"]) == ([], "inadequate")
    assert "no_images" in findings(found)


def test_the_exit_code_tells_the_verdict_only_when_asked(tmp_path: Path) -> None:
    assert run(tmp_path, "--protocol", "liver-ct").exit_code == 0
    assert run(tmp_path, "--protocol", "liver-ct", "--exit-code").exit_code == 4


def test_an_unknown_protocol_is_refused_with_all_there_are(tmp_path: Path) -> None:
    answer = run(tmp_path, "--protocol", "spleen-ct")
    assert answer.exit_code == 1
    assert "spleen-ct" in answer.output and "pancreas-ct" in answer.output


def test_sentences_come_in_the_hospitals_language(folder: Path) -> None:
    found = findings(checked(folder, "--no-pixels", "--language", "de"))
    assert "CT des Thorax" in found["missing_chest_ct"]["text"]
