"""What came in for a case is measured from a real Orthanc, also where it names no series."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from server.archive import Archive
from server.volumetry.actions import ELSEWHERE, measure_from_archive
from server.volumetry.remnant import RemnantMeasurement
from tests.archive.orthanc_process import archive_with
from tests.volumetry.scenes import images, mask, seg, stored
from tests.volumetry.test_outlines import REGION, structure_set

LIVER = mask((2, 5, 3, 9, 2, 7))
STUDY_OF_ANOTHER_CASE = frozenset({"1.2.3.4"})


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with archive_with(tmp_path) as archive:
        yield archive


def drawings(headers: list[Dataset]) -> dict[str, Dataset]:
    """The same 90 voxels as a Segmentation and as outlines, with and without the series' name."""
    named, nameless, bare = (seg(headers, liver=LIVER) for _ in range(3))
    for number, one in enumerate((named, nameless, bare)):
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = f"1.2.826.77.{number}"
        one.SeriesInstanceUID = f"1.2.826.77.9.{number}"
    del nameless.ReferencedSeriesSequence
    del bare.ReferencedSeriesSequence
    for frame in bare.PerFrameFunctionalGroupsSequence:
        del frame.DerivationImageSequence
    outlines = structure_set(headers, liver=[(z * 3.0, REGION) for z in (2, 3, 4)])
    outlines.PatientID = headers[0].PatientID
    return {"named": named, "nameless": nameless, "bare": bare, "outlines": outlines}


@pytest.mark.orthanc
def test_segmentations_and_outlines_are_measured_on_their_images(archive: Archive) -> None:
    headers = images()
    study = frozenset({str(headers[0].StudyInstanceUID)})
    for header in headers:
        archive.store_instance(stored(header), by="test")
    for name, drawn in drawings(headers).items():
        archive.store_instance(stored(drawn), by="test")
        (kept,) = archive.candidates(
            drawn.StudyInstanceUID, drawn.SeriesInstanceUID, drawn.SOPInstanceUID
        )
        found = measure_from_archive(archive, kept, study)
        assert isinstance(found, RemnantMeasurement), (name, found)
        assert found.liver_ml == pytest.approx(90 * 0.012), name
        assert found.SeriesInstanceUID == headers[0].SeriesInstanceUID
        assert found.is_outlined is (name == "outlines")
        assert measure_from_archive(archive, kept, STUDY_OF_ANOTHER_CASE) == ELSEWHERE
