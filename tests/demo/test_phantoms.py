"""The phantom: volumes by counting, phases in order, images that are valid and repeat."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from server.demo.anatomy import Region, Tissue
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.demo.segmentations import segment
from server.dicom.geometry import of_series


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return Phantom("test", slices=28, rows=128)


def test_volumes_are_counts_of_voxels(phantom: Phantom) -> None:
    assert phantom.voxel_volume_ml == 3.0 * 3.0 * 8.0 / 1000
    known = phantom.known_volumes()
    counted = int(np.count_nonzero(phantom.regions() & Region.LIVER))
    assert known.liver_ml == counted * 0.072
    assert known.flr_percent == 100 * known.flr_ml / (known.liver_ml - known.tumour_ml)


def test_ten_by_ten_by_ten_voxels_make_twelve_millilitres() -> None:
    grid = Phantom("arithmetic", slices=10, rows=192, spacing_mm=3.0)
    assert grid.pixel_spacing_mm == 2.0
    assert 10 * 10 * 10 * grid.voxel_volume_ml == pytest.approx(12.0)


def test_the_liver_is_of_a_plausible_size_at_every_resolution() -> None:
    for phantom in (Phantom("a", slices=56, rows=128), Phantom("b", slices=14, rows=64)):
        known = phantom.known_volumes()
        assert 1400 < known.liver_ml < 2100
        assert 20 < known.flr_percent < 40
        assert 30 < known.tumour_ml < 90


def test_remnant_and_tumour_lie_in_the_liver_and_apart(phantom: Phantom) -> None:
    regions = phantom.regions()
    for part in (Region.FLR, Region.TUMOUR):
        assert np.all(regions[(regions & part) > 0] & Region.LIVER)
    assert not np.any((regions & Region.FLR > 0) & (regions & Region.TUMOUR > 0))


def test_phases_enhance_in_their_order() -> None:
    native, arterial, portal, delayed = (phase.attenuation_hu for phase in PHASES)
    aorta, vein, liver = Tissue.AORTA, Tissue.PORTAL_VEIN, Tissue.LIVER
    # Clinical fact sheet 5.3, the classifier's bounds.
    assert native[aorta] < 70
    assert arterial[aorta] >= 180
    assert arterial[aorta] - arterial[vein] >= 50
    assert portal[vein] >= 130
    assert abs(portal[aorta] - portal[vein]) <= 40
    assert portal[liver] >= 90
    assert delayed[aorta] < 130
    assert abs(delayed[aorta] - delayed[vein]) <= 20
    assert delayed[liver] >= 80


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_pixels_show_the_attenuation_of_their_tissue(phantom: Phantom, phase: object) -> None:
    chosen = next(one for one in PHASES if one is phase)
    images = [read_back(image) for image in phantom.images(chosen)]
    stack = np.stack([image.pixel_array for image in images])
    inside = np.zeros(stack.shape, bool)
    inside[:] = (phantom.regions() & Region.TUMOUR) > 0
    healthy = ((phantom.regions() & Region.LIVER) > 0) & ~inside
    assert np.median(stack[healthy]) == pytest.approx(chosen.attenuation_hu[Tissue.LIVER], abs=3)
    assert np.median(stack[:, 0, :]) == pytest.approx(-1000, abs=25)


def read_back(image: Dataset) -> Dataset:
    stream = BytesIO()
    image.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return dcmread(stream)


def test_a_study_written_twice_is_the_same_to_the_last_bit(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        Phantom("again", slices=3, rows=64).write(tmp_path / folder)
    first = {p.relative_to(tmp_path / "first"): p for p in (tmp_path / "first").rglob("*.dcm")}
    assert len(first) == 12
    for name, path in first.items():
        assert path.read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_one_study_has_four_series_in_one_frame_of_reference(tmp_path: Path) -> None:
    paths = Phantom("series", slices=4, rows=64, AccessionNumber="A-1").write(tmp_path)
    headers = [dcmread(path) for path in paths]
    assert len({header.StudyInstanceUID for header in headers}) == 1
    assert len({header.SeriesInstanceUID for header in headers}) == 4
    assert len({header.FrameOfReferenceUID for header in headers}) == 1
    assert len({header.SOPInstanceUID for header in headers}) == 16
    assert {header.AccessionNumber for header in headers} == {"A-1"}
    assert all(str(header.PatientName).startswith("PHANTOM") for header in headers)


def test_contrast_is_timed_where_there_is_contrast(phantom: Phantom) -> None:
    for phase in PHASES:
        header = phantom.headers(phase)[0]
        assert ("ContrastBolusAgent" in header) == (phase.delay_s is not None)
        if phase.delay_s is not None:
            seconds = [
                int(time[:2]) * 3600 + int(time[2:4]) * 60 + int(time[4:])
                for time in (header.AcquisitionTime, header.ContrastBolusStartTime)
            ]
            assert seconds[0] - seconds[1] == phase.delay_s


def test_images_carry_every_required_attribute_of_the_ct_image_iod(phantom: Phantom) -> None:
    image = read_back(next(phantom.images(PHASES[2])))
    required = [
        "PatientName",
        "PatientID",
        "StudyInstanceUID",
        "StudyDate",
        "SeriesInstanceUID",
        "Modality",
        "FrameOfReferenceUID",
        "Manufacturer",
        "ImageType",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "RescaleIntercept",
        "RescaleSlope",
        "KVP",
        "AcquisitionNumber",
        "PixelSpacing",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "SliceThickness",
        "InstanceNumber",
        "SOPClassUID",
        "SOPInstanceUID",
        "PixelData",
        "PatientPosition",
    ]
    assert [keyword for keyword in required if keyword not in image] == []


def test_positions_and_slice_thickness_are_not_the_same_number(phantom: Phantom) -> None:
    headers = phantom.headers(PHASES[1])
    geometry = of_series(headers)
    assert (geometry.gaps, geometry.duplicates, geometry.uneven_mm) == ((), (), ())
    assert geometry.slice_spacing_mm == pytest.approx(8.0)
    assert float(headers[0].SliceThickness) == 10.0


def test_a_long_study_counts_its_voxels_too() -> None:
    long = Phantom("long", slices=300, rows=32)
    assert long.regions().shape == (300, 32, 32)
    assert long.known_volumes().liver_ml == pytest.approx(
        int(np.count_nonzero(long.regions() & Region.LIVER)) * long.voxel_volume_ml
    )


def test_the_pancreatic_phantom_has_a_tumour_at_the_superior_mesenteric_vein() -> None:
    phantom = Phantom("pancreas", organ="pancreas", slices=56, rows=256)
    assert 3 < phantom.known_volumes().tumour_ml < 30
    tumour = (phantom.regions() & Region.TUMOUR) > 0
    assert np.all(phantom.regions()[tumour] & Region.PANCREAS)
    tissue = phantom._painted[0]
    vein = tissue == Tissue.PORTAL_VEIN
    near = np.zeros_like(vein)
    for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):
        near |= np.roll(vein, step, axis)
    assert np.count_nonzero(near & tumour) > 20


def test_the_segmentation_of_a_phantom_reads_back_as_it_was_drawn(phantom: Phantom) -> None:
    stream = BytesIO()
    segment(phantom).save_as(stream, enforce_file_format=True)
    stream.seek(0)
    again = highdicom.seg.segread(stream)
    labels = [again.get_segment_description(number).segment_label for number in (1, 2, 3)]
    assert labels == ["Liver", "FLR", "Tumour"]
    assert again.StudyInstanceUID == phantom.StudyInstanceUID
    assert again.FrameOfReferenceUID == phantom.FrameOfReferenceUID
    for number, bit in ((1, Region.LIVER), (2, Region.FLR), (3, Region.TUMOUR)):
        read = again.get_volume(segment_numbers=[number], allow_missing_positions=True).array
        assert np.count_nonzero(read) == np.count_nonzero(phantom.regions() & bit)
