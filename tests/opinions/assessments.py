"""Signed assessments of patients who do not exist, for the tests of what is written back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from highdicom.sr import Comprehensive3DSR, srread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from server.annotations.organs import ORGANS
from server.annotations.summary import sections
from server.opinions.assessment import Assessment
from server.opinions.document import Opinion
from server.opinions.imaging import ImagedSeries, Imaging
from server.opinions.recorded import recorded_fields, remaining_sections
from server.opinions.structured_report import structured_report
from tests.opinions import samples

STUDY = "1.2.826.0.1.3680043.8.498.1"
SERIES, IMAGE = f"{STUDY}.1", f"{STUDY}.1.1"
REVISION = "0123456789abcdef0123456789abcdef"


def assessment(organ: str, answers: Mapping[str, Any], **changes: Any) -> Assessment:
    """The assessment that these answers make, signed by the sample surgeon."""
    form = ORGANS[organ]
    evaluations = form.evaluate(answers)
    summary = remaining_sections(sections(form, answers, evaluations), form.schema)
    opinion: Opinion = replace(
        samples.PANCREAS,
        sections=tuple(summary),
        volumes=(),
        **(recorded_fields(answers, form.schema) | changes),
    )
    if not opinion.verdict.code:
        opinion = replace(opinion, verdict=samples.PANCREAS.verdict)
    return Assessment(
        opinion=opinion,
        organ=form,
        revision_id=REVISION,
        answers=answers,
        evaluations=tuple(one.to_json() for one in evaluations),
    )


def example(organ: str, name: str, **changes: Any) -> Assessment:
    """The assessment of one of the organ's own examples."""
    return assessment(organ, ORGANS[organ].examples()[name], **changes)


def reference() -> Dataset:
    """The header of an image of a patient whose name needs more than ASCII."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, IMAGE
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, SERIES
    dataset.PatientName, dataset.PatientID = "Müller^José", "P-1"
    dataset.PatientBirthDate, dataset.PatientSex = "19600102", "M"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20261109", "101500", "1"
    dataset.AccessionNumber, dataset.StudyDescription = "ACC-884213", "CT Oberbauch"
    dataset.Modality = "CT"
    return dataset


def imaging(*segmentations: Dataset, image: Dataset | None = None) -> Imaging:
    """One CT series of 120 images, and SEGs drawn on it."""
    header = image or reference()
    series = ImagedSeries(
        StudyInstanceUID=header.StudyInstanceUID,
        SeriesInstanceUID=header.SeriesInstanceUID,
        Modality="CT",
        SOPClassUID=header.SOPClassUID,
        SOPInstanceUID=header.SOPInstanceUID,
        images=120,
        study_date="20261109",
    )
    return Imaging(header, (series,), segmentations)


def report(signed: Assessment, looked_at: Imaging | None = None) -> Comprehensive3DSR:
    """The structured report, written and read back by highdicom."""
    return srread(io.BytesIO(structured_report(signed, looked_at or imaging())))


def groups(read: Comprehensive3DSR) -> dict[str, Any]:
    """The groups without a region, by tracking identifier."""
    return {one.tracking_identifier: one for one in read.content.get_image_measurement_groups()}


def said(group: Any) -> dict[str, str]:
    """The coded answers of a group: the concept's code to the answer's."""
    return {one.name.value: one.value.value for one in group.get_qualitative_evaluations()}


def measured(group: Any) -> dict[str, tuple[float, str]]:
    """The numbers of a group with their units."""
    return {one.name.value: (one.value, one.unit.value) for one in group.get_measurements()}


def section(read: Comprehensive3DSR, code: str) -> list[Dataset]:
    """The items of one of the document's own sections; empty when there is none."""
    for item in read.ContentSequence:
        if value_of(item.ConceptNameCodeSequence[0]) == code:
            return list(item.ContentSequence)
    return []


def value_of(code: Dataset) -> str:
    """A Code Value, long or short."""
    return str(code.get("CodeValue") or code.get("LongCodeValue"))


def told(items: list[Dataset], code: str) -> list[str]:
    """Every text or coded value of one concept in a section."""
    found = []
    for item in items:
        if value_of(item.ConceptNameCodeSequence[0]) == code:
            coded = item.get("ConceptCodeSequence")
            found.append(value_of(coded[0]) if coded else str(item.TextValue))
    return found
