"""What an image says of itself, as plain text: one value for a file and for the archive's metadata.

Numbers stay the text they were until somebody needs the number. A multi-frame image gives one header
for each of its frames, with what its functional groups say laid over what the whole says.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom import DataElement, Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement

from server.imaging import private_b_values
from server.imaging.character_sets import decoded, encodings_of, guesses, is_one_byte

Texts = tuple[str, ...]
MOST_FRAMES: Final = 20_000
_MOST_VALUES: Final = 64
_LONGEST_TEXT: Final = 1024

IDENTITY: Final = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
KEYWORDS: Final = (
    *IDENTITY,
    *("PatientSize", "PatientWeight", "PatientAge", "OtherPatientIDs", "IssuerOfPatientID"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"),
    *("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime"),
    *("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "StudyDescription"),
    *("Modality", "ImageType", "FrameType", "SeriesDescription", "SeriesNumber", "ProtocolName"),
    *("BodyPartExamined", "ConversionType", "BurnedInAnnotation", "DerivationDescription"),
    *("ImageComments",),
    *("RecognizableVisualFeatures", "Manufacturer", "ManufacturerModelName"),
    *("InstanceNumber", "AcquisitionNumber", "ImagesInAcquisition", "FrameOfReferenceUID"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("SpacingBetweenSlices", "GantryDetectorTilt", "SliceLocation", "ReconstructionDiameter"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation", "RescaleIntercept", "RescaleSlope"),
    *("RescaleType", "ConvolutionKernel", "KVP", "PatientPosition"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
    *("ContrastBolusAgent", "ContrastBolusRoute", "ContrastBolusVolume", "ContrastFlowRate"),
    *("ContrastBolusStartTime", "ContrastBolusStopTime", "ContrastBolusAgentPhase"),
    "ContrastBolusIngredient",
    *("TemporalPositionIdentifier", "NumberOfTemporalPositions", "TemporalPositionTimeOffset"),
    *("TemporalPositionIndex", "TriggerTime", "FrameAcquisitionDateTime", "StackID"),
    *("ScanningSequence", "SequenceVariant", "SequenceName", "PulseSequenceName", "ScanOptions"),
    *("MRAcquisitionType", "EchoTime", "EffectiveEchoTime", "RepetitionTime", "InversionTime"),
    *("FlipAngle", "EchoNumbers", "EchoPulseSequence", "DiffusionBValue", "MagneticFieldStrength"),
    *("CorrectedImage", "Units", "DecayCorrection", "Radiopharmaceutical"),
    *("RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime"),
    *("RadionuclideTotalDose", "RadionuclideHalfLife"),
    *("AttenuationCorrected", "DecayCorrected", "DecayCorrectionDateTime"),
)
_TAGS: Final = {keyword: tag_for_keyword(keyword) or 0 for keyword in KEYWORDS}
_BY_HEX: Final = {f"{tag:08X}": keyword for keyword, tag in _TAGS.items()}
_VR: Final = {keyword: dictionary_VR(tag) if tag else "LO" for keyword, tag in _TAGS.items()}
_IN_CHARSET: Final = frozenset({"LO", "SH", "PN", "ST", "LT", "UC", "UT"})
_PACKED: Final = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FD": "d", "FL": "f"}
_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_AGENTS: Final = "ContrastBolusAgentSequence"
_SHARED_TAG, _FRAMES_TAG, _AGENTS_TAG = 0x52009229, 0x52009230, 0x00180012
_TRACER: Final = "RadiopharmaceuticalInformationSequence"
_TRACER_TAG: Final = 0x00540016
_CHARSET_TAG: Final = 0x00080005
_NOT_DECLARED: Final = "iso8859"  # what `encodings_of` makes of no character set
# What the pixels of an enhanced image count: the unit's code (PS3.3 C.7.6.16.2.11, UCUM).
UNITS: Final = "MeasurementUnits"
_UNITS_CODE: Final = "MeasurementUnitsCodeSequence"
_UNITS_TAG, _CODE_TAG = "004008EA", "00080100"
_DEEPEST: Final = 4
# Texts whose words are looked for, and under which name other readings of their bytes are kept.
_GUESSED: Final = {
    keyword: f"{keyword}Guesses"
    for keyword in ("SeriesDescription", "ProtocolName", "ImageComments", "StudyDescription")
}


@dataclass(frozen=True, slots=True)
class Header:
    """One image. `values` holds the texts of each attribute of `KEYWORDS` that has one, by keyword.

    `source` is the file's name or the archive's identifier of the instance, `frame` counts from 1 in
    a multi-frame image and is 0 otherwise. `TransferSyntaxUID` is how the pixels are stored, "" when
    that is not known.
    """

    values: Mapping[str, Texts]
    source: str = ""
    frame: int = 0
    TransferSyntaxUID: str = ""

    def texts(self, keyword: str) -> Texts:
        """All values as they were written."""
        return self.values.get(keyword, ())

    def text(self, keyword: str) -> str:
        """The first value, "" when there is none."""
        found = self.values.get(keyword)
        return found[0] if found else ""

    def number(self, keyword: str) -> float | None:
        """The first value as a finite number, None when it is none."""
        return finite(self.text(keyword))

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """The values as `count` finite numbers, None when they are not."""
        found = tuple(finite(text) for text in self.values.get(keyword, ()))
        if len(found) != count:
            return None
        numbers = tuple(number for number in found if number is not None)
        return numbers if len(numbers) == count else None

    def flag(self, keyword: str) -> str:
        """The first value in capitals: for coded strings."""
        return self.text(keyword).upper()

    def guessed(self, keyword: str) -> Texts:
        """What else the bytes of a text may say whose character set is not declared: to look for words
        in, never to be shown as what was written.
        """
        return self.values.get(_GUESSED.get(keyword, ""), ())


def finite(text: str) -> float | None:
    """The finite number a text stands for, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def of_dataset(dataset: Dataset, source: str = "") -> list[Header]:
    """The headers of one file, read without its pixels: one, or one for each frame."""
    values = _of_raw(dataset)
    syntax = str(getattr(dataset, "file_meta", {}).get("TransferSyntaxUID", "") or "")
    if _AGENTS_TAG in dataset:
        values[_AGENTS] = tuple(_codes(dataset.get(_AGENTS) or ()))
    if _TRACER_TAG in dataset:
        values |= _flat((dataset.get(_TRACER) or ())[:1])
    shared = _flat(dataset.get(_SHARED) or ()) if _SHARED_TAG in dataset else {}
    frames = dataset.get(_PER_FRAME) if _FRAMES_TAG in dataset else None
    if not frames:
        return [Header({**values, **shared}, source, 0, syntax)]
    return [
        Header({**values, **shared, **_flat([item])}, source, number, syntax)
        for number, item in enumerate(frames[:MOST_FRAMES], 1)
    ]


