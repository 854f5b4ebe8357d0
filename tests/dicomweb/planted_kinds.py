"""What is not a picture, with identity wherever its kind has room for text: presentation states, structure
sets, segmentations, waveforms and structured reports."""

from __future__ import annotations

import struct
from typing import Any

from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComprehensiveSRStorage,
    CTImageStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    ParametricMapStorage,
    RTStructureSetStorage,
    SegmentationStorage,
    TwelveLeadECGWaveformStorage,
)

from tests.archive.files import blank
from tests.dicom.planted import MARK, ROOT
from tests.dicomweb import samples

BYTES = MARK.encode() + b"\0"


def planted_kinds(study: str, series: str) -> list[Dataset]:
    """One of each kind, every one in a series of its own below `series`."""
    makers = (
        presentation_state,
        segmentation,
        structure_set,
        waveform,
        report,
        parametric_map,
    )
    return [make(study, f"{series}.{number}") for number, make in enumerate(makers, 1)]


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, Sequence(value) if isinstance(value, list) else value)
    return item


def _code(value: str, scheme: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=MARK)


def _blank(SOPClassUID: str, modality: str, study: str, series: str) -> Dataset:
    dataset = blank(SOPClassUID, "ZZID4711", study, series, f"{series}.1")
    dataset.Modality = modality
    dataset.PatientName = f"{MARK}^MARIE={MARK}^王={MARK}^カナ"
    dataset.AccessionNumber, dataset.StudyID = "ZZACC815", "ZZID4711"
    dataset.StudyDescription, dataset.SeriesDescription = MARK, f"{MARK} arterial"
    equipment = {"Manufacturer": MARK, "InstitutionName": MARK, "OperatorsName": MARK}
    dataset.ContributingEquipmentSequence = Sequence([_item(**equipment)])
    before = _item(PatientName=f"{MARK}^BEFORE", PatientID="ZZID4711")
    dataset.OriginalAttributesSequence = Sequence(
        [_item(ModifyingSystem=MARK, ModifiedAttributesSequence=[before])]
    )
    signature = _item(MACIDNumber=1, CertificateOfSigner=BYTES, Signature=BYTES)
    dataset.DigitalSignaturesSequence = Sequence([signature])
    return dataset


def presentation_state(study: str, series: str) -> Dataset:
    dataset = _blank(GrayscaleSoftcopyPresentationStateStorage, "PR", study, series)
    dataset.ContentLabel, dataset.ContentDescription = "ZZID4711", MARK
    dataset.ContentCreatorName = f"{MARK}^READER"
    layer = _item(GraphicLayer=MARK, GraphicLayerOrder=1, GraphicLayerDescription=MARK)
    dataset.GraphicLayerSequence = Sequence([layer])
    text = _item(UnformattedTextValue=f"{MARK} seen by {MARK}", AnchorPointVisibility="Y")
    ruler = _item(CompoundGraphicType=MARK, MajorTicksSequence=[_item(TickLabel=MARK)])
    image = _item(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=f"{ROOT}.5")
    dataset.GraphicAnnotationSequence = Sequence(
        [
            _item(
                GraphicLayer=MARK,
                TextObjectSequence=[text],
                CompoundGraphicSequence=[ruler],
                ReferencedImageSequence=[image],
            )
        ]
    )
    return dataset


def segmentation(study: str, series: str) -> Dataset:
    dataset = samples.segmentation(f"{series}.1", series, "ZZID4711", study)
    dataset.update(_blank(SegmentationStorage, "SEG", study, series))
    dataset.ContentCreatorName, dataset.ContentLabel = f"{MARK}^READER", MARK
    segment = _item(
        SegmentNumber=1,
        SegmentLabel=f"{MARK} liver",
        SegmentDescription=MARK,
        SegmentAlgorithmName=MARK,
        TrackingID=MARK,
        TrackingUID=f"{ROOT}.8",
        SegmentedPropertyCategoryCodeSequence=[_code("123037004", "SCT")],
        SegmentedPropertyTypeCodeSequence=[_code("ZZID4711", "SCT")],
    )
    dataset.SegmentSequence = Sequence([segment])
    dataset.PixelData = bytes(8) + BYTES
    return dataset


