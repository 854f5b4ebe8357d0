"""The signed assessment as a DICOM structured report that lies in the study beside the images.

Comprehensive 3D SR Storage (PS3.3 A.35.13) after PS3.16 TID 1500 “Measurement Report”: what was
assessed and measured in measurement groups (TID 1501, TID 1411), then sections of our own for what
the criteria compute and what the surgeon says. The tree is drawn in docs/opinion-formats.md.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    LanguageOfContentItemAndDescendants,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
)
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian

from server.dicom.uids import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    is_uid,
    uid_from,
)
from server.foundation.errors import Invalid
from server.opinions import report_sections as sections
from server.opinions.assessment import Assessment
from server.opinions.belonging import let_belong, local_time
from server.opinions.coding import SCHEME, SCHEME_NAME, dcm
from server.opinions.evidence_groups import evidence_groups
from server.opinions.imaging import ImagedSeries, Imaging
from server.opinions.structure_groups import lesion_groups, structure_groups
from server.opinions.volume_groups import volume_groups
from server.opinions.wording import printable

SERIES_DESCRIPTION: Final = "Resectability assessment"
SERIES_NUMBER: Final = 9901  # behind the opinion's document

# CID 7021. OHIF draws every group of an “Imaging Measurement Report” (126000) as an annotation on an
# image and breaks off at the first group that is none; this title it shows as the text it is.
TITLE: Final = dcm("126001", "Oncology Measurement Report")

_BLANKS: Final = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


class AssessmentNotWritten(Invalid):
    """An assessment and the imaging given cannot be made into one structured report."""


def structured_report(assessment: Assessment, imaging: Imaging) -> bytes:
    """A Part 10 file (Explicit VR Little Endian, UTF-8); the same input gives the same bytes.

    Patient and study are those of `imaging.reference`. Angles are in degrees, volumes in mL,
    lengths in mm, shares in percent. Raises AssessmentNotWritten when the reference names no study
    or image, FindingHasNoCode when the form asks what the coding scheme cannot say, and
    SegmentRoleAmbiguous for a SEG with two livers.
    """
    reference = imaging.reference
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"):
        if not is_uid(str(reference.get(keyword, ""))):
            raise AssessmentNotWritten(f"The reference image has no {keyword}.")
    # Studies in the field break rules of their own; warnings would put their values into the log.
    with config.disable_value_validation():
        dataset = _written(assessment, imaging)
        let_belong(dataset, reference)
        _date(dataset, assessment, reference)
        _identify_scheme(dataset)
        _name_predecessor(dataset, assessment)
        return _part10(dataset)


def _written(assessment: Assessment, imaging: Imaging) -> Dataset:
    opinion = assessment.opinion
    return Comprehensive3DSR(
        evidence=list(_evidence(imaging)),
        content=_content(assessment, imaging),
        series_instance_uid=assessment.report_series_uid,
        series_number=SERIES_NUMBER,
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=assessment.report_instance_uid,
        instance_number=opinion.revision or 1,
        manufacturer="Margin",
        manufacturer_model_name="Margin",
        software_versions=IMPLEMENTATION_VERSION_NAME,
        device_serial_number="1",
        is_complete=True,
        is_final=opinion.status == "final",
        is_verified=True,
        verifying_observer_name=_person(opinion.signer.name),
        verifying_organization=_line(opinion.signer.centre) or "not stated",
        specific_character_set="ISO_IR 192",
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )


def _content(assessment: Assessment, imaging: Imaging) -> Dataset:
    """The document's tree."""
    segmentations = {str(seg.SOPInstanceUID): seg for seg in imaging.segmentations}
    report = MeasurementReport(
        observation_context=_observers(assessment),
        procedure_reported=sections.procedure(one.Modality for one in imaging.series),
        imaging_measurements=[
            *structure_groups(assessment),
            *lesion_groups(assessment),
            *volume_groups(assessment, segmentations),
            *evidence_groups(assessment, {str(one.SOPInstanceUID): one for one in imaging.seen}),
        ],
        title=TITLE,
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            CodedConcept("en-GB", "RFC5646", "English (United Kingdom)")
        ),
    )
    root: Dataset = report[0]
    items = list(root.ContentSequence)
    if imaging.series:
        items.insert(len(items) - 1, sections.image_library(imaging.series))
    items.extend(
        section
        for section in (
            sections.recorded(assessment),
            sections.computed(assessment),
            sections.surgeon_opinion(assessment),
        )
        if section is not None
    )
    root.ContentSequence = ContentSequence(items)
    _set_apart(root)
    return root