def of_json(dataset: Mapping[str, Any], TransferSyntaxUID: str = "") -> list[Header]:
    """The headers of one instance in the DICOM JSON Model (PS3.18 annex F)."""
    values = _of_json_item(dataset)
    values |= _flat_json(_items(dataset, f"{_TRACER_TAG:08X}")[:1])
    agents = _items(dataset, f"{_AGENTS_TAG:08X}")
    if agents:
        values[_AGENTS] = tuple(
            text
            for item in agents
            for tag in ("00080100", "00080104")
            for text in _json_texts(item.get(tag))
        ) or ("present",)
    shared = _flat_json(_items(dataset, f"{_SHARED_TAG:08X}"))
    frames = _items(dataset, f"{_FRAMES_TAG:08X}")
    syntax = TransferSyntaxUID or next(iter(_json_texts(dataset.get("00083002"))), "")
    if not frames:
        return [Header({**values, **shared}, "", 0, syntax)]
    return [
        Header({**values, **shared, **_flat_json([item])}, "", number, syntax)
        for number, item in enumerate(frames[:MOST_FRAMES], 1)
    ]


def as_dataset(header: Header) -> Dataset:
    """The header as a data set, for rules that read data sets. Values that cannot be are left out."""
    dataset = Dataset()
    for keyword, texts in header.values.items():
        if keyword == _AGENTS:
            dataset.ContrastBolusAgentSequence = [_agent(texts)]
            continue
        tag = _TAGS.get(keyword)
        if tag is None:
            continue
        vr = _VR[keyword]
        value: Any = [_typed(vr, text) for text in texts]
        if value and None not in value:
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                plain = value if len(value) > 1 else value[0]
                dataset.add(DataElement(tag, vr, plain, validation_mode=IGNORE))
    return dataset


def _agent(texts: Texts) -> Dataset:
    item = Dataset()
    said = [text for text in texts if text != "present"]
    if said:
        item.CodeValue, item.CodeMeaning = said[0][:16], said[-1][:64]
    return item


def _typed(vr: str, text: str) -> Any:
    if vr not in _PACKED and vr not in ("DS", "IS"):
        return text
    number = finite(text)
    if number is None or vr in ("DS", "FD", "FL"):
        return text if vr == "DS" and number is not None else number
    return int(number)


# Files


def _of_raw(dataset: Dataset) -> dict[str, Texts]:
    """The values without having pydicom convert each: a thousand files in a tenth of the time."""
    found: dict[str, Texts] = {}
    charset = dataset.get_item(_CHARSET_TAG)
    encodings = encodings_of(charset.value if charset is not None else None)
    for keyword, tag in _TAGS.items():
        element: Any = dataset.get_item(tag)
        if element is None or element.value in (None, b"", ""):
            continue
        if isinstance(element, RawDataElement) and isinstance(element.value, bytes):
            texts = _decoded(element, _VR[keyword], encodings)
        else:
            texts = _converted(element.value)
        if any(texts):
            found[keyword] = tuple(text[:_LONGEST_TEXT] for text in texts[:_MOST_VALUES])
            if keyword in _GUESSED and is_one_byte(encodings):
                found |= _guesses(keyword, element.value, found[keyword])
    return _with_b_value(found, private_b_values.of_dataset(dataset))


