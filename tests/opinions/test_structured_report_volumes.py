"""Volumes in the structured report: regions that lie in a segment, and those that lie in none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from server.archive import Archive
from server.opinions import coding
from server.opinions.assessment import Assessment
from server.opinions.document import Volume
from server.opinions.imaging import Imaging, ReportNotStored, imaging_in_archive, stored_report
from server.opinions.structured_report import structured_report
from server.volumetry.remnant import PAINTED_OVER, TUMOUR_PAINTED_OVER, RemnantMeasurement
from server.volumetry.segmentation import measure
from tests.archive.orthanc_process import archive_with
from tests.opinions import samples
from tests.opinions.assessments import example, groups, measured, report, said
from tests.volumetry.scenes import images, mask, seg, stored

LIVER, FLR = mask((1, 11, 1, 15, 1, 15)), mask((1, 11, 1, 15, 1, 5))
TUMOURS = {"tumour_1": mask((2, 4, 8, 10, 8, 10)), "tumour_2": mask((6, 8, 4, 6, 10, 12))}


def drawn(**segments: Any) -> tuple[list[Dataset], Dataset, RemnantMeasurement]:
    headers = images()
    dataset = seg(headers, **segments)
    return headers, dataset, measure(stored(dataset), headers)


def with_volume(found: RemnantMeasurement) -> Assessment:
    signed = example("liver", "crlm-right-adequate")
    panel = found.to_json()
    volume = Volume(
        id="v1",
        state="measured",
        label="Volumetry",
        **{
            key: panel[key]
            for key in (
                "SeriesInstanceUID",
                "SOPInstanceUID",
                "liver_ml",
                "flr_ml",
                "tumour_ml",
                "flr_percent",
                "denominator",
                "uncertainty_percent",
            )
        },
    )
    return replace(
        signed,
        opinion=replace(signed.opinion, volumes=(volume,)),
        volume_notes={found.SOPInstanceUID: found.notes},
    )


def regions(signed: Assessment, headers: list[Dataset], dataset: Dataset) -> dict[str, Any]:
    content = report(signed, Imaging(headers[0], (), (dataset,))).content
    return {one.finding_type.value: one for one in content.get_volumetric_roi_measurement_groups()}


def test_liver_and_remnant_refer_to_the_segments_they_were_counted_in() -> None:
    headers, dataset, found = drawn(liver=LIVER, FLR=FLR)
    by_finding = regions(with_volume(found), headers, dataset)
    assert set(by_finding) == {"LIVER_TOTAL", "FLR"}
    for number, code in ((1, "LIVER_TOTAL"), (2, "FLR")):
        segment, source = by_finding[code].referenced_segment
        (referenced,) = segment.ReferencedSOPSequence
        assert referenced.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
        assert referenced.ReferencedSegmentNumber == number
        assert source.value == str(headers[0].SeriesInstanceUID)


def test_millilitres_and_the_remnants_share_are_those_that_were_measured() -> None:
    headers, dataset, found = drawn(liver=LIVER, FLR=FLR)
    by_finding = regions(with_volume(found), headers, dataset)
    voxel_ml = 2 * 2 * 3 / 1000
    liver_ml, flr_ml = np.count_nonzero(LIVER) * voxel_ml, np.count_nonzero(FLR) * voxel_ml
    volume, unit = measured(by_finding["LIVER_TOTAL"])["118565006"]
    assert (volume, unit) == (pytest.approx(liver_ml, abs=0.01), "ml")
    remnant = measured(by_finding["FLR"])
    assert remnant["118565006"][0] == pytest.approx(flr_ml, abs=0.01)
    percent = 100 * flr_ml / liver_ml
    assert remnant["FLR_PERCENT"] == (pytest.approx(percent, abs=0.01), "%")
    assert remnant["FLR_PERCENT_LOW"][0] == pytest.approx(0.9 * percent, abs=0.02)
    assert remnant["FLR_PERCENT_HIGH"][0] == pytest.approx(1.1 * percent, abs=0.02)
    assert said(by_finding["FLR"])["FLR_DENOMINATOR"] == "denominator/measured TLV - tumour"
    assert by_finding["FLR"].method.value == "126030"


def test_tumours_in_two_segments_are_one_sum_without_a_segment() -> None:
    headers, dataset, found = drawn(liver=LIVER, **TUMOURS)
    signed = with_volume(found)
    assert set(regions(signed, headers, dataset)) == {"LIVER_TOTAL"}
    read = report(signed, Imaging(headers[0], (), (dataset,)))
    (tumour,) = [one for name, one in groups(read).items() if name == "Volumetry: Neoplasm"]
    comments = [str(one.get("TextValue", "")) for one in tumour[0].ContentSequence]
    (comment,) = [one for one in comments if one.startswith("Counted in the segments")]
    assert "2 “tumour 1”, 3 “tumour 2”" in comment


def test_a_liver_painted_over_in_parts_is_no_segment() -> None:
    headers, dataset, found = drawn(liver=LIVER & ~FLR, FLR=FLR)
    assert PAINTED_OVER in found.notes
    assert set(regions(with_volume(found), headers, dataset)) == {"FLR"}


def test_a_liver_with_its_tumour_painted_over_it_is_no_segment() -> None:
    tumour = TUMOURS["tumour_1"]
    headers, dataset, found = drawn(liver=LIVER & ~tumour, tumour=tumour)
    assert TUMOUR_PAINTED_OVER in found.notes
    assert set(regions(with_volume(found), headers, dataset)) == {coding.NEOPLASM.value}


def test_what_was_entered_by_hand_or_refused_says_so() -> None:
    signed = example("liver", "crlm-right-adequate")
    entered = Volume(id="entered", state="measured", label="Entered by the reviewer", flr_ml=420.0)
    refused = samples.LIVER.volumes[1]
    signed = replace(signed, opinion=replace(signed.opinion, volumes=(entered, refused)))
    found = groups(report(signed))
    by_hand = found["Entered by the reviewer: Future liver remnant"]
    assert said(by_hand) == {"VOLUME_STATE": "MEASURED", "VOLUME_SOURCE": "ENTERED"}
    assert measured(by_hand) == {"118565006": (420.0, "ml")}
    assert said(found["Second segmentation"]) == {"VOLUME_STATE": "REFUSED"}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with archive_with(tmp_path) as archive:
        yield archive


@pytest.mark.orthanc
def test_a_real_orthanc_keeps_the_report_beside_images_and_segmentation(archive: Archive) -> None:
    headers, dataset, found = drawn(liver=LIVER, FLR=FLR)
    for header in headers:
        archive.store_instance(stored(header), by="test")
    archive.store_instance(stored(dataset), by="test")
    study = headers[0].StudyInstanceUID
    signed = with_volume(found)
    with pytest.raises(ReportNotStored):
        stored_report(archive, signed, study)

    looked_at = imaging_in_archive(archive, signed, study)
    (series,) = looked_at.series
    assert (series.Modality, series.images) == ("CT", len(headers))
    assert series.SOPInstanceUID == headers[0].SOPInstanceUID
    written = structured_report(signed, looked_at)
    for _ in range(2):  # storing again adds nothing
        archive.store_instance(written, by="test")
    assert stored_report(archive, signed, study) == written
    kept = archive.find_study(study)
    assert sorted(one.Modality for one in archive.study_series(kept.orthanc_id)) == [
        "CT",
        "SEG",
        "SR",
    ]
    assert structured_report(signed, imaging_in_archive(archive, signed, study)) == written