def _observers(assessment: Assessment) -> ObservationContext:
    """Who observed (PS3.16 TID 1001): the surgeon who signed, and Margin, which computed."""
    signer = assessment.opinion.signer
    person = PersonObserverIdentifyingAttributes(
        name=_person(signer.name), organization_name=_line(signer.centre) or None
    )
    device = DeviceObserverIdentifyingAttributes(
        uid=IMPLEMENTATION_CLASS_UID,
        name="Margin",
        manufacturer_name="Margin",
        model_name=IMPLEMENTATION_VERSION_NAME,
    )
    return ObservationContext(
        observer_person_context=ObserverContext(dcm("121006", "Person"), person),
        observer_device_context=ObserverContext(dcm("121007", "Device"), device),
    )


def _evidence(imaging: Imaging) -> Iterator[Dataset]:
    """Every instance the tree may refer to, that of the report's own study first."""
    reference = imaging.reference
    every: list[Dataset | ImagedSeries] = [reference, *imaging.series]
    every += [*imaging.segmentations, *imaging.seen]
    first = {str(one.SOPInstanceUID): one for one in reversed(every)}
    for one in reversed(first.values()):
        item = Dataset()
        for keyword in _BLANKS:
            setattr(item, keyword, "")
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"):
            setattr(item, keyword, str(getattr(one, keyword)))
        yield item


def _date(dataset: Dataset, assessment: Assessment, reference: Dataset) -> None:
    """The moment of signature everywhere, never that of writing: the same bytes every time."""
    signed_at = assessment.opinion.signed_at_utc
    assert signed_at is not None
    local = local_time(signed_at, reference)
    day, time = local.strftime("%Y%m%d"), local.strftime("%H%M%S")
    for kind in ("Content", "InstanceCreation", "Series"):
        setattr(dataset, f"{kind}Date", day)
        setattr(dataset, f"{kind}Time", time)
    moment = local.strftime("%Y%m%d%H%M%S%z")
    dataset.VerifyingObserverSequence[0].VerificationDateTime = moment
    for equipment in dataset.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = moment
    dataset.InstanceCreatorUID = uid_from("instance creator", "Margin")


def _identify_scheme(dataset: Dataset) -> None:
    """Coding Scheme Identification (PS3.3 C.12.1.1): who answers for the private codes."""
    item = Dataset()
    item.CodingSchemeDesignator = SCHEME
    item.CodingSchemeName = SCHEME_NAME
    item.CodingSchemeResponsibleOrganization = "Margin"
    dataset.CodingSchemeIdentificationSequence = [item]


def _name_predecessor(dataset: Dataset, assessment: Assessment) -> None:
    """Predecessor Documents (PS3.3 C.17.2): the report that an amendment replaces."""
    if assessment.replaces is None:
        return
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID = Comprehensive3DSRStorage
    instance.ReferencedSOPInstanceUID = assessment.replaces.SOPInstanceUID
    series.SeriesInstanceUID = assessment.replaces.SeriesInstanceUID
    series.ReferencedSOPSequence = [instance]
    study.StudyInstanceUID = assessment.replaces.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    dataset.PredecessorDocumentsSequence = [study]


def _set_apart(item: Dataset) -> None:
    """Items are separate findings, not one running text (PS3.3 C.17.3.2.7)."""
    if item.ValueType == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    for child in item.get("ContentSequence", ()):
        _set_apart(child)


def _person(name: str) -> str:
    """A name as signed, as the family name of a DICOM person name (PS3.5 6.2.1): it is not known
    which of its words is which.
    """
    return _line(name).replace("^", " ").replace("=", " ")[:63] + "^"


def _line(text: str) -> str:
    return " ".join(printable(text).replace("\\", " ").split())[:64]


def _part10(dataset: Dataset) -> bytes:
    stream = io.BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()