def _guesses(keyword: str, raw: Any, read: Texts) -> dict[str, Texts]:
    others = [one for one in guesses(raw) if one not in read] if isinstance(raw, bytes) else []
    return {_GUESSED[keyword]: tuple(one[:_LONGEST_TEXT] for one in others)} if others else {}


def _with_b_value(found: dict[str, Texts], private: dict[str, Texts]) -> dict[str, Texts]:
    if not private and "ImageComments" in found:
        manufacturer, comments = found.get("Manufacturer", ("",)), found["ImageComments"]
        private = private_b_values.of_comments(manufacturer[0], comments[0])
    return {**found, **private} if private else found


def _converted(value: Any) -> Texts:
    is_many = hasattr(value, "append") or isinstance(value, tuple)
    return tuple(str(one).strip() for one in (value if is_many else [value]))


def _decoded(element: RawDataElement, vr: str, encodings: list[str]) -> Texts:
    raw = element.value
    assert isinstance(raw, bytes)
    vr = element.VR if element.VR in _PACKED else vr
    if vr in _PACKED:
        code = _PACKED[vr]
        count = len(raw) // struct.calcsize(code)
        order = "<" if element.is_little_endian else ">"
        packed = struct.unpack_from(f"{order}{min(count, _MOST_VALUES)}{code}", raw)
        return tuple(f"{number:.10g}" for number in packed)
    is_text = vr in _IN_CHARSET
    text = decoded(raw, encodings, is_name=vr == "PN") if is_text else raw.decode("latin-1")
    return tuple(one.strip(" \0\r\n\t") for one in text.split("\\"))


def _codes(items: Iterable[Dataset]) -> Iterator[str]:
    yield "present"
    for item in items:
        for keyword in ("CodeValue", "CodeMeaning"):
            if item.get(keyword):
                yield str(item.get(keyword))


def _flat(items: Iterable[Dataset], depth: int = 0) -> dict[str, Texts]:
    """Every attribute of `KEYWORDS` anywhere in functional groups."""
    found: dict[str, Texts] = {}
    for item in items:
        found |= _of_raw(item)
        if _UNITS_CODE in item and item[_UNITS_CODE].value:
            code = str(item[_UNITS_CODE].value[0].get("CodeValue", ""))
            found |= {UNITS: (code,)} if code else {}
        if depth < _DEEPEST:
            for element in item:
                if element.VR == "SQ" and element.value:
                    found |= _flat(element.value[:1], depth + 1)
    return found


# The archive's metadata


def _items(dataset: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _of_json_item(item: Mapping[str, Any]) -> dict[str, Texts]:
    found: dict[str, Texts] = {}
    for tag, element in item.items():
        keyword = _BY_HEX.get(tag)
        if keyword is not None and (texts := _json_texts(element)):
            found[keyword] = texts
    for keyword in _GUESSED.keys() & found.keys():
        found |= _reread(keyword, found[keyword])
    return _with_b_value(found, private_b_values.of_json(item))


def _reread(keyword: str, texts: Texts) -> dict[str, Texts]:
    """The archive reads what declares no character set as Latin letters, byte by byte: so the bytes can
    be had again, and are read as those of a file.
    """
    if texts[0].isascii():
        return {}
    try:
        raw = texts[0].encode("latin-1")
    except UnicodeEncodeError:
        return {}
    read = (decoded(raw, [_NOT_DECLARED]), *texts[1:])
    return {keyword: read, **_guesses(keyword, raw, read)}


def _json_texts(element: Any) -> Texts:
    values = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(values, list):
        return ()
    texts = tuple(_json_text(value)[:_LONGEST_TEXT] for value in values[:_MOST_VALUES])
    return texts if any(texts) else ()


def _json_text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("Alphabetic") or value.get("Ideographic") or "").strip()
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value).strip(" \0")


def _flat_json(items: Iterable[Mapping[str, Any]], depth: int = 0) -> dict[str, Texts]:
    found: dict[str, Texts] = {}
    for item in items:
        found |= _of_json_item(item)
        for unit in _items(item, _UNITS_TAG)[:1]:
            if code := _json_texts(unit.get(_CODE_TAG)):
                found[UNITS] = code
        if depth < _DEEPEST:
            for element in item.values():
                if isinstance(element, dict) and element.get("vr") == "SQ":
                    inner = element.get("Value") or []
                    found |= _flat_json(
                        [one for one in inner[:1] if isinstance(one, dict)], depth + 1
                    )
    return found