def structure_set(study: str, series: str) -> Dataset:
    dataset = _blank(RTStructureSetStorage, "RTSTRUCT", study, series)
    dataset.StructureSetLabel, dataset.StructureSetName = MARK, MARK
    dataset.StructureSetDescription, dataset.ReviewerName = MARK, f"{MARK}^READER"
    dataset.ApprovalStatus = "APPROVED"
    outline = _item(ROINumber=1, ROIName=f"GTV {MARK}", ROIDescription=MARK)
    dataset.StructureSetROISequence = Sequence([outline])
    seen = _item(ObservationNumber=1, ROIObservationLabel=MARK, ROIInterpreter=f"{MARK}^READER")
    dataset.RTROIObservationsSequence = Sequence([seen])
    return dataset


def waveform(study: str, series: str) -> Dataset:
    dataset = _blank(TwelveLeadECGWaveformStorage, "ECG", study, series)
    channel = _item(ChannelLabel=MARK, ChannelSourceSequence=[_code("2:1", "MDC")])
    group = _item(
        MultiplexGroupLabel=MARK,
        NumberOfWaveformChannels=1,
        NumberOfWaveformSamples=5,
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
        ChannelDefinitionSequence=[channel],
    )
    group.add_new("WaveformData", "OW", BYTES)
    dataset.WaveformSequence = Sequence([group])
    dataset.WaveformAnnotationSequence = Sequence([_item(UnformattedTextValue=MARK)])
    context = _item(
        ValueType="TEXT", ConceptNameCodeSequence=[_code("113014", "DCM")], TextValue=MARK
    )
    dataset.AcquisitionContextSequence = Sequence([context])
    return dataset


def parametric_map(study: str, series: str) -> Dataset:
    """Floats, with an identity behind the last frame."""
    dataset = _blank(ParametricMapStorage, "MR", study, series)
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 4, 4, 2
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BurnedInAnnotation = 32, "NO"
    dataset.FloatPixelData = struct.pack("<32f", *range(32)) + BYTES * 2
    return dataset


def report(study: str, series: str) -> Dataset:
    dataset = _blank(ComprehensiveSRStorage, "SR", study, series)
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "VERIFIED"
    observer = _item(VerifyingObserverName=f"{MARK}^READER", VerifyingOrganization=MARK)
    dataset.VerifyingObserverSequence = Sequence([observer])
    title = _item(LongCodeValue=MARK * 3, CodingSchemeDesignator="99ZZ", CodeMeaning=MARK)
    dataset.ConceptNameCodeSequence = Sequence([title])
    scheme = _item(CodingSchemeDesignator=MARK, CodingSchemeName=MARK, CodingSchemeUID=f"{ROOT}.3")
    dataset.CodingSchemeIdentificationSequence = Sequence([scheme])
    measured = _item(NumericValue="12", MeasurementUnitsCodeSequence=[_code(MARK, "UCUM")])
    contents: tuple[tuple[str, dict[str, Any]], ...] = (
        ("TEXT", {"TextValue": MARK}),
        ("PNAME", {"PersonName": f"{MARK}^MARIE"}),
        ("UIDREF", {"UID": f"{ROOT}.44"}),
        ("CODE", {"ConceptCodeSequence": [_code("ZZID4711", "SCT")]}),
        ("NUM", {"MeasuredValueSequence": [measured]}),
    )
    name = [_code("121071", "DCM")]
    items = [_item(ValueType=kind, ConceptNameCodeSequence=name, **more) for kind, more in contents]
    inner = _item(ValueType="CONTAINER", ConceptNameCodeSequence=name, ContentSequence=items)
    dataset.ContentSequence = Sequence([*items, inner])
    return dataset
