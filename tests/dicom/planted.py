"""Datasets with identity written into every place that can hold text."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pydicom import Dataset, config
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from server.dicom.confidentiality import REMOVED_GROUPS

MARK = "ZZPLANTED"
ROOT = "1.2.826.0.1.3680043.9999.77777"  # of an institution's UIDs
IDENTITY = (MARK, "ZZID4711", "ZZACC815", ROOT)
TEXT_VRS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
# Without these an archive or a reader cannot tell what an instance is.
PROPER = frozenset(
    {0x00080005, 0x00080060, 0x00080016, 0x00080018, 0x00280004, 0x00100020, 0x00080050}
    | {0x00280301, 0x00280302, 0x00480010, 0x00080064, 0x00080008}
    | {0x00281056, 0x00283000, 0x00283010, 0x20500010, 0x20500020}
)


def planted_ct(
    study: str,
    series: str,
    instance: str,
    syntax: UID = ExplicitVRLittleEndian,
    *,
    every_sequence: int = 1,
) -> Dataset:
    """A CT slice of 16 x 16 pixels that says MARK in every attribute of the dictionary that takes
    text, in an item of every sequence (or every so many-eth), in private attributes, in its file
    meta information, in the padding of its pixels and behind them."""
    dataset = Dataset()
    dataset.file_meta = _meta(instance, syntax)
    dataset.preamble = MARK.encode().ljust(128, b"\0")
    for tag, vr in _known():
        if vr in TEXT_VRS and tag not in PROPER:
            put(dataset, tag, vr, MARK)
        elif vr == "SQ" and tag not in PROPER and tag % every_sequence == 0:
            dataset.add(DataElement(Tag(tag), "SQ", Sequence([_item(deep=tag % 16 == 0)])))
    _put_what_is_proper(dataset, study, series, instance)
    block = dataset.private_block(0x0029, f"{MARK} creator", create=True)
    block.add_new(0x10, "LO", MARK)
    block.add_new(0x11, "OB", MARK.encode() + b"\0")
    block.add_new(0x12, "SQ", Sequence([_item(deep=True)]))
    return dataset


def _known() -> Iterator[tuple[int, str]]:
    for tag, (vr, *_) in DicomDictionary.items():
        if tag >> 16 not in REMOVED_GROUPS - {0x0012, 0x0038} and tag >> 16 < 0x5000:
            yield tag, vr


def put(dataset: Dataset, tag: int, vr: str, value: object) -> None:
    """An attribute as it stands in the field: also where the standard forbids it."""
    dataset.add(DataElement(Tag(tag), vr, value, validation_mode=config.IGNORE))


def _item(*, deep: bool) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = MARK, MARK
    item.PatientName = f"{MARK}^MARIE"
    if not deep:
        return item
    item.CodingSchemeDesignator = "99LOCAL"
    item.SeriesDescription = f"liver {MARK}"
    item.TextValue = f"no lesion, says {MARK}"
    item.ReferencedSOPInstanceUID = f"{ROOT}.5"
    inner = Dataset()
    inner.InstitutionName, inner.ProtocolName = MARK, f"liver {MARK}"
    inner.private_block(0x0029, MARK, create=True).add_new(0x10, "LO", MARK)
    item.ContentSequence = Sequence([inner])
    return item


def _meta(instance: str, syntax: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID(instance)
    meta.ImplementationClassUID = UID(f"{ROOT}.1")
    meta.ImplementationVersionName = MARK
    meta.SourceApplicationEntityTitle = MARK
    meta.PrivateInformationCreatorUID = UID(f"{ROOT}.2")
    meta.PrivateInformation = MARK.encode() + b"\0"
    return meta


def _put_what_is_proper(dataset: Dataset, study: str, series: str, instance: str) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, instance
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.FrameOfReferenceUID = f"{study}.9"
    dataset.PatientName = f"{MARK}^MARIE"
    dataset.PatientID, dataset.AccessionNumber = "ZZID4711", "ZZACC815"
    dataset.PatientBirthDate, dataset.PatientSex = "19600415", "F"
    dataset.StudyDate, dataset.StudyTime = "20260102", "101112"
    dataset.StudyDescription = f"CT abdomen {MARK}"
    dataset.SeriesDescription = f"PORTAL VENOUS 2.0 B30f {MARK}"
    dataset.Modality, dataset.PatientPosition = "CT", "HFS"
    put(dataset, 0x00080008, "CS", ["ORIGINAL", "PRIMARY", MARK])
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.PixelSpacing, dataset.SliceThickness = [0.75, 0.75], 2
    dataset.ImagePositionPatient = [0, 0, 1]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.Rows = dataset.Columns = 16
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    _put_into_numbers(dataset)
    dataset.add_new(0x60003000, "OW", MARK.encode() + b"\0")
    dataset.add_new(0x60004000, "LT", MARK)
    dataset.PixelData = bytes(range(256)) * 2 + MARK.encode() + b"\0"  # padded with an identity
    dataset.add_new(0xFFFCFFFC, "OB", MARK.encode() + b"\0")


def _put_into_numbers(dataset: Dataset) -> None:
    """Letters where numbers belong: palettes and their descriptors, geometry, breakpoints."""
    letters = MARK.encode() + b"\0"
    for tag in (0x00281201, 0x00281202, 0x00281221, 0x00281223):
        dataset.add_new(tag, "OW", letters * 40)
    dataset.add_new(0x00281203, "OW", bytes(range(256)))
    dataset.add_new(0x00281101, "US", list(struct.unpack("<5H", letters)))
    dataset.add_new(0x00189307, "FD", list(struct.unpack("<5d", letters * 4)))
    surface = Dataset()
    surface.add_new(0x00660016, "OF", f"{MARK}{MARK}".encode("utf-16-le") * 40)
    surface.add_new(0x00660040, "OL", b"\0" * 400 + b"ZZID4711")
    dataset.SurfacePointsSequence = Sequence([surface])


def identity_in(data: bytes) -> list[str]:
    """Which identities the bytes hold, in any of the encodings that text leaves in."""
    folded = data.lower()
    return [
        f"{text} as {encoding}"
        for text in IDENTITY
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")
        if text.lower().encode(encoding) in folded
    ]
