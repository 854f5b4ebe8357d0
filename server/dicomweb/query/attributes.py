"""Which attributes belong to a study, a series or an instance, and which a search answers. Pure.

PS3.18 10.6.3.3 names what is always returned at each level; PS3.3 C.7.1 to C.7.5 say which modules
describe a patient, a study, a series and its equipment. What none of them names belongs to the
instance.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

Dataset = dict[str, Any]  # the DICOM JSON Model (PS3.18 Annex F): tag -> element
Fields = dict[str, "Fields | None"]  # what to return: tag -> None (all of it) or parts of its items

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
CHARACTER_SET, TIMEZONE = "00080005", "00080201"
AVAILABILITY, RETRIEVE_URL, AVAILABLE_SYNTAX = "00080056", "00081190", "00083002"
MODALITY, MODALITIES, CLASS, CLASSES = "00080060", "00080061", "00080016", "00080062"
SERIES_OF_STUDY, INSTANCES_OF_STUDY, INSTANCES_OF_SERIES = "00201206", "00201208", "00201209"
REQUESTS = "00400275"
SERIES_NUMBER = "00200011"


class Level(IntEnum):
    """What a search looks for, from above."""

    STUDY = 0
    SERIES = 1
    INSTANCE = 2


UNIQUE_KEYS = {Level.STUDY: STUDY, Level.SERIES: SERIES, Level.INSTANCE: INSTANCE}


def tags(text: str) -> tuple[str, ...]:
    """The tags of keywords separated by blanks. Raises KeyError for one DICOM does not know."""
    found = {keyword: tag_for_keyword(keyword) for keyword in text.split()}
    unknown = [keyword for keyword, tag in found.items() if tag is None]
    if unknown:
        raise KeyError(unknown)
    return tuple(f"{tag:08X}" for tag in found.values())


# PS3.18 Tables 10.6.3-3, 10.6.3-4 and 10.6.3-5: type R and U, returned even where they are empty.
REQUIRED = {
    Level.STUDY: tags(
        "StudyDate StudyTime AccessionNumber ModalitiesInStudy ReferringPhysicianName PatientName"
        " PatientID PatientBirthDate PatientSex StudyInstanceUID StudyID"
        " NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances"
    ),
    Level.SERIES: tags("Modality SeriesInstanceUID SeriesNumber NumberOfSeriesRelatedInstances"),
    Level.INSTANCE: tags("SOPClassUID SOPInstanceUID InstanceNumber"),
}
# The same tables: type C, returned where they are known. AvailableTransferSyntaxUID is not in the
# table of instances; a client that reads frames is spared a question by it.
WHERE_KNOWN = {
    Level.STUDY: tags("InstanceAvailability TimezoneOffsetFromUTC"),
    Level.SERIES: tags(
        "TimezoneOffsetFromUTC SeriesDescription PerformedProcedureStepStartDate"
        " PerformedProcedureStepStartTime"
    ),
    Level.INSTANCE: tags(
        "InstanceAvailability TimezoneOffsetFromUTC Rows Columns BitsAllocated NumberOfFrames"
        " AvailableTransferSyntaxUID"
    ),
}
_REQUEST_ITEMS: Fields = dict.fromkeys(tags("ScheduledProcedureStepID RequestedProcedureID"))

ANY_LEVEL = frozenset({CHARACTER_SET, TIMEZONE, AVAILABILITY, RETRIEVE_URL})
_PATIENT_GROUP = "0010"
_STUDY_LEVEL = frozenset(
    (
        *REQUIRED[Level.STUDY],
        *tags(
            # General Study (PS3.3 C.7.2.1)
            "ReferringPhysicianIdentificationSequence ConsultingPhysicianName"
            " ConsultingPhysicianIdentificationSequence IssuerOfAccessionNumberSequence"
            " StudyDescription PhysiciansOfRecord PhysiciansOfRecordIdentificationSequence"
            " NameOfPhysiciansReadingStudy PhysiciansReadingStudyIdentificationSequence"
            " RequestingService RequestingServiceCodeSequence ReferencedStudySequence"
            " ProcedureCodeSequence ReasonForPerformedProcedureCodeSequence"
            # Patient and Patient Study (C.7.1.1, C.7.2.2), beyond group 0010
            " ReferencedPatientSequence AdmittingDiagnosesDescription"
            " AdmittingDiagnosesCodeSequence PatientIdentityRemoved DeidentificationMethod"
            " DeidentificationMethodCodeSequence AdmissionID IssuerOfAdmissionIDSequence"
            " ReasonForVisit ReasonForVisitCodeSequence ServiceEpisodeID ServiceEpisodeDescription"
            " IssuerOfServiceEpisodeIDSequence PatientState"
            # Clinical Trial Subject and Study (C.7.1.3, C.7.2.3)
            " ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName"
            " ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID"
            " ClinicalTrialSubjectReadingID ClinicalTrialTimePointID"
            " ClinicalTrialTimePointDescription ConsentForClinicalTrialUseSequence"
            # Of the query alone (PS3.4 C.3.4)
            " SOPClassesInStudy"
        ),
    )
)
_SERIES_LEVEL = frozenset(
    (
        *REQUIRED[Level.SERIES],
        *WHERE_KNOWN[Level.SERIES],
        *tags(
            # General Series (PS3.3 C.7.3.1)
            "RequestAttributesSequence Laterality SeriesDate SeriesTime PerformingPhysicianName"
            " PerformingPhysicianIdentificationSequence ProtocolName"
            " SeriesDescriptionCodeSequence OperatorsName OperatorIdentificationSequence"
            " ReferencedPerformedProcedureStepSequence RelatedSeriesSequence BodyPartExamined"
            " PatientPosition SmallestPixelValueInSeries LargestPixelValueInSeries"
            " PerformedProcedureStepID PerformedProcedureStepEndDate"
            " PerformedProcedureStepEndTime PerformedProcedureStepDescription"
            " PerformedProtocolCodeSequence CommentsOnThePerformedProcedureStep"
            " AnatomicalOrientationType TreatmentSessionUID PresentationIntentType"
            # Frame of Reference and Clinical Trial Series (C.7.4.1, C.7.3.2)
            " FrameOfReferenceUID PositionReferenceIndicator"
            " ClinicalTrialCoordinatingCenterName ClinicalTrialSeriesID"
            " ClinicalTrialSeriesDescription"
            # General Equipment (C.7.5.1)
            " Manufacturer InstitutionName InstitutionAddress StationName"
            " InstitutionalDepartmentName InstitutionalDepartmentTypeCodeSequence"
            " ManufacturerModelName DeviceSerialNumber SoftwareVersions GantryID"
            " UDISequence DeviceUID SpatialResolution DateOfLastCalibration"
            " TimeOfLastCalibration"
            # PET Series (C.8.9.1)
            " Units CountsSource SeriesType ReprojectionMethod NumberOfRRIntervals"
            " NumberOfTimeSlots NumberOfTimeSlices NumberOfRotations"
            " RandomsCorrectionMethod AttenuationCorrectionMethod ScatterCorrectionMethod"
            " DecayCorrection"
        ),
    )
)


def level_of(tag: str) -> Level:
    """The lowest level at which an attribute may differ from one neighbour to the next."""
    if tag in _SERIES_LEVEL and tag not in ANY_LEVEL:
        return Level.SERIES
    if tag in _STUDY_LEVEL or tag in ANY_LEVEL or tag.startswith(_PATIENT_GROUP):
        return Level.STUDY
    return Level.INSTANCE


def default_fields(target: Level, above: tuple[Level, ...]) -> Fields:
    """What is returned without being asked for, of `target` and of the levels `above` it.

    The unique keys of all levels above are among them, as a hierarchical search returns them (PS3.4
    C.4.1.1.3).
    """
    fields: Fields = {CHARACTER_SET: None}
    for level in Level:
        if level <= target:
            fields[UNIQUE_KEYS[level]] = None
        if level == target or level in above:
            fields.update(dict.fromkeys((*REQUIRED[level], *WHERE_KNOWN[level])))
            if level is Level.SERIES:
                fields[REQUESTS] = dict(_REQUEST_ITEMS)
    return fields


def add_field(fields: Fields, path: tuple[str, ...]) -> None:
    """Also return what lies at `path`: tags from the outermost sequence inwards."""
    tag, *rest = path
    if not rest:
        fields[tag] = None
        return
    inner = fields.setdefault(tag, {})
    if inner is not None:
        add_field(inner, tuple(rest))


def select(dataset: Dataset, fields: Fields) -> Dataset:
    """What `fields` names of a dataset. Bulk data stays behind, wherever it stands."""
    found: Dataset = {}
    for tag, inner in fields.items():
        element = dataset.get(tag)
        if element is not None and (kept := _kept(element, inner)) is not None:
            found[tag] = kept
    return found


def without_bulk(dataset: Dataset) -> Dataset:
    """A dataset without what is not a value in itself."""
    found = {tag: _kept(element, None) for tag, element in dataset.items()}
    return {tag: element for tag, element in found.items() if element is not None}


def _kept(element: Dataset, inner: Fields | None) -> Dataset | None:
    if "BulkDataURI" in element or "InlineBinary" in element:
        return None
    if element.get("vr") != "SQ" or not element.get("Value"):
        return element
    items = [
        without_bulk(item) if inner is None else select(item, inner) for item in element["Value"]
    ]
    return {"vr": "SQ", "Value": items}


def empty(tag: str) -> Dataset:
    """An element without a value."""
    return {"vr": dictionary_VR(int(tag, 16))}


def value_of(dataset: Dataset, tag: str) -> str:
    """The first value of an attribute as text, "" when it has none."""
    values = dataset.get(tag, {}).get("Value") or [""]
    return "" if values[0] is None else str(values[0])
